"""Pausing, resuming and stopping, and the pauses that come from our own side."""

import pytest
from django.contrib.auth.models import User
from pydantic import SecretStr
from pytest_django.fixtures import Settings

from dashboard.models import AuditEntry, Batch, Run
from dashboard.sandbox.server import DEMO_KEY, Sandbox
from dashboard.services import runs, sending
from tests.drive import Hands, in_balance, queue
from tests.reliability.conftest import LostRun

pytestmark = pytest.mark.django_db(transaction=True)


def started_by(run: Run, user: User) -> Run:
    run.starter = user
    run.save(update_fields=["starter"])
    return run


class TestPause:
    def test_no_new_call_is_made_and_the_one_under_way_ends(
        self, sandbox: Sandbox, hands: Hands, collector: User
    ) -> None:
        run = queue(sandbox, 250)
        claim = hands.claim()
        assert claim

        runs.pause(run=run, who=collector, note="Wait for the boss")
        sending.settle(claim, sending.send(claim, hands.client))
        run = hands.drain(run)

        assert (run.state, run.pause, run.enrolled, run.waiting) == (
            Run.State.PAUSED,
            Run.Pause.PERSON,
            100,
            150,
        )
        assert len(sandbox.ledger.posts) == 1
        assert AuditEntry.objects.get(action="run paused").note == "Wait for the boss"

    def test_resumed_it_ends_as_if_nothing_had_been(
        self, sandbox: Sandbox, hands: Hands, collector: User
    ) -> None:
        run = queue(sandbox, 250)
        hands.step()
        runs.pause(run=run, who=collector)

        run = hands.drain(runs.resume(run=run, who=collector))

        assert (run.state, run.pause, run.enrolled) == (Run.State.FINISHED, "", 250)
        assert len(sandbox.ledger.posts) == 3

    def test_the_last_call_of_a_paused_run_finishes_it(self, sandbox: Sandbox, hands: Hands) -> None:
        run = queue(sandbox, 3)
        claim = hands.claim()
        assert claim
        runs.pause(run=run, who=None)

        sending.settle(claim, sending.send(claim, hands.client))

        run.refresh_from_db()
        assert (run.state, run.pause, run.enrolled) == (Run.State.FINISHED, "", 3)

    def test_a_persons_pause_outlasts_one_of_ours(self, sandbox: Sandbox, hands: Hands) -> None:
        run = queue(sandbox, 250)
        claim = hands.claim()
        assert claim
        runs.pause(run=run, who=None)
        sandbox.faults.queue("rate_limit", retry_after=100_000)

        sending.settle(claim, sending.send(claim, hands.client))

        run.refresh_from_db()
        assert (run.state, run.pause, run.resume_at) == (Run.State.PAUSED, Run.Pause.PERSON, None)

    def test_it_is_recorded_once(self, sandbox: Sandbox, collector: User) -> None:
        run = queue(sandbox, 3)

        runs.pause(run=run, who=collector)
        runs.pause(run=run, who=collector)

        assert AuditEntry.objects.filter(action="run paused").count() == 1

    def test_an_ended_run_cannot_be_paused(self, sandbox: Sandbox, hands: Hands) -> None:
        run = hands.drain(queue(sandbox, 3))

        with pytest.raises(runs.NotPossible):
            runs.pause(run=run, who=None)


