"""What became of the invoices of a run, by reason."""

from datetime import timedelta

import pytest
from django.utils import timezone

from dashboard.models import Attempt, Outcome
from dashboard.services import fates
from tests import ledger

pytestmark = pytest.mark.django_db


def test_failures_are_grouped_by_reason_with_what_to_do() -> None:
    run = ledger.answered(ledger.queued(3), "FAILED", "SUCCESS", error=ledger.ACTIVE)

    [group] = fates.groups(run)

    assert (group.number, group.code, group.state) == (2, "active_execution", Outcome.State.FAILED)
    assert "Wait" in group.what_to_do
    assert group.words == []


def test_a_sentence_that_is_not_documented_is_quoted() -> None:
    run = ledger.answered(ledger.queued(2), "FAILED", error="The moon is wrong.")

    [group] = fates.groups(run)

    assert list(group.words) == [("The moon is wrong.", 2)]


def test_failures_come_before_what_is_only_pending() -> None:
    run = ledger.answered(ledger.queued(4), "PENDING", "PENDING", "PENDING", "FAILED")

    assert [group.state for group in fates.groups(run)] == ["failed", "pending"]


def test_a_word_nobody_knows_is_quoted() -> None:
    run = ledger.answered(ledger.queued(1), "TELEPORTED")

    [group] = fates.groups(run)

    assert list(group.words) == [("TELEPORTED", 1)]


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
