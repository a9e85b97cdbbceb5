"""Lists of runs, calls and actions."""

import pytest
from django.contrib.auth.models import User

from dashboard.models import Run
from dashboard.services import history, runs, workers
from tests import ledger

pytestmark = pytest.mark.django_db


def found(**filters: object) -> list[int]:
    return [run.pk for run in history.list_runs(**filters).rows]


def test_runs_are_found_by_campaign_state_and_starter(collector: User) -> None:
    mine = ledger.queued(starter=collector, name="Winter chase")
    other = runs.pause(run=ledger.queued(name="Spring"), who=None)

    assert found() == [other.pk, mine.pk]
    assert found(search="winter") == [mine.pk]
    assert found(state=Run.State.PAUSED) == [other.pk]
    assert found(mine=True, user_id=collector.pk) == [mine.pk]


def test_runs_are_found_by_what_they_need() -> None:
    failed = ledger.answered(ledger.queued(1), "FAILED")
    unknown = ledger.unanswered(ledger.queued(1))
    pending = ledger.answered(ledger.queued(1), "PENDING")

    assert found(needs="failed") == [failed.pk]
    assert found(needs="unknown") == [unknown.pk]
    assert found(needs="pending") == [pending.pk]


def test_a_list_is_paged() -> None:
    oldest = next(run for run in [ledger.queued(1) for _ in range(5)])

    page = history.list_runs(page=3, per_page=2)

    assert [run.pk for run in page.rows] == [oldest.pk]
    assert (page.paging.total, page.paging.last, page.paging.has_next) == (5, 3, False)


def test_calls_come_newest_first_and_without_their_raw_answers() -> None:
    run = ledger.queued(150)
    ledger.answered(run, "SUCCESS", raw="{}")
    ledger.answered(run, "SUCCESS", raw="{}")

    calls = history.attempts(run).rows

    assert [call.batch.number for call in calls] == [2, 1]
    assert "raw" in calls[0].get_deferred_fields()


def test_actions_are_found_by_person_and_kind(collector: User) -> None:
    run = ledger.queued(starter=collector)
    runs.pause(run=run, who=None, note="lunch")

    [paused, queued] = history.audit_entries().rows

    assert (paused.action, paused.note, paused.who) == ("run paused", "lunch", None)
    assert list(history.audit_entries(person="colle").rows) == [queued]
    assert list(history.audit_entries(action="paused").rows) == [paused]
    assert history.audit_actions() == ["run paused", "run queued"]


def test_heartbeats_are_of_the_living_and_name_nobody() -> None:
    workers.leave(workers.register(name="gone", threads=1))
    workers.register(name="host:1", threads=4)

    [heartbeat] = history.heartbeats()

    assert set(heartbeat) == {"heartbeat_age", "threads", "trouble"}
    assert heartbeat["threads"] == 4
