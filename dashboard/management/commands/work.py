"""`manage.py work`: a worker process."""

import signal
import threading
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from dashboard.engine.local import Engine
from dashboard.services import vendor


class Command(BaseCommand):
    help = "Work queued runs until told to stop; a call under way is ended and recorded first."
    requires_system_checks: list[str] = []  # no pages here: the views need not be loaded

    def handle(self, **options: Any) -> None:
        told = threading.Event()

        def stop(signum: int, frame: FrameType | None) -> None:
            told.set()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        engine = Engine(client=vendor.for_workers())
        engine.start()
        told.wait()
        engine.stop()
        engine.join()
