"""What needs a person: runs by what they need, from their own counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone

from dashboard.models import Outcome, Run
from dashboard.services import waiting, workers
from dashboard.services.history import NEEDS, midnight
from dashboard.services.progress import AFTER_PAUSE

RECENT = timedelta(days=7)
ON_DESK = 5
POLL = 3
# The outcomes that are meant by a key of `history.NEEDS`.
MEANT = {
    "unknown": (Outcome.State.UNKNOWN, Outcome.State.ALREADY_ACTIVE),
    "failed": (Outcome.State.FAILED, Outcome.State.SKIPPED, Outcome.State.UNRECOGNISED),
    "pending": (Outcome.State.PENDING,),
}


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
    ended = rows.filter(state__in=Run.ENDED)
    since = timezone.localdate() - RECENT
    return Desk(
        under_way=under_way(),
        paused=[Paused(run) for run in rows.filter(state=Run.State.PAUSED)[:ON_DESK]],
        unknown=_due(ended, "unknown"),
        since=since,
        failed=_due(ended.filter(created_at__gte=midnight(since)), "failed"),
        pending=_due(rows, "pending"),
        latest=[Due(run, {}) for run in rows[:ON_DESK]],
        freed=waiting.free_count(user),
    )


def under_way() -> UnderWay:
    """Queued and running runs; writes nothing and costs the same for any number of invoices."""
    rows = Run.objects.filter(state__in=Run.ACTIVE).only("campaign_name", "size", *Outcome.State.values)
    return UnderWay(list(rows[:ON_DESK]), workers.alive().exists())


def _due(rows: QuerySet[Run], need: str) -> list[Due]:
    return [
        Due(run, {word.value: number for word in MEANT[need] if (number := getattr(run, word))})
        for run in rows.filter(NEEDS[need])[:ON_DESK]
    ]


def _rows() -> QuerySet[Run]:
    return Run.objects.select_related("starter").defer("campaign")
