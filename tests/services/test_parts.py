"""Acting on a part of a run touches exactly its rows, and sends nothing."""

import uuid
from collections.abc import Collection

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from dashboard.models import AuditEntry, ParkedAccount, SelectedAccount
from dashboard.sandbox.server import Sandbox
from dashboard.services import parts, review, runs, selection, vendor, waiting
from dashboard.services.parts import Part
from dashboard.services.routing import NotPossible
from tests import every_fate, ledger
from tests.every_fate import EveryFate, Fate

pytestmark = pytest.mark.django_db

ENROLLED_OR_MAY_BE = [
    ("enrolled", ""),
    ("pending", ""),
    ("unknown", "not_mentioned"),
    ("already_active", "already_active"),
]
# What a retry can help, and what of it is read again first.
RETRIED = [
    ("failed", "other"),
    ("failed", "no_reason_given"),
    ("failed", "call_refused"),
    ("failed", "pending_then_not"),
]
READ_FIRST = [("failed", "active_execution"), ("failed", "not_enrolled_when_read")]
PAST_DUE = ("failed", "past_due")
FITS_SELECTION = [fate for fate in every_fate.ALL if fate not in (*ENROLLED_OR_MAY_BE, PAST_DUE)]


@pytest.fixture
def scene(sandbox: Sandbox) -> EveryFate:
    return EveryFate(sandbox)


def group(scene: EveryFate, fate: Fate) -> Part:
    return Part(scene.run, outcome=fate[0], reason=fate[1])


def picked(scene: EveryFate, fates: Collection[Fate]) -> Part:
    return Part(scene.run, account_ids=tuple(each for fate in fates for each in scene.ids[fate]))


def test_the_scene_has_every_fate(scene: EveryFate) -> None:
    found = set(scene.run.outcomes.values_list("state", "reason"))

    assert found == set(every_fate.ALL) - {every_fate.NEVER_SENT}
    assert scene.run.not_sent == every_fate.EACH


@pytest.mark.parametrize("fate", FITS_SELECTION, ids="-".join)
def test_a_group_goes_into_a_selection_whole_alone_and_unsent(
    scene: EveryFate, collector: User, fate: Fate
) -> None:
    before = scene.seen()

    put = parts.move(collector, group(scene, fate), scene.campaign)

    assert scene.selected(collector) == {scene.campaign: set(scene.ids[fate])}
    assert (put.size, put.there_before, put.left_out) == (2, 0, {})
    assert scene.seen() == before
    assert AuditEntry.objects.get(action="part put in a selection").who == collector


@pytest.mark.parametrize("act", ["move", "retry"])
@pytest.mark.parametrize("fate", ENROLLED_OR_MAY_BE, ids="-".join)
def test_what_is_or_may_be_enrolled_is_never_selected_again(
    scene: EveryFate, collector: User, fate: Fate, act: str
) -> None:
    part = group(scene, fate)

    put = parts.retry(collector, part) if act == "retry" else parts.move(collector, part, scene.chase)

    assert put.size == 0
    assert put.left_out == {parts.NOT_THESE: len(list(scene.run.outcomes.filter(state=fate[0])))}
    assert scene.selected(collector) == {}


@pytest.mark.parametrize("fate", RETRIED, ids="-".join)
def test_a_retry_takes_exactly_the_group(scene: EveryFate, collector: User, fate: Fate) -> None:
    before = scene.seen()

    put = parts.retry(collector, group(scene, fate))

    assert scene.selected(collector) == {scene.campaign: set(scene.ids[fate])}
    assert (put.size, put.left_out) == (2, {})
    assert scene.seen() == before


@pytest.mark.parametrize(
    "fate", [fate for fate in every_fate.ALL if fate not in (*RETRIED, *READ_FIRST)], ids="-".join
)
def test_a_retry_that_cannot_help_takes_nothing(scene: EveryFate, collector: User, fate: Fate) -> None:
    put = parts.retry(collector, group(scene, fate))

    assert put.size == 0
    assert scene.selected(collector) == {}


