"""Random lives of runs and random answers: what always holds, whatever happens in whatever order."""

import json
import os
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pytest_django.fixtures import Settings

from dashboard.api import answers as api_answers
from dashboard.api.errors import ApiError, NotFound, Unavailable
from dashboard.api.schema import (
    Account,
    AccountStatus,
    Campaign,
    CampaignStatus,
    EnrollmentRow,
    EnrollmentWord,
)
from dashboard.models import Attempt, Batch, Outcome, Pace, Run, Worker
from dashboard.sandbox.rules import ACTIVE_EXECUTION
from dashboard.services import answers, claiming, runs, sending, settling, workers
from dashboard.services.answers import CLASS, Answer
from dashboard.services.claiming import Claim
from tests.drive import in_balance
from tests.reliability.conftest import an_hour_later, due

STATE = Outcome.State
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
OURS = ("not_assigned", "pending_collection")
IN_CI = bool(os.environ.get("CI"))
QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck)}
LIVES = settings(max_examples=150 if IN_CI else 25, stateful_step_count=25, **QUIET)  # type: ignore[arg-type]
ANSWERS = settings(max_examples=2000 if IN_CI else 200, **QUIET)  # type: ignore[arg-type]


# -------------------------------------------------------------------------------------------------------------- runs


@dataclass
class Vendor:
    """Accounts with a status and a campaign, and what was really done to them. Also the client that reads them."""

    accounts: dict[str, tuple[str, str | None]]
    posts: list[int] = field(default_factory=list)
    started: list[tuple[int, str]] = field(default_factory=list)
    seen_in: set[tuple[str, str | None]] = field(default_factory=set)
    away: bool = False

    def enroll(self, claim: Claim) -> list[EnrollmentRow]:
        return [self._enroll(claim, account_id) for account_id in claim.account_ids]

    def put(self, account_id: str, status: str, campaign_id: str | None) -> None:
        self.accounts[account_id] = (status, campaign_id)
        self.seen_in.add((account_id, campaign_id))

    def account(self, account_id: str) -> Account:
        if self.away:
            raise Unavailable("away")
        if account_id not in self.accounts:
            raise NotFound("gone")
        status, campaign_id = self.accounts[account_id]
        return Account(id=account_id, status=AccountStatus(status), campaign_id=campaign_id)

    def campaign(self, campaign_id: str) -> Campaign:
        return Campaign(id=campaign_id, status=CampaignStatus.ACTIVE)

    def _enroll(self, claim: Claim, account_id: str) -> EnrollmentRow:
        status, _ = self.accounts[account_id]
        if status not in OURS:
            error = ACTIVE_EXECUTION if status == "in_progress" else "Not this one"
            return EnrollmentRow(
                account_id=account_id, word=EnrollmentWord.FAILED, vendor_status="FAILED", error=error
            )
        self.put(account_id, "in_progress", claim.campaign_id)
        self.started.append((claim.attempt_id, account_id))
        return EnrollmentRow(account_id=account_id, word=EnrollmentWord.SUCCESS, vendor_status="SUCCESS")


REFUSALS = [
    ("refused", 400, "Bad"),
    ("refused", 409, "Not now"),
    ("refused", 413, "Too large"),
    ("refused", 422, "At most 1 account"),
    ("refused", 302, ""),
    ("key_rejected", 401, "Key"),
    ("not_allowed", 403, "Scope"),
    ("not_found", 404, "Campaign"),
    ("rate_limited", 429, "Slow down"),
]
ODD = st.sampled_from(["as it is", "reversed", "one short", "twice", "stray", "conflict", "pending"])


