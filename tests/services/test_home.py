"""Which runs need somebody."""

import pytest
from django.contrib.auth.models import User

from dashboard.services import home, runs, workers
from tests import ledger

pytestmark = pytest.mark.django_db


def test_runs_are_sorted_by_what_they_need(collector: User) -> None:
    failed = ledger.answered(ledger.queued(1), "FAILED")
    unknown = ledger.unanswered(ledger.queued(1))
    pending = ledger.answered(ledger.queued(1), "PENDING")
    clean = ledger.answered(ledger.queued(1), "SUCCESS")
    paused = runs.pause(run=ledger.queued(1), who=None)
    active = ledger.queued(1)

    desk = home.desk(collector)

    assert (desk.failed, desk.unknown, desk.pending) == ([failed], [unknown], [pending])
    assert ([one.run for one in desk.paused], desk.under_way.runs) == ([paused], [active])
    assert desk.paused[0].what_to_do == "Resume the run when it should go on."
    assert clean in desk.latest
    assert not desk.is_clear


def test_an_empty_desk_is_clear(collector: User) -> None:
    assert home.desk(collector).is_clear


def test_runs_that_nobody_works_on_are_stuck() -> None:
    ledger.queued(1)
    assert home.under_way().is_stuck

    workers.register(name="host:1", threads=4)

    assert not home.under_way().is_stuck


def test_with_nothing_under_way_the_page_does_not_ask_again() -> None:
    assert home.under_way().poll_after is None
