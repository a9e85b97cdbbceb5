"""The API clients of a process: for pages that must not keep people waiting, for pages that may, and for workers."""

import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from itertools import chain
from threading import Event
from typing import TypeVar

from django.conf import settings

from dashboard.api.client import Client
from dashboard.api.errors import ApiError, NotFound

T = TypeVar("T")
PATIENCE = 4.0  # seconds that a page waits for look-ups one by one
FRAME_AFTER = 1.0  # seconds that a page waits for the vendor before it shows its frame

_hasty: ContextVar[bool] = ContextVar("hasty", default=False)


@contextmanager
def in_haste() -> Iterator[None]:
    """Within, a call for a page ends after `FRAME_AFTER`; unless the deadline is hardly longer anyway."""
    token = _hasty.set(settings.GET_DEADLINE > 2 * FRAME_AFTER)
    try:
        yield
    finally:
        _hasty.reset(token)


def is_hasty() -> bool:
    """Whether a call that times out now may be made again with the whole deadline."""
    return _hasty.get()


def for_pages() -> Client:
    """The client that people wait for."""
    return _client(
        settings.API_URL, settings.API_KEY.get_secret_value(), False, FRAME_AFTER if is_hasty() else None
    )


def for_workers() -> Client:
    """The client that nobody waits for."""
    return _client(settings.API_URL, settings.API_KEY.get_secret_value(), True, None)


def ask_each(ids: Collection[str], ask: Callable[[str], T]) -> dict[str, T]:
    """What `ask` gives for each id that exists, a few at a time; after a failure, or out of time, no more."""
    ends_at = time.monotonic() + PATIENCE
    failed = Event()

    def ask_one(id_: str) -> list[tuple[str, T]]:
        try:
            return [] if failed.is_set() or time.monotonic() > ends_at else [(id_, ask(id_))]
        except NotFound:
            return []
        except ApiError:
            failed.set()
            return []

    with ThreadPoolExecutor(max_workers=settings.PARALLEL_CALLS) as pool:
        return dict(chain.from_iterable(pool.map(ask_one, ids)))


@lru_cache(maxsize=8)
def _client(url: str, key: str, patient: bool, get_deadline: float | None) -> Client:
    return Client.from_settings(patient=patient, get_deadline=get_deadline)
