"""What became of the invoices of a run: grouped by reason, with what to do, and what a person is asked to settle."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Min

from dashboard.models import Outcome, Run
from dashboard.services import clock, outcomes, progress, reasons, tally
from dashboard.services.reasons import Advice
from dashboard.services.tally import Share, Sums

STATE = Outcome.State
TO_EXPLAIN = (
    STATE.FAILED,
    STATE.UNKNOWN,
    STATE.ALREADY_ACTIVE,
    STATE.UNRECOGNISED,
    STATE.SKIPPED,
    STATE.PENDING,
    STATE.NOT_SENT,
)
OPEN_ENDED = ("other", "call_refused")
QUOTED, SAMPLE = 5, 500
OLD = timedelta(hours=24)


@dataclass(frozen=True)
class Group:
    """Invoices of a run with one fate for one reason.

    `amounts` are what they come to by currency, `without` how many have no known amount. `words` are the vendor's, most frequent
    first, each with its number where all were counted. The readings are None where there was, or will be, none.
    """

    state: Outcome.State
    code: str
    number: int
    title: str
    advice: Advice
    what_to_do: str
    amounts: Mapping[str, Decimal] = field(default_factory=dict)
    without: int = 0
    words: Sequence[tuple[str, int | None]] = ()
    looked_at: datetime | None = None
    look_at: datetime | None = None

    @property
    def acts(self) -> Sequence[str]:
        """What may be done with it in one step, see `reasons.acts`."""
        return reasons.acts(self.state, self.code)


def groups(run: Run) -> list[Group]:
    """Whatever needs a person's eye, failures first, the largest group first."""
    kinds: dict[tuple[str, str], list[Share]] = defaultdict(list)
    for share in tally.shares(run):
        kinds[share.state, share.reason].append(share)
    found = [
        _group(run, STATE(state), code, tally.total(shares))
        for (state, code), shares in kinds.items()
        if state in TO_EXPLAIN
    ]
    if run.not_sent:
        found.append(_group(run, STATE.NOT_SENT, "", tally.by_outcome(run)[STATE.NOT_SENT]))
    return sorted(found, key=lambda group: (TO_EXPLAIN.index(group.state), -group.number, group.code))


def _group(run: Run, state: Outcome.State, code: str, sums: Sums) -> Group:
    looked_at, look_at = _readings(run, state, code)
    reason = reasons.explain(state, code, will_be_read=look_at is not None)
    words = _words(run, state, code, sums.number)
    return Group(
        state=state,
        code=code,
        number=sums.number,
        title=reason.title,
        advice=reason.advice,
        what_to_do=reason.what_to_do,
        amounts=sums.amounts,
        without=sums.without,
        words=words,
        looked_at=looked_at,
        look_at=look_at,
    )


def _readings(run: Run, state: str, code: str) -> tuple[datetime | None, datetime | None]:
    if state not in outcomes.LOOKED_AT and code != outcomes.NOT_SURE:
        return None, None
    return progress.looks(run, state, code)


def _words(run: Run, state: str, code: str, number: int) -> list[tuple[str, int | None]]:
    """What the vendor said, where our title does not say it already. Of a large group a part is read, and not counted."""
    if code not in OPEN_ENDED and state != STATE.UNRECOGNISED:
        return []
    said = run.outcomes.filter(state=state, reason=code).values_list("error", "vendor_status")[:SAMPLE]
    common = Counter(error or word for error, word in said).most_common(QUOTED)
    return [(words, count if number <= SAMPLE else None) for words, count in common if words]


@dataclass(frozen=True)
class Unsettled:
    """Invoices of unknown fate that a person is asked about: one, or all of a run's when `only` is None."""

    only: Outcome | None
    first_sent_at: datetime | None

    @property
    def is_old(self) -> bool:
        """Old enough that a campaign may have come to its end since, and would start a second time."""
        return self.first_sent_at is not None and self.first_sent_at < clock.now() - OLD


def unsettled(run: Run, account_id: str = "") -> Unsettled:
    """The invoices of unknown fate in a run, or the one with this id."""
    unknown = run.outcomes.filter(state=Outcome.State.UNKNOWN)
    chosen = unknown.filter(account_id=account_id) if account_id else unknown
    first = chosen.aggregate(at=Min("attempt__started_at"))["at"]
    return Unsettled(chosen.first() if account_id else None, first)