class Lives(RuleBasedStateMachine):
    """Two runs that share accounts, any number of workers, and a vendor who tells the truth or nothing."""

    who: User

    def __init__(self) -> None:
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        ids = [str(uuid.UUID(int=number)) for number in range(1, 10)]
        self.vendor = Vendor(dict.fromkeys(ids, ("not_assigned", None)))
        self.runs = [self.queue("c1", ids[:6]), self.queue("c2", [ids[0], *ids[5:]])]
        self.in_hand: dict[int, tuple[Claim, Answer | None]] = {}
        self.touched: set[tuple[int, str]] = set()
        self.enter()

    def teardown(self) -> None:
        try:
            self.come_to_an_end()
        finally:
            transaction.set_rollback(True)
            self.undo.__exit__(None, None, None)

    def queue(self, campaign_id: str, ids: list[str]) -> Run:
        accounts = [{"id": account_id, "status": "not_assigned"} for account_id in ids]
        return runs.queue(
            starter=None, campaign=Campaign(id=campaign_id), accounts=accounts, token=uuid.uuid4()
        )

    def enter(self) -> None:
        self.incarnation = workers.register(name="w", threads=1)

    def touch(self, claim: Claim) -> None:
        """From now on an undisturbed run is no measure for these."""
        self.touched |= {(claim.run_id, account_id) for account_id in claim.account_ids}

    # ------------------------------------------------------------------------------------------------ what workers do

    @rule()
    def claim(self) -> None:
        claim = claiming.claim(incarnation=self.incarnation, host="h", key_fingerprint="k")
        if claim:
            assert 1 <= len(claim.account_ids) <= 100
            assert len(set(claim.account_ids)) == len(claim.account_ids)
            fates = Outcome.objects.filter(run=claim.run_id, account_id__in=claim.account_ids)
            assert Batch.objects.get(pk=claim.batch_id).permitted_by_id or not fates.exists()
            self.in_hand[claim.attempt_id] = (claim, None)

    @precondition(lambda self: self.unanswered())
    @rule(data=st.data(), odd=ODD, now=st.booleans())
    def answer(self, data: st.DataObject, odd: str, now: bool) -> None:
        claim = self.post(data)
        rows = self.vendor.enroll(claim)
        self.take(claim, self.answered(claim, rows, odd), now=now)

    @precondition(lambda self: self.unanswered())
    @rule(data=st.data(), done=st.booleans(), now=st.booleans())
    def lose_the_answer(self, data: st.DataObject, done: bool, now: bool) -> None:
        claim = self.post(data)
        if done:
            self.vendor.enroll(claim)
        self.touch(claim)
        self.take(claim, Answer(answer_class=CLASS.UNKNOWN, cause="no_answer"), now=now)

    @precondition(lambda self: self.unanswered())
    @rule(data=st.data(), refusal=st.sampled_from(REFUSALS), now=st.booleans())
    def refuse(self, data: st.DataObject, refusal: tuple[str, int, str], now: bool) -> None:
        claim = self.post(data)
        cause, status, message = refusal
        self.touch(claim)
        answer = Answer(answer_class=CLASS.REJECTED, cause=cause, status=status, message=message)
        self.take(claim, answer, now=now)

    @precondition(lambda self: self.unanswered())
    @rule(data=st.data(), cause=st.sampled_from(["unreachable", "certificate", "stalled"]), now=st.booleans())
    def not_send(self, data: st.DataObject, cause: str, now: bool) -> None:
        claim, _ = self.in_hand[data.draw(st.sampled_from(self.unanswered()))]
        self.take(claim, Answer(answer_class=CLASS.NOT_SENT, cause=cause), now=now)

    @precondition(lambda self: self.answers())
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        claim, answer = self.in_hand.pop(data.draw(st.sampled_from(self.answers())))
        assert answer
        sending.settle(claim, answer)

    @rule(late=st.booleans())
    def kill_the_worker(self, late: bool) -> None:
        """Its calls are given up; their answers come late, or never."""
        for claim, _ in self.in_hand.values():
            self.touch(claim)
        if not late:
            self.in_hand.clear()
        Worker.objects.update(seen_at=LONG_AGO)
        sending.give_up_abandoned()
        self.enter()

    @rule(away=st.booleans())
    def look(self, away: bool) -> None:
        self.vendor.away = away
        due()
        settling.look_again(client=self.vendor)  # type: ignore[arg-type]

    @rule()
    def wait(self) -> None:
        Pace.objects.update(cool_until=None)
        Run.objects.update(not_before=None)
        Run.objects.filter(resume_at__isnull=False).update(resume_at=LONG_AGO)
        settling.resume_paused(self.vendor)  # type: ignore[arg-type]
        settling.check_campaigns(self.vendor)  # type: ignore[arg-type]

    # ------------------------------------------------------------------------------------- what people and the world do

    @rule(index=st.integers(0, 1), act=st.sampled_from([runs.pause, runs.resume, runs.stop]))
    def control(self, index: int, act: Any) -> None:
        with suppress(runs.NotPossible):
            act(run=self.runs[index], who=self.who)

    @rule(index=st.integers(0, 1))
    def send_again(self, index: int) -> None:
        an_hour_later()
        with suppress(runs.NotPossible):
            runs.send_again(run=self.runs[index], who=self.who, note="n")

    @rule(index=st.integers(0, 1), enrolled=st.booleans())
    def mark(self, index: int, enrolled: bool) -> None:
        with suppress(runs.NotPossible):
            runs.mark(run=self.runs[index], who=self.who, note="n", enrolled=enrolled)

    @rule(data=st.data(), status=st.sampled_from(["disputed", "suspended", "in_progress"]))
    def change_an_account(self, data: st.DataObject, status: str) -> None:
        account_id = data.draw(st.sampled_from(sorted(self.vendor.accounts)))
        self.touched |= {(run.pk, account_id) for run in self.runs}
        _, campaign_id = self.vendor.accounts[account_id]
        self.vendor.put(account_id, status, campaign_id or ("elsewhere" if status == "in_progress" else None))

    # ------------------------------------------------------------------------------------------------- what must hold

    @invariant()
    def every_picked_account_is_counted_once(self) -> None:
        for run in self.now():
            unsent = run.batches.filter(permitted_by=None)
            waiting = sum(batch.size for batch in unsent.filter(state__in=Batch.OPEN))
            not_sent = sum(batch.size for batch in unsent.filter(state=Batch.State.NOT_SENT))
            assert in_balance(run)
            assert (run.waiting, run.not_sent) == (waiting, not_sent)

    @invariant()
    def every_call_has_one_earlier_attempt(self) -> None:
        assert len(set(self.vendor.posts)) == len(self.vendor.posts)
        assert Attempt.objects.filter(pk__in=self.vendor.posts).count() == len(self.vendor.posts)

    @invariant()
    def no_batch_goes_out_again_after_unknown(self) -> None:
        for batch in Batch.objects.filter(attempts__answer_class=CLASS.UNKNOWN):
            assert (
                batch.attempts.order_by("-number").values_list("answer_class", flat=True)[0] == CLASS.UNKNOWN
            )

    @invariant()
    def the_screen_does_not_contradict_the_vendor(self) -> None:
        campaigns = {run.pk: run.campaign_id for run in self.runs}
        for outcome in Outcome.objects.filter(state=STATE.ENROLLED).exclude(source=Outcome.Source.PERSON):
            assert (outcome.account_id, campaigns[outcome.run_id]) in self.vendor.seen_in
        for attempt_id, account_id in self.vendor.started:
            if attempt_id not in self.in_hand:
                said = Outcome.objects.filter(attempt=attempt_id, account_id=account_id, state=STATE.FAILED)
                assert not said.exclude(source=Outcome.Source.PERSON).exists()

    @invariant()
    def an_account_is_in_flight_once(self) -> None:
        flying = Batch.objects.filter(state=Batch.State.SENDING).values_list("accounts", flat=True)
        ids = [account["id"] for accounts in flying for account in accounts]
        assert len(set(ids)) == len(ids)

    # ---------------------------------------------------------------------------------------------------------- means

    def now(self) -> list[Run]:
        return list(Run.objects.filter(pk__in=[run.pk for run in self.runs]))

    def unanswered(self) -> list[int]:
        return [attempt_id for attempt_id, (_, answer) in self.in_hand.items() if answer is None]

    def answers(self) -> list[int]:
        return [attempt_id for attempt_id, (_, answer) in self.in_hand.items() if answer]

    def post(self, data: st.DataObject) -> Claim:
        claim, _ = self.in_hand[data.draw(st.sampled_from(self.unanswered()))]
        self.vendor.posts.append(claim.attempt_id)
        return claim

    def take(self, claim: Claim, answer: Answer, *, now: bool) -> None:
        """The answer has come; it is settled now or some time."""
        self.in_hand[claim.attempt_id] = (claim, answer)
        if now:
            sending.settle(claim, answer)
            del self.in_hand[claim.attempt_id]

    def answered(self, claim: Claim, rows: list[EnrollmentRow], odd: str) -> Answer:
        """The vendor's rows, in one of the ways that rows may be odd."""
        if odd in ("one short", "conflict", "pending"):
            self.touch(claim)
        given = {
            "as it is": rows,
            "reversed": rows[::-1],
            "one short": rows[:-1],
            "twice": rows * 2,
            "stray": [*rows, rows[0].model_copy(update={"account_id": "stray"})],
            "conflict": [*rows, rows[0].model_copy(update={"word": EnrollmentWord.SKIPPED})],
            "pending": [as_pending(row) for row in rows],
        }[odd]
        return Answer(answer_class=CLASS.DONE, status=200, rows=tuple(given))

    def come_to_an_end(self) -> None:
        """Whatever was going on, resumed with a vendor that works: what nothing touched is enrolled, once."""
        self.kill_the_worker(late=False)
        for _ in range(200):
            for run in self.runs:
                with suppress(runs.NotPossible):
                    runs.resume(run=run, who=self.who)
            self.wait()
            self.claim()
            if not self.in_hand:
                break
            for claim, _ in list(self.in_hand.values()):
                self.vendor.posts.append(claim.attempt_id)
                sending.settle(claim, self.answered(claim, self.vendor.enroll(claim), "as it is"))
            self.in_hand.clear()
        self.every_picked_account_is_counted_once()
        self.the_screen_does_not_contradict_the_vendor()
        for run in self.now():
            assert (run.waiting, run.not_sent) == (0, 0)
            for outcome in run.outcomes.exclude(state=STATE.ENROLLED):
                elsewhere = self.vendor.accounts[outcome.account_id][1] not in (None, run.campaign_id)
                assert elsewhere or (run.pk, outcome.account_id) in self.touched


