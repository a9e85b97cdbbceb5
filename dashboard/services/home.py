"""What needs a person: runs by what they need, from their own counts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from dashboard.models import Outcome, Run
from dashboard.services import clock, history, waiting
from dashboard.services.history import COUNTS, NEEDS, midnight, written_out
from dashboard.services.progress import AFTER_PAUSE

RECENT = timedelta(days=7)
ON_DESK = 5
POLL = 3


@dataclass(frozen=True)
class Due:
    """A run, and how many of its invoices it is listed for, by outcome."""

    run: Run
    counts: dict[str, int]

    @property
    def address(self) -> str:
        """The run's page; where one outcome is meant, with the invoices of that."""
        outcome = f"?outcome={next(iter(self.counts))}#results" if len(self.counts) == 1 else ""
        return f"{self.run.get_absolute_url()}{outcome}"


@dataclass(frozen=True)
class Paused:
    """A run that rests, why, and what to do."""

    run: Run

    @property
    def what_to_do(self) -> str:
        return AFTER_PAUSE[Run.Pause(self.run.pause)]


@dataclass(frozen=True)
class UnderWay:
    """Runs that go on by themselves, and whether anybody works on them; asked for again every `poll_after` seconds."""

    runs: Sequence[Run]
    has_worker: bool

    @property
    def is_stuck(self) -> bool:
        return bool(self.runs) and not self.has_worker

    @property
    def poll_after(self) -> int | None:
        return POLL if self.runs else None


@dataclass(frozen=True)
class Desk:
    """What needs a person. Failures are those since a day, `freed` is how many on the waiting list have become free."""

    under_way: UnderWay
    paused: Sequence[Paused]
    unknown: Sequence[Due]
    since: date
    failed: Sequence[Due]
    pending: Sequence[Due]
    latest: Sequence[Due]
    freed: int

    @property
    def is_clear(self) -> bool:
        waits = self.paused or self.unknown or self.failed or self.pending or self.freed
        return not (self.under_way.runs or waits)


def desk(user: User) -> Desk:
    """The runs that need somebody, newest first; failures count for a week."""
    rows = _rows()
    ended = history.walked().filter(its_state__in=Run.ENDED)
    since = timezone.localdate() - RECENT
    failed = ended.filter(NEEDS["failed"], its_created_at__gte=midnight(since))
    return Desk(
        under_way=under_way(),
        paused=[Paused(run) for run in rows.filter(state=written_out(Run.State.PAUSED))[:ON_DESK]],
        unknown=_due(history.read(ended.filter(NEEDS["unknown"])[:ON_DESK]), "unknown"),
        since=since,
        failed=_due(history.read(failed[:ON_DESK]), "failed"),
        pending=_due(rows.filter(NEEDS["pending"])[:ON_DESK], "pending"),
        latest=[Due(run, {}) for run in rows[:ON_DESK]],
        freed=waiting.free_count(user),
    )


def under_way() -> UnderWay:
    """Queued and running runs. One query, which writes nothing and costs the same for any number of runs and invoices."""
    since = clock.now() - timedelta(seconds=settings.LEASE)
    runs: list[Any] = list(Run.objects.raw(_UNDER_WAY, [connection.ops.adapt_datetimefield_value(since)]))
    return UnderWay(runs, any(run.has_worker for run in runs))


# An open page asks again and again: Django's making of these takes longer than they do.
_UNDER_WAY = f"""SELECT id, campaign_name, size, {", ".join(Outcome.WORDS)},
    EXISTS (SELECT 1 FROM dashboard_worker WHERE stopped_at IS NULL AND seen_at > %s) AS has_worker
    FROM dashboard_run WHERE state IN ('queued', 'running') ORDER BY id DESC LIMIT {ON_DESK}
"""  # noqa: S608 - names of our own


def _due(runs: Iterable[Run], need: str) -> list[Due]:
    return [
        Due(run, {word: number for word in COUNTS[need] if (number := getattr(run, word))}) for run in runs
    ]


def _rows() -> QuerySet[Run]:
    return Run.objects.select_related("starter").defer("campaign")
