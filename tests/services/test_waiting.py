"""The waiting list: read again now and then, shown when free, and never enrolled by itself."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections, transaction
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from dashboard.api.errors import NotFound
from dashboard.models import AuditEntry, Pace, ParkedAccount, Run, SelectedAccount
from dashboard.sandbox.server import Sandbox
from dashboard.services import parts, runs, selection, vendor, waiting
from dashboard.services.parts import Part
from tests import ledger
from tests.conftest import person
from tests.drive import queue
from tests.every_fate import EveryFate
from tests.patience import PATIENCE, wait_for

pytestmark = pytest.mark.django_db
State = ParkedAccount.State
BUSY = ("failed", "active_execution")


@pytest.fixture
def scene(sandbox: Sandbox, collector: User) -> EveryFate:
    """Two busy invoices are on the list."""
    scene = EveryFate(sandbox)
    waiting.park(collector, Part(scene.run, *BUSY))
    return scene


def reads(sandbox: Sandbox) -> int:
    return len([call for call in sandbox.ledger.calls if call.method == "GET"])


def look(**due: Any) -> int:
    """Read what is due, as if its time had come."""
    ParkedAccount.objects.filter(look_at__isnull=False, **due).update(look_at="2020-01-01T00:00Z")
    return waiting.look_again(client=vendor.for_workers())


def entry(account_id: str) -> ParkedAccount:
    return ParkedAccount.objects.get(account_id=account_id)


def everything() -> Any:
    return ParkedAccount.objects.all()


def test_one_still_active_stays_and_says_where(scene: EveryFate) -> None:
    look()

    seen = entry(scene.ids[BUSY][0])
    assert (seen.state, seen.snapshot["campaign_id"], seen.looks) == (State.BUSY, scene.elsewhere, 1)
    assert seen.read_at is not None
    assert seen.free_since is None


def test_one_whose_campaign_is_over_becomes_free_and_nothing_is_enrolled(
    scene: EveryFate, collector: User
) -> None:
    freed, busy = scene.ids[BUSY]
    posts = len(scene.sandbox.ledger.posts)
    look()
    scene.sandbox.store.complete_campaign(freed)

    look()

    assert entry(freed).state == State.FREE
    assert entry(freed).free_since is not None
    assert entry(busy).state == State.BUSY
    assert waiting.free_count(collector) == 1
    assert scene.selected(collector) == {}
    assert len(scene.sandbox.ledger.posts) == posts


def test_one_that_is_active_again_is_no_longer_free(scene: EveryFate, collector: User) -> None:
    freed = scene.ids[BUSY][0]
    scene.sandbox.store.complete_campaign(freed)
    look()
    scene.sandbox.store.change_account(freed, status="in_progress")

    look()

    assert (entry(freed).state, entry(freed).free_since) == (State.BUSY, None)
    assert waiting.free_count(collector) == 0


def test_how_long_it_has_been_free_counts_from_the_first_reading(scene: EveryFate) -> None:
    freed = scene.ids[BUSY][0]
    scene.sandbox.store.complete_campaign(freed)
    look()
    first = entry(freed).free_since

    look()

    assert entry(freed).free_since == first
    assert entry(freed).looks == 2


@pytest.mark.parametrize("status", ["settled", "uncollectible"])
def test_one_that_is_paid_or_written_off_is_not_read_any_more_and_says_so(
    scene: EveryFate, status: str
) -> None:
    closed = scene.ids[BUSY][0]
    scene.sandbox.store.change_account(closed, status=status)

    look()

    assert (entry(closed).state, entry(closed).look_at) == (State.CLOSED, None)
    assert entry(closed).snapshot["status"] == status


def test_one_that_came_into_the_very_campaign_has_nothing_to_wait_for(scene: EveryFate) -> None:
    there = scene.ids[BUSY][0]
    scene.sandbox.store.change_account(there, status="in_progress", campaign_id=scene.campaign)

    look()

    assert (entry(there).state, entry(there).look_at, entry(there).problem) == (
        State.CLOSED,
        None,
        waiting.ENROLLED,
    )


def test_one_that_was_deleted_is_not_read_any_more_and_says_so(scene: EveryFate) -> None:
    gone = scene.ids[BUSY][0]
    del scene.sandbox.store.accounts[gone]

    look()

    assert (entry(gone).state, entry(gone).look_at, entry(gone).problem) == (
        State.CLOSED,
        None,
        waiting.GONE,
    )


@pytest.mark.parametrize("status", ["disputed", "suspended"])
def test_a_protected_one_goes_on_waiting(scene: EveryFate, status: str) -> None:
    scene.sandbox.store.change_account(scene.ids[BUSY][0], status=status)

    look()

    assert entry(scene.ids[BUSY][0]).state == State.BUSY
    assert entry(scene.ids[BUSY][0]).look_at is not None


def test_readings_are_spaced_ever_further_out_and_come_to_an_end(
    scene: EveryFate, settings: Settings
) -> None:
    settings.SETTLE_AFTER = 60
    waits = []
    while look():
        seen = everything().first()
        if seen.look_at:
            waits.append(round((seen.look_at - seen.read_at).total_seconds() / 60))

    assert waits[:5] == [15, 60, 360, 1440, 1440]
    assert len(waits) == waiting.MOST_LOOKS - 1
    assert not everything().exclude(look_at=None).exists()


def test_what_is_not_due_is_not_read(scene: EveryFate, settings: Settings) -> None:
    settings.SETTLE_AFTER = 60
    look()
    before = reads(scene.sandbox)

    read = waiting.tend(client=vendor.for_workers())

    assert (read, reads(scene.sandbox)) == (0, before)


def test_at_most_a_hundred_are_read_at_a_time(scene: EveryFate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "AT_ONCE", 1)

    assert (look(), everything().filter(read_at=None).count()) == (1, 1)


def test_nothing_on_the_list_is_read_while_something_is_to_be_sent(scene: EveryFate) -> None:
    queue(scene.sandbox, 1)
    before = reads(scene.sandbox)

    assert waiting.tend(client=vendor.for_workers()) == 0
    assert reads(scene.sandbox) == before


def test_nothing_is_read_while_another_worker_looks_or_the_vendor_wants_peace(scene: EveryFate) -> None:
    Pace.objects.update_or_create(
        pk=1, defaults={"cap": 4, "looking_until": timezone.now() + timedelta(minutes=1)}
    )
    assert waiting.tend(client=vendor.for_workers()) == 0

    Pace.objects.update(looking_until=None, cool_until=timezone.now() + timedelta(minutes=1))
    assert waiting.tend(client=vendor.for_workers()) == 0


def test_a_vendor_that_is_down_is_asked_once_and_then_left_alone(scene: EveryFate) -> None:
    scene.sandbox.faults.queue("status", status=503, method="GET", path="/accounts", times=None)

    look()

    assert not everything().filter(look_at__lt=timezone.now() + timedelta(minutes=4)).exclude(looks=1)
    assert [each.problem != "" for each in everything().order_by("pk")] == [True, False]
    assert not everything().exclude(state=State.BUSY)


def test_a_rate_limit_makes_all_workers_wait(scene: EveryFate) -> None:
    scene.sandbox.faults.queue("rate_limit", method="GET", path="/accounts", times=None, retry_after=0)

    look()

    assert Pace.objects.get().cool_until > timezone.now()


def test_one_that_cannot_be_read_does_not_keep_the_others_from_being_read(scene: EveryFate) -> None:
    odd, other = scene.ids[BUSY]
    scene.sandbox.faults.queue("empty200", method="GET", path=f"/accounts/{odd}", times=None)

    look()

    assert entry(odd).problem != ""
    assert entry(odd).read_at is None
    assert entry(other).read_at is not None


def test_what_a_killed_worker_had_taken_up_is_due_again(scene: EveryFate) -> None:
    waiting._take_up()

    taken_up = everything().first().look_at
    assert timezone.now() < taken_up < timezone.now() + timedelta(minutes=2)
    assert waiting.look_again(client=vendor.for_workers()) == 0
    assert look() == 2


def test_one_that_is_taken_off_while_it_is_read_stays_off(
    scene: EveryFate, collector: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = waiting.settling.read_accounts

    def read_while_a_person_acts(*args: Any, **options: Any) -> Any:
        seen = read(*args, **options)
        waiting.remove(collector, everything())
        return seen

    monkeypatch.setattr(waiting.settling, "read_accounts", read_while_a_person_acts)
    look()

    assert not everything().exists()


def test_free_ones_go_into_the_selection_for_their_campaign_as_read(
    scene: EveryFate, collector: User
) -> None:
    freed, busy = scene.ids[BUSY]
    scene.sandbox.store.complete_campaign(freed)
    look()
    before = scene.seen()

    taken = waiting.take(collector, everything())

    assert (taken.by_campaign, taken.left) == ({scene.campaign: 1}, 1)
    assert scene.selected(collector) == {scene.campaign: {freed}}
    assert SelectedAccount.objects.get().status == "pending_collection"
    assert [each.account_id for each in everything()] == [busy]
    assert scene.seen() == before
    assert AuditEntry.objects.filter(action="taken from the waiting list", who=collector).count() == 1


def test_taking_twice_or_by_two_people_gives_each_to_one(scene: EveryFate, collector: User) -> None:
    other = person("collector", "other")
    scene.sandbox.store.complete_campaign(scene.ids[BUSY][0])
    look()
    waiting.take(collector, everything())

    again = waiting.take(other, everything())

    assert (again.size, SelectedAccount.objects.count()) == (0, 1)


def test_the_list_is_the_teams_and_holds_an_invoice_once_for_a_campaign(
    scene: EveryFate, collector: User
) -> None:
    other = person("collector", "other")

    parked = waiting.park(other, Part(scene.run, *BUSY))

    assert (parked.size, parked.there_before) == (2, 2)
    assert {each.who for each in everything()} == {collector}
    assert waiting.matching(mine=True, user_id=other.pk).count() == 0
    assert waiting.matching().count() == 2


def test_a_viewer_is_not_told_that_something_is_free(scene: EveryFate, viewer: User) -> None:
    everything().update(state=State.FREE)

    assert waiting.free_count(viewer) == 0


def test_filters_narrow_and_free_ones_come_first(scene: EveryFate) -> None:
    first, second = scene.ids[BUSY]
    scene.sandbox.store.complete_campaign(second)
    look()

    assert [each.account_id for each in waiting.matching()] == [second, first]
    assert [each.account_id for each in waiting.matching(state="busy")] == [first]
    assert [each.account_id for each in waiting.matching(search=second[:13])] == [second]
    assert waiting.listed(waiting.matching())[1] == {"busy": 1, "closed": 0, "free": 1}
    assert waiting.campaigns_there() == [(scene.campaign, "Gentle reminder")]
    assert not waiting.matching(campaign_id=scene.chase).exists()


@pytest.mark.parametrize("few", [0, 500])
def test_few_and_many_are_counted_and_cut_into_pages_alike(
    scene: EveryFate, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "FEW", few)
    first, second = scene.ids[BUSY]
    entries = waiting.matching(campaign_id=scene.campaign, mine=True, user_id=everything()[0].who_id)

    pages = [waiting.listed(entries, page=number, per_page=1) for number in (1, 2, 3)]

    assert [[each.account_id for each in found.rows] for found, _ in pages] == [[first], [second], []]
    assert {(found.paging.total, counts["busy"]) for found, counts in pages} == {(2, 2)}
    assert waiting.listed(waiting.matching(search=second.upper()))[0].rows == [entry(second)]


@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="PostgreSQL knows how many rows there are of a kind"
)
@pytest.mark.parametrize("wanted", [{"search": "INV-1"}, {"campaign_id": "c"}, {"mine": True, "user_id": 1}])
def test_the_list_is_looked_through_without_its_rows(wanted: dict[str, Any]) -> None:
    assert "COVERING INDEX parked_as_listed" in waiting.matching(**wanted).values("pk", "state").explain()


def test_the_campaigns_that_something_waits_for_are_told_by_their_newest_name(
    scene: EveryFate, collector: User
) -> None:
    run = scene.run
    for name in ("zeta", "Alpha"):
        other = ledger.queued(1, name=name, campaign_id=str(uuid.uuid4()))
        everything().create(
            campaign_id=other.campaign_id, campaign_name="", account_id=name, run=other, who=collector
        )
    newer = ledger.queued(1, name="Omega", campaign_id=run.campaign_id)

    there = waiting.campaigns_there()

    assert [name for _, name in there] == ["Alpha", "Omega", "zeta"]
    assert (newer.campaign_id, "Omega") in there


def test_reading_soon_starts_the_spacing_anew_but_not_within_a_minute(scene: EveryFate) -> None:
    look()
    assert waiting.read_soon(everything()) == 0

    everything().update(read_at=timezone.now() - timedelta(minutes=2), look_at=None, looks=waiting.MOST_LOOKS)

    assert waiting.read_soon(everything()) == 2
    assert waiting.look_again(client=vendor.for_workers()) == 2


def test_removal_is_on_record(scene: EveryFate, collector: User) -> None:
    removed = waiting.remove(collector, waiting.of_ids([everything().first().pk]))

    entry = AuditEntry.objects.get(action="removed from the waiting list")
    assert removed == 1
    assert entry.detail["account_ids"] == [scene.ids[BUSY][0]]


def test_parking_leaves_selections_alone(scene: EveryFate, collector: User) -> None:
    selection.take_in_unread(selection.of(collector, scene.campaign), [{"id": scene.ids[BUSY][0]}])

    waiting.park(collector, Part(scene.run, account_ids=tuple(scene.ids[BUSY])))

    assert scene.selected(collector) == {scene.campaign: {scene.ids[BUSY][0]}}


def test_rows_that_do_not_wait_are_left_out_of_the_list(scene: EveryFate, collector: User) -> None:
    everything().delete()
    ids = (*scene.ids[BUSY], *scene.ids["enrolled", ""])

    parked = waiting.park(collector, Part(scene.run, account_ids=ids))

    assert (parked.size, parked.left_out) == (2, {parts.NOT_THESE: 2})


def test_what_somebody_else_takes_meanwhile_is_not_said_to_stay(
    scene: EveryFate, collector: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    ParkedAccount.objects.update(state=State.FREE, read_at=timezone.now())
    other, locking = entry(scene.ids[BUSY][0]), QuerySet.select_for_update

    def locked_too_late(rows: Any) -> Any:
        if rows.model is ParkedAccount:
            other.delete()
        return locking(rows)

    monkeypatch.setattr(QuerySet, "select_for_update", locked_too_late)

    taken = waiting.take(collector, everything())

    assert (taken.size, taken.left) == (1, 0)


@pytest.mark.parametrize("act", ["take", "remove", "read_soon", "note"])
def test_everybody_locks_entries_in_the_same_order(scene: EveryFate, collector: User, act: str) -> None:
    """Otherwise PostgreSQL finds them waiting for each other in a ring, and one of them fails."""
    due = list(everything())
    acts: dict[str, Callable[[], object]] = {
        "take": lambda: waiting.take(collector, waiting.matching()),
        "remove": lambda: waiting.remove(collector, waiting.matching()),
        "read_soon": lambda: waiting.read_soon(waiting.matching()),
        "note": lambda: waiting._note(due, {each.account_id: NotFound("gone") for each in due}),
    }

    with CaptureQueriesContext(connection) as queries:
        acts[act]()

    first = next(query["sql"] for query in queries if '"dashboard_parkedaccount"' in query["sql"])
    assert first.startswith("SELECT")
    assert first.removesuffix(" FOR UPDATE").endswith('ORDER BY "dashboard_parkedaccount"."id" ASC')


def test_selections_are_locked_in_the_order_in_which_moving_a_part_locks_them(
    scene: EveryFate, collector: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = (
        selection.of(collector, campaign_id) for campaign_id in sorted([scene.chase, scene.campaign])[::-1]
    )
    entry(scene.ids[BUSY][0]).delete()
    ParkedAccount.objects.update(state=State.FREE, campaign_id=here.campaign_id, read_at=timezone.now())
    other = {
        "account_id": ledger.account_id(1),
        "snapshot": {"id": ledger.account_id(1)},
        "state": State.FREE,
    }
    ParkedAccount.objects.create(**other, campaign_id=there.campaign_id, run=scene.run, who=collector)
    locked, lock = [], selection.lock
    monkeypatch.setattr(selection, "lock", lambda picked: locked.append(picked.pk) or lock(picked))

    waiting.take(collector, everything())

    assert list(dict.fromkeys(locked)) == [here.pk, there.pk]


@pytest.mark.django_db(transaction=True)
def test_two_who_park_the_same_from_runs_in_opposite_order_do_not_wait_for_each_other(
    collector: User, manager: User
) -> None:
    """A third is about to park the one in the middle, so that each of the two has its first one before they go on."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    ids = [ledger.account_id(number) for number in (1, 2, 3)]
    both = [(collector, busy(ids)), (manager, busy(ids[::-1]))]
    third = ParkedAccount(campaign_id=ledger.CAMPAIGN_ID, account_id=ids[1], run=both[0][1], who=collector)
    is_held, may_go = Event(), Event()

    def hold() -> None:
        with own_connection(), transaction.atomic():
            third.save()
            is_held.set()
            may_go.wait(PATIENCE)
            transaction.set_rollback(True)

    def park(user: User, run: Run) -> waiting.Parked:
        with own_connection():
            return waiting.park(user, Part(run, *BUSY))

    with ThreadPoolExecutor(3) as threads:
        held = threads.submit(hold)
        try:
            assert is_held.wait(PATIENCE)
            parked = [threads.submit(park, *each) for each in both]
            wait_for(lambda: waiting_for_locks() == 2)
        finally:
            may_go.set()
        held.result()
        put = [each.result() for each in parked]

    assert sorted(each.there_before for each in put) == [0, 3]
    assert set(everything().values_list("account_id", flat=True)) == set(ids)


def busy(ids: list[str]) -> Run:
    """A run of these, all refused as active elsewhere."""
    campaign = ledger.Campaign(id=ledger.CAMPAIGN_ID, name="Chase")
    picked = [{"id": account_id} for account_id in ids]
    run = runs.queue(starter=None, campaign=campaign, accounts=picked, token=uuid.uuid4())
    return ledger.answered(run, "FAILED", error=ledger.ACTIVE)


@contextmanager
def own_connection() -> Iterator[None]:
    """A thread's own, which goes with it."""
    try:
        yield
    finally:
        connections.close_all()


def waiting_for_locks() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(cursor.fetchone()[0])
