"""Figures over time agree with what is on record, at every moment."""

from collections import Counter
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from dashboard.models import Outcome, Run
from dashboard.services import outcomes, predictions, runs, sending, trends
from dashboard.services.answers import Answer
from tests import ledger

pytestmark = pytest.mark.django_db
TODAY = -1
STATE = Outcome.State


def totals() -> dict[str, int]:
    return {series.code: series.total for series in trends.recent().outcomes}


def expected(number: int, verdict: str) -> Run:
    return ledger.queued(number, known={"verdict": verdict})


def move(run: Run, number: int, reason: str) -> None:
    """A reading makes one fail for this reason."""
    locked = runs.lock(run.pk)
    outcome = locked.outcomes.get(account_id=ledger.account_id(number))
    outcomes.move(locked, outcome, STATE.FAILED, reason=reason, source=Outcome.Source.READING)
    runs.save(locked)


def test_a_run_counts_from_its_first_answer_and_the_same_once_it_is_summed_up() -> None:
    ledger.answered(ledger.queued(4), "SUCCESS", "FAILED", "PENDING", "SKIPPED")
    before = totals()

    assert [trends.sum_up(), trends.sum_up()] == [1, 0]

    assert before == totals() == {"enrolled": 1, "pending": 1, "skipped": 1, "failed": 1}
    assert [series.numbers[TODAY] for series in trends.recent().outcomes] == [1, 1, 1, 1]


def test_a_run_that_goes_on_counts_by_its_own_tally_with_reasons_and_predictions() -> None:
    ledger.answered(expected(150, "enters"), "SUCCESS", "FAILED", error=ledger.ACTIVE)

    assert trends.sum_up() == 0

    found = trends.recent()
    assert totals() == {"enrolled": 50, "failed": 50}
    assert [(series.code, series.numbers[TODAY]) for series in found.reasons] == [("active_execution", 50)]
    assert found.rate == 50.0


def test_a_run_that_is_summed_up_while_the_page_is_made_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.answered(ledger.queued(4), "SUCCESS", "FAILED", "PENDING", "SKIPPED")
    before = totals()
    reading = trends._tallied
    monkeypatch.setattr(trends, "_tallied", lambda *given: (reading(*given), trends.sum_up())[0])

    assert totals() == before


def test_figures_are_those_of_the_rows_whatever_has_happened(collector: User) -> None:
    lost = expected(4, "enters")
    call = ledger.claim()
    silence = Answer(answer_class="unknown", cause="no_answer", message="No answer.")
    sending.settle(call, silence)
    first, second, third, _ = call.account_ids
    agree()

    runs.mark(run=lost, who=collector, note="seen", enrolled=False, account_ids=[first])
    lost.outcomes.update(settled_at=timezone.now() - timedelta(minutes=2))
    runs.send_again(run=lost, who=collector, note="sure", account_ids=[second, third])
    ledger.answered(lost, "SUCCESS", "FAILED", error=ledger.ACTIVE)
    agree()

    ledger.settled(call, "SUCCESS")
    agree()

    pending = ledger.answered(expected(3, "past_due"), "PENDING", "SKIPPED")
    trends.sum_up()
    move(pending, 1, "pending_then_not")
    agree()

    ledger.answered(expected(150, "enters"), "SUCCESS", "FAILED", "TELEPORTED", error=ledger.ACTIVE)
    agree()


def agree() -> None:
    """The figures are those of all rows, before and after what has ended is summed up."""
    rows = [(row.state, row.reason, row.predicted) for row in Outcome.objects.all()]
    turned_down = [predictions.is_otherwise(*row) for row in rows if row[2] == "enters"]
    for _ in range(2):
        found = trends.recent()
        assert totals() == Counter(state for state, *_ in rows)
        assert {series.code: series.total for series in found.reasons} == Counter(
            reason for state, reason, _ in rows if reason and state != STATE.ENROLLED
        )
        assert found.refused.total == sum(turned_down)
        assert found.expected.total == sum(
            predictions.is_vendors_word(state, reason) for state, reason, code in rows if code == "enters"
        )
        trends.sum_up()


def test_a_fate_that_changes_later_is_counted_once(collector: User) -> None:
    run = ledger.unanswered(ledger.queued(2))
    trends.sum_up()

    runs.mark(run=run, who=collector, note="seen in the app", enrolled=True)
    before = totals()
    trends.sum_up()

    assert before == totals() == {"enrolled": 2}


def test_reasons_are_counted_the_most_frequent_first_and_the_rare_ones_together() -> None:
    run = ledger.answered(ledger.queued(12), "FAILED", error=ledger.ACTIVE)
    for number, code in enumerate(["a", "b", "c", "d", "e", "f", "g"], start=1):
        move(run, number, code)
    trends.sum_up()

    found = trends.recent().reasons

    assert (found[0].label, found[0].total) == ("Already active in a campaign", 5)
    assert (found[-1].label, found[-1].total) == ("Other reasons", 2)
    assert len(found) == trends.REASONS_SHOWN + 1


def test_what_was_predicted_to_enter_and_refused_is_a_rate() -> None:
    ledger.answered(expected(4, "enters"), "SUCCESS", "SUCCESS", "SUCCESS", "FAILED")
    ledger.answered(expected(1, "past_due"), "SUCCESS")
    trends.sum_up()

    found = trends.recent()

    assert (found.refused.total, found.expected.total, found.rate, found.spared) == (1, 4, 25.0, 1)
    assert found.rates[TODAY] == 25.0
    assert found.rates[0] is None


def test_a_refused_call_says_nothing_about_a_prediction() -> None:
    ledger.rejected(expected(1, "enters"), 409, "refused", "Conflict")
    Run.objects.update(state=Run.State.FINISHED, pause="")
    trends.sum_up()

    assert trends.recent().rate is None


@pytest.mark.parametrize(
    ("zone", "place"), [("UTC", -1), ("America/Los_Angeles", -2), ("Asia/Kathmandu", -1)]
)
def test_days_are_those_of_the_persons_zone(monkeypatch: pytest.MonkeyPatch, zone: str, place: int) -> None:
    run = ledger.answered(ledger.queued(1), "SUCCESS")
    today = timezone.now().replace(hour=12, minute=0)
    Run.objects.filter(pk=run.pk).update(created_at=today.replace(hour=0, minute=20))
    monkeypatch.setattr(timezone, "now", lambda: today)
    trends.sum_up()

    with timezone.override(zone):
        [enrolled] = trends.recent().outcomes

    assert enrolled.numbers[place] == 1


def test_what_is_older_than_the_pictures_is_left_out() -> None:
    run = ledger.answered(ledger.queued(1), "SUCCESS")
    Run.objects.filter(pk=run.pk).update(created_at=run.created_at - timedelta(days=trends.DAYS + 1))
    trends.sum_up()

    assert totals() == {}
