"""What becomes of an unknown fate: read again, sent again on a person's word, marked, or answered late."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from dashboard.models import Attempt, AuditEntry, Batch, Outcome, Run
from dashboard.sandbox.rules import ACTIVE_EXECUTION
from dashboard.sandbox.server import Sandbox
from dashboard.services import answers, clock, outcomes, reasons, results, runs, sending, settling
from dashboard.services.answers import Answer
from dashboard.services.claiming import Claim
from tests.drive import Hands, in_balance, queue, queue_ids
from tests.reliability.conftest import LostRun, an_hour_later, due

pytestmark = pytest.mark.django_db(transaction=True)
STATE = Outcome.State
WHY = "The vendor's support says so"


def reads(sandbox: Sandbox) -> list[str]:
    """The paths of the accounts that were read."""
    paths = [call.path for call in sandbox.ledger.calls if call.method == "GET"]
    return [path for path in paths if path.startswith("/accounts")]


def send_again(run: Run, who: User, **options: Any) -> int:
    an_hour_later()
    return runs.send_again(run=run, who=who, note=WHY, **options)


def give_up(run: Run) -> Run:
    """As if the worker that holds the calls under way had died."""
    for attempt in Attempt.objects.filter(answer_class="", batch__run=run).select_related("batch"):
        claim = Claim(
            attempt.pk, attempt.batch_id, run.pk, run.campaign_id, tuple(attempt.batch.account_ids), False
        )
        sending.settle(claim, answers.of_surprise("worker_stopped", "Our worker stopped while sending."))
    run.refresh_from_db()
    return run


class TestReadAgain:
    def test_one_active_in_the_campaign_is_confirmed_by_reading(self, hands: Hands, lost: LostRun) -> None:
        run = hands.look(lost(3, process=True))

        assert (run.state, run.enrolled, run.unknown) == (Run.State.FINISHED, 3, 0)
        assert set(run.outcomes.values_list("source", "reason")) == {(Outcome.Source.READING, "")}
        assert in_balance(run)

    def test_without_a_snapshot_it_may_have_been_enrolled_before(self, hands: Hands, lost: LostRun) -> None:
        run = lost(1, process=True)
        Batch.objects.update(accounts=[{"id": run.outcomes.get().account_id}])

        run = hands.look(run)

        outcome = run.outcomes.get()
        assert (outcome.state, outcome.reason) == (STATE.ENROLLED, "perhaps_before")

    def test_one_still_free_has_failed_and_may_be_sent_again_but_never_is_by_itself(
        self, sandbox: Sandbox, hands: Hands, lost: LostRun
    ) -> None:
        run = hands.look(lost(3, process=False))
        run = hands.drain(run)

        reason = reasons.of("not_enrolled_when_read")
        assert (run.state, run.failed, len(sandbox.ledger.posts)) == (Run.State.FINISHED, 3, 1)
        assert set(run.outcomes.values_list("reason", flat=True)) == {"not_enrolled_when_read"}
        assert reason
        assert reason.retry

    def test_one_that_the_vendor_enrolls_after_all_is_found_by_a_later_reading(
        self, sandbox: Sandbox, hands: Hands, lost: LostRun
    ) -> None:
        run = hands.look(lost(1, process=False))
        sandbox.store.enroll(run.campaign_id, [run.outcomes.get(state=STATE.FAILED).account_id])

        due()
        run = hands.look(run)

        assert (run.enrolled, run.failed) == (1, 0)

    @pytest.mark.parametrize(
        ("fault", "options"),
        [
            ("status", {"status": 503}),
            ("close", {}),
            ("html200", {}),
            ("rate_limit", {}),
            ("status", {"status": 401}),
        ],
        ids=str,
    )
    def test_a_reading_that_fails_is_made_again_and_is_not_the_last(
        self,
        sandbox: Sandbox,
        hands: Hands,
        lost: LostRun,
        settings: Settings,
        fault: str,
        options: dict[str, Any],
    ) -> None:
        settings.SETTLE_AFTER = 60
        run = lost(1, process=False)
        due()
        run = hands.look(run)
        sandbox.store.enroll(run.campaign_id, [run.outcomes.get(state=STATE.FAILED).account_id])

        sandbox.faults.queue(fault, method="GET", path="/accounts/", times=None, **options)
        for _ in range(5):
            due()
            run = hands.look(run)
        outcome = run.outcomes.get()
        assert (outcome.state, outcome.looks) == (STATE.FAILED, 1)
        assert outcome.seen.startswith("could not be read: ")
        assert outcome.looked_at
        assert outcome.look_at == outcome.looked_at + timedelta(minutes=10)

        sandbox.faults.clear()
        due()
        run = hands.look(run)
        assert (run.enrolled, run.failed) == (1, 0)

    def test_who_cannot_read_for_days_gives_up(
        self, sandbox: Sandbox, hands: Hands, lost: LostRun, settings: Settings
    ) -> None:
        settings.SETTLE_AFTER = 60
        run = lost(1, process=False)
        sandbox.faults.queue("status", status=503, method="GET", path="/accounts/", times=None)
        run.outcomes.update(settled_at=clock.now() - timedelta(days=3))

        for _ in range(5):
            due()
            run = hands.look(run)

        outcome = run.outcomes.get()
        assert (outcome.state, outcome.looks, outcome.look_at) == (STATE.UNKNOWN, 3, None)

    @pytest.mark.parametrize(
        ("account", "seen"),
        [
            ({"status": "disputed"}, "Disputed, no campaign"),
            ({"status": "suspended"}, "Suspended, no campaign"),
            ({"status": "settled"}, "Settled, no campaign"),
            ({"status": "in_progress", "campaign_id": "another"}, "In progress, campaign another"),
            (
                {"status": "pending_collection", "campaign_id": "another"},
                "Pending collection, campaign another",
            ),
            ({"status": "zonk"}, "zonk, no campaign"),
            ({"status": ""}, "no status, no campaign"),
        ],
    )
    def test_anything_else_stays_unknown_with_what_was_seen(
        self, sandbox: Sandbox, hands: Hands, lost: LostRun, account: dict[str, Any], seen: str
    ) -> None:
        run = lost(1, process=False)
        sandbox.store.accounts[run.outcomes.get().account_id].update(account)

        run = hands.look(run)

        assert (run.unknown, run.outcomes.get().seen) == (1, seen)

    @pytest.mark.parametrize(
        ("status", "seen"), [(404, "not found when read again"), (500, "could not be read: ")]
    )
    def test_one_that_cannot_be_read_stays_unknown(
        self, sandbox: Sandbox, hands: Hands, lost: LostRun, status: int, seen: str
    ) -> None:
        run = lost(1, process=False)
        sandbox.faults.queue("status", status=status, method="GET", path="/accounts/", times=None)

        run = hands.look(run)

        assert run.unknown == 1
        assert run.outcomes.get().seen.startswith(seen)

    def test_nothing_is_read_before_its_time(
        self, sandbox: Sandbox, settings: Settings, lost: LostRun
    ) -> None:
        settings.SETTLE_AFTER = 60
        run = lost(3, process=True)

        looked = settling.look_again(client=Hands().client)

        outcome = run.outcomes.first()
        assert looked == 0
        assert reads(sandbox) == []
        assert outcome
        assert outcome.look_at == outcome.settled_at + timedelta(seconds=60)

    def test_after_a_few_readings_it_is_left_to_a_person(
        self, sandbox: Sandbox, hands: Hands, lost: LostRun
    ) -> None:
        run = lost(1, process=False)
        sandbox.store.accounts[run.outcomes.get().account_id]["status"] = "disputed"

        for _ in range(10):
            due()
            run = hands.look(run)

        assert len(reads(sandbox)) == len(outcomes.LOOKS[STATE.UNKNOWN])
        assert (run.state, run.unknown) == (Run.State.FINISHED, 1)

    def test_many_are_read_from_the_list_where_that_is_fewer_calls(
        self, sandbox: Sandbox, hands: Hands, lost: LostRun
    ) -> None:
        run = hands.look(lost(100, process=True))

        assert run.enrolled == 100
        assert reads(sandbox) == ["/accounts", "/accounts"]

    @pytest.mark.row("U42")
    def test_a_list_that_shows_the_same_page_again_and_again_is_not_walked_for_ever(
        self, sandbox: Sandbox, hands: Hands, lost: LostRun
    ) -> None:
        run = lost(100, process=True)
        sandbox.faults.queue("ignore_page", path="/accounts", times=50)

        assert hands.look(run).enrolled == 100
        assert reads(sandbox).count("/accounts") == 2

    def test_nothing_is_read_before_sending(self, sandbox: Sandbox, hands: Hands) -> None:
        run = hands.drain(queue(sandbox, 250))

        assert (run.enrolled, len(sandbox.ledger.posts)) == (250, 3)
        assert reads(sandbox) == []

    def test_a_reading_is_void_once_a_person_has_had_it_sent_again(
        self, sandbox: Sandbox, hands: Hands, lost: LostRun, collector: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = lost(1, process=False)
        read = settling.read_accounts

        def read_while_a_person_acts(*args: Any) -> Any:
            seen = read(*args)
            send_again(run, collector)
            return seen

        monkeypatch.setattr(settling, "read_accounts", read_while_a_person_acts)
        run = hands.look(run)

        assert (run.unknown, run.failed) == (1, 0)


class TestSendAgain:
    def test_it_is_refused_in_the_first_minute(self, lost: LostRun, collector: User) -> None:
        run = lost(1, process=False)

        with pytest.raises(runs.NotPossible, match="less than a minute"):
            runs.send_again(run=run, who=collector, note=WHY)

        assert not AuditEntry.objects.filter(action="sent again").exists()

    def test_it_is_on_record_who_permitted_it_and_why(
        self, sandbox: Sandbox, hands: Hands, lost: LostRun, collector: User
    ) -> None:
        run = lost(2, process=False)

        assert send_again(run, collector) == 2
        run = hands.drain(run)

        entry = AuditEntry.objects.get(action="sent again")
        assert (entry.who, entry.note, entry.run) == (collector, WHY, run)
        assert len(entry.detail["account_ids"]) == 2
        assert run.batches.get(number=2).permitted_by == entry
        assert [call.path for call in sandbox.ledger.posts] == ["/accounts/campaign/bulk"] * 2

    def test_success_counts_as_enrolled_by_the_second_try(
        self, hands: Hands, lost: LostRun, collector: User
    ) -> None:
        run = lost(2, process=False)
        send_again(run, collector)

        run = hands.drain(run)

        assert (run.state, run.enrolled, run.unknown) == (Run.State.FINISHED, 2, 0)
        assert {outcome.attempt.batch.number for outcome in run.outcomes.all() if outcome.attempt} == {2}
        assert list(Attempt.objects.order_by("pk").values_list("answer_class", flat=True)) == [
            "unknown",
            "done",
        ]

    def test_refused_as_active_is_a_state_of_its_own_counted_apart(
        self, hands: Hands, lost: LostRun, collector: User
    ) -> None:
        run = lost(2, process=True)
        send_again(run, collector)

        run = hands.drain(run)

        assert (run.already_active, run.enrolled, run.failed, run.unknown) == (2, 0, 0, 0)
        assert set(run.outcomes.values_list("error", flat=True)) == {ACTIVE_EXECUTION}
        assert (results.counts(run)["unknown"], results.exit_code(run)) == (2, 3)
        assert in_balance(run)

    def test_reading_may_then_confirm_it(self, hands: Hands, lost: LostRun, collector: User) -> None:
        run = lost(2, process=True)
        send_again(run, collector)

        run = hands.look(hands.drain(run))

        assert (run.enrolled, run.already_active) == (2, 0)

    def test_a_second_call_refused_whole_proves_nothing_about_the_first(
        self, sandbox: Sandbox, hands: Hands, lost: LostRun, collector: User
    ) -> None:
        run = lost(2, process=True)
        sandbox.faults.queue("status", status=409, body={"detail": "Not now"})
        send_again(run, collector)

        run = hands.drain(run)
        assert (run.unknown, run.failed) == (2, 0)

        run = hands.look(run)
        assert run.enrolled == 2

    @pytest.mark.parametrize("word", ["SKIPPED", "FAILED", "ZONK"])
    def test_what_a_second_try_did_not_do_the_first_may_have_done(
        self, sandbox: Sandbox, hands: Hands, lost: LostRun, collector: User, word: str
    ) -> None:
        run = lost(2, process=True)
        sandbox.store.refusals = {outcome.account_id: "Not today" for outcome in run.outcomes.all()}
        sandbox.faults.clear()
        sandbox.faults.queue("words", words=word, process=False)
        send_again(run, collector)

        run = hands.drain(run)
        assert run.unknown == 0

        run = hands.look(run)
        assert (run.enrolled, in_balance(run)) == (2, True)

    def test_unknown_once_more_needs_another_word(
        self, sandbox: Sandbox, hands: Hands, lost: LostRun, collector: User
    ) -> None:
        run = lost(2, process=False)
        sandbox.faults.queue("close")
        send_again(run, collector)

        run = hands.drain(run)

        assert (run.unknown, len(sandbox.ledger.posts), in_balance(run)) == (2, 2, True)
        with pytest.raises(runs.NotPossible, match="less than a minute"):
            runs.send_again(run=run, who=collector, note=WHY)

    def test_it_is_not_sent_again_twice(self, lost: LostRun, collector: User) -> None:
        run = lost(2, process=False)
        send_again(run, collector)

        with pytest.raises(runs.NotPossible, match="No invoice"):
            send_again(run, collector)

    def test_one_may_be_sent_again_and_the_others_left(
        self, sandbox: Sandbox, hands: Hands, lost: LostRun, collector: User
    ) -> None:
        run = lost(3, process=False)
        chosen = run.outcomes.order_by("pk")[1].account_id

        assert send_again(run, collector, account_ids=[chosen]) == 1
        run = hands.drain(run)

        assert (run.enrolled, run.unknown) == (1, 2)
        assert sandbox.ledger.posts[-1].body["account_ids"] == [chosen]

    def test_it_leaves_the_rest_of_a_stopped_run_unsent_and_resumable(
        self, sandbox: Sandbox, hands: Hands, collector: User
    ) -> None:
        sandbox.faults.queue("close")
        run = queue(sandbox, 150)
        hands.step()
        runs.stop(run=run, who=collector)
        send_again(run, collector)

        run = hands.drain(run)
        assert (run.state, run.enrolled, run.not_sent) == (Run.State.STOPPED, 100, 50)

        run = hands.drain(runs.resume(run=run, who=collector))
        assert (run.state, run.enrolled, run.not_sent) == (Run.State.FINISHED, 150, 0)


class TestMark:
    @pytest.mark.parametrize(("enrolled", "state"), [(True, STATE.ENROLLED), (False, STATE.FAILED)])
    def test_a_persons_word_settles_it_and_is_on_record(
        self, sandbox: Sandbox, hands: Hands, lost: LostRun, collector: User, enrolled: bool, state: str
    ) -> None:
        run = lost(2, process=False)

        assert runs.mark(run=run, who=collector, note=WHY, enrolled=enrolled) == 2

        due()
        run = hands.look(run)
        outcome = run.outcomes.first()
        assert (run.state, run.unknown, reads(sandbox)) == (Run.State.FINISHED, 0, [])
        assert outcome
        assert (outcome.state, outcome.source, outcome.error) == (state, Outcome.Source.PERSON, WHY)
        assert AuditEntry.objects.filter(action__startswith="marked", who=collector, note=WHY).count() == 1

    def test_there_must_be_something_to_mark(self, lost: LostRun, collector: User) -> None:
        run = lost(1, process=False)
        runs.mark(run=run, who=collector, note=WHY, enrolled=True)

        with pytest.raises(runs.NotPossible):
            runs.mark(run=run, who=collector, note=WHY, enrolled=False)

    def test_what_is_about_to_be_sent_again_cannot_be_marked(self, lost: LostRun, collector: User) -> None:
        run = lost(1, process=False)
        send_again(run, collector)

        with pytest.raises(runs.NotPossible):
            runs.mark(run=run, who=collector, note=WHY, enrolled=True)


class TestLateAnswers:
    @pytest.fixture
    def claim(self, sandbox: Sandbox, hands: Hands) -> Claim:
        queue(sandbox, 3)
        claim = hands.claim()
        assert claim
        return claim

    @pytest.fixture
    def run(self, claim: Claim) -> Run:
        """Its one call is made, and its worker is thought dead."""
        return give_up(Run.objects.get(pk=claim.run_id))

    def answer(self, hands: Hands, claim: Claim) -> Run:
        sending.settle(claim, sending.send(claim, hands.client))
        return Run.objects.get(pk=claim.run_id)

    def test_it_counts_for_its_attempt(self, hands: Hands, claim: Claim, run: Run) -> None:
        run = self.answer(hands, claim)

        assert (run.state, run.enrolled, run.unknown) == (Run.State.FINISHED, 3, 0)
        assert Attempt.objects.get().answer_class == Attempt.AnswerClass.DONE
        assert in_balance(run)

    def test_it_corrects_a_reading_that_came_too_early(self, hands: Hands, claim: Claim, run: Run) -> None:
        assert hands.look(run).failed == 3

        run = self.answer(hands, claim)

        assert (run.enrolled, run.failed) == (3, 0)

    def test_it_corrects_a_person(self, hands: Hands, claim: Claim, run: Run, collector: User) -> None:
        runs.mark(run=run, who=collector, note=WHY, enrolled=False)

        assert self.answer(hands, claim).enrolled == 3

    def test_it_corrects_a_second_try_that_was_refused(
        self, sandbox: Sandbox, hands: Hands, claim: Claim, run: Run, collector: User
    ) -> None:
        answer = sending.send(claim, hands.client)
        sandbox.store.change_campaign(run.campaign_id, status="completed")
        for account_id in claim.account_ids:
            sandbox.store.change_account(account_id, status="disputed")
        send_again(run, collector)
        assert hands.drain(run).failed == 3

        sending.settle(claim, answer)

        run.refresh_from_db()
        assert (run.enrolled, run.failed) == (3, 0)

    def test_a_late_no_takes_nothing_from_a_second_try(
        self, sandbox: Sandbox, hands: Hands, claim: Claim, run: Run, collector: User
    ) -> None:
        send_again(run, collector)
        assert hands.drain(run).enrolled == 3

        run = self.answer(hands, claim)

        assert (run.enrolled, run.failed) == (3, 0)

    def test_a_late_refusal_of_the_call_says_that_nothing_was_done(
        self, sandbox: Sandbox, hands: Hands, claim: Claim, run: Run
    ) -> None:
        sandbox.faults.queue("status", status=409, body={"detail": "Not now"})

        run = self.answer(hands, claim)

        assert (run.failed, run.unknown, len(sandbox.ledger.posts)) == (3, 0, 1)
        assert set(run.outcomes.values_list("reason", "error")) == {("call_refused", "Not now")}

    def test_what_it_does_not_mention_stays_as_it_was(
        self, sandbox: Sandbox, hands: Hands, claim: Claim, run: Run
    ) -> None:
        sandbox.faults.queue("drop_rows", count=1)

        run = self.answer(hands, claim)

        assert (run.enrolled, run.unknown) == (2, 1)

    def test_a_second_real_answer_changes_nothing(self, hands: Hands, claim: Claim, run: Run) -> None:
        self.answer(hands, claim)

        sending.settle(claim, Answer(answer_class="done", rows=()))

        run.refresh_from_db()
        assert run.enrolled == 3


class TestUnfamiliarWords:
    @pytest.fixture
    def run(self, sandbox: Sandbox, hands: Hands) -> Run:
        sandbox.faults.queue("words", words="ZONKED")
        return hands.drain(queue(sandbox, 2))

    def test_it_is_enrolled_once_a_reading_shows_it(self, sandbox: Sandbox, hands: Hands, run: Run) -> None:
        assert (run.unrecognised, set(run.outcomes.values_list("vendor_status", flat=True))) == (
            2,
            {"ZONKED"},
        )
        sandbox.store.enroll(run.campaign_id, [run.outcomes.get(place=1).account_id])

        due()
        run = hands.look(run)

        assert (run.state, run.enrolled, run.unrecognised) == (Run.State.FINISHED, 1, 1)
        assert run.outcomes.get(place=1).source == Outcome.Source.READING

    def test_it_stays_what_it_is_where_readings_prove_nothing(self, hands: Hands, run: Run) -> None:
        for _ in range(4):
            due()
            run = hands.look(run)

        assert run.unrecognised == 2
        assert set(run.outcomes.values_list("look_at", "seen")) == {(None, "Not assigned, no campaign")}
        assert in_balance(run)


class TestPending:
    @pytest.fixture
    def run(self, sandbox: Sandbox, hands: Hands) -> Run:
        sandbox.store.pending_rate = 1.0
        return hands.drain(queue(sandbox, 1))

    def test_it_is_apart_and_the_run_does_not_wait_for_it(self, run: Run) -> None:
        assert (run.state, run.pending, run.enrolled) == (Run.State.FINISHED, 1, 0)
        assert run.outcomes.get().look_at

    def test_it_is_read_until_it_is_enrolled(self, hands: Hands, run: Run) -> None:
        for _ in range(3):
            due()
            run = hands.look(run)

        assert (run.state, run.enrolled, run.pending) == (Run.State.FINISHED, 1, 0)
        assert run.outcomes.get().source == Outcome.Source.READING

    @pytest.mark.parametrize(
        "account", [{"status": "in_progress", "campaign_id": "another"}, {"status": "settled"}]
    )
    def test_it_has_failed_once_it_is_plainly_elsewhere(
        self, sandbox: Sandbox, hands: Hands, run: Run, account: dict[str, str]
    ) -> None:
        sandbox.store.change_account(run.outcomes.get().account_id, **account)

        run = hands.look(run)

        assert (run.failed, run.outcomes.get().reason) == (1, "pending_then_not")

    def test_the_readings_are_spaced_out_and_come_to_an_end(
        self, sandbox: Sandbox, hands: Hands, run: Run, settings: Settings
    ) -> None:
        settings.SETTLE_AFTER = 60
        sandbox.store.pending_reads = 1000
        sandbox.store.pending[run.outcomes.get().account_id].reads_left = 1000
        waits = []

        for _ in range(10):
            due()
            run = hands.look(run)
            outcome = run.outcomes.get()
            if outcome.look_at and outcome.looked_at:
                waits.append(round((outcome.look_at - outcome.looked_at).total_seconds() / 60))

        assert waits == [5, 15, 60, 360, 1440]
        assert len(reads(sandbox)) == 6
        assert (run.pending, outcome.look_at) == (1, None)
        assert outcome.looked_at
        assert outcome.looked_at <= clock.now()


def test_a_person_may_send_again_what_a_lone_call_left_unknown(
    sandbox: Sandbox, hands: Hands, collector: User
) -> None:
    sandbox.faults.queue("close", process=True)
    run = hands.drain(queue_ids(sandbox, [sandbox.store.add_account(status="not_assigned")["id"]]))
    send_again(run, collector)

    run = hands.drain(run)

    assert (run.already_active, run.unknown) == (1, 0)
