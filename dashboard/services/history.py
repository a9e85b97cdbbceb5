"""Lists for pages: runs, their calls, what needs a person, and who did what. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from dashboard.models import Attempt, AuditEntry, Outcome, Run
from dashboard.services import clock, workers
from dashboard.services.paging import Paging

T = TypeVar("T")

RECENT = timedelta(days=7)
ON_DESK = 5
NEEDS = {
    "unknown": Q(unknown__gt=0) | Q(already_active__gt=0),
    "failed": Q(failed__gt=0) | Q(skipped__gt=0) | Q(unrecognised__gt=0),
    "pending": Q(pending__gt=0),
}


@dataclass(frozen=True)
class Listed(Generic[T]):
    """One page of a list of ours."""

    rows: Sequence[T]
    paging: Paging


def place(page: int, per_page: int, total: int) -> Paging:
    """Where this page stands in a list of so many rows."""
    return Paging(page, per_page, page * per_page < total, total, max(1, -(-total // per_page)))


def _listed(rows: QuerySet[Any], page: int, per_page: int) -> Listed[Any]:
    start = (page - 1) * per_page
    return Listed(list(rows[start : start + per_page]), place(page, per_page, rows.count()))


def list_runs(
    *,
    user_id: int | None = None,
    search: str = "",
    state: str = "",
    needs: str = "",
    mine: bool = False,
    page: int = 1,
    per_page: int = 20,
) -> Listed[Run]:
    """Runs, newest first. `needs` is a key of `NEEDS`, `search` part of a campaign's name.

    `mine` keeps only those that `user_id` started.
    """
    rows = Run.objects.select_related("starter").defer("campaign")
    if search:
        rows = rows.filter(campaign_name__icontains=search)
    if state:
        rows = rows.filter(state=state)
    if needs:
        rows = rows.filter(NEEDS[needs])
    if mine:
        rows = rows.filter(starter=user_id)
    return _listed(rows, page, per_page)


def pick_runs(
    *,
    state: str | None = None,
    user: str | None = None,
    campaign: str | None = None,
    since: datetime | None = None,
    has_failures: bool = False,
    has_unknowns: bool = False,
) -> QuerySet[Run]:
    """Runs for scripts, newest first. `user` is a name, `campaign` an id or part of a name."""
    needs = [NEEDS["failed"]] * has_failures + [NEEDS["unknown"]] * has_unknowns
    given = {"state": state, "starter__username": user, "created_at__gte": since}
    rows = Run.objects.select_related("starter").defer("campaign")
    rows = rows.filter(*needs, **{name: value for name, value in given.items() if value})
    return rows.filter(Q(campaign_id=campaign) | Q(campaign_name__icontains=campaign)) if campaign else rows


@dataclass(frozen=True)
class Desk:
    """What needs a person: runs by what they need, and figures of the last seven days."""

    active: Sequence[Run]
    paused: Sequence[Run]
    unknown: Sequence[Run]
    failed: Sequence[Run]
    pending: Sequence[Run]
    latest: Sequence[Run]
    sums: dict[str, int]
    has_worker: bool

    @property
    def is_clear(self) -> bool:
        return not (self.active or self.paused or self.unknown or self.failed or self.pending)

    @property
    def is_stuck(self) -> bool:
        return bool(self.active) and not self.has_worker


def desk() -> Desk:
    """The runs that need somebody, newest first; failures count for a week."""
    rows = Run.objects.select_related("starter").defer("campaign")
    recent = Q(created_at__gte=timezone.now() - RECENT)
    ended = rows.filter(state__in=Run.ENDED)
    sums = Run.objects.filter(recent).aggregate(
        runs=Count("pk"), size=Sum("size"), **{word: Sum(word) for word in Outcome.State.values}
    )
    return Desk(
        active=list(rows.filter(state__in=Run.ACTIVE)[:ON_DESK]),
        paused=list(rows.filter(state=Run.State.PAUSED)[:ON_DESK]),
        unknown=list(ended.filter(NEEDS["unknown"])[:ON_DESK]),
        failed=list(ended.filter(recent, NEEDS["failed"])[:ON_DESK]),
        pending=list(rows.filter(NEEDS["pending"])[:ON_DESK]),
        latest=list(rows[:ON_DESK]),
        sums={name: number or 0 for name, number in sums.items()},
        has_worker=workers.alive().exists(),
    )


def attempts(run: Run, *, page: int = 1, per_page: int = 20) -> Listed[Attempt]:
    """The calls of a run, newest first, without their raw answers."""
    rows = Attempt.objects.filter(batch__run=run).select_related("batch").defer("raw", "batch__accounts")
    return _listed(rows.order_by("-pk"), page, per_page)


def audit_entries(
    *, person: str = "", action: str = "", page: int = 1, per_page: int = 20
) -> Listed[AuditEntry]:
    """Who did what, newest first; both filters take a part of the name."""
    rows = AuditEntry.objects.select_related("who", "run").defer("run__campaign")
    if person:
        rows = rows.filter(who__username__icontains=person)
    if action:
        rows = rows.filter(action__icontains=action)
    return _listed(rows, page, per_page)


def audit_actions() -> list[str]:
    """Every kind of action on record."""
    return list(AuditEntry.objects.order_by("action").values_list("action", flat=True).distinct())


def heartbeats() -> list[dict[str, Any]]:
    """The live workers, unnamed: `heartbeat_age` in seconds, `trouble` is why one claims nothing."""
    now = clock.now()
    return [
        {
            "heartbeat_age": round((now - worker.seen_at).total_seconds(), 1),
            "threads": worker.threads,
            "trouble": worker.trouble,
        }
        for worker in workers.alive()
    ]
