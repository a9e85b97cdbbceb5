"""The API clients of a process: for pages that must not keep people waiting, for pages that may, and for workers."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache

from django.conf import settings

from dashboard.api.client import Client

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


@lru_cache(maxsize=8)
def _client(url: str, key: str, patient: bool, get_deadline: float | None) -> Client:
    return Client.from_settings(patient=patient, get_deadline=get_deadline)