def test_those_still_busy_stay_out_of_a_retry_and_are_told(scene: EveryFate, collector: User) -> None:
    busy, freed = scene.ids["failed", "active_execution"]
    scene.sandbox.store.complete_campaign(freed)

    put = parts.retry(collector, group(scene, ("failed", "active_execution")))

    assert scene.selected(collector) == {scene.campaign: {freed}}
    assert put.left_out == {"Active in a campaign: it has to complete first.": 1}
    row = SelectedAccount.objects.get()
    assert row.status == "pending_collection"
    assert row.read_at is not None
    assert busy != row.account_id


def test_a_retry_into_a_reminder_leaves_out_what_is_past_due_by_now(
    scene: EveryFate, collector: User
) -> None:
    late, _ = scene.ids["failed", "not_enrolled_when_read"]
    scene.sandbox.store.change_account(late, due_date="2020-01-01")

    put = parts.retry(collector, group(scene, ("failed", "not_enrolled_when_read")))

    assert put.size == 1
    assert [why.split(":")[0] for why in put.left_out] == ["Past its due date"]


def test_what_cannot_be_read_again_stays_out_of_a_retry(scene: EveryFate, collector: User) -> None:
    scene.sandbox.faults.queue("close", method="GET", path="/accounts/", times=None)

    put = parts.retry(collector, group(scene, ("failed", "active_execution")))

    assert (put.size, put.left_out) == (0, {parts.NOT_READ: 2})


def test_too_many_to_read_while_one_waits_are_sent_to_the_waiting_list(
    scene: EveryFate, collector: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "READ_AT_ONCE", 1)

    with pytest.raises(NotPossible, match="waiting list"):
        parts.retry(collector, group(scene, ("failed", "active_execution")))

    assert scene.selected(collector) == {}


def test_those_past_due_switch_to_another_campaign_and_nothing_else_does(
    scene: EveryFate, collector: User
) -> None:
    before = scene.seen()

    put = parts.move(collector, group(scene, PAST_DUE), scene.chase)

    assert scene.selected(collector) == {scene.chase: set(scene.ids[PAST_DUE])}
    assert put.campaign.name == "Early chase"
    assert scene.seen() == before


def test_those_past_due_never_go_back_into_a_reminder(scene: EveryFate, collector: User) -> None:
    put = parts.move(collector, group(scene, PAST_DUE), scene.campaign)

    assert put.size == 0
    assert scene.selected(collector) == {}


def test_the_chain_comes_first_where_those_past_due_may_go(scene: EveryFate) -> None:
    own, offers = parts.offers(group(scene, PAST_DUE))

    assert own is None
    assert [campaign.id for campaign in offers.chain] == [scene.chase]
    assert {campaign.kind for campaign in offers.all} == {"early_stage", "first_party"}


def test_other_groups_may_go_to_the_same_campaign_or_another(scene: EveryFate) -> None:
    own, offers = parts.offers(group(scene, ("skipped", "")))

    assert own is not None
    assert own.id == scene.campaign
    assert scene.elsewhere in {campaign.id for campaign in offers.others}


def test_rows_picked_by_hand_are_asked_one_by_one(scene: EveryFate, collector: User) -> None:
    before = scene.seen()

    put = parts.move(collector, picked(scene, every_fate.ALL), scene.campaign)

    assert scene.selected(collector)[scene.campaign] == {
        each for fate in FITS_SELECTION for each in scene.ids[fate]
    }
    assert put.left_out == {parts.NOT_THESE: 2 * (len(ENROLLED_OR_MAY_BE) + 1)}
    assert scene.seen() == before


def test_rows_picked_by_hand_of_another_run_are_left_out(scene: EveryFate, collector: User) -> None:
    stranger = str(uuid.uuid4())
    wanted = scene.ids["failed", "other"][0]

    put = parts.move(collector, Part(scene.run, account_ids=(wanted, stranger)), scene.campaign)

    assert scene.selected(collector) == {scene.campaign: {wanted}}
    assert put.left_out == {parts.NOT_OF_THIS_RUN: 1}


def test_acting_twice_does_not_double(scene: EveryFate, collector: User) -> None:
    part = group(scene, ("failed", "other"))
    parts.retry(collector, part)

    again = parts.retry(collector, part)

    assert (again.size, again.there_before, again.held) == (2, 2, 2)
    assert SelectedAccount.objects.count() == 2


