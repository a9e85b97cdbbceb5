"""What one person has picked for one campaign: kept on the server until it is sent or cleared."""

import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Unpack

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from dashboard.api.schema import Campaign, Page
from dashboard.models import SelectedAccount, Selection
from dashboard.services import accounts, clock, eligibility, vendor
from dashboard.services.accounts import Filters, Snapshot
from dashboard.services.chunks import in_chunks

# Ids per statement: SQLite takes a limited number of parameters.
_CHUNK = 500
# Two pages of the longest kind, so that ticks made in two tabs find what was seen.
_SHOWN_LIMIT = 200


@dataclass(frozen=True)
class Tally:
    """How many accounts are selected, and which of them are on the page that is shown."""

    selected: int
    on_page: set[str]

    @property
    def elsewhere(self) -> int:
        return self.selected - len(self.on_page)


@dataclass(frozen=True)
class Change:
    """What adding and removing did; `repeated` counts the further mentions of accounts that were added."""

    added: int
    removed: int
    repeated: int


@dataclass
class Taken:
    """What was given to a selection with its reading: `repeated` rows named an account that had come before."""

    given: int = 0
    repeated: int = 0
    added: int = 0


class Kept(NamedTuple):
    """So many rows were written, and so many of them were not the same before."""

    read: int
    changed: int


@dataclass(frozen=True)
class Picker:
    """A page of accounts to pick from; `names` holds the customers' names that are known, by customer id."""

    campaign: Campaign
    acceptance: eligibility.Acceptance
    rows: Page[Snapshot]
    tally: Tally
    names: dict[str, str]

    @property
    def is_longer(self) -> bool:
        """Whether there is more than this page."""
        return self.rows.has_next or self.rows.page > 1

    @property
    def unnamed(self) -> set[str]:
        """The customers on the page whose names are not known."""
        return {row["customer_id"] for row in self.rows.items if row.get("customer_id")} - self.names.keys()


def of(user: User, campaign_id: uuid.UUID | str) -> Selection:
    """The person's selection for the campaign; an empty one is made when there is none."""
    return Selection.objects.get_or_create(user=user, campaign_id=str(campaign_id))[0]


def known(user: User, campaign_id: uuid.UUID | str) -> Selection | None:
    """The same, where there is one."""
    return Selection.objects.filter(user=user, campaign_id=str(campaign_id)).first()


def browse(
    user: User, campaign_id: uuid.UUID, *, only_selected: bool = False, **filters: Unpack[Filters]
) -> Picker:
    """One page of the vendor's accounts, or of the selected ones as they were read. Raises: ApiError."""
    campaign = vendor.for_pages().campaign(str(campaign_id))
    selection = of(user, campaign_id)
    _remember_campaign(selection, campaign)
    rows = _selected_page(selection, filters) if only_selected else _vendor_page(selection, filters)
    return Picker(
        campaign=campaign,
        acceptance=eligibility.acceptance(campaign),
        rows=rows,
        tally=tally(selection, [row["id"] for row in rows.items]),
        names=accounts.known_names({row["customer_id"] for row in rows.items if row.get("customer_id")}),
    )


def chosen_among(selection: Selection, account_ids: Collection[str]) -> set[str]:
    """Which of the accounts are selected."""
    chosen: set[str] = set()
    for chunk in in_chunks(account_ids, _CHUNK):
        chosen.update(selection.accounts.filter(account_id__in=chunk).values_list("account_id", flat=True))
    return chosen


def tally(selection: Selection, shown: Collection[str] = ()) -> Tally:
    """The counts that always stand above the list; `shown` are the accounts on the page."""
    return Tally(selection.accounts.count(), chosen_among(selection, shown))


@transaction.atomic
def change(selection: Selection, *, add: Counter[str], remove: Collection[str] = ()) -> Change:
    """Take accounts in and out, in one step. `add` says how often each was named."""
    locked = lock(selection)
    chosen = chosen_among(locked, add)
    new = [account_id for account_id in add if account_id not in chosen]
    removed = sum(
        locked.accounts.filter(account_id__in=chunk).delete()[0] for chunk in in_chunks(remove, _CHUNK)
    )
    SelectedAccount.objects.bulk_create([_as_seen(locked, account_id) for account_id in new])
    repeated = sum(add[account_id] - 1 for account_id in new)
    if new or removed:
        locked.revision += 1
        locked.duplicates += repeated
        locked.save(update_fields=["revision", "duplicates", "changed_at"])
    return Change(added=len(new), removed=removed, repeated=repeated)


