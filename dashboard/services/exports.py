"""A run's invoices with all that is known of each, one by one, for files and scripts. Memory stays flat for any number."""

import json
from array import array
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from functools import cache, lru_cache
from itertools import chain
from typing import Any, NamedTuple

from django.db.models import Max, QuerySet, Subquery, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from dashboard.models import Attempt, Batch, Outcome, Run
from dashboard.services import accounts, reasons, spreadsheets, unsent
from dashboard.services.chunks import in_chunks
from dashboard.services.wanted import Wanted

STATE = Outcome.State
CHUNK = 500
BATCHES_AT_ONCE = 10
AT_REST = (STATE.ENROLLED,)  # nothing is to be said of these unless a reason is on record
UNSENT = {
    Batch.State.WAITING: ("Not sent yet", ""),
    Batch.State.SENDING: ("In the call under way", ""),
    Batch.State.NOT_SENT: ("Not sent: the run was stopped", "Resume the run to send these."),
}
_COLUMNS = (
    *("pk", "batch_id", "attempt_id", "account_id", "invoice_number", "state", "vendor_status", "reason"),
    *("error", "predicted", "currency", "source"),
)
# As text: Django's own way from the database's values to Python's takes half as long as all the rest.
_TEXTS = {f"{name}_text": Cast(name, TextField()) for name in ("look_at", "outstanding", "settled_at")}
_CENT = Decimal("0.01")


class Line(NamedTuple):
    """One invoice that was picked. `outcome` is an outcome's state, or its batch's where it has none; times are aware.

    The customer's name is the last that was seen, if one was.
    """

    invoice_number: str
    account_id: str
    customer_id: str
    customer_name: str
    outcome: str
    vendor_status: str
    reason: str
    happened: str
    what_to_do: str
    error: str
    predicted: str
    amount: Decimal | None
    currency: str
    due_on: date | None
    call: str
    sent_at: datetime | None
    settled_at: datetime | None
    source: str
    campaign_id: str
    campaign: str
    run: int


HEADINGS = {
    "invoice_number": "Invoice number",
    "account_id": "Account id",
    "customer_id": "Customer id",
    "customer_name": "Customer",
    "outcome": "Outcome",
    "vendor_status": "Vendor's word",
    "reason": "Reason code",
    "happened": "Reason",
    "what_to_do": "What to do",
    "error": "Error",
    "predicted": "Predicted",
    "amount": "Amount",
    "currency": "Currency",
    "due_on": "Due date",
    "call": "Call",
    "sent_at": "Sent at",
    "settled_at": "Settled at",
    "source": "Source",
    "campaign_id": "Campaign id",
    "campaign": "Campaign",
    "run": "Run",
}
_TIMES = [Line._fields.index(name) for name in ("sent_at", "settled_at")]


def lines(
    run: Run, *, outcome: str = "", reason: str = "", predicted: str = "", search: str = ""
) -> Iterator[Line]:
    """What `finding.find` lists, those with an outcome first, each invoice once also while the run goes on.

    What waited when this was asked for is said to wait. A run's fates are written one call after the other, under its
    lock, so those of later calls have greater keys.
    """
    wanted = Wanted(run, outcome, reason, predicted, search)
    written = wanted.written()
    unwritten = (
        unsent.batches(run, outcome=outcome, predicted=predicted, search=search, among=wanted.candidates)
        if wanted.may_be_unsent
        else Batch.objects.none()
    )
    last = run.outcomes.order_by().values("run").annotate(last=Max("pk")).values("last")
    waiting = list(unwritten.values_list("pk", "state", Subquery(last)))
    if waiting:
        written = written.filter(pk__lte=waiting[0][2] or 0)
    yield from _with_fates(run, written)
    yield from _without_fates(wanted, {pk: state for pk, state, _ in waiting})


def as_csv(run: Run, **chosen: str) -> Iterator[bytes]:
    """Commas, CRLF, UTF-8 with the mark by which Excel knows it. Times are in the zone that is current now."""
    zone = timezone.get_current_timezone()
    return spreadsheets.as_csv(chain([_headings(zone)], _cells(run, zone, chosen, as_text=True)))


def as_xlsx(run: Run, **chosen: str) -> Iterator[bytes]:
    """A workbook. Times are in the zone that is current now."""
    zone = timezone.get_current_timezone()
    return spreadsheets.as_xlsx(_headings(zone), _cells(run, zone, chosen, as_text=False))


def as_json(run: Run, **chosen: str) -> Iterator[str]:
    """A list of objects whose keys are the names of `Line`; amounts are text, times in UTC."""
    yield "["
    for number, line in enumerate(lines(run, **chosen)):
        yield f"{',' if number else ''}\n{json.dumps(line._asdict(), default=_as_text)}"
    yield "\n]\n"


FORMATS: dict[str, Callable[..., Iterator[Any]]] = {"csv": as_csv, "xlsx": as_xlsx, "json": as_json}


def name_of(
    run: Run, kind: str, *, outcome: str = "", reason: str = "", predicted: str = "", search: str = ""
) -> str:
    """What the file is called."""
    part = "-".join(word for word in (outcome, reason, predicted, "found" if search else "") if word)
    return f"run-{run.pk}{f'-{part}' if part else ''}.{kind}"


def _as_text(value: Any) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value.isoformat())


def _headings(zone: tzinfo) -> list[str]:
    return [f"{text} ({zone})" if text.endswith(" at") else text for text in HEADINGS.values()]


