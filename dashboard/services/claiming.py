"""Which call goes next: waiting batches are claimed in turn, fairly over the runs.

A claim commits the attempt before anything is sent. Locks are taken in the order pace, run, batch.
"""

import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q

from dashboard.models import Attempt, Batch, Run
from dashboard.services import pace, runs
from dashboard.services.answers import CLASS

RUNS_AT_ONCE = 50
ROLES = "dashboard.people.RoleBackend"
ANY_TIME = datetime(1, 1, 2, tzinfo=UTC)
WRONG_FORM = (404, 405, 422)  # what the endpoint for one account may answer to the form of its call


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
            run=run,
            batch=batch,
            number=batch.tries + 1,
            single=_goes_single(run, batch),
            incarnation=sender.incarnation,
            host=run.host,
            key_fingerprint=run.key_fingerprint,
        )
        for batch in batches
    )
    return [claim_of(attempt, run.campaign_id, alone=run.feeling, cooled=cooled) for attempt in attempts]


def _goes_single(run: Run, batch: Batch) -> bool:
    """One account goes through the endpoint for one, unless that has refused its form before: nothing was done then."""
    if run.size > 1:
        return False
    return not batch.attempts.filter(
        single=True, answer_class=CLASS.REJECTED, http_status__in=WRONG_FORM
    ).exists()


def claim_of(attempt: Attempt, campaign_id: str, *, alone: bool = False, cooled: bool = True) -> Claim:
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
