"""Check answers: what would be sent, what the rules say about it, and the confirmation that queues it."""

import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from dashboard.api.errors import ApiError
from dashboard.api.schema import Campaign
from dashboard.models import Run, SelectedAccount, Selection
from dashboard.services import (
    accounts,
    ageing,
    campaigns,
    eligibility,
    runs,
    selection,
    vendor,
    verdicts,
    warnings,
)
from dashboard.services.accounts import Snapshot
from dashboard.services.eligibility import Acceptance, Verdict
from dashboard.services.verdicts import Group, Tally
from dashboard.services.warnings import Warnings

LOOKED_UP_AT_MOST = 100


class Problem(StrEnum):
    """Why a confirmation sent nothing."""

    STALE = "stale"
    EMPTY = "empty"
    CLOSED = "closed"
    CHANGED = "changed"
    NOT_TYPED = "not_typed"
    MOVING = "moving"


@dataclass(frozen=True)
class Review:
    """What is about to be sent. `by_age` are the labels of ageing buckets, each with its invoices."""

    campaign: Campaign
    acceptance: Acceptance
    selection: Selection
    groups: list[Group]
    by_age: list[tuple[str, Tally]]
    flags: dict[str, int]
    warnings: Warnings

    @property
    def size(self) -> int:
        return sum(group.size for group in self.groups)

    @property
    def calls(self) -> int:
        return -(-self.size // runs.CALL_SIZE)

    @property
    def is_large(self) -> bool:
        """Whether the number has to be typed to confirm it."""
        return is_large(self.size)

    @property
    def sums(self) -> dict[str, Decimal]:
        return _added(group.sums for group in self.groups)

    @property
    def unvalued(self) -> int:
        """How many the sums lack."""
        return sum(group.unvalued for group in self.groups)

    @property
    def refused(self) -> int:
        """How many are known to be refused one by one, not for the campaign's sake."""
        return sum(group.size for group in self.groups if group.is_refused)

    @property
    def counts(self) -> dict[str, int]:
        """How many by answer: no, unknown, yes."""
        return _counted((group.verdict.answer, group.size) for group in self.groups)

    @property
    def read_at(self) -> datetime | None:
        """The oldest reading."""
        return min((group.read_at for group in self.groups if group.read_at), default=None)

    @property
    def mark(self) -> str:
        """What the campaign was when this was shown."""
        return mark_of(self.campaign)


@dataclass(frozen=True)
class Reviews:
    """All that a person has selected; a campaign that cannot be read stands with its error in `unread`."""

    reviews: list[Review]
    unread: list[tuple[Selection, ApiError]]

    @property
    def size(self) -> int:
        return sum(one.size for one in self.reviews)

    @property
    def sums(self) -> dict[str, Decimal]:
        return _added(one.sums for one in self.reviews)

    @property
    def unvalued(self) -> int:
        return sum(one.unvalued for one in self.reviews)

    @property
    def counts(self) -> dict[str, int]:
        """How many by answer: no, unknown, yes."""
        return _counted(count for one in self.reviews for count in one.counts.items())


def is_large(size: int) -> bool:
    """Whether a run of this size is only confirmed with its number."""
    return bool(size > settings.LARGE_RUN)


def mark_of(campaign: Campaign) -> str:
    """What verdicts depend on, in one text: confirming sends it back."""
    return "/".join(eligibility.marks(campaign).values())


def check(user: User, campaign_id: uuid.UUID | str) -> Review:
    """The whole selection against the rules, the campaign read just now. Raises: ApiError."""
    campaign = campaigns.read(str(campaign_id))
    picked = selection.of(user, campaign_id)
    _look_up_unread(picked.accounts.all())
    review = _judge(picked, campaign)
    for group in review.groups:
        group.rows = verdicts.first_rows(verdicts.rows_of(picked, group.shares, timezone.localdate()))
    return review


def last_run(user: User, campaign_id: uuid.UUID | str) -> Run | None:
    """What the person confirmed last for the campaign: who comes back to an empty review asks what became of it."""
    mine = Run.objects.filter(starter=user, campaign_id=str(campaign_id)).defer(*runs.UNREAD)
    return mine.order_by("-pk").first()


def check_all(user: User) -> Reviews:
    """Everything the person has selected, without rows, against its campaigns, read just now."""
    accounts_of = SelectedAccount.objects.filter(selection=OuterRef("pk"))
    selections = list(Selection.objects.filter(Exists(accounts_of), user=user).order_by("-changed_at"))
    with ThreadPoolExecutor(max_workers=settings.PARALLEL_CALLS) as pool:
        read = list(pool.map(_campaign_or_error, [picked.campaign_id for picked in selections]))
    _look_up_unread(SelectedAccount.objects.filter(selection__in=selections))
    found = Reviews([], [])
    for picked, campaign in zip(selections, read, strict=True):
        if isinstance(campaign, ApiError):
            found.unread.append((picked, campaign))
        else:
            found.reviews.append(_judge(picked, campaign))
    return found


def held(user: User, campaign_ids: Collection[str]) -> list[str]:
    """Those of the campaigns that the person has, or had, something selected for."""
    mine = Selection.objects.filter(user=user).values_list("campaign_id", flat=True)
    return [campaign_id for campaign_id in mine if campaign_id in campaign_ids]


def confirm(
    user: User,
    campaign_id: uuid.UUID | str,
    *,
    token: uuid.UUID,
    revision: int,
    mark: str,
    typed: int | None = None,
) -> Run | Problem:
    """Queue what was reviewed and empty the selection, in one step; the same token gives the same run.

    `mark` is the campaign's as it was shown, `typed` the number that a large run asks for. Raises: ApiError.
    """
    if run := Run.objects.filter(token=token, starter=user, campaign_id=str(campaign_id)).first():
        return run
    campaign = vendor.for_pages().campaign(str(campaign_id))
    if eligibility.acceptance(campaign).answer == "no":
        return Problem.CLOSED
    if mark_of(campaign) != mark:
        return Problem.CHANGED
    with transaction.atomic():
        picked = selection.lock(selection.of(user, campaign_id))
        if run := Run.objects.filter(token=token, starter=user).first():
            return run
        return _problem(picked, token, revision, typed) or _queue(user, picked, campaign)


def is_typed(user: User, campaign_ids: Collection[str], typed: int | None) -> bool:
    """Whether the number of all that is selected for these campaigns was typed, where it is large."""
    size = SelectedAccount.objects.filter(
        selection__user=user, selection__campaign_id__in=campaign_ids
    ).count()
    return typed == size if is_large(size) else True


def confirm_all(user: User, confirmed: Mapping[str, Mapping[str, Any]]) -> list[Run | Problem]:
    """A run for each campaign, with what `confirm` takes; the number in all was typed before (`is_typed`).

    Raises: ApiError; what was queued before it stays queued, and sending all again makes no second run.
    """
    sizes = {campaign_id: selection.of(user, campaign_id).accounts.count() for campaign_id in confirmed}
    return [
        confirm(user, campaign_id, **{**marks, "typed": sizes[campaign_id]})
        for campaign_id, marks in confirmed.items()
    ]


def take_out(
    user: User,
    campaign_id: uuid.UUID | str,
    *,
    account_ids: Collection[str] = (),
    refused: bool = False,
    verdict: str = "",
) -> int:
    """Leave out these accounts, those with a verdict, or all that are known to be refused; gives how many.

    Raises: ApiError.
    """
    picked = selection.of(user, campaign_id)
    if refused or verdict:
        campaign = vendor.for_pages().campaign(str(campaign_id))
        today = timezone.localdate()
        some = [
            share
            for group in verdicts.groups(verdicts.shares(picked, today), campaign, today)
            if group.verdict.code == verdict or (refused and group.is_refused)
            for share in group.shares
        ]
        account_ids = list(verdicts.rows_of(picked, some, today).values_list("account_id", flat=True))
    return selection.change(picked, add=Counter(), remove=account_ids).removed


def _campaign_or_error(campaign_id: str) -> Campaign | ApiError:
    try:
        return campaigns.read(campaign_id)
    except ApiError as error:
        return error


def _counted(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    counted = Counter[str]()
    for answer, number in counts:
        counted[answer] += number
    return {answer: counted[answer] for answer in verdicts.ORDER if counted[answer]}


def _added(sums: Iterable[Mapping[str, Decimal]]) -> dict[str, Decimal]:
    """By currency, in the order of the alphabet."""
    total: dict[str, Decimal] = {}
    for currency, amount in (pair for one in sums for pair in one.items()):
        total[currency] = total.get(currency, Decimal(0)) + amount
    return dict(sorted(total.items()))


def _judge(picked: Selection, campaign: Campaign) -> Review:
    today = timezone.localdate()
    shares = verdicts.shares(picked, today)
    by_age: dict[str, Tally] = {name: Tally() for name in ageing.BUCKETS}
    flags: Counter[str] = Counter()
    for share in shares:
        by_age[ageing.BUCKET_OF[share.due]].add(share)
        if eligibility.verdict(share.snapshot, campaign, today).answer != "no":
            flags.update(dict.fromkeys(eligibility.flags(share.snapshot, today), share.size))
    return Review(
        campaign=campaign,
        acceptance=eligibility.acceptance(campaign),
        selection=picked,
        groups=verdicts.groups(shares, campaign, today),
        by_age=[(ageing.LABELS[name], tally) for name, tally in by_age.items() if tally.size],
        flags=dict(flags),
        warnings=warnings.of_selection(picked, campaign),
    )


def _problem(picked: Selection, token: uuid.UUID, revision: int, typed: int | None) -> Problem | None:
    if picked.token != token or picked.revision != revision:
        return Problem.STALE
    if picked.is_moving:
        return Problem.MOVING
    size = picked.accounts.count()
    if not size:
        return Problem.EMPTY
    return Problem.NOT_TYPED if is_large(size) and typed != size else None


def _queue(user: User, picked: Selection, campaign: Campaign) -> Run:
    rows = [row | {"verdict": verdict.code} for row, verdict in _verdicts(picked, campaign)]
    run = runs.queue(
        starter=user,
        campaign=campaign,
        accounts=rows,
        token=picked.token,
        duplicates=picked.duplicates,
        check_first=True,
    )
    selection.clear(picked)
    return run


def _look_up_unread(rows: "QuerySet[SelectedAccount]") -> None:
    """Read pasted accounts where they are few; of many it is said that they were not looked up."""
    unread = rows.filter(read_at=None)
    ids = list(unread.values_list("account_id", flat=True).distinct()[: LOOKED_UP_AT_MOST + 1])
    if 0 < len(ids) <= LOOKED_UP_AT_MOST:
        selection.keep(unread, accounts.look_up(ids))


def _verdicts(picked: Selection, campaign: Campaign) -> Iterator[tuple[Snapshot, Verdict]]:
    today = timezone.localdate()
    rows = picked.accounts.order_by("pk").values_list("account_id", "snapshot")
    for account_id, snapshot in rows.iterator(chunk_size=2000):
        row = {**snapshot, "id": account_id}
        yield row, eligibility.verdict(row, campaign, today)
