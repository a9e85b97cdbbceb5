"""The waiting list: busy invoices are read again now and then, until a person puts the free ones into a selection."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Count, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from dashboard.api.client import Client
from dashboard.api.errors import ApiError, NotAllowed, NotFound, RateLimited, Unavailable, Unreachable
from dashboard.api.schema import Account
from dashboard.models import ParkedAccount, Run
from dashboard.services import accounts, audit, claiming, clock, pace, parts, selection, settling, uploads
from dashboard.services.chunks import in_chunks
from dashboard.services.history import Listed, place
from dashboard.services.parts import Part

State = ParkedAccount.State
AT_ONCE = 100
FEW = 500  # as many are counted and cut into pages without asking twice
# How long after a reading the next one is due, in multiples of ROLLCALL_SETTLE_AFTER; the last one again and again.
WAITS = (15, 60, 360, 1440)
MOST_LOOKS = 60
# Errors that speak of the vendor, not of the invoice: all reading is put off.
NO_USE = (Unreachable, Unavailable, RateLimited, NotAllowed)
PUT_OFF = timedelta(minutes=5)
# What whoever was killed while reading had taken up is due again after so long.
TAKEN_UP_FOR = timedelta(seconds=60)
PARKING = 7_065_114  # the number of a lock; any will do that no other has
ENROLLED = "It is in the campaign that it waits for: nothing is left to wait for."
GONE = "Not found when read again: deleted, or out of this API key's sight."


@dataclass(frozen=True)
class Parked:
    """What parking did: `size` are on the list now, `there_before` of them already were."""

    size: int
    there_before: int
    left_out: Counter[str]


@dataclass(frozen=True)
class Taken:
    """What went from the list into selections: how many, by campaign id. `left` of those asked for are not free."""

    by_campaign: dict[str, int]
    left: int = 0

    @property
    def size(self) -> int:
        return sum(self.by_campaign.values())


# ------------------------------------------------------------------------------------------------------- for people


def free_count(user: User) -> int:
    """How many invoices on the list have become free; 0 for those who cannot enroll them."""
    may_enroll = user.has_perm("dashboard.enroll")
    return ParkedAccount.objects.filter(state=State.FREE).count() if may_enroll else 0


def park(user: User, part: Part) -> Parked:
    """Put the busy ones of a part on the list, for the campaign of their run. They are read again at once."""
    rows, left_out = parts.fit(part, "park")
    run, now = part.run, clock.now()
    known = list(parts.known_of(run, rows))
    with transaction.atomic():
        _park_alone()
        before = ParkedAccount.objects.count()
        for chunk in in_chunks(known, 2000):
            ParkedAccount.objects.bulk_create(
                [
                    ParkedAccount(
                        campaign_id=run.campaign_id,
                        campaign_name=run.campaign_name,
                        account_id=row["id"],
                        invoice_number=row.get("number") or "",
                        run=run,
                        who=user,
                        snapshot=row,
                        look_at=now,
                    )
                    for row in chunk
                ],
                ignore_conflicts=True,
            )
        added = ParkedAccount.objects.count() - before
        if added:
            audit.record("put on the waiting list", who=user, run=run, invoices=added, **parts.what_of(part))
    return Parked(len(known), len(known) - added, left_out)


def _park_alone() -> None:
    """Until the transaction ends, nobody else parks: they would wait for each other's rows in a ring, and count them as theirs.

    SQLite has one writer at a time anyway.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PARKING])


def matching(
    *,
    search: str = "",
    state: str = "",
    campaign_id: str = "",
    mine: bool = False,
    user_id: int | None = None,
) -> "QuerySet[ParkedAccount]":
    """The entries that match, the free ones first. `search` is a whole account id, or part of one or of an invoice number.

    Hiding campaign and person in expressions has one covering index walked for all of this.
    """
    rows = ParkedAccount.objects.order_by("-state", "pk")
    if search:
        rows = rows.filter(_names(search))
    if state:
        rows = rows.filter(state=state)
    if campaign_id:
        rows = rows.alias(waits_for=Coalesce("campaign_id", Value(""))).filter(waits_for=campaign_id)
    return rows.alias(put_by=Coalesce("who_id", 0)).filter(put_by=user_id) if mine else rows


def _names(search: str) -> Q:
    try:
        return Q(account_id=str(UUID(search)))
    except ValueError:
        return Q(invoice_number__icontains=search) | Q(account_id__icontains=search)


