"""Reading that people asked for and a worker does in the background, a step at a time: gatherings, lists, refreshings."""

import logging
import time
import uuid
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self, TypeAlias, TypeVar

from django.conf import settings
from django.db import DatabaseError
from django.db.models import F, Q

from dashboard.api.client import Client
from dashboard.api.errors import ApiError, RateLimited
from dashboard.models import Errand, Gathering, Refreshing, Upload
from dashboard.services import (
    claiming,
    clock,
    gathering,
    lookup,
    pace,
    refreshing,
    retention,
    uploads,
    workers,
)

log = logging.getLogger(__name__)

YOUNG = ((timedelta(seconds=30), 1), (timedelta(minutes=2), 2))
POLL = 5
MOST_TRIES = 5
TIDY_EVERY = 3600.0
OVER = "The selection was sent or cleared meanwhile. Nothing was added."
BROKEN = (
    "Rollcall met an unexpected error and gave up. Nothing was added. Try again, or tell an administrator."
)
KILLED = "The worker stopped while it was at this, again and again. Nothing was added."

KINDS: Collection[type["Kind"]] = (Upload, Gathering, Refreshing)
Kind: TypeAlias = Upload | Gathering | Refreshing
Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


@dataclass(frozen=True)
class Standing:
    """How far an errand is, for a panel that is asked for again and again; `size` is None where nobody knows it yet."""

    errand: Kind
    now: datetime
    done: int
    size: int | None
    workers: int

    @property
    def poll_after(self) -> int | None:
        """In how many seconds to ask again, None for never."""
        if not self.errand.is_active:
            return None
        age = self.now - self.errand.created_at
        return next((seconds for limit, seconds in YOUNG if age < limit), POLL)

    @property
    def is_stuck(self) -> bool:
        """Something is to be done and no worker is there to do it."""
        return self.errand.is_active and not self.workers

    @property
    def quarter(self) -> int:
        """25, 50, 75 or 100 percent, for being read out."""
        return self.done * 4 // self.size * 25 if self.size else 0


def standing(errand: Kind) -> Standing:
    """How far it is now."""
    alive = workers.alive().count() if errand.is_active else 0
    return Standing(errand, clock.now(), *_progress(errand), alive)


def _progress(errand: Kind) -> tuple[int, int | None]:
    if isinstance(errand, Gathering):
        return gathering.progress(errand)
    return refreshing.progress(errand) if isinstance(errand, Refreshing) else uploads.progress(errand)


class Clerk:
    """Does errands in a worker process. Its threads make the calls and nothing else, so that connections are kept."""

    def __init__(self, client: Client, incarnation: uuid.UUID) -> None:
        self.client = client
        self._incarnation = incarnation
        self._tidied_at = float("-inf")
        self._pool = ThreadPoolExecutor(settings.PARALLEL_CALLS, thread_name_prefix="read")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the threads once their calls have ended."""
        self._pool.shutdown()

    def work(self) -> bool:
        """The next step of whatever waits longest; False where there is nothing to do now."""
        errand = claim(self._incarnation)
        if errand is None:
            self._tidy()
            return False
        try:
            return self._step(errand)
        except DatabaseError:
            raise
        except Exception:
            log.exception("%s cannot be done", errand)
            fail(errand, BROKEN)
            return True

    def _tidy(self) -> None:
        if time.monotonic() - self._tidied_at > TIDY_EVERY:
            self._tidied_at = time.monotonic()
            retention.remove_old_lists()
            retention.remove_old_names()

    def _step(self, errand: Errand) -> bool:
        if isinstance(errand, Upload) and not errand.is_read:
            lookup.read_lines(errand)
            return True
        with pace.one_call_to_look() as allowed:
            if not allowed:
                return False
            try:
                self._read(errand)
            except RateLimited as error:
                _, long = pace.cool_down(error.asked_wait)
                if long:
                    fail(errand, error.message)
            except ApiError as error:
                fail(errand, error.message)
        return True

    def _read(self, errand: Errand) -> None:
        at_once = 1 if claiming.has_work() else pace.calls_to_read()
        if isinstance(errand, Gathering):
            gathering.step(errand, self.client, self._ask, at_once)
        elif isinstance(errand, Refreshing):
            refreshing.step(errand, self.client, self._ask, at_once)
        elif isinstance(errand, Upload):
            lookup.step(errand, self.client, self._ask, at_once)

    def _ask(self, call: Callable[[Asked], Answered], things: Iterable[Asked]) -> list[Answered]:
        """What the call gives for each, all at the same time."""
        return list(self._pool.map(call, things))


def claim(incarnation: uuid.UUID) -> Errand | None:
    """The errand that waits longest, now held by this worker process; it was free, held by it already, or by a dead one."""
    ready = [errand for kind in KINDS for errand in _ready(kind, incarnation)]
    for errand in sorted(
        ready, key=lambda each: (each.served_at is not None, each.served_at or each.created_at)
    ):
        if _take(errand, incarnation):
            return errand
    return None


def cancel(errand: Errand) -> bool:
    """Stop it; False where it had ended. What it adds, it adds at the end: so nothing was added.

    What a refreshing has read is kept, and what searches had found before the whole list was looked through.
    """
    return _end(errand, Errand.State.CANCELLED, "")


def fail(errand: Errand, message: str) -> None:
    """Give up, and say why."""
    _end(errand, Errand.State.FAILED, message)


def _ready(kind: type[Kind], incarnation: uuid.UUID) -> list[Kind]:
    active = kind.objects.filter(state__in=Errand.ACTIVE)
    if not active.exists():
        return []
    living = workers.alive().exclude(incarnation=incarnation).values("incarnation")
    return list(active.exclude(~Q(incarnation=None) & Q(incarnation__in=living)).select_related("selection"))


def _take(errand: Kind, incarnation: uuid.UUID) -> bool:
    same = type(errand).objects.filter(pk=errand.pk, state=errand.state, incarnation=errand.incarnation)
    if errand.selection.token != errand.token:
        same.update(state=Errand.State.CANCELLED, message=OVER, finished_at=clock.now())
        return False
    is_new = errand.incarnation != incarnation
    if is_new and errand.tries >= MOST_TRIES:
        fail(errand, KILLED)
        return False
    taken = same.update(
        state=Errand.State.RUNNING,
        incarnation=incarnation,
        served_at=clock.now(),
        tries=F("tries") + int(is_new),
    )
    errand.state, errand.incarnation = Errand.State.RUNNING, incarnation
    return bool(taken)


def _end(errand: Errand, state: str, message: str) -> bool:
    if isinstance(errand, Upload) and errand.method == Upload.Method.REST:
        return uploads.fall_back(errand, message)
    held = type(errand)._default_manager.filter(pk=errand.pk, state__in=Errand.ACTIVE)
    return bool(held.update(state=state, message=message[:500], finished_at=clock.now()))
