"""How fast all workers together may call the vendor: one row in the ledger, so it holds over processes and machines."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Least

from dashboard.models import Batch, Pace
from dashboard.services import clock

LONGEST_WAIT = 300.0
REGROWTH = 0.25


def lock() -> tuple[Pace, datetime]:
    """The pace, locked until the transaction ends, and the time: claims take turns over all processes."""
    locked = Pace.objects.select_for_update().annotate(now=clock.column()).filter(pk=1)
    if not (pace := locked.first()):
        Pace.objects.get_or_create(pk=1, defaults={"cap": settings.PARALLEL_CALLS})
        pace = locked.get()
    return pace, pace.now


def calls_to_send(pace: Pace, now: datetime, *, under_way: int) -> int:
    """How many more batches may go out now: none while cooling down; one fewer while accounts are, or wait to be, read."""
    if pace.cool_until and pace.cool_until > now:
        return 0
    cap = int(min(pace.cap, settings.PARALLEL_CALLS))
    reading = _is_looking(pace, now) or (pace.look_wanted and cap > 1)
    return max(0, cap - under_way - int(reading))


def cooling_until() -> datetime | None:
    """Until when all workers wait for the vendor; None when they do not."""
    return Pace.objects.filter(cool_until__gt=clock.now()).values_list("cool_until", flat=True).first()


def is_at_rest(pace: Pace) -> bool:
    """Whether nothing of a rate limit is left."""
    return pace.cap >= settings.PARALLEL_CALLS and not pace.cooled and pace.limited_since is None


def calls_to_read() -> int:
    """How many reads whoever holds the call to look may make at once: all that are free, and always one."""
    pace = Pace.objects.filter(pk=1).first()
    under_way = Batch.objects.filter(state=Batch.State.SENDING).count()
    cap = int(min(pace.cap, settings.PARALLEL_CALLS)) if pace else settings.PARALLEL_CALLS
    return max(1, cap - under_way)


@contextmanager
def one_call_to_look() -> Iterator[bool]:
    """Takes one call of the cap over all workers, for reading; False when none is free, and then the next one is kept free.

    It is held for the length of a lease at most.
    """
    with transaction.atomic():
        pace, now = lock()
        under_way = Batch.objects.filter(state=Batch.State.SENDING).count()
        cooling = pace.cool_until is not None and pace.cool_until > now
        taken = _is_looking(pace, now) or cooling
        allowed = not taken and under_way < int(min(pace.cap, settings.PARALLEL_CALLS))
        if allowed:
            pace.looking_until, pace.look_wanted = now + timedelta(seconds=settings.LEASE), False
        else:
            pace.look_wanted = not taken
        pace.save(update_fields=["looking_until", "look_wanted"])
    try:
        yield allowed
    finally:
        if allowed:
            Pace.objects.filter(pk=1).update(looking_until=None)


def _is_looking(pace: Pace, now: datetime) -> bool:
    return pace.looking_until is not None and pace.looking_until > now


@transaction.atomic
def cool_down(asked_wait: float | None, *, rng: random.Random | None = None) -> tuple[datetime, bool]:
    """All workers wait after a 429, and the cap halves.

    Takes the seconds that the vendor asked for, if any. Gives until when, and whether that is so long (over five minutes
    in one piece or since the limiting began) that a run should say it is paused.
    """
    pace, now = lock()
    began = pace.limited_since or now
    wait = (
        asked_wait
        if asked_wait and asked_wait > 0
        else (rng or random).uniform(1, min(60, 2 ** (pace.cooled + 1)))
    )
    until = max(now + timedelta(seconds=min(wait, LONGEST_WAIT)), pace.cool_until or now)
    Pace.objects.filter(pk=1).update(
        cap=max(1.0, pace.cap / 2), cool_until=until, cooled=min(pace.cooled + 1, 30), limited_since=began
    )
    return until, wait >= LONGEST_WAIT or (until - began).total_seconds() > LONGEST_WAIT


def warm_up() -> None:
    """An accepted call: the cap grows back towards the configured number."""
    Pace.objects.filter(pk=1).update(
        cap=Least(F("cap") + REGROWTH, float(settings.PARALLEL_CALLS)), cooled=0, limited_since=None
    )
