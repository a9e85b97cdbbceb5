"""From a claimed batch to its outcomes: make the one call, settle the answer.

`send` stands outside every transaction, `settle` writes only for its own attempt. Locks are taken in the order pace, run, batch.
"""

import logging
import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from dashboard.api.client import Client
from dashboard.api.errors import ApiError, Unreachable
from dashboard.api.retry import wait_before_retry
from dashboard.models import Attempt, Batch, Outcome, Run, Worker
from dashboard.services import answers, clock, outcomes, pace, runs
from dashboard.services.answers import CLASS, Answer
from dashboard.services.claiming import WRONG_FORM, Claim, claim_of

log = logging.getLogger(__name__)

UNANSWERED_LIMIT = 5  # calls in a row without an answer, then the run is paused
REFUSED_LIMIT = 5  # calls in a row refused for what no smaller call can mend
SPLIT_LIMIT = 200  # calls in a row refused for their contents: more than halving one batch can take
CAMPAIGN_LIMIT = 9  # calls in a row refused for the campaign: more than halving down to one invoice can take
SUSPICIOUS = 2  # calls in a row refused whole: the campaign is read again before the next
PROBE_EVERY = timedelta(seconds=30)
LONGEST_SETTLING = timedelta(minutes=10)  # after its deadline a call's answer is in the ledger, or in a file
READ_AGAIN_AT_MOST = 100


# ----------------------------------------------------------------------------------------------------------- sending


def send(claim: Claim, client: Client) -> Answer:
    """The one call of this claim. Never raises for what the vendor or the network does.

    A worker that stood still since it made the claim may have been given up: it does not send what others look after.
    """
    if time.monotonic() - claim.made_at > settings.LEASE / 2:
        return Answer(
            answer_class=CLASS.NOT_SENT,
            cause="stalled",
            message="Our worker stood still before it sent this.",
        )
    try:
        if claim.single:
            return answers.of_answer(client.enroll_one(claim.account_ids[0], claim.campaign_id))
        return answers.of_answer(client.enroll(claim.campaign_id, claim.account_ids))
    except ApiError as error:
        return answers.of_error(error)


# ---------------------------------------------------------------------------------------------------------- settling


def settle(claim: Claim, answer: Answer) -> None:
    """Write down what came of an attempt. A second answer to the same attempt counts only if the first was "unknown"."""
    cooling = pace.cool_down(answer.asked_wait) if answer.cause == "rate_limited" else None
    if answer.answer_class == CLASS.DONE and claim.cooled:
        pace.warm_up()
    with transaction.atomic():
        attempt, now = _locked(claim.attempt_id)
        batch, run = attempt.batch, attempt.batch.run
        if not attempt.answer_class:
            _write_answer(attempt, answer, now)
            _take(run, batch, attempt, answer, cooling)
        elif attempt.answer_class == CLASS.UNKNOWN:
            _take_late(run, batch, attempt, answer, now)
        runs.finish_if_done(run)
        runs.save(run)


def _locked(attempt_id: int) -> tuple[Attempt, datetime]:
    """The attempt with its batch and run, locked until the transaction ends, and the time."""
    whole = Attempt.objects.select_for_update().select_related("batch__run").annotate(now=clock.column())
    attempt = whole.defer(*(f"batch__run__{name}" for name in runs.UNREAD)).get(pk=attempt_id)
    return attempt, attempt.now


def _take_late(run: Run, batch: Batch, attempt: Attempt, answer: Answer, now: datetime) -> None:
    """A real answer to an attempt that was given up. It never makes its accounts go out again."""
    if answer.answer_class not in (CLASS.DONE, CLASS.REJECTED):
        return
    given_up_at = attempt.ended_at
    _write_answer(attempt, answer, now)
    attempt.remarks["given_up_at"] = given_up_at.isoformat() if given_up_at else ""
    attempt.save(update_fields=["remarks"])
    if answer.answer_class == CLASS.DONE:
        outcomes.correct(run, attempt, answers.read_rows(answer, batch.account_ids))
    else:
        outcomes.correct_rejected(run, batch, attempt, answer)


def _write_answer(attempt: Attempt, answer: Answer, now: datetime) -> None:
    attempt.ended_at = now
    attempt.answer_class, attempt.http_status = answer.answer_class, answer.status
    attempt.message, attempt.raw = answer.message[:500], answer.raw
    attempt.remarks = answers.remarks_on(answer, attempt.batch.account_ids)
    attempt.save(update_fields=["ended_at", "answer_class", "http_status", "message", "raw", "remarks"])


def _take(
    run: Run, batch: Batch, attempt: Attempt, answer: Answer, cooling: tuple[datetime, bool] | None
) -> None:
    """What to do with a batch, by the class of its answer."""
    if answer.answer_class == CLASS.DONE:
        _take_rows(run, batch, attempt, answer)
    elif answer.answer_class == CLASS.UNKNOWN:
        _take_silence(run, batch, attempt, answer)
    elif answer.answer_class == CLASS.NOT_SENT:
        _take_not_sent(run, batch, answer)
    elif cooling:
        runs.put_back(run, batch)
        until, long = cooling
        if long:
            runs.pause_for(run, Run.Pause.RATE_LIMITED, answer.message, resume_at=until)
    elif attempt.single and answer.status in WRONG_FORM:
        runs.put_back(run, batch)
    elif answer.cause in _PAUSING:
        runs.put_back(run, batch)
        run.feeling = True
        runs.pause_for(run, _PAUSING[answer.cause], answer.message)
    else:
        _take_rejection(run, batch, attempt, answer)


