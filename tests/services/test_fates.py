"""Every invoice that was picked, with its fate."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.models import Attempt, Outcome, Run
from dashboard.services import fates, runs
from tests import ledger

pytestmark = pytest.mark.django_db


def numbers(run: Run, **filters: object) -> list[str]:
    return [row.invoice_number for row in fates.results(run, **filters).rows]


def half_done(*, size: int = 250) -> Run:
    return ledger.answered(ledger.queued(size), "SUCCESS", "FAILED", error=ledger.ACTIVE)


@pytest.mark.parametrize("size", [1, 20, 100, 101, 250])
def test_every_picked_invoice_is_listed_once_whatever_has_become_of_it(size: int) -> None:
    run = half_done(size=size)

    listed = [number for page in range(1, 10) for number in numbers(run, page=page, per_page=30)]

    assert sorted(listed) == sorted(f"INV-{each}" for each in range(1, size + 1))


def test_a_page_may_begin_in_the_middle_of_a_batch_that_waits() -> None:
    run = half_done()

    found = fates.results(run, outcome="waiting", page=2, per_page=60)

    assert [row.invoice_number for row in found.rows] == [f"INV-{each}" for each in range(161, 221)]
    assert (found.paging.total, found.paging.last, found.paging.has_next) == (150, 3, True)


def test_a_page_past_the_end_is_empty_and_knows_the_last_one() -> None:
    found = fates.results(half_done(), page=99, per_page=100)

    assert found.rows == []
    assert found.paging.is_past_end
    assert found.paging.last == 3


@pytest.mark.parametrize(
    ("outcome", "number"), [("enrolled", 50), ("failed", 50), ("skipped", 0), ("waiting", 150)]
)
def test_an_outcome_filters_and_counts(outcome: str, number: int) -> None:
    found = fates.results(half_done(), outcome=outcome, per_page=100)

    assert found.paging.total == number
    assert len(found.rows) == min(number, 100)


def test_what_a_stop_left_unsent_is_listed_as_not_sent() -> None:
    run = runs.stop(run=half_done(), who=None)

    found = fates.results(run, outcome="not_sent", per_page=100)

    assert found.paging.total == 150
    assert {row.state for row in found.rows} == {"not_sent"}


def test_a_search_finds_numbers_and_ids_with_and_without_a_fate() -> None:
    run = half_done()

    assert numbers(run, search="inv-25") == ["INV-25", "INV-250"]
    assert numbers(run, search=ledger.account_id(249)) == ["INV-249"]
    assert numbers(run, search="nothing like it") == []


def test_a_search_turns_pages_without_knowing_how_many_there_are() -> None:
    found = fates.results(half_done(), search="INV-1", page=2, per_page=100)

    assert len(found.rows) == 11
    assert (found.paging.total, found.paging.has_next) == (None, False)


def test_a_page_costs_as_many_queries_in_a_large_run_as_in_a_small_one() -> None:
    costs = []
    for size in (101, 5000):
        run = ledger.queued(size)
        with CaptureQueriesContext(connection) as queries:
            fates.results(run, page=4, per_page=20)
        costs.append(len(queries))

    assert costs[0] == costs[1]


def test_failures_are_grouped_by_reason_with_what_to_do() -> None:
    run = ledger.answered(ledger.queued(3), "FAILED", "SUCCESS", error=ledger.ACTIVE)

    [group] = fates.groups(run)

    assert (group.number, group.code, group.state) == (2, "active_execution", Outcome.State.FAILED)
    assert "Wait" in group.what_to_do
    assert group.words == []


def test_a_sentence_that_is_not_documented_is_quoted() -> None:
    run = ledger.answered(ledger.queued(2), "FAILED", error="The moon is wrong.")

    [group] = fates.groups(run)

    assert list(group.words) == ["The moon is wrong."]


def test_failures_come_before_what_is_only_pending() -> None:
    run = ledger.answered(ledger.queued(4), "PENDING", "PENDING", "PENDING", "FAILED")

    assert [group.state for group in fates.groups(run)] == ["failed", "pending"]


def test_a_word_nobody_knows_is_quoted() -> None:
    run = ledger.answered(ledger.queued(1), "TELEPORTED")

    [group] = fates.groups(run)

    assert list(group.words) == ["TELEPORTED"]


def test_a_clean_run_needs_no_eye() -> None:
    assert fates.groups(ledger.answered(ledger.queued(2), "SUCCESS")) == []


def test_an_unknown_that_will_be_read_again_says_when_and_else_asks_a_person() -> None:
    waiting = fates.groups(ledger.unanswered(ledger.queued(1), given_up=False))
    given_up = fates.groups(ledger.unanswered(ledger.queued(1)))

    assert waiting[0].look_at is not None
    assert given_up[0].look_at is None
    assert "mark it" in given_up[0].what_to_do


def test_a_first_try_of_yesterday_is_old() -> None:
    run = ledger.unanswered(ledger.queued(1))
    assert not fates.unsettled(run).is_old

    Attempt.objects.update(started_at=timezone.now() - timedelta(hours=25))

    assert fates.unsettled(run).is_old
    assert fates.unsettled(run, ledger.account_id(1)).only == run.outcomes.get()
