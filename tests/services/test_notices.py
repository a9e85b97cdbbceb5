"""What people are told about their runs, and when they stop being told."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dashboard.models import Notice, Run
from dashboard.services import notices, runs
from tests import ledger

pytestmark = pytest.mark.django_db


def told(user: User) -> list[str]:
    return [news.sentence for news in notices.unseen(user).shown]


def test_the_end_of_a_run_is_told_to_whoever_started_it_with_its_counts(
    collector: User, viewer: User
) -> None:
    run = ledger.answered(ledger.queued(3, starter=collector), "SUCCESS", "FAILED")

    assert told(collector) == [f"Run {run.pk} has finished: 2 enrolled, 1 failed."]
    assert told(viewer) == []


def test_nobody_is_told_of_a_run_of_the_command_line() -> None:
    ledger.answered(ledger.queued(1), "SUCCESS")

    assert not Notice.objects.exists()


def test_a_run_that_goes_on_tells_nothing(collector: User) -> None:
    ledger.answered(ledger.queued(150, starter=collector), "SUCCESS")

    assert told(collector) == []


def test_a_pause_that_needs_somebody_is_told(collector: User) -> None:
    run = ledger.rejected(ledger.queued(1, starter=collector), 401, "key_rejected", "Invalid key")

    assert told(collector) == [f"Run {run.pk} is paused: The API key was rejected."]


@pytest.mark.parametrize("cause", ["by a person", "for a while"])
def test_a_pause_that_needs_nobody_is_not_told(collector: User, cause: str) -> None:
    run = ledger.queued(1, starter=collector)
    if cause == "by a person":
        runs.pause(run=run, who=collector)
    else:
        locked = runs.lock(run.pk)
        runs.pause_for(locked, Run.Pause.VENDOR_DOWN, "down", resume_at=run.created_at + timedelta(days=1))
        runs.save(locked)

    assert told(collector) == []


def test_what_was_told_is_out_of_date_once_the_run_goes_on(collector: User) -> None:
    run = ledger.rejected(ledger.queued(1, starter=collector), 401, "key_rejected", "Invalid key")

    runs.resume(run=run, who=collector)
    assert told(collector) == []
    ledger.answered(run, "SUCCESS")

    assert told(collector) == [f"Run {run.pk} has finished: 1 enrolled."]


def test_a_stop_tells_what_was_not_sent(collector: User) -> None:
    run = runs.stop(run=ledger.queued(2, starter=collector), who=None)

    assert told(collector) == [f"Run {run.pk} was stopped: 2 not sent."]


def test_dismissing_one_leaves_the_others_and_those_of_other_people(collector: User, manager: User) -> None:
    first, _ = (ledger.answered(ledger.queued(1, starter=collector), "SUCCESS") for _ in range(2))
    of_another = ledger.answered(ledger.queued(1, starter=manager), "SUCCESS").notices.get()

    notices.dismiss(collector, first.notices.get().pk)
    notices.dismiss(collector, of_another.pk)

    assert notices.unseen(collector).number == 1
    notices.dismiss(collector)
    assert notices.unseen(collector).number == 0
    assert notices.unseen(manager).number == 1


def test_a_few_are_shown_and_all_are_counted(collector: User) -> None:
    for _ in range(5):
        ledger.answered(ledger.queued(1, starter=collector), "SUCCESS")

    board = notices.unseen(collector)

    assert (len(board.shown), board.number, board.more) == (3, 5, 2)


@pytest.mark.parametrize(("age", "wait"), [(0, 3), (60, 5), (3600, 10)])
def test_a_page_asks_the_later_the_longer_a_run_lasts(collector: User, age: int, wait: int) -> None:
    run = ledger.queued(1, starter=collector)
    Run.objects.update(created_at=run.created_at - timedelta(seconds=age))

    assert notices.ask_again_after(collector) == wait


@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="PostgreSQL knows how many runs there are of a kind"
)
def test_asking_does_not_go_through_all_runs_of_a_person(collector: User) -> None:
    with CaptureQueriesContext(connection) as queries:
        notices.ask_again_after(collector)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {queries[0]['sql']}")
        plan = " ".join(row[3] for row in cursor.fetchall())

    assert "dashboard_run_state" in plan
    assert "starter" not in plan


def test_a_page_asks_seldom_while_no_run_of_this_person_is_under_way(collector: User, viewer: User) -> None:
    ledger.queued(1, starter=viewer)

    assert notices.ask_again_after(collector) == notices.QUIET
