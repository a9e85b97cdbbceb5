"""Lists for pages: runs, their calls, the tries with one invoice, and who did what. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import reduce
from operator import or_
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Count, Exists, F, Func, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from dashboard.models import Attempt, AuditEntry, Batch, Outcome, Run, UploadUse
from dashboard.services import clock, reasons, searching, workers
from dashboard.services.paging import Paging

T = TypeVar("T")

COMMAND_LINE = "command line"
INTO_SHOWN = 10
MOST_PER_CALL = 100
TRIES_SHOWN = 100
SUMMED = ("enrolled", "failed", "unknown")
COUNTS = {
    "unknown": ("unknown", "already_active"),
    "failed": ("failed", "skipped", "unrecognised"),
    "pending": ("pending",),
}
COUNTS["either"] = COUNTS["failed"] + COUNTS["unknown"]


def written_out(value: str | int) -> Func:
    """A value of ours inside the statement: PostgreSQL keeps plans, and those for any value do without rare ones' indexes."""
    return Func(template=f"'{value}'" if isinstance(value, str) else f"{value}")


NEEDS = {
    need: reduce(or_, (Q((f"{word}__gt", written_out(0))) for word in words))
    for need, words in COUNTS.items()
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
    who: str = "",
    state: str = "",
    needs: str = "",
    since: date | None = None,
    until: date | None = None,
    mine: bool = False,
    page: int = 1,
    per_page: int = 20,
) -> Listed[Run]:
    """Runs, newest first. `needs` is a key of `NEEDS`, `search` a campaign's id or part of its name.

    `who` is part of a starter's name, or `COMMAND_LINE`; `mine` keeps only those that `user_id` started. The days are whole
    ones, in the person's zone.
    """
    rows = walked()
    if who:
        rows = rows.filter(_started_by(who))
    if state:
        rows = rows.filter(its_state=state)
    if needs:
        rows = rows.alias(needy=sum(map(F, COUNTS[needs]))).filter(needy__gt=0)
    if since:
        rows = rows.filter(its_created_at__gte=midnight(since))
    if until:
        rows = rows.filter(its_created_at__lt=midnight(until + timedelta(days=1)))
    if mine:
        rows = rows.filter(its_starter_id=user_id)
    if search:
        rows = rows.filter(_of_campaign(search, "its_campaign_id"))
    start = (page - 1) * per_page
    found = read(rows[start : start + per_page])
    is_end = len(found) < per_page and (found or not start)
    return Listed(found, place(page, per_page, start + len(found) if is_end else rows.count()))


def walked() -> QuerySet[Any]:
    """Runs, to be filtered by their `its_state` and so on, which one covering index is walked for.

    SQLite would choose another, which leads to the rows, did expressions not hide what they are.
    """
    names = ("state", "starter_id", "created_at", "campaign_id")
    return Run.objects.alias(**{f"its_{name}": Coalesce(name, name) for name in names})


def read(some: QuerySet[Any]) -> list[Run]:
    """The few that a slice of `walked` holds, with their starters: no other run's row is read."""
    return list(Run.objects.filter(pk__in=some.values("pk")).select_related("starter").defer("campaign"))


def _of_campaign(search: str, id_name: str = "campaign_id") -> Q:
    try:
        return Q((id_name, str(UUID(search.strip()))))
    except ValueError:
        return Q(campaign_name__icontains=search)


def _started_by(who: str) -> Q:
    if who.strip().lower() == COMMAND_LINE:
        return Q(its_starter_id=None)
    people = User.objects.filter(username__icontains=who).values_list("pk", flat=True)
    return Q(its_starter_id__in=list(people))


def midnight(day: date) -> datetime:
    """Where the person's day begins."""
    return timezone.make_aware(datetime.combine(day, time.min))


def starters() -> list[str]:
    """Who has started runs, by name, for a list to choose from."""
    has_runs = Exists(Run.objects.filter(starter=OuterRef("pk")))
    names = User.objects.filter(has_runs).order_by("username").values_list("username", flat=True)
    return [*names, COMMAND_LINE]


def for_pages() -> QuerySet[Run]:
    """Runs with their starters, and whether each `has_lists`, which few have."""
    uses = UploadUse.objects.filter(token=OuterRef("token"))
    return Run.objects.select_related("starter").annotate(has_lists=Exists(uses))


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
    return rows.filter(_of_campaign(campaign)) if campaign else rows


@dataclass(frozen=True)
class Into:
    """Our runs into one campaign: the latest, and the sums of all."""

    latest: Sequence[Run]
    sums: dict[str, int]


def into(campaign_id: str) -> Into:
    """Newest first."""
    rows = Run.objects.filter(campaign_id=campaign_id)
    latest = rows.select_related("starter").defer("campaign")[:INTO_SHOWN]
    sums = rows.aggregate(runs=Count("pk"), size=Sum("size"), **{word: Sum(word) for word in SUMMED})
    return Into(list(latest), {name: number or 0 for name, number in sums.items()})


@dataclass(frozen=True)
class Try:
    """One call that carried an invoice. Of several in one run the last has the `outcome`; earlier ones have None."""

    run: Run
    attempt: Attempt | None
    outcome: Outcome | None

    @property
    def who(self) -> User | None:
        """Whoever had it sent again, or started the run; None for the command line."""
        batch = self.attempt.batch if self.attempt else None
        return batch.permitted_by.who if batch and batch.permitted_by else self.run.starter

    @property
    def reason(self) -> reasons.Reason | None:
        return reasons.of(self.outcome.reason) if self.outcome else None


def tries(account_id: str) -> list[Try]:
    """Every try to enroll this invoice, newest first; at most so many runs."""
    outcomes = (
        Outcome.objects.filter(account_id=account_id)
        .select_related("run__starter", "batch", "attempt__batch__permitted_by__who")
        .defer("run__campaign", "attempt__raw", "batch__accounts", "attempt__batch__accounts")
        .order_by("-pk")[:TRIES_SHOWN]
    )
    found = []
    for outcome in outcomes:
        found.append(Try(outcome.run, outcome.attempt, outcome))
        found += [Try(outcome.run, attempt, None) for attempt in _earlier(outcome)]
    return found


def _earlier(outcome: Outcome) -> QuerySet[Attempt]:
    """The calls before the last that carried it. Other batches are searched only where its own is not one of the first."""
    batch = outcome.batch
    if batch is None or (batch.tries == 1 and not _came_later(batch, outcome.run)):
        return Attempt.objects.none()
    carriers = Batch.objects.filter(pk=batch.pk)
    if _came_later(batch, outcome.run):
        carriers = Batch.objects.filter(searching.holding(outcome.account_id), run=outcome.run_id)
    earlier = Attempt.objects.filter(batch__in=carriers, pk__lt=outcome.attempt_id).order_by("-pk")
    return earlier.select_related("batch__permitted_by__who").defer("raw", "batch__accounts")


def _came_later(batch: Batch, run: Run) -> bool:
    """Sent again by a person, or cut from a batch that was refused."""
    return batch.number > -(-run.size // MOST_PER_CALL)


def attempts(run: Run, *, page: int = 1, per_page: int = 20) -> Listed[Attempt]:
    """The calls of a run, newest first, without their raw answers."""
    rows = run.attempts.order_by("-pk").select_related("batch").defer("raw", "batch__accounts")
    return _listed(rows, page, per_page)


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
