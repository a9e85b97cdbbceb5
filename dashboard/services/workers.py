"""Worker processes: their heartbeats, and who is alive."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.db.models import QuerySet

from dashboard.models import Worker
from dashboard.services import clock


def register(*, name: str, threads: int) -> uuid.UUID:
    """A fresh incarnation for a process that starts, whatever its name was used for before."""
    return Worker.objects.create(incarnation=uuid.uuid4(), name=name[:255], threads=threads, seen_at=clock.now()).incarnation


def beat(incarnation: uuid.UUID, *, trouble: str = "") -> None:
    """The process lives, and holds what it is sending."""
    Worker.objects.filter(incarnation=incarnation).update(seen_at=clock.now(), trouble=trouble[:200])


def leave(incarnation: uuid.UUID) -> None:
    """The process has ended its calls and goes."""
    Worker.objects.filter(incarnation=incarnation).update(stopped_at=clock.now(), looking=False)


def alive() -> QuerySet[Worker]:
    """The workers whose heartbeat is fresh."""
    return Worker.objects.filter(stopped_at=None, seen_at__gt=clock.now() - timedelta(seconds=settings.LEASE))
