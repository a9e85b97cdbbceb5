"""From a waiting batch to its outcomes: claim it, make the one call, settle the answer.

`claim` commits the attempt before anything is sent, `send` stands outside every transaction, `settle` writes only for its own
attempt. Locks are taken in the order pace, run, batch.
"""

import logging
import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q

from dashboard.api.client import Client
from dashboard.api.errors import ApiError, Unreachable
from dashboard.api.retry import wait_before_retry
from dashboard.models import Attempt, Batch, Outcome, Run, Worker
from dashboard.services import answers, clock, outcomes, pace, runs
from dashboard.services.answers import CLASS, Answer

log = logging.getLogger(__name__)

UNANSWERED_LIMIT = 5  # calls in a row without an answer, then the run is paused
REFUSED_LIMIT = 5  # calls in a row refused for what no smaller call can mend
SPLIT_LIMIT = 200  # calls in a row refused for their contents: more than halving one batch can take
SUSPICIOUS = 2  # calls in a row refused whole: the campaign is read again before the next
PROBE_EVERY = timedelta(seconds=30)
LONGEST_SETTLING = timedelta(minutes=10)  # after its deadline a call's answer is in the ledger, or in a file
RUNS_AT_ONCE = 50
ROLES = "dashboard.people.RoleBackend"
ANY_TIME = datetime(1, 1, 2, tzinfo=UTC)
READ_AGAIN_AT_MOST = 100
WRONG_FORM = (404, 405, 422)


@dataclass(frozen=True)
class Claim:
    """One call to make. Whoever holds it is the only one to make it, once."""

    attempt_id: int
    batch_id: int
    run_id: int
    campaign_id: str
    account_ids: tuple[str, ...]
    single: bool
    alone: bool = False  # the run's next call waits for this one
    cooled: bool = True  # made while a rate limit was being got over: an answer speeds up again
    made_at: float = field(
        default_factory=time.monotonic, compare=False
    )  # seconds on this machine's steady clock


@dataclass(frozen=True)
class Sender:
    """Who makes calls: a worker process, with its address and key."""

    incarnation: uuid.UUID
    host: str
    key_fingerprint: str


# ---------------------------------------------------------------------------------------------------------- claiming


def has_work() -> bool:
    """Whether a claim might find something: one cheap read, so that idle workers write nothing."""
    return Batch.objects.filter(state=Batch.State.WAITING, run__state__in=Run.ACTIVE).exists()


def claim(*, incarnation: uuid.UUID, host: str, key_fingerprint: str) -> Claim | None:
    """The next call to make, with its attempt written down, or None when there is nothing to do now."""
    sender = Sender(incarnation, host, key_fingerprint)
    return next(iter(claim_some(sender, at_most=1)), None)


