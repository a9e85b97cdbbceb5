"""What became of every invoice of a run: listed, grouped by reason, and what a person is asked to settle."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import chain, islice
from typing import Any

from django.db.models import Count, Min, Q, QuerySet

from dashboard.models import Batch, Outcome, Run
from dashboard.services import clock, progress, reasons
from dashboard.services.history import Listed
from dashboard.services.paging import Paging

# Invoices without a fate on record: what is left of the run, or what a stop left behind.
WAITING, NOT_SENT = "waiting", Outcome.State.NOT_SENT.value
TO_EXPLAIN = (
    Outcome.State.FAILED,
    Outcome.State.UNKNOWN,
    Outcome.State.ALREADY_ACTIVE,
    Outcome.State.UNRECOGNISED,
    Outcome.State.SKIPPED,
    Outcome.State.PENDING,
)
READ_AGAIN = (Outcome.State.PENDING, Outcome.State.UNKNOWN)
OPEN_ENDED = ("other", "call_refused")
QUOTED, SAMPLE = 3, 500
OLD = timedelta(hours=24)


def results(
    run: Run, *, outcome: str = "", reason: str = "", search: str = "", page: int = 1, per_page: int = 20
) -> Listed[Outcome]:
    """The invoices that were picked, each with its fate; those without one yet come last, as unsaved rows.

    `outcome` is an outcome's state or "waiting", `search` part of an invoice number or account id.
    """
    start = (page - 1) * per_page
    written = _written(run, outcome, reason)
    if search:
        found = chain(_matching(written, search), _search_unwritten(run, outcome, reason, search))
        rows = list(islice(found, start, start + per_page + 1))
        return Listed(rows[:per_page], Paging(page, per_page, has_next=len(rows) > per_page))
    number = _number_written(run, outcome, reason, written)
    total = number + _number_unwritten(run, outcome, reason)
    rows = list(written[start : start + per_page])
    if len(rows) < per_page and start + per_page > number and total > number:
        rows += _unwritten(run, outcome, max(0, start - number), per_page - len(rows))
    return Listed(
        rows, Paging(page, per_page, start + per_page < total, total, max(1, -(-total // per_page)))
    )


def chosen(
    run: Run, *, outcome: str = "", reason: str = "", search: str = ""
) -> tuple[QuerySet[Outcome], QuerySet[Batch]]:
    """What `results` lists, not in pages: the fates on record, and the batches without any, whole: see `is_named`."""
    written = _written(run, outcome, reason)
    unwritten = Batch.objects.none() if reason else _batches_without_fates(run, outcome)
    return _matching(written, search) if search else written, unwritten


def is_named(account: dict[str, Any], search: str) -> bool:
    """Whether a snapshot's number or id contains these words."""
    wanted = search.lower()
    return wanted in account["id"] or wanted in (account.get("number") or "").lower()


def explained(state: Outcome.State, code: str, *, is_read_again: bool = False) -> tuple[str, str]:
    """What happened and what to do about it, "" where nothing is to be said."""
    reason = reasons.of(code)
    title, what_to_do = (
        (reason.title, reason.what_to_do) if reason else _WITHOUT_REASON.get(state, (state.label, ""))
    )
    if state == Outcome.State.UNKNOWN:
        what_to_do = UNKNOWN_YET if is_read_again else UNKNOWN_STILL
    return title, what_to_do


def _written(run: Run, outcome: str, reason: str) -> QuerySet[Outcome]:
    rows = run.outcomes.order_by("pk")
    if outcome:
        rows = rows.filter(state=outcome)
    return rows.filter(reason=reason) if reason else rows


def _matching(rows: QuerySet[Outcome], search: str) -> QuerySet[Outcome]:
    return rows.filter(Q(invoice_number__icontains=search) | Q(account_id__icontains=search))


def _number_written(run: Run, outcome: str, reason: str, rows: QuerySet[Outcome]) -> int:
    if reason:
        return rows.count()
    counts = run.counts | {WAITING: 0, NOT_SENT: 0}
    return counts[outcome] if outcome else sum(counts.values())


def _number_unwritten(run: Run, outcome: str, reason: str) -> int:
    if reason:
        return 0
    numbers = {WAITING: run.waiting, NOT_SENT: run.not_sent}
    return numbers.get(outcome, 0) if outcome else sum(numbers.values())


def _batches_without_fates(run: Run, outcome: str) -> QuerySet[Batch]:
    states = {"": (*Batch.OPEN, Batch.State.NOT_SENT), WAITING: Batch.OPEN, NOT_SENT: (Batch.State.NOT_SENT,)}
    return run.batches.filter(state__in=states.get(outcome, ()), permitted_by=None).order_by("number")


