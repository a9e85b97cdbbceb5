"""Waiting in tests: for what must happen, never for a time that it should take."""

import time
from collections.abc import Callable

PATIENCE = 60.0  # seconds: how long a busy machine may take over what takes a moment


def wait_for(
    happened: Callable[[], object],
    *,
    patience: float = PATIENCE,
    instead: Callable[[], str] = lambda: "it did not happen",
) -> None:
    """Look until it has happened; gives up loudly, and says what is there `instead`."""
    give_up_at = time.monotonic() + patience
    while not happened():
        if time.monotonic() > give_up_at:
            raise AssertionError(instead())
        time.sleep(0.02)
