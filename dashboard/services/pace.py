"""How fast all workers together may call the vendor. The state is one row in the ledger, so it holds over processes and machines."""

import random
from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Least

from dashboard.models import Batch, Outcome, Pace, Worker
from dashboard.services import clock

LONGEST_WAIT = 300.0
REGROWTH = 0.25


def lock() -> Pace:
    """The pace, locked until the transaction ends: claims take turns over all processes."""
    pace, _ = Pace.objects.select_for_update().get_or_create(pk=1, defaults={"cap": settings.PARALLEL_CALLS})
    return pace


def free_calls(pace: Pace, now: datetime, *, to_send: bool, answered: Collection[int] = ()) -> int:
    """How many more calls may start now: none while cooling down. Sending leaves one free for accounts due to be read."""
    if pace.cool_until and pace.cool_until > now:
        return 0
    cap = int(min(pace.cap, settings.PARALLEL_CALLS))
    looking = Worker.objects.filter(looking=True, seen_at__gt=now - timedelta(seconds=settings.LEASE)).count()
    under_way = Batch.objects.filter(state=Batch.State.SENDING).exclude(pk__in=answered).count() + looking
    if to_send and cap > 1 and not looking and Outcome.objects.filter(look_at__lte=now).exists():
        under_way += 1
    return max(0, cap - under_way)


@transaction.atomic
def cool_down(asked_wait: float | None, *, rng: random.Random | None = None) -> tuple[datetime, bool]:
    """All workers wait after a 429, and the cap halves.

    Takes the seconds that the vendor asked for, if any. Gives until when, and whether that is so long (over five minutes
    in one piece or since the limiting began) that a run should say it is paused.
    """
    pace, now = lock(), clock.now()
    began = pace.limited_since or now
    wait = asked_wait if asked_wait and asked_wait > 0 else (rng or random).uniform(1, min(60, 2 ** (pace.cooled + 1)))
    until = max(now + timedelta(seconds=min(wait, LONGEST_WAIT)), pace.cool_until or now)
    Pace.objects.filter(pk=1).update(
        cap=max(1.0, pace.cap / 2), cool_until=until, cooled=min(pace.cooled + 1, 30), limited_since=began
    )
    return until, wait >= LONGEST_WAIT or (until - began).total_seconds() > LONGEST_WAIT


def warm_up() -> None:
    """An accepted call: the cap grows back towards the configured number."""
    Pace.objects.filter(pk=1).exclude(cap__gte=settings.PARALLEL_CALLS, cooled=0, limited_since=None).update(
        cap=Least(F("cap") + REGROWTH, float(settings.PARALLEL_CALLS)), cooled=0, limited_since=None
    )