def listed(
    rows: "QuerySet[ParkedAccount]", *, page: int = 1, per_page: int = 20
) -> tuple[Listed[ParkedAccount], dict[str, int]]:
    """One page of entries, and how many there are in each state."""
    few = list(rows.values_list("pk", "state")[: FEW + 1])
    is_few, start = len(few) <= FEW, (page - 1) * per_page
    counted = Counter(state for _, state in few)
    if not is_few:
        counted = Counter(dict(rows.order_by().values_list("state").annotate(Count("pk"))))
    counts = {state: counted[state] for state in State.values}
    wanted = slice(start, start + per_page)
    ids = [pk for pk, _ in few[wanted]] if is_few else list(rows.values_list("pk", flat=True)[wanted])
    shown = ParkedAccount.objects.select_related("who").in_bulk(ids)
    return Listed(
        [shown[pk] for pk in ids if pk in shown], place(page, per_page, sum(counts.values()))
    ), counts


def campaigns_there() -> list[tuple[str, str]]:
    """The campaigns that something waits for, by id, with their names as of the newest run."""
    with connection.cursor() as cursor:
        cursor.execute(_CAMPAIGNS)
        return sorted(cursor.fetchall(), key=lambda pair: pair[1].lower())


# From one campaign of the index to the next: they are few, the entries many.
_CAMPAIGNS = """WITH RECURSIVE there (id) AS (
    SELECT MIN(campaign_id) FROM dashboard_parkedaccount
    UNION ALL SELECT (SELECT MIN(campaign_id) FROM dashboard_parkedaccount WHERE campaign_id > there.id)
    FROM there WHERE there.id IS NOT NULL
) SELECT id, (SELECT campaign_name FROM dashboard_run WHERE campaign_id = there.id ORDER BY dashboard_run.id DESC LIMIT 1)
FROM there WHERE id IS NOT NULL
"""


@transaction.atomic
def take(user: User, rows: "QuerySet[ParkedAccount]") -> Taken:
    """The free ones leave the list for the person's selections, each for its campaign, as they were read."""
    free = _locked(rows.filter(state=State.FREE))
    by_campaign: dict[str, list[ParkedAccount]] = defaultdict(list)
    for entry in free:
        by_campaign[entry.campaign_id].append(entry)
    selections = [selection.of(user, campaign_id) for campaign_id in by_campaign]
    for picked in sorted(selections, key=attrgetter("pk")):  # as whoever moves a part of one to another
        by_reading: dict[datetime, list[accounts.Snapshot]] = defaultdict(list)
        for entry in by_campaign[picked.campaign_id]:
            by_reading[entry.read_at or entry.parked_at].append(entry.snapshot)
        locked = selection.lock(picked)
        selection.take_in(locked, by_reading.items())
        before = Run.objects.filter(pk__in={entry.run_id for entry in by_campaign[picked.campaign_id]})
        uploads.follow([*before.values_list("token", flat=True)], locked)
    _delete(free)
    taken = Taken({name: len(entries) for name, entries in by_campaign.items()}, left=rows.count())
    if free:
        _record("taken from the waiting list", user, free)
    return taken


@transaction.atomic
def remove(user: User, rows: "QuerySet[ParkedAccount]") -> int:
    """Take entries off the list, whatever became of them; gives how many."""
    entries = _locked(rows)
    _delete(entries)
    if entries:
        _record("removed from the waiting list", user, entries)
    return len(entries)


def read_soon(rows: "QuerySet[ParkedAccount]") -> int:
    """Have them read again as soon as a worker may, but for those read within the last minute; gives how many."""
    now = clock.now()
    stale = rows.order_by().filter(Q(read_at=None) | Q(read_at__lt=now - timedelta(minutes=1)))
    return _change(stale, look_at=now, looks=0)


def _locked(rows: "QuerySet[ParkedAccount]") -> list[ParkedAccount]:
    """Held until the transaction ends, by everybody in the same order: nobody waits for one who waits for them."""
    return list(rows.select_for_update().order_by("pk"))


@transaction.atomic
def _change(rows: "QuerySet[ParkedAccount]", **values: Any) -> int:
    """Write the same to all of them; gives how many."""
    keys = [entry.pk for entry in _locked(rows.only("pk"))]
    return sum(ParkedAccount.objects.filter(pk__in=some).update(**values) for some in in_chunks(keys, 500))


