"""Acting on a part of a run: a group of one fate, or rows picked by hand. It goes into selections; nothing is sent here."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from dashboard.api.errors import NotFound
from dashboard.api.schema import AccountStatus, Campaign
from dashboard.models import Batch, Outcome, Run, SelectedAccount
from dashboard.services import (
    accounts,
    audit,
    campaigns,
    eligibility,
    reasons,
    routing,
    selection,
    uploads,
    warnings,
)
from dashboard.services.accounts import Snapshot
from dashboard.services.chunks import in_chunks
from dashboard.services.reasons import Advice
from dashboard.services.routing import NotPossible, Offers

READ_AT_ONCE = 400
NOT_OF_THIS_RUN = "This run has no such invoice."
NOT_THESE = (
    "What came of them leaves nothing to do here: they are or may be enrolled, or wait for another step."
)
SENT_SINCE = "They were enrolled, or may have been, by another run since, or are in one that is under way."
NOT_READ = "They could not be read again just now. Try again in a moment."
TOO_MANY = (
    f"These are more than {READ_AT_ONCE}: too many to read again while you wait. Put them on the waiting list, "
    "where they are read one after another, and go on with those that are free."
)
CLOSED = "That campaign takes no invoices now."

_ENROLLED_OR_MAY_BE = (
    Outcome.State.ENROLLED,
    Outcome.State.PENDING,
    Outcome.State.UNKNOWN,
    Outcome.State.UNRECOGNISED,
    Outcome.State.ALREADY_ACTIVE,
)
# What is kept of an invoice as it was picked: its status and campaign are not, the run has shown them to be old.
_LASTING = (
    *("id", "number", "outstanding", "currency", "due_on", "customer_id"),
    *("is_sandbox", "is_statement", "part_paid"),
)


@dataclass(frozen=True)
class Part:
    """All invoices of a run with one outcome and reason, or those with these ids."""

    run: Run
    outcome: str = ""
    reason: str = ""
    account_ids: Collection[str] = ()

    @property
    def size(self) -> int:
        if self.account_ids:
            return len(self.account_ids)
        if self.outcome == Outcome.State.NOT_SENT:
            return self.run.not_sent
        return self.run.outcomes.filter(state=self.outcome, reason=self.reason).count()


class Row(NamedTuple):
    """One invoice of a part."""

    account_id: str
    state: str
    reason: str
    batch_id: int | None
    number: str
    settled_at: datetime


@dataclass(frozen=True)
class Put:
    """What was put into a selection: `size` of the part, `there_before` of them were selected already.

    `held` is how many are selected there in all; `left_out` counts the rest by sentences that say why.
    """

    campaign: Campaign
    size: int
    there_before: int
    held: int
    left_out: Counter[str]


def offers(part: Part) -> tuple[Campaign | None, Offers]:
    """Where a part may go: this run's own campaign, if it may go there again, and others. Raises: ApiError."""
    own = _own_campaign(part.run)
    if not part.account_ids and "switch" in reasons.acts(part.outcome, part.reason):
        return None, routing.offers_for_past_due(own)
    return (own if eligibility.acceptance(own).answer != "no" else None), routing.offers(own)


def retry(user: User, part: Part) -> Put:
    """What may succeed now goes into the selection for the same campaign; what had to wait is read again first.

    Raises: ApiError, NotPossible.
    """
    campaign = _open_campaign(part.run.campaign_id)
    rows, left_out = fit(part, "retry")
    waiting = {row.account_id for row in rows if _has_to_wait(row)}
    if len(waiting) > READ_AT_ONCE:
        raise NotPossible(TOO_MANY)
    read = accounts.look_up(waiting)
    if len(read) < len(waiting):
        left_out[NOT_READ] += len(waiting) - len(read)
    known = known_of(part.run, (row for row in rows if row.account_id not in waiting))
    return _put(
        user,
        part,
        campaign,
        "retry put in a selection",
        fresh=_free(read.values(), campaign, left_out),
        known=_free(known, campaign, left_out),
        left_out=left_out,
    )


def move(user: User, part: Part, to: str) -> Put:
    """The part goes into the person's selection for a campaign; those past due only where they are taken.

    Raises: ApiError, NotPossible.
    """
    campaign = _open_campaign(to)
    acts = ("move", "switch") if campaign.kind in routing.TAKE_PAST_DUE else ("move",)
    rows, left_out = fit(part, *acts)
    known = list(known_of(part.run, rows))
    return _put(user, part, campaign, "part put in a selection", fresh=[], known=known, left_out=left_out)


def fit(part: Part, *acts: str) -> tuple[list[Row], Counter[str]]:
    """The invoices of a part with which one of these may be done, and how many others there are, by sentences."""
    rows = list(_rows(part))
    fitting = [row for row in rows if not {*acts}.isdisjoint(reasons.acts(row.state, row.reason))]
    sent = _sent_since(part.run, fitting)
    left_out = Counter({NOT_THESE: len(rows) - len(fitting), SENT_SINCE: len(sent)})
    left_out[NOT_OF_THIS_RUN] = max(0, len({*part.account_ids}) - len(rows))
    return [row for row in fitting if row.account_id not in sent], +left_out


