"""`manage.py work`: a worker process."""

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from dashboard.engine.local import IDLE_POLL, Engine
from dashboard.services import vendor

SWEEP = 2.0  # seconds between looks of an idle worker whose courier brings the news


class Command(BaseCommand):
    help = "Work queued runs until told to stop; a call under way is ended and recorded first."
    requires_system_checks: list[str] = []  # no pages here: the views need not be loaded

    def handle(self, **options: Any) -> None:
        with told_to_stop() as wait_until_told:
            engine = Engine(client=vendor.for_workers(), sweep=SWEEP if settings.ON_POSTGRESQL else IDLE_POLL)
            engine.start()
            with courier(engine):
                wait_until_told()
                engine.stop()
            engine.join()


@contextmanager
def told_to_stop() -> Iterator[Callable[[], object]]:
    """Gives what waits for SIGTERM or SIGINT, and ends at once whichever thread the system brings the signal to."""
    heard, hears = socket.socketpair()
    with heard, hears:
        hears.setblocking(False)
        signal.set_wakeup_fd(hears.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        try:
            yield lambda: heard.recv(1)
        finally:
            signal.set_wakeup_fd(-1)


def courier(engine: Engine) -> AbstractContextManager[None]:
    """Wakes the engine at news from other machines, where there can be any."""
    if not settings.ON_POSTGRESQL:
        return nullcontext()
    from dashboard.engine.procrastinate import listening

    return listening(engine.wake)
