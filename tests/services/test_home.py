"""Which runs need somebody."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

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

    assert [[one.run for one in due] for due in (desk.failed, desk.unknown, desk.pending)] == [
        [failed],
        [unknown],
        [pending],
    ]
    assert ([one.run for one in desk.paused], desk.under_way.runs) == ([paused], [active])
    assert desk.paused[0].what_to_do == "Resume the run when it should go on."
    assert clean in [one.run for one in desk.latest]
    assert not desk.is_clear


@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="PostgreSQL knows how many runs there are of a kind"
)
def test_what_ended_is_not_gone_through_for_the_few_that_need_somebody(collector: User) -> None:
    with CaptureQueriesContext(connection) as queries:
        home.desk(collector)
    ended = [query["sql"] for query in queries if "'finished'" in query["sql"]]

    assert len(ended) == 2
    for sql in ended:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            plan = " ".join(row[3] for row in cursor.fetchall())
        assert "run_with_unknowns" in plan or "COVERING INDEX run_as_listed" in plan


def test_what_is_rare_is_written_out_so_that_a_kept_plan_is_made_for_it(collector: User) -> None:
    asked: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        asked.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        home.desk(collector)

    for words in ("'queued'", "'paused'", '"unknown" > (0)', '"failed" > (0)', '"pending" > (0)'):
        assert any(words in sql for sql in asked), words


def test_a_run_is_led_to_with_the_one_outcome_that_it_is_listed_for(collector: User) -> None:
    one_kind = ledger.answered(ledger.queued(2), "FAILED", "SUCCESS")
    two_kinds = ledger.answered(ledger.queued(3), "FAILED", "SKIPPED", "PENDING")

    desk = home.desk(collector)

    assert {one.run: one.counts for one in desk.failed} == {
        one_kind: {"failed": 1},
        two_kinds: {"failed": 1, "skipped": 1},
    }
    assert {one.address for one in desk.failed} == {
        f"/runs/{one_kind.pk}/?outcome=failed#results",
        f"/runs/{two_kinds.pk}/",
    }
    assert [one.address for one in desk.pending] == [f"/runs/{two_kinds.pk}/?outcome=pending#results"]
    assert {one.address for one in desk.latest} == {f"/runs/{one_kind.pk}/", f"/runs/{two_kinds.pk}/"}


def test_an_empty_desk_is_clear(collector: User) -> None:
    assert home.desk(collector).is_clear


def test_runs_that_nobody_works_on_are_stuck() -> None:
    ledger.queued(1)
    assert home.under_way().is_stuck

    workers.register(name="host:1", threads=4)

    assert not home.under_way().is_stuck


def test_with_nothing_under_way_the_page_does_not_ask_again() -> None:
    assert home.under_way().poll_after is None