def _cells(run: Run, zone: tzinfo, chosen: Mapping[str, str], *, as_text: bool) -> Iterator[list[Any]]:
    """Files know no zones: their times are as a clock on the wall shows them."""
    sent_at, settled_at = _TIMES

    @lru_cache(maxsize=1000)
    def on_the_wall(moment: datetime) -> str | datetime:
        shown = moment.astimezone(zone).replace(tzinfo=None, microsecond=0)
        return str(shown) if as_text else shown

    for line in lines(run, **chosen):
        cells: list[Any] = list(line)
        for place in (sent_at, settled_at):
            if cells[place]:
                cells[place] = on_the_wall(cells[place])
        yield cells


# ------------------------------------------------------------------------------------------------------- with a fate


def _with_fates(run: Run, written: QuerySet[Outcome]) -> Iterator[Line]:
    """The keys first, then the rows by key, each as it is by then: one that gets another fate meanwhile is not missed."""
    keys = array("q", written.order_by().values_list("pk", flat=True).iterator(chunk_size=5000))
    for chunk in in_chunks(sorted(keys), CHUNK):
        rows = list(_with_keys(chunk).order_by("pk").annotate(**_TEXTS).values_list(*_COLUMNS, *_TEXTS))
        picked = _picked(rows)
        names = _names(customer_id for customer_id, _ in picked.values())
        calls = _calls({row[2] for row in rows})
        for row in rows:
            customer_id, due_on = picked.get(row[3], ("", None))
            call, sent_at = calls.get(row[2], ("", None))
            yield _line(run, row, customer_id, names[customer_id], due_on, call, sent_at)


def _with_keys(keys: Sequence[int]) -> QuerySet[Outcome]:
    """A range costs less than a list; a run's keys are mostly one."""
    if keys[-1] - keys[0] == len(keys) - 1:
        return Outcome.objects.filter(pk__range=(keys[0], keys[-1]))
    return Outcome.objects.filter(pk__in=keys)


def _picked(rows: Sequence[tuple[Any, ...]]) -> dict[str, tuple[str, date | None]]:
    """What the snapshots say beside an outcome, by account: the customer's id and the due date."""
    account_ids = {row[3] for row in rows}
    batches = Batch.objects.filter(pk__in={row[1] for row in rows}).values_list("accounts", flat=True)
    return {
        account["id"]: (account.get("customer_id") or "", _day(account.get("due_on")))
        for batch in batches.iterator(chunk_size=BATCHES_AT_ONCE)
        for account in batch
        if account["id"] in account_ids
    }


def _names(customer_ids: Iterable[str]) -> defaultdict[str, str]:
    """The customers' names that are known, "" for all others."""
    return defaultdict(str, accounts.last_names({*customer_ids} - {""}))


def _calls(attempt_ids: Collection[int]) -> dict[int, tuple[str, datetime]]:
    calls = Attempt.objects.filter(pk__in=attempt_ids).values_list(
        "pk", "batch__number", "number", "started_at"
    )
    return {pk: (f"Batch {batch}, try {number}", started_at) for pk, batch, number, started_at in calls}


def _line(
    run: Run,
    row: tuple[Any, ...],
    customer_id: str,
    customer_name: str,
    due_on: date | None,
    call: str,
    sent_at: datetime | None,
) -> Line:
    (_, _, _, account_id, invoice_number, state, vendor_status, reason) = row[:8]
    (error, predicted, currency, source, look_at, outstanding, settled_at) = row[8:]
    return Line(
        invoice_number,
        account_id,
        customer_id,
        customer_name,
        state,
        vendor_status,
        reason,
        *explained(state, reason, will_be_read=look_at is not None),
        error,
        predicted,
        Decimal(outstanding).quantize(_CENT) if outstanding else None,
        currency,
        due_on,
        call,
        sent_at,
        _moment(settled_at),
        _SOURCES.get(source, source),
        run.campaign_id,
        run.campaign_name,
        run.pk,
    )


@lru_cache(maxsize=1000)
def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


@lru_cache(maxsize=1000)
def _moment(text: str) -> datetime:
    """Both databases give UTC, only one says so."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


_SOURCES = {source.value: str(source.label) for source in Outcome.Source}


@cache
def explained(state: str, code: str, *, will_be_read: bool = False) -> tuple[str, str]:
    """What happened to an invoice with a fate, and what to do; nothing where nothing is to be said."""
    if state in AT_REST and not code:
        return "", ""
    reason = reasons.explain(state, code, will_be_read=will_be_read)
    return reason.title, reason.what_to_do


# ---------------------------------------------------------------------------------------------------- without a fate


def _without_fates(wanted: Wanted, states: Mapping[int, str]) -> Iterator[Line]:
    for keys in in_chunks(states, BATCHES_AT_ONCE):
        accounts_of = dict(Batch.objects.filter(pk__in=keys).values_list("pk", "accounts"))
        names = _names(
            account.get("customer_id") or "" for picked in accounts_of.values() for account in picked
        )
        for key in keys:
            for account in accounts_of[key]:
                words = account.get("number") or "", account["id"], account.get("verdict") or ""
                if unsent.is_meant(*words, wanted.predicted, wanted.account_id or wanted.search):
                    yield _unsent(wanted.run, states[key], account, names)


def _unsent(run: Run, state: str, account: Mapping[str, Any], names: Mapping[str, str]) -> Line:
    outstanding, customer_id = account.get("outstanding"), account.get("customer_id") or ""
    return Line(
        account.get("number") or "",
        account["id"],
        customer_id,
        names[customer_id],
        state,
        "",
        "",
        *UNSENT[Batch.State(state)],
        "",
        account.get("verdict") or "",
        Decimal(outstanding) if outstanding else None,
        account.get("currency") or "",
        _day(account.get("due_on")),
        "",
        None,
        None,
        _SOURCES[Outcome.Source.ROLLCALL],
        run.campaign_id,
        run.campaign_name,
        run.pk,
    )