def as_pending(row: EnrollmentRow) -> EnrollmentRow:
    changes = {"word": EnrollmentWord.PENDING, "vendor_status": "PENDING"}
    return row.model_copy(update=changes) if row.word == EnrollmentWord.SUCCESS else row


@pytest.mark.django_db
def test_whatever_happens_to_two_runs_their_ledger_stays_true(
    settings: Settings, collector: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SETTLE_AFTER = 0
    settings.PARALLEL_CALLS = 3
    monkeypatch.setattr(runs, "CALL_SIZE", 2)
    monkeypatch.setattr(settling, "_from_list", lambda *_: {})
    Lives.who = collector

    run_state_machine_as_test(Lives, settings=LIVES)


# ----------------------------------------------------------------------------------------------------------- answers

IDS = [str(uuid.UUID(int=number)) for number in range(4)]
WORDS = [
    "SUCCESS",
    "success",
    " Enrolled ",
    "FAILED",
    "failed",
    "SKIPPED",
    "PENDING",
    "zonk",
    "",
    None,
    7,
    True,
    [],
    {},
]
YES = ("success", "enrolled")

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
junk = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)
ids = st.sampled_from([*IDS, IDS[0].upper(), f" {IDS[1]} ", "stranger", "", None, 5])
row = st.fixed_dictionaries(
    {},
    optional={
        "invoice_id": ids,
        "account_id": ids,
        "invoice_number": junk,
        "status": st.sampled_from(WORDS) | scalars,
        "error": st.sampled_from([ACTIVE_EXECUTION, "x" * 5000, "a\x00b\ud800", None]) | junk,
    },
)
results = st.lists(row | junk, max_size=6) | junk
data = st.fixed_dictionaries(
    {}, optional={"results": results, "total_enrollments": junk, "failed_enrollments": junk}
)
envelope = st.fixed_dictionaries(
    {},
    optional={
        "success": st.sampled_from([True, False, "false", None]),
        "status_code": st.sampled_from([200, 400, 404, 429, 500, "x", None]),
        "message": junk,
        "detail": junk,
        "errors": junk,
        "data": data | junk,
        "results": results,
    },
)
usual_row = st.fixed_dictionaries({"invoice_id": st.sampled_from(IDS[:2]), "status": st.sampled_from(WORDS)})
usual = st.lists(usual_row, max_size=4).map(lambda given: {"success": True, "data": {"results": given}})
bodies = (usual | envelope | junk).map(json.dumps) | st.text(max_size=50)
statuses = st.sampled_from([200, 201, 202, 204, 302, 400, 401, 403, 404, 409, 413, 418, 422, 429, 500, 503])