class TestStop:
    @pytest.mark.row("O19")
    def test_calls_under_way_end_and_the_rest_is_not_sent(
        self, sandbox: Sandbox, hands: Hands, collector: User
    ) -> None:
        run = queue(sandbox, 250)
        hands.step()
        claim = hands.claim()
        assert claim

        runs.stop(run=run, who=collector, note="Wrong campaign")
        sending.settle(claim, sending.send(claim, hands.client))
        run = hands.drain(run)

        assert (run.state, run.enrolled, run.not_sent, run.waiting) == (Run.State.STOPPED, 200, 50, 0)
        assert len(sandbox.ledger.posts) == 2
        entry = AuditEntry.objects.get(action="run stopped")
        assert (entry.who, entry.note, entry.detail) == (
            collector,
            "Wrong campaign",
            {"sent": 200, "not_sent": 50},
        )
        assert in_balance(run)

    @pytest.mark.row("O19")
    def test_a_stopped_run_goes_on_where_it_was(
        self, sandbox: Sandbox, hands: Hands, collector: User
    ) -> None:
        run = queue(sandbox, 250)
        hands.step()
        runs.stop(run=run, who=collector)

        run = hands.drain(runs.resume(run=run, who=collector))

        assert (run.state, run.enrolled, run.not_sent) == (Run.State.FINISHED, 250, 0)
        assert len(sandbox.ledger.enrollments) == 250

    @pytest.mark.parametrize(
        ("kind", "options"),
        [
            ("rate_limit", {}),
            ("status", {"status": 401}),
            ("status", {"status": 422}),
            ("status", {"status": 413}),
        ],
    )
    def test_a_call_that_did_nothing_joins_what_is_not_sent(
        self, sandbox: Sandbox, hands: Hands, kind: str, options: dict[str, int]
    ) -> None:
        run = queue(sandbox, 250)
        claim = hands.claim()
        assert claim
        runs.stop(run=run, who=None)
        sandbox.faults.queue(kind, **options)

        sending.settle(claim, sending.send(claim, hands.client))

        run.refresh_from_db()
        assert (run.state, run.not_sent, run.waiting, in_balance(run)) == (Run.State.STOPPED, 250, 0, True)
        hands.forget_cooling()
        assert hands.drain(runs.resume(run=run, who=None)).enrolled == 250

    def test_a_call_that_was_lost_is_unknown_in_the_stopped_run(self, hands: Hands, lost: LostRun) -> None:
        run = lost(3, process=True)

        run = runs.stop(run=run, who=None)

        assert (run.state, run.unknown, run.not_sent) == (Run.State.STOPPED, 3, 0)
        run = hands.look(run)
        assert (run.state, run.enrolled) == (Run.State.STOPPED, 3)

    def test_twice_is_once(self, sandbox: Sandbox) -> None:
        run = queue(sandbox, 3)

        runs.stop(run=run, who=None)
        run = runs.stop(run=run, who=None)

        assert run.not_sent == 3
        assert AuditEntry.objects.filter(action="run stopped").count() == 1

    def test_a_finished_run_has_nothing_to_stop_or_resume(self, sandbox: Sandbox, hands: Hands) -> None:
        run = hands.drain(queue(sandbox, 3))

        with pytest.raises(runs.NotPossible):
            runs.stop(run=run, who=None)
        with pytest.raises(runs.NotPossible):
            runs.resume(run=run, who=None)


class TestOurPauses:
    @pytest.mark.row("O17")
    @pytest.mark.parametrize("loss", ["disabled", "role"])
    def test_a_starter_who_is_no_longer_allowed_pauses_the_run(
        self, sandbox: Sandbox, hands: Hands, collector: User, loss: str
    ) -> None:
        run = started_by(queue(sandbox, 250), collector)
        hands.step()
        if loss == "disabled":
            collector.is_active = False
            collector.save()
        else:
            collector.groups.clear()

        run = hands.drain(run)

        assert (run.state, run.pause, run.enrolled) == (Run.State.PAUSED, Run.Pause.STARTER, 100)
        assert "collector may no longer enroll" in run.pause_text
        assert len(sandbox.ledger.posts) == 1

    @pytest.mark.row("O18")
    @pytest.mark.parametrize("change", ["key", "address"])
    def test_another_key_or_address_pauses_the_run_and_asks(
        self, sandbox: Sandbox, hands: Hands, settings: Settings, change: str
    ) -> None:
        run = queue(sandbox, 250)
        hands.step()
        if change == "key":
            sandbox.keys["sk_sandbox_new"] = sandbox.keys[DEMO_KEY]
            settings.API_KEY = SecretStr("sk_sandbox_new")
        else:
            settings.API_URL = sandbox.url.replace("127.0.0.1", "localhost")

        run = Hands().drain(run)
        assert (run.state, run.pause, run.enrolled) == (Run.State.PAUSED, Run.Pause.KEY_CHANGED, 100)
        assert "sk_sandbox" not in run.pause_text

        run = Hands().drain(runs.resume(run=run, who=None))
        assert (run.state, run.enrolled) == (Run.State.FINISHED, 250)

    @pytest.mark.row("O18")
    def test_each_attempt_keeps_the_host_and_the_keys_fingerprint(
        self, sandbox: Sandbox, hands: Hands
    ) -> None:
        hands.drain(queue(sandbox, 3))

        attempt = Batch.objects.get().attempts.get()
        assert (attempt.host, attempt.key_fingerprint) == (
            f"127.0.0.1:{sandbox.port}",
            hands.client.fingerprint,
        )
        assert DEMO_KEY not in attempt.key_fingerprint