def _delete(entries: Iterable[ParkedAccount]) -> None:
    for chunk in in_chunks((entry.pk for entry in entries), 500):
        ParkedAccount.objects.filter(pk__in=chunk).delete()


def _record(action: str, user: User, entries: Sequence[ParkedAccount]) -> None:
    names = Counter(entry.campaign_name for entry in entries)
    ids = [entry.account_id for entry in entries]
    audit.record(action, who=user, invoices=len(entries), campaigns=sorted(names), account_ids=ids)


# ------------------------------------------------------------------------------------------------------- for workers


def tend(*, client: Client) -> int:
    """Read again what is due, with one call of the cap, while nothing is to be sent. Gives how many were read."""
    due = ParkedAccount.objects.filter(look_at__lte=clock.now())
    if not due.exists() or claiming.has_work():
        return 0
    with pace.one_call_to_look() as allowed:
        return look_again(client=client) if allowed else 0


def look_again(*, client: Client) -> int:
    """Read again at most 100 entries that are due. Gives how many were read."""
    due = _take_up()
    if not due:
        return 0
    seen = settling.read_accounts(
        client, list(dict.fromkeys(entry.account_id for entry in due)), stop_at=NO_USE
    )
    _note(due, seen)
    for error in seen.values():
        if isinstance(error, NO_USE):
            _put_off(error)
    return len(seen)


@transaction.atomic
def _take_up() -> list[ParkedAccount]:
    now = clock.now()
    rows = ParkedAccount.objects.filter(look_at__lte=now).order_by("look_at", "pk")
    due = list(
        rows.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked)[:AT_ONCE]
    )
    ParkedAccount.objects.filter(pk__in=[entry.pk for entry in due]).update(look_at=now + TAKEN_UP_FOR)
    return due


@transaction.atomic
def _note(due: Iterable[ParkedAccount], seen: Mapping[str, Account | ApiError]) -> None:
    """Write down what was seen; an entry that a person took off meanwhile stays off."""
    now = clock.now()
    read = [entry for entry in due if entry.account_id in seen]
    _locked(of_ids([entry.pk for entry in read]))
    for entry in read:
        _conclude(entry, seen[entry.account_id], now)
    fields = ["state", "snapshot", "read_at", "problem", "free_since", "look_at", "looks", "invoice_number"]
    ParkedAccount.objects.bulk_update(read, fields)


def _conclude(entry: ParkedAccount, seen: Account | ApiError, now: datetime) -> None:
    entry.looks += 1
    entry.problem = ""
    if isinstance(seen, Account):
        entry.snapshot = accounts.snapshot_of(seen) | {"id": entry.account_id}
        entry.read_at = now
        entry.invoice_number = seen.invoice_number or entry.invoice_number
        entry.state = _state_of(seen)
        if entry.state == State.BUSY and seen.campaign_id == entry.campaign_id:
            entry.state, entry.problem = State.CLOSED, ENROLLED
    elif isinstance(seen, NotFound):
        entry.read_at, entry.state, entry.problem = now, State.CLOSED, GONE
    else:
        entry.problem = seen.message[:200]
    entry.free_since = (entry.free_since or now) if entry.state == State.FREE else None
    entry.look_at = None if entry.state == State.CLOSED else _next_look(entry.looks, now)


def _state_of(seen: Account) -> str:
    if seen.status in settling.ENROLLABLE:
        return State.FREE
    return State.CLOSED if seen.status in settling.CLOSED else State.BUSY


def _next_look(looks: int, now: datetime) -> datetime | None:
    """Ever longer waits, and an end to them."""
    if looks >= MOST_LOOKS:
        return None
    return now + timedelta(seconds=WAITS[min(looks, len(WAITS)) - 1] * settings.SETTLE_AFTER + looks)


def _put_off(error: ApiError) -> None:
    """The vendor cannot be asked now: nothing on the list is read for some minutes."""
    if isinstance(error, RateLimited):
        pace.cool_down(error.asked_wait)
    later = clock.now() + PUT_OFF
    _change(ParkedAccount.objects.filter(look_at__lt=later), look_at=later)


def of_ids(entries: Collection[int]) -> "QuerySet[ParkedAccount]":
    """The entries with these numbers; those that are gone are passed over."""
    return ParkedAccount.objects.filter(pk__in=entries).order_by("pk")