@pytest.mark.parametrize("word", ["SUCCESS", "PENDING", "TELEPORTED", "FAILED"])
def test_what_another_run_has_enrolled_since_is_not_selected_again(
    scene: EveryFate, collector: User, word: str
) -> None:
    fate = ("failed", "other")
    campaign, rows = vendor.for_pages().campaign(scene.campaign), [{"id": each} for each in scene.ids[fate]]
    run = runs.queue(starter=collector, campaign=campaign, accounts=rows, token=uuid.uuid4())
    under_way = parts.retry(collector, group(scene, fate))
    ledger.answered(run, word)

    put = parts.retry(collector, group(scene, fate))

    assert under_way.left_out == {parts.SENT_SINCE: 2}
    assert put.size == (2 if word == "FAILED" else 0)
    assert put.left_out == ({} if word == "FAILED" else {parts.SENT_SINCE: 2})


def test_what_was_selected_before_stays_with_its_reading(scene: EveryFate, collector: User) -> None:
    there, _ = scene.ids["failed", "other"]
    before = selection.of(collector, scene.campaign)
    read_at = timezone.now()
    selection.take_in(before, [(read_at, [{"id": there, "status": "not_assigned"}])])

    put = parts.retry(collector, group(scene, ("failed", "other")))

    assert (put.there_before, put.held) == (1, 2)
    assert SelectedAccount.objects.get(account_id=there).read_at == read_at


def test_nothing_goes_to_a_campaign_that_is_closed(scene: EveryFate, collector: User) -> None:
    scene.sandbox.store.change_campaign(scene.campaign, status="completed")

    with pytest.raises(NotPossible):
        parts.retry(collector, group(scene, ("failed", "other")))
    with pytest.raises(NotPossible):
        parts.move(collector, group(scene, ("failed", "other")), scene.campaign)

    assert scene.selected(collector) == {}


def test_a_campaign_that_is_gone_still_lets_its_rows_go_elsewhere(scene: EveryFate) -> None:
    del scene.sandbox.store.campaigns[scene.campaign]

    _, offers = parts.offers(group(scene, ("failed", "other")))

    assert scene.chase in {campaign.id for campaign in offers.all}


def test_the_review_reads_them_again_and_the_run_that_follows_holds_exactly_them(
    scene: EveryFate, collector: User
) -> None:
    fate = ("failed", "other")
    parts.retry(collector, group(scene, fate))

    checked = review.check(collector, scene.campaign)
    picked_now = checked.selection
    run = review.confirm(
        collector, scene.campaign, token=picked_now.token, revision=picked_now.revision, mark=checked.mark
    )

    assert [group.verdict.code for group in checked.groups] == ["enters"]
    assert checked.read_at is not None
    assert not isinstance(run, review.Problem)
    assert [account_id for batch in run.batches.all() for account_id in batch.account_ids] == scene.ids[fate]
    assert run.pk != scene.run.pk


def test_the_status_as_it_was_picked_is_not_believed_any_more(scene: EveryFate, collector: User) -> None:
    parts.move(collector, group(scene, ("failed", "active_execution")), scene.campaign)

    for row in SelectedAccount.objects.all():
        assert "status" not in row.snapshot
        assert row.snapshot["number"]
        assert row.read_at is None


@pytest.mark.parametrize("fate", every_fate.ALL, ids="-".join)
def test_only_what_waits_is_parked(scene: EveryFate, collector: User, fate: Fate) -> None:
    before = scene.seen()

    parked = waiting.park(collector, group(scene, fate))

    expected = set(scene.ids[fate]) if fate in READ_FIRST else set()
    assert set(ParkedAccount.objects.values_list("account_id", flat=True)) == expected
    assert parked.size == len(expected)
    assert scene.selected(collector) == {}
    assert scene.seen() == before


def test_a_group_of_many_batches_goes_whole_and_alone(sandbox: Sandbox, collector: User) -> None:
    sandbox.store.add_campaign(id=ledger.CAMPAIGN_ID, status="active", type="early_stage")
    run = ledger.queued(2500)
    while run.waiting:
        ledger.answered(run, "FAILED", "SUCCESS", error="The moon is wrong.")

    put = parts.retry(collector, Part(run, outcome="failed", reason="other"))

    failed = set(run.outcomes.filter(state="failed").values_list("account_id", flat=True))
    assert put.size == 1250
    assert set(SelectedAccount.objects.values_list("account_id", flat=True)) == failed