@ANSWERS
@given(text=bodies, status=statuses, alone=st.booleans())
def test_any_answer_gives_each_invoice_one_storable_fate_and_success_only_where_it_says_so(
    text: str, status: int, alone: bool
) -> None:
    sent = IDS[:1] if alone else IDS
    answer = read(text, status, sent if alone else None)

    fates = answers.read_rows(answer, sent)

    assert list(fates) == sent
    assert Answer.model_validate_json(answer.model_dump_json()) == answer
    json.dumps(answers.remarks_on(answer, sent)).encode()
    for account_id, fate in fates.items():
        stored = f"{fate.invoice_number}{fate.vendor_status}{fate.error}"
        assert "\x00" not in stored
        stored.encode()  # raises for what no column takes
        assert max(len(fate.invoice_number), len(fate.vendor_status), len(fate.error)) <= 500
        if fate.state == STATE.ENROLLED:
            words = [row.vendor_status for row in answer.rows if row.account_id == account_id]
            assert words
            assert all(word.strip().lower() in YES for word in words)
    if answer.answer_class == CLASS.DONE:
        assert status < 500
    if answer.answer_class == CLASS.REJECTED:
        assert 300 <= status < 500 or '"success"' in text


def read(text: str, status: int, alone: list[str] | None) -> Answer:
    """As a worker reads it."""
    came = api_answers.Answer(is_write=True, status=status, headers={}, text=text, elapsed=0.1)
    try:
        return answers.of_answer(api_answers.read_enrollment(came, alone[0] if alone else None))
    except ApiError as error:
        return answers.of_error(error)
