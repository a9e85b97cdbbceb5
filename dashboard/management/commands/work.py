"""`manage.py work`: a worker process."""

import signal
import threading
from contextlib import AbstractContextManager, nullcontext
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from dashboard.engine.local import IDLE_POLL, Engine
from dashboard.services import vendor

SWEEP = 2.0  # seconds between looks of an idle worker whose courier brings the news
NOTICE = (
    1.0  # seconds: a signal that another thread took, as after a stop and go on, does not end a longer wait
)


class Command(BaseCommand):
    help = "Work queued runs until told to stop; a call under way is ended and recorded first."
    requires_system_checks: list[str] = []  # no pages here: the views need not be loaded

    def handle(self, **options: Any) -> None:
        told = threading.Event()

        def stop(signum: int, frame: FrameType | None) -> None:
            told.set()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        engine = Engine(client=vendor.for_workers(), sweep=SWEEP if settings.ON_POSTGRESQL else IDLE_POLL)
        engine.start()
        with courier(engine):
            while not told.wait(NOTICE):
                pass
            engine.stop()
        engine.join()


def courier(engine: Engine) -> AbstractContextManager[None]:
    """Wakes the engine at news from other machines, where there can be any."""
    if not settings.ON_POSTGRESQL:
        return nullcontext()
    from dashboard.engine.procrastinate import listening

    return listening(engine.wake)