@transaction.atomic
def take_in(selection: Selection, readings: Iterable[tuple[datetime, Sequence[Snapshot]]]) -> Taken:
    """Take in any number of accounts as they were read, also those that are selected already, in one step."""
    locked = lock(selection)
    before, taken, seen = locked.accounts.count(), Taken(), set[bytes]()
    for read_at, snapshots in readings:
        fresh = {row["id"]: row for row in snapshots if uuid.UUID(row["id"]).bytes not in seen}
        seen.update(uuid.UUID(account_id).bytes for account_id in fresh)
        taken.given += len(snapshots)
        for chunk in in_chunks(list(fresh), _CHUNK):
            newer = locked.accounts.filter(account_id__in=chunk, read_at__gt=read_at)
            for account_id in newer.values_list("account_id", flat=True):
                del fresh[account_id]
        SelectedAccount.objects.bulk_create(
            [
                SelectedAccount(selection=locked, account_id=account_id, snapshot=row, read_at=read_at)
                for account_id, row in fresh.items()
            ],
            update_conflicts=True,
            unique_fields=["selection", "account_id"],
            update_fields=["snapshot", "read_at"],
        )
    taken.repeated = taken.given - len(seen)
    taken.added = locked.accounts.count() - before
    locked.revision += 1
    locked.save(update_fields=["revision", "changed_at"])
    return taken


@transaction.atomic
def take_in_unread(selection: Selection, snapshots: Iterable[Snapshot]) -> int:
    """Take in any number of accounts with what is known of them; gives how many were not selected before.

    What was read of those selected already stays. The new ones count as not read, so that the review asks for them.
    """
    locked = lock(selection)
    before = locked.accounts.count()
    for chunk in in_chunks(snapshots, 2000):
        SelectedAccount.objects.bulk_create(
            [SelectedAccount(selection=locked, account_id=row["id"], snapshot=row) for row in chunk],
            ignore_conflicts=True,
        )
    added = locked.accounts.count() - before
    if added:
        locked.revision += 1
        locked.save(update_fields=["revision", "changed_at"])
    return added


@transaction.atomic
def clear(selection: Selection) -> int:
    """Empty the selection, so that no older review can be confirmed; gives how many were in it."""
    locked = lock(selection)
    removed = locked.accounts.all().delete()[0]
    locked.token, locked.revision, locked.duplicates = uuid.uuid4(), locked.revision + 1, 0
    locked.save(update_fields=["token", "revision", "duplicates", "changed_at"])
    return removed


def keep(rows: QuerySet[SelectedAccount], snapshots: Mapping[str, Snapshot]) -> Kept:
    """Write what was just read, by account id, to those of these rows that it names."""
    read_at, kept, changed = clock.now(), 0, 0
    for chunk in in_chunks(snapshots, _CHUNK):
        named = list(rows.filter(account_id__in=chunk))
        changed += sum(row.snapshot != snapshots[row.account_id] for row in named)
        for row in named:
            row.snapshot, row.read_at = snapshots[row.account_id], read_at
        SelectedAccount.objects.bulk_update(named, ["snapshot", "read_at"])
        kept += len(named)
    return Kept(kept, changed)


def lock(selection: Selection) -> Selection:
    """The selection as it is now, held until the transaction ends."""
    return Selection.objects.select_for_update().get(pk=selection.pk)


def _vendor_page(selection: Selection, filters: Filters) -> Page[Snapshot]:
    page = accounts.list_page(**filters)
    snapshots = accounts.snapshots_of(page.items)
    _remember_shown(selection, snapshots)
    if keep(selection.accounts.all(), snapshots).changed:  # a review that showed it otherwise is stale
        Selection.objects.filter(pk=selection.pk).update(revision=F("revision") + 1)
    return Page(
        items=tuple(snapshots.values()),
        page=page.page,
        per_page=page.per_page,
        total=page.total,
        total_pages=page.total_pages,
        unreadable=page.unreadable + len(page.items) - len(snapshots),
        unfit=page.unfit,
    )


def _selected_page(selection: Selection, filters: Filters) -> Page[Snapshot]:
    number, per_page = filters.get("page", 1), filters.get("per_page", 20)
    start = (number - 1) * per_page
    rows = selection.accounts.order_by("pk")[start : start + per_page].values_list("account_id", "snapshot")
    total = selection.accounts.count()
    items = tuple({**snapshot, "id": account_id} for account_id, snapshot in rows)
    return Page(items=items, page=number, per_page=per_page, total=total, total_pages=-(-total // per_page))


def _remember_campaign(selection: Selection, campaign: Campaign) -> None:
    marks = eligibility.marks(campaign)
    if selection.opened != marks:
        Selection.objects.filter(pk=selection.pk).update(opened=marks)


def _remember_shown(selection: Selection, snapshots: Mapping[str, Snapshot]) -> None:
    read_at = timezone.now().isoformat()
    before = [(key, seen) for key, seen in selection.shown.items() if key not in snapshots]
    now = [(key, {"read_at": read_at, "snapshot": snapshot}) for key, snapshot in snapshots.items()]
    Selection.objects.filter(pk=selection.pk).update(shown=dict([*before, *now][-_SHOWN_LIMIT:]))


def _as_seen(selection: Selection, account_id: str) -> SelectedAccount:
    seen = selection.shown.get(account_id)
    if seen is None:
        return SelectedAccount(selection=selection, account_id=account_id)
    read_at = datetime.fromisoformat(seen["read_at"])
    return SelectedAccount(
        selection=selection, account_id=account_id, snapshot=seen["snapshot"], read_at=read_at
    )
