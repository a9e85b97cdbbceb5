"""Check answers: what would be sent, what the rules say about it, and the confirmation that queues it."""

import uuid
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from dashboard.api.schema import Campaign
from dashboard.models import Batch, Outcome, Run, Selection
from dashboard.services import accounts, eligibility, runs, selection, vendor
from dashboard.services.accounts import Snapshot
from dashboard.services.eligibility import CAMPAIGN_CLOSED, Acceptance, Verdict

LOOKED_UP_AT_MOST = 100
SHOWN_PER_GROUP = 20


class Problem(StrEnum):
    """Why a confirmation sent nothing."""

    STALE = "stale"
    EMPTY = "empty"
    CLOSED = "closed"


@dataclass
class Group:
    """The accounts with one verdict; `sums` are what is outstanding, by currency, `rows` the first few."""

    verdict: Verdict
    size: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)
    rows: list[Snapshot] = field(default_factory=list)

    def add(self, row: Snapshot) -> None:
        self.size += 1
        outstanding = Decimal(row["outstanding"]) if row.get("outstanding") else None
        if outstanding is not None:
            self.sums[row["currency"]] = self.sums.get(row["currency"], Decimal(0)) + outstanding
        if len(self.rows) < SHOWN_PER_GROUP:
            self.rows.append(row | {"outstanding": outstanding})

    @property
    def unshown(self) -> int:
        return self.size - len(self.rows)


@dataclass(frozen=True)
class Review:
    """What is about to be sent. `in_flight` maps accounts to run numbers; `read_at` is the oldest reading."""

    campaign: Campaign
    acceptance: Acceptance
    selection: Selection
    groups: list[Group]
    flags: dict[str, int]
    in_flight: dict[str, int]
    read_at: datetime | None

    @property
    def size(self) -> int:
        return sum(group.size for group in self.groups)

    @property
    def calls(self) -> int:
        return -(-self.size // runs.CALL_SIZE)

    @property
    def sums(self) -> dict[str, Decimal]:
        currencies = sorted({currency for group in self.groups for currency in group.sums})
        return {
            currency: sum((group.sums.get(currency, Decimal(0)) for group in self.groups), Decimal(0))
            for currency in currencies
        }

    @property
    def refused(self) -> int:
        """How many are known to be refused one by one, not for the campaign's sake."""
        return sum(
            group.size
            for group in self.groups
            if group.verdict.answer == "no" and group.verdict.code != CAMPAIGN_CLOSED
        )

    @property
    def in_flight_shown(self) -> list[tuple[str, int]]:
        """The first few accounts in flight, each with its run's number."""
        return list(self.in_flight.items())[:SHOWN_PER_GROUP]

    @property
    def in_flight_unshown(self) -> int:
        return len(self.in_flight) - len(self.in_flight_shown)


def check(user: User, campaign_id: uuid.UUID) -> Review:
    """The whole selection against the rules, the campaign read just now. Raises: ApiError."""
    campaign = vendor.for_pages().campaign(str(campaign_id))
    picked = selection.of(user, campaign_id)
    _look_up_unread(picked)
    groups, flags = _judge(picked, campaign)
    return Review(
        campaign=campaign,
        acceptance=eligibility.acceptance(campaign),
        selection=picked,
        groups=groups,
        flags=flags,
        in_flight=in_flight(picked),
        read_at=picked.accounts.aggregate(oldest=Min("read_at"))["oldest"],
    )


def confirm(user: User, campaign_id: uuid.UUID, *, token: uuid.UUID, revision: int) -> Run | Problem:
    """Queue what was reviewed and empty the selection, in one step; the same token gives the same run.

    Raises: ApiError.
    """
    if run := Run.objects.filter(token=token, starter=user, campaign_id=str(campaign_id)).first():
        return run
    campaign = vendor.for_pages().campaign(str(campaign_id))
    if eligibility.acceptance(campaign).answer == "no":
        return Problem.CLOSED
    with transaction.atomic():
        picked = selection.lock(selection.of(user, campaign_id))
        if run := Run.objects.filter(token=token, starter=user).first():
            return run
        if picked.token != token or picked.revision != revision:
            return Problem.STALE
        rows = [row | {"verdict": verdict.code} for row, verdict in _verdicts(picked, campaign)]
        if not rows:
            return Problem.EMPTY
        run = runs.queue(
            starter=user, campaign=campaign, accounts=rows, token=token, duplicates=picked.duplicates
        )
        selection.clear(picked)
    return run


def take_out(
    user: User, campaign_id: uuid.UUID, *, account_ids: Collection[str] = (), refused: bool = False
) -> int:
    """Leave out these accounts, or all that are known to be refused; gives how many. Raises: ApiError."""
    picked = selection.of(user, campaign_id)
    if refused:
        campaign = vendor.for_pages().campaign(str(campaign_id))
        verdicts = _verdicts(picked, campaign)
        account_ids = [
            row["id"]
            for row, verdict in verdicts
            if verdict.answer == "no" and verdict.code != CAMPAIGN_CLOSED
        ]
    return selection.change(picked, add=Counter(), remove=account_ids).removed


def in_flight(picked: Selection) -> dict[str, int]:
    """Selected accounts that an unfinished run holds, or whose fate is unknown, with that run's number."""
    chosen = picked.accounts.values("account_id")
    unknown = Outcome.objects.filter(state=Outcome.State.UNKNOWN, account_id__in=chosen)
    held = dict(unknown.values_list("account_id", "run_id"))
    waiting = Batch.objects.filter(state__in=Batch.OPEN).exclude(run__state__in=Run.ENDED)
    if waiting.exists():
        ids = set(chosen.values_list("account_id", flat=True))
        for run_id, rows in waiting.values_list("run_id", "accounts").iterator(chunk_size=100):
            held |= {row["id"]: run_id for row in rows if row["id"] in ids}
    return held


def _look_up_unread(picked: Selection) -> None:
    """Read pasted accounts where they are few; of many it is said that they were not looked up."""
    unread = list(
        picked.accounts.filter(read_at=None).values_list("account_id", flat=True)[: LOOKED_UP_AT_MOST + 1]
    )
    if 0 < len(unread) <= LOOKED_UP_AT_MOST:
        selection.keep(picked, accounts.look_up(unread))


def _judge(picked: Selection, campaign: Campaign) -> tuple[list[Group], dict[str, int]]:
    today = timezone.localdate()
    groups: dict[str, Group] = {}
    flags: Counter[str] = Counter()
    for row, verdict in _verdicts(picked, campaign):
        groups.setdefault(verdict.code, Group(verdict)).add(row)
        if verdict.answer != "no":
            flags.update(eligibility.flags(row, today))
    order = ("no", "unknown", "yes")
    return sorted(groups.values(), key=lambda group: (order.index(group.verdict.answer), -group.size)), dict(
        flags
    )


def _verdicts(picked: Selection, campaign: Campaign) -> Iterator[tuple[Snapshot, Verdict]]:
    today = timezone.localdate()
    rows = picked.accounts.order_by("pk").values_list("account_id", "snapshot")
    for account_id, snapshot in rows.iterator(chunk_size=2000):
        row = {**snapshot, "id": account_id}
        yield row, eligibility.verdict(row, campaign, today)