def unsent_but_sent_elsewhere(run: Run) -> int:
    """How many that a stop left behind are, or may be, enrolled by another run since, or are in one under way."""
    return len(_sent_since(run, list(_never_sent(run, ())))) if run.not_sent else 0


def known_of(run: Run, rows: Iterable[Row]) -> Iterator[Snapshot]:
    """What lasts of each invoice as it was picked, in the order of the batches."""
    by_batch: dict[int | None, dict[str, Row]] = defaultdict(dict)
    for row in rows:
        by_batch[row.batch_id][row.account_id] = row
    for chunk in in_chunks(by_batch, 200):
        batches = run.batches.filter(pk__in=chunk).order_by("number")
        for batch_id, picked in batches.values_list("pk", "accounts"):
            chosen = by_batch[batch_id]
            for account in picked:
                if found := chosen.get(account["id"]):
                    known = {name: account[name] for name in _LASTING if name in account}
                    yield known if known.get("number") else known | {"number": found.number}


def _sent_since(run: Run, rows: Sequence[Row]) -> set[str]:
    """Those that another run has enrolled, or may have, since this one had its answer, and those in flight."""
    settled_at = {row.account_id: row.settled_at for row in rows}
    sent = {*warnings.in_flight(settled_at)}
    if not Run.objects.exclude(pk=run.pk).exists():
        return sent
    others = Outcome.objects.exclude(run=run).filter(state__in=_ENROLLED_OR_MAY_BE)
    for chunk in in_chunks(settled_at, 500):
        found = others.filter(account_id__in=chunk).values_list("account_id", "settled_at")
        sent.update(account_id for account_id, at in found if at > settled_at[account_id])
    return sent


def _rows(part: Part) -> Iterator[Row]:
    run, columns = part.run, ("account_id", "state", "reason", "batch_id", "invoice_number", "settled_at")
    if part.account_ids:
        for chunk in in_chunks({*part.account_ids}, 500):
            yield from map(Row._make, run.outcomes.filter(account_id__in=chunk).values_list(*columns))
    else:
        group = run.outcomes.filter(state=part.outcome, reason=part.reason)
        yield from map(Row._make, group.values_list(*columns).iterator(chunk_size=2000))
    if run.not_sent and (part.account_ids or part.outcome == Outcome.State.NOT_SENT):
        yield from _never_sent(run, {*part.account_ids})


def _never_sent(run: Run, account_ids: Collection[str]) -> Iterator[Row]:
    """What a stop left behind has no outcome: all of it, or those with these ids."""
    unsent = run.batches.filter(state=Batch.State.NOT_SENT, permitted_by=None)
    for batch_id, picked in unsent.values_list("pk", "accounts").iterator(chunk_size=50):
        for account in picked:
            if not account_ids or account["id"] in account_ids:
                number = account.get("number") or ""
                yield Row(account["id"], Outcome.State.NOT_SENT, "", batch_id, number, run.created_at)


def _has_to_wait(row: Row) -> bool:
    reason = reasons.of(row.reason)
    return reason is not None and reason.advice == Advice.WAIT


def _free(rows: Iterable[Snapshot], campaign: Campaign, left_out: Counter[str]) -> list[Snapshot]:
    """Those of which nothing known says that they would be refused; the others are counted by why."""
    today, free = timezone.localdate(), []
    for row in rows:
        verdict = eligibility.verdict({"status": AccountStatus.NOT_ASSIGNED} | row, campaign, today)
        if verdict.answer == "no":
            left_out[verdict.why] += 1
        else:
            free.append(row)
    return free


def _put(
    user: User,
    part: Part,
    campaign: Campaign,
    action: str,
    *,
    fresh: list[Snapshot],
    known: list[Snapshot],
    left_out: Counter[str],
) -> Put:
    """All of them in one step. `fresh` were read just now."""
    size = len(fresh) + len(known)
    with transaction.atomic():
        picked = selection.lock(selection.of(user, campaign.id or ""))
        added = selection.take_in(picked, [(timezone.now(), fresh)]).added if fresh else 0
        added += selection.take_in_unread(picked, known) if known else 0
        if size:
            uploads.follow([part.run.token], picked)
            audit.record(
                action,
                who=user,
                run=part.run,
                invoices=size,
                campaign_id=campaign.id,
                campaign=campaign.name,
                **what_of(part),
            )
        held = SelectedAccount.objects.filter(selection=picked).count()
    return Put(campaign, size, size - added, held, left_out)


def what_of(part: Part) -> dict[str, Any]:
    """Which part it was, for the record."""
    if part.account_ids:
        return {"account_ids": sorted(part.account_ids)}
    return {"outcome": part.outcome} | ({"reason": part.reason} if part.reason else {})


def _open_campaign(campaign_id: str) -> Campaign:
    campaign = campaigns.read(campaign_id)
    if eligibility.acceptance(campaign).answer == "no":
        raise NotPossible(CLOSED)
    return campaign


def _own_campaign(run: Run) -> Campaign:
    """As it is now; as it was when the run was queued, where it is gone."""
    try:
        return campaigns.read(run.campaign_id)
    except NotFound:
        return Campaign.read(run.campaign)
