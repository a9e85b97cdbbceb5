"""How far a run is."""

from datetime import timedelta

import pytest
from django.utils import timezone

from dashboard.models import Pace, Run, Worker
from dashboard.services import progress, runs
from tests import ledger

pytestmark = pytest.mark.django_db


def test_it_asks_less_often_as_the_run_ages() -> None:
    run = ledger.queued()
    waits = []
    for age in (0, 60, 600):
        run.created_at = timezone.now() - timedelta(seconds=age)
        waits.append(progress.of(run).poll_after)

    assert waits == [1, 2, 5]


def test_a_paused_run_is_asked_for_every_half_minute_once_its_calls_have_ended() -> None:
    run = ledger.queued(150)
    ledger.claim()
    run = runs.pause(run=run, who=None)
    assert progress.of(run).poll_after == 1

    run.batches.filter(state="sending").update(state="waiting")

    assert progress.of(run).poll_after == 30


def test_a_finished_run_is_not_asked_for_again() -> None:
    run = ledger.answered(ledger.queued(), "SUCCESS")

    assert progress.of(run).is_over
    assert progress.of(run).poll_after is None


def test_a_stopped_run_is_over_when_its_last_call_is() -> None:
    run = ledger.queued(150)
    ledger.claim()

    run = runs.stop(run=run, who=None)

    assert not progress.of(run).is_over


def test_unknowns_that_are_read_again_keep_a_run_going() -> None:
    run = ledger.unanswered(ledger.queued(), given_up=False)

    now = progress.of(run)

    assert now.look_at is not None
    assert not now.is_over


def test_it_is_stuck_without_a_worker() -> None:
    run = ledger.queued()
    assert progress.of(run).is_stuck

    ledger.claim()
    assert not progress.of(run).is_stuck

    Worker.objects.update(seen_at=timezone.now() - timedelta(hours=1))
    assert progress.of(run).is_stuck


def test_it_says_until_when_all_wait_after_a_429() -> None:
    until = timezone.now() + timedelta(seconds=40)
    Pace.objects.create(pk=1, cap=2, cool_until=until)

    assert progress.of(ledger.queued()).cool_until == until


def test_a_hundred_percent_means_all() -> None:
    run = Run(size=100_000, enrolled=99_999)

    assert progress.Progress(run, timezone.now()).percent == 99


@pytest.mark.parametrize("pause", Run.Pause.values)
def test_every_pause_says_what_to_do(pause: str) -> None:
    run = Run(size=1, state="paused", pause=pause)

    assert progress.Progress(run, timezone.now()).what_to_do