@transaction.atomic
def claim_some(sender: Sender, *, at_most: int, answered: Collection[int] = ()) -> list[Claim]:
    """The next calls to make, with their attempts written down; none when there is nothing to do now.

    The longest unserved runs go first, so a small run never waits behind a large one. `answered` are batches whose
    calls have ended though they are not settled yet: they no longer count as calls under way.
    """
    tempo, now = pace.lock()
    sending = Batch.objects.filter(state=Batch.State.SENDING).order_by()
    in_flight = dict(sending.values_list("pk", "run_id"))
    free = min(at_most, pace.calls_to_send(tempo, now, under_way=len(in_flight.keys() - answered)))
    ready = _runs_to_serve(now) if free else []
    claims: list[Claim] = []
    for waiting, (run, may_enroll) in zip(range(len(ready), 0, -1), ready, strict=True):
        share = -(-(free - len(claims)) // waiting)
        if share and _may_send(run, sender, may_enroll=may_enroll):
            batches = _next_batches(run, share, in_flight)
            claims += _write_attempts(run, batches, sender, now, cooled=not pace.is_at_rest(tempo))
            in_flight |= {batch.pk: run.pk for batch in batches}
        runs.save(run)
    return claims


def _runs_to_serve(now: datetime) -> list[tuple[Run, bool]]:
    """The runs with something to send, and whether whoever started each may still enroll."""
    sql, params = _serving()
    stored = connection.ops.adapt_datetimefield_value
    values = [stored(now) if value == stored(ANY_TIME) else value for value in params]
    return [(run, bool(vars(run)["may_enroll"])) for run in Run.objects.raw(sql, values)]


@lru_cache(maxsize=1)
def _serving() -> tuple[str, tuple[Any, ...]]:
    """The query for them as SQL, where `ANY_TIME` stands for now: Django takes longer to make it than the database to answer."""
    waiting = Batch.objects.filter(run=OuterRef("pk"), state=Batch.State.WAITING)
    ready = Run.objects.filter(Exists(waiting), state__in=Run.ACTIVE, check_campaign=False).exclude(
        not_before__gt=ANY_TIME
    )
    allowed = User.objects.with_perm("dashboard.enroll", backend=ROLES).filter(pk=OuterRef("starter"))
    whole = ready.annotate(may_enroll=Q(starter=None) | Exists(allowed)).defer(*runs.UNREAD, "tally")
    order = F("served_at").asc(nulls_first=True), "pk"
    sql, params = (
        whole.select_for_update(of=("self",)).order_by(*order)[:RUNS_AT_ONCE].query.sql_with_params()
    )
    return sql, params


def _may_send(run: Run, sender: Sender, *, may_enroll: bool) -> bool:
    """Pauses a run whose starter was disabled, or that began with another key or address."""
    if not may_enroll:
        runs.pause_for(run, Run.Pause.STARTER, f"{run.starter} may no longer enroll invoices.")
        return False
    run.host, run.key_fingerprint = run.host or sender.host, run.key_fingerprint or sender.key_fingerprint
    if (run.host, run.key_fingerprint) != (sender.host, sender.key_fingerprint):
        now_named = sender.host if sender.host != run.host else f"another key for {sender.host}"
        runs.pause_for(
            run, Run.Pause.KEY_CHANGED, f"This run began with {run.host}; the settings now name {now_named}."
        )
        return False
    return True


def _next_batches(run: Run, share: int, in_flight: Mapping[int, int]) -> list[Batch]:
    """The first waiting batches that may go now: none of their accounts is in flight in another run."""
    if run.feeling:
        share = 0 if run.pk in in_flight.values() else 1
    elsewhere = [batch for batch, owner in in_flight.items() if owner != run.pk]
    busy = _accounts_of(elsewhere) if elsewhere and share else set()
    fitting: list[Batch] = []
    for batch in run.batches.filter(state=Batch.State.WAITING).order_by("number")[
        : share + (4 if busy else 0)
    ]:
        smaller = batch if batch.size <= run.call_size else runs.cut(run, batch, run.call_size)[0]
        if len(fitting) < share and busy.isdisjoint(smaller.account_ids):
            fitting.append(smaller)
    return fitting


def _accounts_of(batches: Collection[int]) -> set[str]:
    held = Batch.objects.filter(pk__in=batches).values_list("accounts", flat=True)
    return {account["id"] for accounts in held for account in accounts}


def _write_attempts(
    run: Run, batches: Sequence[Batch], sender: Sender, now: datetime, *, cooled: bool
) -> list[Claim]:
    if not batches:
        return []
    run.state, run.started_at, run.served_at = Run.State.RUNNING, run.started_at or now, now
    Batch.objects.filter(pk__in=[batch.pk for batch in batches]).update(
        state=Batch.State.SENDING, tries=F("tries") + 1
    )
    attempts = Attempt.objects.bulk_create(
        Attempt(
            batch=batch,
            number=batch.tries + 1,
            single=_goes_single(run, batch),
            incarnation=sender.incarnation,
            host=run.host,
            key_fingerprint=run.key_fingerprint,
        )
        for batch in batches
    )
    return [_claim_of(attempt, run.campaign_id, alone=run.feeling, cooled=cooled) for attempt in attempts]


def _goes_single(run: Run, batch: Batch) -> bool:
    """One account goes through the endpoint for one, unless that has refused its form before: nothing was done then."""
    if run.size > 1:
        return False
    return not batch.attempts.filter(
        single=True, answer_class=CLASS.REJECTED, http_status__in=WRONG_FORM
    ).exists()


def _claim_of(attempt: Attempt, campaign_id: str, *, alone: bool = False, cooled: bool = True) -> Claim:
    batch = attempt.batch
    return Claim(
        attempt.pk,
        batch.pk,
        batch.run_id,
        campaign_id,
        tuple(batch.account_ids),
        attempt.single,
        alone,
        cooled,
    )


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
    if run.refused_in_row >= (SPLIT_LIMIT if answer.splits else REFUSED_LIMIT):
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
        _claim_of(attempt, attempt.batch.run.campaign_id)
        for attempt in abandoned.select_related("batch__run")
    ]
    for abandoned_claim in claims:
        settle(abandoned_claim, answers.of_surprise("worker_stopped", "Our worker stopped while sending."))
    return len(claims)


def read_again() -> int:
    """Read once more the kept answers that were not understood: a newer version may. Gives how many it understood."""
    kept = Attempt.objects.filter(answer_class=CLASS.UNKNOWN, http_status__lt=500).exclude(raw="")
    understood = 0
    for attempt in kept.select_related("batch__run").order_by("-pk")[:READ_AGAIN_AT_MOST]:
        claim = _claim_of(attempt, attempt.batch.run.campaign_id)
        try:
            settle(claim, answers.of_kept(attempt, claim.account_ids))
            understood += 1
        except ApiError:
            continue
        except Exception:
            log.exception("the answer to attempt %s is still not understood", attempt.pk)
    return understood
