"""Moving a part of a pick to another campaign."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.contrib.auth.models import User

from dashboard.models import SelectedAccount, Selection
from dashboard.sandbox.server import Sandbox
from dashboard.sandbox.store import made_id
from dashboard.services import campaigns, routing, selection
from dashboard.services.routing import NotPossible

REMINDER, EARLY, PAUSED, DRAFT = (UUID(made_id("campaign", number, 1)) for number in (0, 1, 4, 7))


@pytest.fixture
def picked(sandbox: Sandbox, collector: User) -> Selection:
    picked = selection.of(collector, REMINDER)
    for name, days in (("late", -1), ("very late", -100), ("in time", 5)):
        due_on = (sandbox.store.today + timedelta(days=days)).isoformat()
        snapshot = {"id": name, "status": "not_assigned", "due_on": due_on, "number": name}
        SelectedAccount.objects.create(selection=picked, account_id=name, snapshot=snapshot)
    return picked


def held(user: User, campaign_id: UUID) -> set[str]:
    return set(selection.of(user, campaign_id).accounts.values_list("account_id", flat=True))


def test_the_chain_is_offered_first_and_nothing_twice(sandbox: Sandbox) -> None:
    offers = routing.offers_for_past_due(campaigns.read(str(REMINDER)))

    assert [one.id for one in offers.chain][:1] == [str(EARLY)]
    assert {one.kind for one in offers.all} <= {"early_stage", "first_party"}
    assert len({one.id for one in offers.all}) == len(offers.all)
    assert str(DRAFT) not in {one.id for one in offers.all}


def test_exactly_those_past_due_move_with_what_was_read(picked: Selection) -> None:
    moved = routing.move(picked.user, REMINDER, to=EARLY, verdict="past_due")

    assert (moved.moved, moved.there_before) == (2, 0)
    assert held(picked.user, REMINDER) == {"in time"}
    assert held(picked.user, EARLY) == {"late", "very late"}
    assert SelectedAccount.objects.get(account_id="late").snapshot["number"] == "late"


def test_an_age_can_be_moved_alone(picked: Selection) -> None:
    routing.move(picked.user, REMINDER, to=EARLY, bucket="over_90")

    assert held(picked.user, EARLY) == {"very late"}


def test_what_is_selected_there_already_is_not_doubled(picked: Selection) -> None:
    SelectedAccount.objects.create(selection=selection.of(picked.user, EARLY), account_id="late")

    moved = routing.move(picked.user, REMINDER, to=EARLY, verdict="past_due")

    assert (moved.moved, moved.there_before) == (1, 1)
    assert held(picked.user, EARLY) == {"late", "very late"}
    assert held(picked.user, REMINDER) == {"in time"}


def test_both_reviews_become_stale(picked: Selection) -> None:
    there = selection.of(picked.user, EARLY)

    routing.move(picked.user, REMINDER, to=EARLY, verdict="past_due")

    for before in (picked, there):
        assert Selection.objects.get(pk=before.pk).revision == before.revision + 1


@pytest.mark.parametrize("to", [REMINDER, DRAFT])
def test_nothing_moves_to_where_it_cannot_enter(picked: Selection, to: UUID) -> None:
    with pytest.raises(NotPossible):
        routing.move(picked.user, REMINDER, to=to)

    assert len(held(picked.user, REMINDER)) == 3
