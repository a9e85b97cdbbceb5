"""What a worker that stood still may not do any more, and what becomes of answers that come too late."""

from dataclasses import replace

import pytest
from pytest_django.fixtures import Settings

from dashboard.models import Attempt, Outcome, Run
from dashboard.sandbox.server import Sandbox
from dashboard.services import answers, sending
from tests.drive import Hands, in_balance, queue

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hands(sandbox: Sandbox) -> Hands:
    return Hands()


def test_a_claim_that_was_held_too_long_is_not_sent_and_waits_for_another_try(
    sandbox: Sandbox, hands: Hands, settings: Settings
) -> None:
    run = queue(sandbox, 3)
    claim = hands.claim()
    assert claim
    stale = replace(claim, made_at=claim.made_at - settings.LEASE)

    sending.settle(stale, sending.send(stale, hands.client))

    run.refresh_from_db()
    assert (run.state, run.waiting, run.not_before) == (Run.State.RUNNING, 3, None)
    assert sandbox.ledger.posts == []
    assert hands.drain(run).enrolled == 3


def test_an_answer_after_the_call_was_given_up_counts_and_says_when_that_was(
    sandbox: Sandbox, hands: Hands
) -> None:
    run = queue(sandbox, 3)
    claim = hands.claim()
    assert claim
    answer = sending.send(claim, hands.client)
    sending.settle(claim, answers.of_surprise("worker_stopped", "Our worker stopped while sending."))
    given_up_at = Attempt.objects.get().ended_at
    assert given_up_at

    sending.settle(claim, answer)

    attempt = Attempt.objects.get()
    assert attempt.remarks["given_up_at"] == given_up_at.isoformat()
    assert set(Outcome.objects.values_list("state", flat=True)) == {Outcome.State.ENROLLED}
    run.refresh_from_db()
    assert in_balance(run)
