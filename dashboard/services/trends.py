"""Figures over time: what was enrolled each day, why not, and where the prediction was wrong.

Summed from tallies, a few rows per run, which a worker writes when the run has ended; one that has not counts by its own tally.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.core.cache import cache
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from dashboard.models import Outcome, Run, Tally
from dashboard.services import history, predictions, reasons, runs, tally

DAYS = 30
AT_ONCE = 20
QUARTER = 900  # seconds
KEPT = 600  # seconds, in memory; what is kept is asked for by all that it depends on
REASONS_SHOWN = 6
STATE = Outcome.State
COUNTED: tuple[Outcome.State, ...] = tuple(state for state in STATE if state != STATE.NOT_SENT)


def sum_up() -> int:
    """Write the tallies of some runs that have ended. Gives how many."""
    ended = Run.objects.filter(is_tallied=False, state__in=Run.ENDED).order_by("-pk")
    return sum(_sum_up(run_id) for run_id in ended.values_list("pk", flat=True)[:AT_ONCE])


@transaction.atomic
def _sum_up(run_id: int) -> bool:
    """False for a run that goes on again."""
    run = runs.lock(run_id)
    if not run.is_ended:
        return False
    numbers: Counter[tuple[str, str, str]] = Counter()
    for share in tally.shares(run):
        numbers[share.state, share.reason, share.predicted] += share.number
    quarter = _quarter(run.created_at)
    run.tallies.all().delete()
    Tally.objects.bulk_create(
        Tally(run=run, quarter=quarter, state=state, reason=reason, predicted=predicted, number=number)
        for (state, reason, predicted), number in numbers.items()
    )
    run.is_tallied = True
    runs.save(run)
    return True


def _quarter(moment: datetime) -> int:
    return int(moment.timestamp()) // QUARTER


@dataclass
class Series:
    """Numbers per day under one name; the days are those of `Trends`."""

    code: str
    label: str
    numbers: list[int] = field(default_factory=lambda: [0] * DAYS)

    @property
    def total(self) -> int:
        return sum(self.numbers)


@dataclass(frozen=True)
class Trends:
    """The last days, oldest first, in the person's zone; a run counts on the day on which it was confirmed.

    `expected` are invoices that were predicted to enter and got an answer, `refused` those of them that failed; `spared`
    is how many were predicted to be refused and entered.
    """

    days: Sequence[date]
    outcomes: Sequence[Series]
    reasons: Sequence[Series]
    expected: Series
    refused: Series
    spared: int

    @property
    def total(self) -> int:
        return sum(series.total for series in self.outcomes)

    @property
    def rates(self) -> list[float | None]:
        """Percent refused of what was predicted to enter, per day; None where nothing was predicted."""
        pairs = zip(self.refused.numbers, self.expected.numbers, strict=True)
        return [100 * refused / expected if expected else None for refused, expected in pairs]

    @property
    def rate(self) -> float | None:
        return 100 * self.refused.total / self.expected.total if self.expected.total else None


Row = tuple[int, str, str, str, int]  # quarter, state, reason, predicted, number


def recent() -> Trends:
    """The last 30 days up to today."""
    today = timezone.localdate()
    days = [today - timedelta(days=ago) for ago in range(DAYS - 1, -1, -1)]
    midnights = [_quarter(history.midnight(day)) for day in days]
    new = Run.objects.filter(is_tallied=False, created_at__gte=history.midnight(days[0]))
    fresh = list(new.only("created_at", "tally").order_by("pk"))
    ids = [run.pk for run in fresh]
    known = (*midnights, Tally.objects.order_by("-pk").values_list("pk", flat=True).first(), *ids)
    tallied = cache.get_or_set(f"tallied:{hash(known)}", lambda: _tallied(midnights, ids), KEPT)
    return _drawn(days, midnights, [*(tallied or ()), *_under_way(fresh)])


def _tallied(midnights: Sequence[int], fresh: Sequence[int]) -> list[Row]:
    """A row for each kind and day: what is kept is gone through for each page."""
    rows = Tally.objects.filter(quarter__gte=midnights[0]).exclude(run__in=fresh)
    kinds = rows.values_list("quarter", "state", "reason", "predicted").annotate(Sum("number")).order_by()
    days: Counter[tuple[int, str, str, str]] = Counter()
    for quarter, state, reason, predicted, number in kinds:
        days[midnights[bisect_right(midnights, quarter) - 1], state, reason, predicted] += number
    return [(*kind, number) for kind, number in days.items()]


def _under_way(fresh: Iterable[Run]) -> Iterator[Row]:
    for run in fresh:
        at = _quarter(run.created_at)
        yield from ((at, s.state, s.reason, s.predicted, s.number) for s in tally.shares(run))


def _drawn(days: list[date], midnights: list[int], rows: Iterable[Row]) -> Trends:
    outcomes = {state.value: Series(state, state.label) for state in COUNTED}
    why: dict[str, Series] = defaultdict(lambda: Series("", ""))
    expected, refused = Series("expected", ""), Series("refused", "")
    spared = 0
    for quarter, state, reason, predicted, number in rows:
        day = bisect_right(midnights, quarter) - 1
        if day < 0:
            continue
        outcomes[state].numbers[day] += number
        if reason and state != STATE.ENROLLED:
            why[reason].numbers[day] += number
        is_otherwise = predictions.is_otherwise(state, reason, predicted)
        if predictions.kind_of(predicted) == "enter" and predictions.is_vendors_word(state, reason):
            expected.numbers[day] += number
            refused.numbers[day] += number if is_otherwise else 0
        elif is_otherwise:
            spared += number
    return Trends(days, [s for s in outcomes.values() if s.total], _largest(why), expected, refused, spared)


def _largest(why: dict[str, Series]) -> list[Series]:
    """The most frequent reasons by name, and all others as one."""
    for code, series in why.items():
        reason = reasons.of(code)
        series.code, series.label = code, reason.title if reason else code.replace("_", " ").capitalize()
    ranked = sorted(why.values(), key=lambda series: -series.total)
    shown, rest = ranked[:REASONS_SHOWN], ranked[REASONS_SHOWN:]
    if rest:
        sums = [sum(numbers) for numbers in zip(*(series.numbers for series in rest), strict=True)]
        shown.append(Series("rest", "Other reasons", sums))
    return shown
