"""Lists of runs, calls and actions."""

from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

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


@pytest.mark.parametrize(("page", "shown"), [(2, 2), (3, 0)])
def test_the_total_is_known_on_a_full_last_page_and_past_it(page: int, shown: int) -> None:
    for _ in range(4):
        ledger.queued(1)

    listed = history.list_runs(page=page, per_page=2)

    assert (len(listed.rows), listed.paging.total, listed.paging.has_next) == (shown, 4, False)


@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="PostgreSQL knows how many runs there are of a kind"
)
@pytest.mark.parametrize(
    "wanted",
    [
        {"state": "finished", "who": history.COMMAND_LINE},
        {"needs": "failed"},
        {"needs": "pending", "state": "finished"},
        {"needs": "either", "since": date(2026, 1, 1)},
        {"search": "early"},
        {"search": ledger.CAMPAIGN_ID, "until": date(2999, 1, 1)},
        {"mine": True, "user_id": 1},
    ],
)
def test_runs_are_looked_through_without_their_rows(wanted: dict[str, Any]) -> None:
    for _ in range(2):
        ledger.answered(ledger.queued(1), "FAILED")

    with CaptureQueriesContext(connection) as queries:
        history.list_runs(**wanted, per_page=1)
    [page] = [query["sql"] for query in queries if "LIMIT" in query["sql"]]

    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {page}")
        plan = [row[3] for row in cursor.fetchall()]
    assert "SCAN U0 USING COVERING INDEX run_as_listed" in plan


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


def test_runs_are_found_by_who_by_campaign_and_by_either_trouble(collector: User) -> None:
    mine = ledger.answered(ledger.queued(1, starter=collector), "FAILED")
    scripted = ledger.answered(ledger.queued(1), "SUCCESS")

    assert found(who="COLL") == [mine.pk]
    assert found(who="nobody") == []
    assert found(who=history.COMMAND_LINE) == [scripted.pk]
    assert found(search=ledger.CAMPAIGN_ID.upper()) == [scripted.pk, mine.pk]
    assert found(search="22222222-2222-4222-8222-222222222222") == []
    assert found(needs="either") == [mine.pk]
    assert history.starters() == ["collector", history.COMMAND_LINE]


def test_a_period_has_whole_days_of_the_persons_zone() -> None:
    run = ledger.queued(1)
    Run.objects.filter(pk=run.pk).update(created_at="2026-03-01T02:00Z")

    with timezone.override("America/New_York"):
        assert found(since=date(2026, 2, 28), until=date(2026, 2, 28)) == [run.pk]
        assert found(since=date(2026, 3, 1)) == []
        assert found(until=date(2026, 2, 27)) == []


def test_the_runs_into_a_campaign_come_with_the_sums_of_all() -> None:
    for _ in range(history.INTO_SHOWN + 1):
        ledger.answered(ledger.queued(2), "SUCCESS", "FAILED")

    into = history.into(ledger.CAMPAIGN_ID)

    assert len(into.latest) == history.INTO_SHOWN
    assert into.sums == {"runs": 11, "size": 22, "enrolled": 11, "failed": 11, "unknown": 0}
    assert history.into("another").sums["size"] == 0


def test_every_try_with_an_invoice_is_found_that_which_was_sent_again_too(collector: User) -> None:
    first = ledger.answered(ledger.queued(1), "FAILED", error=ledger.ACTIVE)
    second = ledger.unanswered(ledger.queued(2, starter=collector))
    second.outcomes.update(settled_at="2020-01-01T00:00Z")
    runs.send_again(run=second, who=collector, note="asked", account_ids=[ledger.account_id(1)])
    ledger.answered(second, "SUCCESS")

    tries = history.tries(ledger.account_id(1))

    assert [(one.run.pk, one.outcome.state if one.outcome else None) for one in tries] == [
        (second.pk, "enrolled"),
        (second.pk, None),
        (first.pk, "failed"),
    ]
    assert [one.who for one in tries] == [collector, collector, None]
    assert tries[1].attempt.answer_class == "unknown"
    assert tries[2].reason.title == "Already active in a campaign"
    assert len(history.tries(ledger.account_id(2))) == 1
