"""What speaks against sending a selection as it is."""

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from dashboard.api.schema import Campaign
from dashboard.models import Batch, Outcome, Run, SelectedAccount, Selection
from dashboard.services import runs, selection, warnings

HERE, THERE = str(UUID(int=7)), str(UUID(int=8))
CAMPAIGN = Campaign.read({"id": HERE, "status": "ACTIVE", "type": "early_stage"})


@pytest.fixture
def picked(collector: User) -> Selection:
    picked = selection.of(collector, HERE)
    for account_id in "ab":
        take(picked, account_id, customer_id="ann")
    return picked


def take(into: Selection, account_id: str, **fields: Any) -> None:
    snapshot = {"id": account_id, "status": "not_assigned", "customer_id": None} | fields
    SelectedAccount.objects.create(selection=into, account_id=account_id, snapshot=snapshot)


def chosen(picked: Selection) -> Any:
    return picked.accounts.values_list("account_id", flat=True)


def test_an_account_of_unknown_fate_counts_as_in_flight(picked: Selection) -> None:
    run = Run.objects.create(campaign_id="c", campaign_name="c", size=1, unknown=1, starter=picked.user)
    Outcome.objects.create(run=run, account_id="a", state="unknown", settled_at=timezone.now())

    assert warnings.in_flight(chosen(picked)) == {"a": run.pk}


def test_an_account_that_an_unfinished_run_holds_is_in_flight(picked: Selection) -> None:
    run = Run.objects.create(campaign_id="c", campaign_name="c", size=1, starter=picked.user)
    Batch.objects.create(run=run, number=1, accounts=[{"id": "b"}, {"id": "z"}], size=2)

    assert warnings.in_flight(chosen(picked)) == {"b": run.pk}


def test_what_somebody_else_has_selected_is_said_with_name_and_campaign(
    picked: Selection, manager: User
) -> None:
    take(selection.of(manager, THERE), "a")
    take(selection.of(manager, HERE), "z")

    (other,) = warnings.of_selection(picked, CAMPAIGN).taken

    assert (other.username, other.campaign_id, other.size) == ("manager", THERE, 1)


def test_a_customer_active_elsewhere_is_named_with_the_campaign(picked: Selection) -> None:
    take(picked, "c", status="in_progress", campaign_id=THERE, customer_id="ann")
    take(picked, "d", status="in_progress", campaign_id=HERE, customer_id="bob")

    (place,) = warnings.of_selection(picked, CAMPAIGN).elsewhere

    assert (place.customer_id, place.places) == ("ann", [(THERE, "", warnings.ACTIVE)])


def test_a_customer_selected_for_another_campaign_is_named(picked: Selection) -> None:
    take(selection.of(picked.user, THERE), "c", customer_id="ann")
    take(selection.of(picked.user, THERE), "d", customer_id="somebody else")

    assert [place.customer_id for place in warnings.of_selection(picked, CAMPAIGN).elsewhere] == ["ann"]


def test_a_customer_that_was_lately_seen_active_elsewhere_is_named(picked: Selection) -> None:
    seen = {"status": "in_progress", "campaign_id": THERE, "customer_id": "ann"}
    picked.shown = {"x": {"read_at": "2026-08-17T08:00:00+00:00", "snapshot": seen}}

    assert [place.customer_id for place in warnings.of_selection(picked, CAMPAIGN).elsewhere] == ["ann"]


def test_what_was_read_for_somebody_else_counts_too(picked: Selection, manager: User) -> None:
    theirs = selection.of(manager, HERE)
    take(theirs, "c", status="in_progress", campaign_id=THERE, customer_id="ann")
    take(selection.of(manager, THERE), "d", customer_id="ann")

    (place,) = warnings.of_selection(picked, CAMPAIGN).elsewhere

    assert place.places == [(THERE, "", warnings.ACTIVE)]


@pytest.mark.parametrize(
    ("fields", "is_said"),
    [
        ({}, True),
        ({"state": "finished", "enrolled": 1}, True),
        ({"state": "stopped", "unknown": 1}, True),
        ({"state": "finished", "failed": 1}, False),
        ({"campaign_id": HERE}, False),
        ({"created_at": timezone.now() - timedelta(days=91)}, False),
    ],
)
def test_a_customer_of_our_own_runs_is_named_with_the_run(
    picked: Selection, fields: dict[str, Any], is_said: bool
) -> None:
    run = runs.queue(
        starter=picked.user,
        campaign=Campaign.read({"id": THERE, "name": "There", "status": "ACTIVE"}),
        accounts=[{"id": "x", "customer_id": "ann"}, {"id": "y", "customer_id": "ann"}, {"id": "z"}],
        token=uuid4(),
    )
    Run.objects.filter(pk=run.pk).update(**fields)

    found = warnings.of_selection(picked, CAMPAIGN).elsewhere
    alone = warnings.of_account("q", "ann", picked.user, CAMPAIGN).elsewhere

    said = [("ann", [(THERE, "", f"sent by run {run.pk}")])] if is_said else []
    assert [(place.customer_id, place.places) for place in found] == said
    assert [(place.customer_id, place.places) for place in alone] == said


def test_a_campaign_that_changed_since_it_was_opened_says_how(picked: Selection) -> None:
    picked.opened = {"status": "paused", "kind": "early_stage"}

    assert warnings.of_selection(picked, CAMPAIGN).changes == ["Its status was “Paused” and is “Active” now."]


def test_a_quiet_selection_has_no_warnings(picked: Selection) -> None:
    selection.change(picked, add=Counter(["e"]))

    assert warnings.of_selection(picked, CAMPAIGN) == warnings.Warnings({}, [], [], [])
