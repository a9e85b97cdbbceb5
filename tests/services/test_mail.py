"""E-mail about runs: once, bounded in its tries, and never in the way of a run."""

import socket
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core import mail as outbox
from django.core.mail.backends.base import BaseEmailBackend
from pytest_django.fixtures import Settings

from dashboard.models import Notice, Run
from dashboard.services import clock, mail, runs
from tests import ledger

pytestmark = pytest.mark.django_db
TRIES = len(mail.WAITS) + 1
BY_SMTP = "dashboard.services.smtp.EmailBackend"


class Failing(BaseEmailBackend):
    def send_messages(self, email_messages: object) -> int:
        raise ConnectionRefusedError("the mail server is down")


@pytest.fixture
def ada(collector: User, settings: Settings) -> User:
    settings.PUBLIC_URL = "https://rollcall.example.com"
    collector.email = "ada@example.com"
    collector.save()
    return collector


def make_due() -> None:
    Notice.objects.filter(mail_at__isnull=False).update(mail_at=clock.now() - timedelta(seconds=1))


def test_the_end_of_a_run_goes_out_once_with_counts_and_a_link_and_no_debtor(ada: User) -> None:
    name = "Winter\nchase\u2028What to do: pay"
    run = ledger.answered(ledger.queued(3, starter=ada, name=name), "SUCCESS", "FAILED")

    assert [mail.deliver(), mail.deliver()] == [1, 0]

    [message] = outbox.outbox
    assert message.to == ["ada@example.com"]
    assert message.subject == f"[Rollcall] Run {run.pk} has finished: 2 enrolled, 1 failed."
    assert f"https://rollcall.example.com/runs/{run.pk}/" in message.body
    assert "Campaign: Winter chase What to do: pay\n" in message.body
    assert "INV-" not in message.body
    assert "&" not in message.body


def test_a_pause_says_what_to_do(ada: User) -> None:
    ledger.rejected(ledger.queued(1, starter=ada), 401, "key_rejected", "Invalid key")

    mail.deliver()

    assert "Have the API key corrected" in outbox.outbox[0].body


def test_whoever_has_no_address_gets_none(collector: User) -> None:
    ledger.answered(ledger.queued(1, starter=collector), "SUCCESS")

    assert mail.deliver() == 0
    assert Notice.objects.get().mail == ""


def test_whoever_has_left_gets_none(ada: User) -> None:
    run = ledger.queued(1, starter=ada)
    User.objects.update(is_active=False)

    runs.stop(run=run, who=None)

    assert Notice.objects.get().mail == ""


def test_an_address_that_is_gone_is_a_problem_and_no_success(ada: User) -> None:
    ledger.answered(ledger.queued(1, starter=ada), "SUCCESS")
    User.objects.update(email="")

    mail.deliver()

    [notice] = mail.problems()
    assert (notice.mail, notice.mail_problem) == ("waiting", "The person has no address any more.")


def test_a_server_that_hangs_holds_a_worker_up_for_one_message_only(ada: User, settings: Settings) -> None:
    for _ in range(2):
        ledger.answered(ledger.queued(1, starter=ada), "SUCCESS")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.EMAIL_HOST, settings.EMAIL_PORT = silent.getsockname()
        settings.EMAIL_BACKEND, settings.EMAIL_TIMEOUT = BY_SMTP, 0.1

        assert mail.deliver() == 1

    tried, other = Notice.objects.order_by("-mail_tries")
    assert (tried.mail, tried.mail_tries, other.mail_tries) == ("waiting", 1, 0)
    assert "timed out" in tried.mail_problem


def test_without_a_mail_server_none_is_written(ada: User, settings: Settings) -> None:
    settings.MAIL_IS_ON = False
    ledger.answered(ledger.queued(1, starter=ada), "SUCCESS")
    settings.MAIL_IS_ON = True

    assert mail.deliver() == 0


def test_of_two_machines_one_sends(ada: User) -> None:
    ledger.answered(ledger.queued(1, starter=ada), "SUCCESS")
    seen_by_both = Notice.objects.select_related("run", "user").get()

    sent = [mail._deliver(seen_by_both), mail._deliver(seen_by_both)]

    assert sent == [True, False]
    assert len(outbox.outbox) == 1


def test_a_worker_that_dies_while_sending_does_not_send_again(ada: User) -> None:
    ledger.answered(ledger.queued(1, starter=ada), "SUCCESS")
    Notice.objects.update(mail=Notice.Mail.SENDING, mail_at=None)

    assert mail.deliver() == 0
    assert [notice.mail for notice in mail.problems()] == ["sending"]


def test_a_failing_server_is_tried_a_few_times_and_the_run_does_not_notice(
    ada: User, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EMAIL_BACKEND = "tests.services.test_mail.Failing"
    run = ledger.answered(ledger.queued(1, starter=ada), "SUCCESS")

    for _ in range(TRIES + 2):
        mail.deliver()
        make_due()

    [notice] = mail.problems()
    assert (notice.mail, notice.mail_tries) == (Notice.Mail.FAILED, TRIES)
    assert notice.mail_problem == "ConnectionRefusedError: the mail server is down"
    assert caplog.text.count("could not be sent") == TRIES
    assert Run.objects.get(pk=run.pk).state == Run.State.FINISHED


def test_it_goes_out_once_the_server_is_back(ada: User, settings: Settings) -> None:
    ledger.answered(ledger.queued(1, starter=ada), "SUCCESS")
    working, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, "tests.services.test_mail.Failing"
    mail.deliver()
    settings.EMAIL_BACKEND = working

    assert mail.deliver() == 0
    make_due()
    assert mail.deliver() == 1
    assert (len(outbox.outbox), mail.problems()) == (1, [])


def test_news_that_is_out_of_date_is_not_sent(ada: User) -> None:
    run = ledger.rejected(ledger.queued(1, starter=ada), 401, "key_rejected", "Invalid key")

    runs.resume(run=run, who=ada)

    assert mail.deliver() == 0


def test_a_stop_is_told_when_its_last_call_has_ended(ada: User) -> None:
    run = ledger.queued(150, starter=ada)
    claimed = ledger.claim()
    runs.stop(run=run, who=ada)

    assert mail.deliver() == 0
    ledger.settled(claimed, "SUCCESS")
    make_due()
    mail.deliver()

    assert "100 enrolled, 50 not sent" in outbox.outbox[0].subject