_PAUSING = {
    "key_rejected": Run.Pause.KEY_REJECTED,
    "not_allowed": Run.Pause.NOT_ALLOWED,
    "not_found": Run.Pause.CAMPAIGN_NOT_FOUND,
}


def _take_rows(run: Run, batch: Batch, attempt: Attempt, answer: Answer) -> None:
    fates = answers.read_rows(answer, batch.account_ids)
    outcomes.write(run, batch, attempt, fates)
    runs.close(batch, Batch.State.SETTLED)
    run.feeling, run.unanswered_in_row = False, 0
    if all(fate.state == Outcome.State.FAILED and fate.reason == "other" for fate in fates.values()):
        _suspect(run)
    else:
        run.refused_in_row = 0


def _take_silence(run: Run, batch: Batch, attempt: Attempt, answer: Answer) -> None:
    """No readable answer: the accounts' fate is unknown, and the batch is never sent again by itself."""
    reason = answer.cause if answer.cause in answers.OPEN_CAUSES else "no_answer"
    outcomes.write_unknown(run, batch, attempt, reason=reason, error=answer.message)
    runs.close(batch, Batch.State.UNKNOWN)
    if reason not in answers.OWN_CAUSES:
        run.feeling, run.unanswered_in_row = True, run.unanswered_in_row + 1
        if run.unanswered_in_row >= UNANSWERED_LIMIT:
            runs.pause_for(run, Run.Pause.NO_ANSWER, answer.message)


def _take_not_sent(run: Run, batch: Batch, answer: Answer) -> None:
    """Nothing reached the vendor: the batch waits for another try, and the run with it."""
    runs.put_back(run, batch)
    if answer.cause == "stalled":
        return
    if answer.cause == "certificate":
        runs.pause_for(run, Run.Pause.CERTIFICATE, answer.message)
        return
    run.feeling, run.unanswered_in_row = True, run.unanswered_in_row + 1
    wait = wait_before_retry(run.unanswered_in_row, Unreachable(answer.message), repeatable=False)
    run.not_before = clock.now() + timedelta(seconds=wait or 0)
    if run.unanswered_in_row >= UNANSWERED_LIMIT:
        runs.pause_for(run, Run.Pause.VENDOR_DOWN, answer.message, resume_at=clock.now() + PROBE_EVERY)


def _take_rejection(run: Run, batch: Batch, attempt: Attempt, answer: Answer) -> None:
    """A refusal of the call's contents is halved down to the invoice to blame; any other is shown and not repeated."""
    if answer.splits and batch.size > 1:
        runs.cut(run, batch, _smaller(run, batch, answer))
    else:
        outcomes.write_rejected(run, batch, attempt, answer)
        runs.close(batch, Batch.State.REJECTED)
    run.feeling, run.unanswered_in_row = False, 0
    _suspect(run)
    limit = CAMPAIGN_LIMIT if answer.cause == "campaign_refused" else SPLIT_LIMIT
    if run.refused_in_row >= (limit if answer.splits else REFUSED_LIMIT):
        runs.pause_for(run, Run.Pause.REFUSED, answer.message)


def _smaller(run: Run, batch: Batch, answer: Answer) -> int:
    """How many accounts the next calls may carry: a limit that the vendor states holds for the rest of the run."""
    half, limit = (batch.size + 1) // 2, answer.most_per_call
    if limit is None or limit >= batch.size:
        if answer.status != 413:
            return min(half, run.call_size)
        limit = half
    run.call_size = min(run.call_size, limit)
    return run.call_size


def _suspect(run: Run) -> None:
    """Another call refused whole: the second in a row has the campaign read again before the next."""
    run.refused_in_row += 1
    run.check_campaign = run.check_campaign or run.refused_in_row == SUSPICIOUS


def give_up_abandoned() -> int:
    """Settle as unknown what dead workers were sending, or live ones lost. Gives how many calls that were."""
    now = clock.now()
    fresh = Worker.objects.filter(stopped_at=None, seen_at__gt=now - timedelta(seconds=settings.LEASE))
    lost = now - timedelta(seconds=settings.POST_DEADLINE) - LONGEST_SETTLING
    abandoned = Attempt.objects.filter(batch__state=Batch.State.SENDING, answer_class="").exclude(
        incarnation__in=fresh.values("incarnation"), started_at__gt=lost
    )
    claims = [
        claim_of(attempt, attempt.batch.run.campaign_id) for attempt in abandoned.select_related("batch__run")
    ]
    for abandoned_claim in claims:
        settle(abandoned_claim, answers.of_surprise("worker_stopped", "Our worker stopped while sending."))
    return len(claims)


def read_again() -> int:
    """Read once more the kept answers that were not understood: a newer version may. Gives how many it understood."""
    kept = Attempt.objects.filter(answer_class=CLASS.UNKNOWN, http_status__lt=500).exclude(raw="")
    understood = 0
    for attempt in kept.select_related("batch__run").order_by("-pk")[:READ_AGAIN_AT_MOST]:
        claim = claim_of(attempt, attempt.batch.run.campaign_id)
        try:
            settle(claim, answers.of_kept(attempt, claim.account_ids))
            understood += 1
        except ApiError:
            continue
        except Exception:
            log.exception("the answer to attempt %s is still not understood", attempt.pk)
    return understood