def _unwritten(run: Run, outcome: str, start: int, number: int) -> list[Outcome]:
    """So many rows from this place on; only the batches that hold them are read whole."""
    batches = _batches_without_fates(run, outcome)
    ids: list[int] = []
    before = skip = 0
    for batch_id, size in batches.values_list("pk", "size"):
        if before < start + number and before + size > start:
            skip = start - before if not ids else skip
            ids.append(batch_id)
        before += size
    accounts = ((batch, account) for batch in batches.filter(pk__in=ids) for account in batch.accounts)
    return [_row_of(batch, account) for batch, account in islice(accounts, skip, skip + number)]


def _search_unwritten(run: Run, outcome: str, reason: str, search: str) -> Iterator[Outcome]:
    batches = _batches_without_fates(run, outcome) if not reason else Batch.objects.none()
    for batch in batches.iterator(chunk_size=10):
        for account in batch.accounts:
            if is_named(account, search):
                yield _row_of(batch, account)


def _row_of(batch: Batch, account: dict[str, Any]) -> Outcome:
    outstanding = account.get("outstanding")
    return Outcome(
        run_id=batch.run_id,
        account_id=account["id"],
        invoice_number=account.get("number") or "",
        outstanding=Decimal(outstanding) if outstanding else None,
        currency=account.get("currency") or "",
        state=batch.state,
        source=Outcome.Source.ROLLCALL,
    )


@dataclass(frozen=True)
class Group:
    """Invoices of a run with one fate for one reason.

    `words` are the most frequent of the vendor's, `look_at` is when the next invoice is read again by itself.
    """

    state: Outcome.State
    code: str
    number: int
    title: str
    what_to_do: str
    words: Sequence[str] = ()
    look_at: datetime | None = None

    @property
    def acts(self) -> Sequence[str]:
        """What may be done with it in one step, see `reasons.acts`."""
        return reasons.acts(self.state, self.code)


_WITHOUT_REASON = {
    Outcome.State.PENDING: (
        "Accepted, pending at the vendor",
        "The vendor has taken these and not finished. They are read again by themselves: do not resend.",
    ),
    Outcome.State.SKIPPED: (
        "Skipped by the vendor",
        "The vendor left these out and gave no reason. Look at them in Agile Receivables first.",
    ),
    Outcome.State.UNRECOGNISED: (
        "Answered with an unfamiliar word",
        "Rollcall cannot tell whether these are enrolled. Look at the invoices in Agile Receivables.",
    ),
}
UNKNOWN_YET = "Each may or may not be enrolled. Nothing is sent again without you."
UNKNOWN_STILL = (
    "Each may or may not be enrolled, and reading it again did not settle it. "
    "Look it up in Agile Receivables and mark it, or send it again."
)


def groups(run: Run) -> list[Group]:
    """Whatever needs a person's eye, failures first, the largest group first."""
    states = [state for state in TO_EXPLAIN if getattr(run, state)]
    counted = (
        run.outcomes.filter(state__in=states).values_list("state", "reason").annotate(number=Count("pk"))
    )
    found = [_group(run, Outcome.State(state), code, number) for state, code, number in counted.order_by()]
    return sorted(found, key=lambda group: (TO_EXPLAIN.index(group.state), -group.number))


def _group(run: Run, state: Outcome.State, code: str, number: int) -> Group:
    look_at = progress.next_look(run, state) if state in READ_AGAIN else None
    title, what_to_do = explained(state, code, is_read_again=look_at is not None)
    return Group(state, code, number, title, what_to_do, _words(run, state, code), look_at)


def _words(run: Run, state: Outcome.State, code: str) -> list[str]:
    """What the vendor said, most frequent first, where our title does not say it already."""
    if code not in OPEN_ENDED and state != Outcome.State.UNRECOGNISED:
        return []
    said = run.outcomes.filter(state=state, reason=code).values_list("error", "vendor_status")[:SAMPLE]
    return [words for words, _ in Counter(error or word for error, word in said).most_common(QUOTED)]


@dataclass(frozen=True)
class Unsettled:
    """Invoices of unknown fate that a person is asked about: one, or all of a run's when `only` is None."""

    only: Outcome | None
    first_sent_at: datetime | None

    @property
    def is_old(self) -> bool:
        """Old enough that a campaign may have come to its end since, and would start a second time."""
        return self.first_sent_at is not None and self.first_sent_at < clock.now() - OLD


def unsettled(run: Run, account_id: str = "") -> Unsettled:
    """The invoices of unknown fate in a run, or the one with this id."""
    unknown = run.outcomes.filter(state=Outcome.State.UNKNOWN)
    chosen = unknown.filter(account_id=account_id) if account_id else unknown
    first = chosen.aggregate(at=Min("attempt__started_at"))["at"]
    return Unsettled(chosen.first() if account_id else None, first)
