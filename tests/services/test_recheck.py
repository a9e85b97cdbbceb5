"""The look at the campaign before a run's first call."""

import uuid
from typing import Any

import pytest

from dashboard.models import Run
from dashboard.sandbox.server import Sandbox
from dashboard.services import recheck, runs, vendor
from tests.drive import Hands

pytestmark = pytest.mark.django_db


def confirmed(sandbox: Sandbox, size: int = 3, **account: Any) -> Run:
    """A run that was confirmed on a page: into an early stage campaign, everything past due."""
    campaign = sandbox.store.add_campaign(status="active", type="early_stage")
    ids = [sandbox.store.add_account(status="not_assigned", campaign_id=None)["id"] for _ in range(size)]
    rows = [
        {"id": id_, "status": "not_assigned", "due_on": "2020-01-01", "verdict": "enters"} | account
        for id_ in ids
    ]
    return runs.queue(
        starter=None,
        campaign=vendor.for_pages().campaign(campaign["id"]),
        accounts=rows,
        token=uuid.uuid4(),
        check_first=True,
    )


def begin(run: Run) -> Run:
    hands = Hands()
    hands.step()
    return hands.drain(run)


def test_nothing_is_sent_before_the_campaign_was_read_again(sandbox: Sandbox) -> None:
    run = confirmed(sandbox)

    assert not Hands().claim()
    assert begin(run).enrolled == 3


@pytest.mark.parametrize(("size", "posts"), [(1, 1), (100, 1), (101, 2), (250, 3)])
def test_it_costs_one_reading_and_no_further_call(sandbox: Sandbox, size: int, posts: int) -> None:
    run = confirmed(sandbox, size)
    before = len(sandbox.ledger.calls)

    begin(run)

    assert len(sandbox.ledger.posts) == posts
    assert len(sandbox.ledger.calls) - before == posts + 1


def test_an_unchanged_campaign_is_said_to_be_so(sandbox: Sandbox) -> None:
    found = recheck.of(begin(confirmed(sandbox)))

    assert found
    assert (found.changes, found.verdicts) == ([], [])


def test_a_campaign_of_another_type_pauses_the_run_and_shows_the_changed_verdicts(sandbox: Sandbox) -> None:
    run = confirmed(sandbox)
    sandbox.store.campaigns[run.campaign_id]["type"] = "payment_reminder"

    begin(run)

    found = recheck.of(run)
    assert (run.state, run.pause) == (Run.State.PAUSED, Run.Pause.CAMPAIGN_CHANGED)
    assert found
    assert found.changes == ["Its type was “Early stage” and is “Payment reminder” now."]
    assert [number for _before, _after, number in found.verdicts] == [3]
    assert not sandbox.ledger.posts


def test_a_person_may_let_it_go_on_all_the_same(sandbox: Sandbox) -> None:
    run = confirmed(sandbox)
    sandbox.store.campaigns[run.campaign_id]["type"] = "first_party"
    begin(run)

    runs.resume(run=run, who=None)

    assert Hands().drain(run).enrolled == 3


def test_a_closed_campaign_pauses_the_run(sandbox: Sandbox) -> None:
    run = confirmed(sandbox)
    sandbox.store.campaigns[run.campaign_id]["status"] = "COMPLETED"

    begin(run)

    assert run.pause == Run.Pause.CAMPAIGN_CLOSED
    assert not sandbox.ledger.posts


def test_with_the_vendor_away_it_waits_and_checks_later(sandbox: Sandbox) -> None:
    run = confirmed(sandbox)
    sandbox.stop()
    begin(run)
    assert (run.pause, run.check_campaign) == (Run.Pause.VENDOR_DOWN, True)

    sandbox.start()
    runs.resume(run=run, who=None)

    assert begin(run).enrolled == 3
    assert recheck.of(run)


def test_a_run_without_a_check_has_nothing_to_say(sandbox: Sandbox) -> None:
    assert recheck.of(Run(size=1)) is None
