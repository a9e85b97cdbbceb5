"""Deciding whether to try again, and when. Sleeping is the caller's."""

import random

from .errors import ApiError, RateLimited, Unavailable, Unreachable

_LONGEST_WAIT = 60.0
_PASSING = frozenset({502, 503, 504})


def wait_before_retry(
    tries: int, error: ApiError, repeatable: bool, rng: random.Random | None = None, first: float = 1.0
) -> float | None:
    """Seconds to wait after `tries` failed tries, or None: do not try again.

    What was not sent or was turned away with 429 may always be tried again. What may have happened is tried
    again only if `repeatable` (a GET), and only when the vendor says that the trouble passes. `first` is the
    longest first wait.
    """
    if isinstance(error, RateLimited):
        return error.retry_after or _jitter(tries, first, rng)
    if isinstance(error, Unreachable):
        return None if error.certificate else _jitter(tries, first, rng)
    if isinstance(error, Unavailable) and repeatable and error.status in _PASSING:
        return _jitter(tries, first, rng)
    return None


def _jitter(tries: int, first: float, rng: random.Random | None) -> float:
    """Full jitter under a ceiling that doubles up to 60 seconds: callers do not come back all at once."""
    ceiling = min(_LONGEST_WAIT, first * 2.0 ** min(tries - 1, 6))
    return (rng or random).uniform(0, ceiling)
