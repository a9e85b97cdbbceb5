"""Worker processes: their heartbeats, and who is alive."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import QuerySet

from dashboard.models import Worker
from dashboard.services import clock

SHOWN = 50
KEPT = timedelta(days=7)


@dataclass(frozen=True)
class Heartbeat:
    """A worker as it is now; `age` is the time since it was last seen."""

    worker: Worker
    age: timedelta

    @property
    def state(self) -> str:
        """`alive`, `left` after it had ended its calls, or `lost`: killed, cut off or stuck."""
        if self.worker.stopped_at:
            return "left"
        return "alive" if self.age < timedelta(seconds=settings.LEASE) else "lost"


def register(*, name: str, threads: int) -> uuid.UUID:
    """A fresh incarnation for a process that starts, whatever its name was used for before."""
    Worker.objects.filter(seen_at__lt=clock.now() - KEPT).delete()
    return Worker.objects.create(
        incarnation=uuid.uuid4(), name=name[:255], threads=threads, seen_at=clock.now()
    ).incarnation


def beat(incarnation: uuid.UUID, *, trouble: str = "") -> None:
    """The process lives, and holds what it is sending."""
    Worker.objects.filter(incarnation=incarnation).update(seen_at=clock.now(), trouble=trouble[:200])


def leave(incarnation: uuid.UUID) -> None:
    """The process has ended its calls and goes."""
    Worker.objects.filter(incarnation=incarnation).update(stopped_at=clock.now())


def alive() -> QuerySet[Worker]:
    """The workers whose heartbeat is fresh."""
    return Worker.objects.filter(stopped_at=None, seen_at__gt=clock.now() - timedelta(seconds=settings.LEASE))


def heartbeats() -> list[Heartbeat]:
    """The workers of the last week, the one seen last first; at most 50."""
    now = clock.now()
    return [Heartbeat(worker, now - worker.seen_at) for worker in Worker.objects.order_by("-seen_at")[:SHOWN]]
