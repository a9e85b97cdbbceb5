"""The embedded engine over real HTTP: queue, let it work, look at both ledgers."""

import threading

import pytest
from django.contrib.auth.models import User
from django.core import mail as outbox
from pytest_django.fixtures import Settings

from dashboard.models import Attempt, Outcome, Run
from dashboard.sandbox.server import Sandbox
from dashboard.services import mail, sending
from tests.drive import in_balance, queue, until, working
from tests.patience import PATIENCE, wait_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(("number", "calls"), [(1, 1), (100, 1), (101, 2), (250, 3)])
def test_every_account_is_enrolled_in_as_few_calls_as_possible(
    sandbox: Sandbox, number: int, calls: int
) -> None:
    run = queue(sandbox, number)

    with working():
        run = until(run, *Run.ENDED)

    assert (run.state, run.enrolled, run.waiting) == (Run.State.FINISHED, number, 0)
    assert len(sandbox.ledger.posts) == calls == Attempt.objects.count()
    assert Outcome.objects.filter(state=Outcome.State.ENROLLED).count() == number


def test_goes_on_by_itself_while_others_fail(sandbox: Sandbox) -> None:
    sandbox.faults.queue("close", times=1)
    sandbox.faults.queue("close", times=1, process=True)
    sandbox.faults.queue("rate_limit", times=1, retry_after=0.1)
    run = queue(sandbox, 450)

    with working():
        run = until(run, *Run.ENDED)

    assert run.state == Run.State.FINISHED
    assert (run.enrolled, run.failed) == (350, 100)
    assert in_balance(run)
    assert len(sandbox.ledger.posts) == 6


def test_a_worker_that_is_ending_still_holds_its_call_in_flight(sandbox: Sandbox, settings: Settings) -> None:
    settings.LEASE = 0.5
    sandbox.latency = 1.5
    run = queue(sandbox, 1)
    given_up = 0

    with working() as engine:
        wait_for(lambda: sandbox.ledger.posts)
        engine.stop()
        ending = threading.Thread(target=engine.join)
        ending.start()
        while ending.is_alive():
            ending.join(0.05)
            given_up += sending.give_up_abandoned()

    run.refresh_from_db()
    assert (given_up, run.enrolled) == (0, 1)


def test_a_worker_sends_the_news_of_what_has_ended(
    sandbox: Sandbox, collector: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector.email = "ada@example.com"
    collector.save()
    run, sent, deliver = queue(sandbox, 2), threading.Event(), mail.deliver
    Run.objects.filter(pk=run.pk).update(starter=collector)
    monkeypatch.setattr(mail, "deliver", lambda: (number := deliver()) and (sent.set() or number))

    with working():
        assert sent.wait(PATIENCE)

    assert [message.to for message in outbox.outbox] == [["ada@example.com"]]
    assert [(tally.state, tally.number) for tally in run.tallies.all()] == [("enrolled", 2)]


def test_runs_go_on_while_a_mail_server_hangs(
    sandbox: Sandbox, collector: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, may_go = threading.Event(), threading.Event()
    monkeypatch.setattr(mail, "deliver", lambda: hangs.set() or (may_go.wait(PATIENCE) and 0))

    with working():
        assert hangs.wait(PATIENCE)
        done = until(queue(sandbox, 150), "finished")
        may_go.set()

    assert done.enrolled == 150
