"""Runs in any state without a vendor: calls are claimed, and answered as the test says."""

import uuid
from collections.abc import Sequence
from itertools import cycle, islice
from typing import Any

from django.contrib.auth.models import User

from dashboard.api.schema import Campaign, EnrollmentRow, EnrollmentWord
from dashboard.models import Run
from dashboard.services import claiming, runs, sending, workers
from dashboard.services.answers import Answer
from dashboard.services.claiming import Claim

CAMPAIGN_ID = "11111111-1111-4111-8111-111111111111"
ACTIVE = (
    "Invoice has an active execution in another campaign. "
    "Please wait for the current campaign to complete before reassigning."
)


def account_id(number: int) -> str:
    return str(uuid.UUID(int=number))


def queued(
    number: int = 3,
    *,
    starter: User | None = None,
    name: str = "Early stage chase",
    known: dict[str, Any] | None = None,
    campaign_id: str = CAMPAIGN_ID,
    **options: Any,
) -> Run:
    """A run of invoices INV-1, INV-2 and so on; `known` is what more their snapshots say."""
    accounts = [
        {"id": account_id(each), "number": f"INV-{each}", "outstanding": "12.50", "currency": "USD"}
        | (known or {})
        for each in range(1, number + 1)
    ]
    campaign = Campaign(id=campaign_id, name=name)
    token = options.pop("token", None) or uuid.uuid4()
    return runs.queue(starter=starter, campaign=campaign, accounts=accounts, token=token, **options)


def claim() -> Claim:
    """The next call, by a worker that is alive."""
    worker = workers.alive().first()
    incarnation = worker.incarnation if worker else workers.register(name="worker", threads=1)
    claimed = claiming.claim(incarnation=incarnation, host="vendor.test", key_fingerprint="f")
    assert claimed
    return claimed


def answered(run: Run, *words: str, error: str = "", **answer: Any) -> Run:
    """The run after its next call was answered with these words in turn, the error beside each FAILED."""
    settled(claim(), *words, error=error, **answer)
    run.refresh_from_db()
    return run


def settled(claimed: Claim, *words: str, error: str = "", **answer: Any) -> None:
    """The same of a call that was made before."""
    sending.settle(claimed, _answer(claimed.account_ids, words, error, answer))


def told(run: Run, *said: tuple[str, str]) -> Run:
    """The run after its next call was answered with a word and an error for each invoice, in turn."""
    claimed = claim()
    rows = tuple(
        EnrollmentRow(account_id=each, word=EnrollmentWord(word), vendor_status=word, error=error)
        for each, (word, error) in zip(claimed.account_ids, cycle(said), strict=False)
    )
    sending.settle(claimed, Answer(answer_class="done", status=200, rows=rows))
    run.refresh_from_db()
    return run


def _answer(ids: Sequence[str], words: Sequence[str], error: str, answer: dict[str, Any]) -> Answer:
    rows = tuple(
        _row(each, word, error) for each, word in zip(ids, islice(cycle(words), len(ids)), strict=True)
    )
    return Answer(answer_class="done", status=200, rows=rows, **answer)


def _row(account_id: str, word: str, error: str) -> EnrollmentRow:
    error = error if word == "FAILED" else ""
    return EnrollmentRow(account_id=account_id, word=EnrollmentWord(word), vendor_status=word, error=error)


def unanswered(run: Run, *, given_up: bool = True, **answer: Any) -> Run:
    """The run after its next call got no readable answer; `given_up` when it is not read again."""
    silence = {"answer_class": "unknown", "cause": "no_answer", "message": "No answer."}
    sending.settle(claim(), Answer(**silence | answer))
    if given_up:
        run.outcomes.update(look_at=None)
        locked = Run.objects.get(pk=run.pk)
        runs.finish_if_done(locked)
        runs.save(locked)
    run.refresh_from_db()
    return run


def rejected(run: Run, status: int, cause: str, message: str) -> Run:
    """The run after its next call was refused."""
    sending.settle(claim(), Answer(answer_class="rejected", cause=cause, status=status, message=message))
    run.refresh_from_db()
    return run
