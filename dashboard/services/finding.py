"""The invoices of a run as a list: filtered, searched, sorted, and walked from row to row at the same cost at any depth.

A place in the list is named by an invoice's place in the pick. Those without an outcome stand among the others in the
order of the pick, and after them in any other order.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple

from django.db.models import F, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, StrIndex, Upper

from dashboard.models import Outcome, Run
from dashboard.services import calls, eligibility, predictions, reasons, searching, tally, unsent
from dashboard.services.calls import Call
from dashboard.services.paging import Stretch
from dashboard.services.reasons import Reason
from dashboard.services.tally import Share
from dashboard.services.unsent import LARGEST, NOT_SENT, WAITING, Invoice

STATE = Outcome.State
PICKED, NO_REASON = "picked", "none"
BY_NEED = (
    STATE.FAILED,
    STATE.UNKNOWN,
    STATE.ALREADY_ACTIVE,
    STATE.UNRECOGNISED,
    STATE.SKIPPED,
    STATE.PENDING,
    STATE.ENROLLED,
)
NUMBER, AMOUNT, OUTCOME = "number", "amount", "outcome"
SORTS = {PICKED: "place", NUMBER: "invoice_number", AMOUNT: "outstanding", OUTCOME: "state"}
RANKED = " ".join(BY_NEED)
RANK = StrIndex(Value(RANKED), F("state"))
# Orders that no index has as a whole, part after part: by whether the amount is not known, and by state.
PARTS: dict[str, dict[Any, Q]] = {
    AMOUNT: {is_null: Q(key__isnull=is_null) for is_null in (True, False)},
    OUTCOME: {state: Q(state=state) for state in BY_NEED},
}


@dataclass(frozen=True)
class Wanted:
    """Which invoices of a run. `outcome` is an outcome's state or "waiting", `reason` its code or "none", `predicted` a word of
    `predictions`.

    `search` is part of an invoice number or a whole account id, `sort` a key of `SORTS`, with "-" for the other way round.
    """

    run: Run
    outcome: str = ""
    reason: str = ""
    predicted: str = ""
    search: str = ""
    sort: str = PICKED

    def written(self) -> "QuerySet[Outcome]":
        """Those with an outcome. What is searched for is looked at last, for it takes the longest."""
        rows = self._possible()
        if self.outcome:
            rows = rows.filter(state=self.outcome)
        if self.reason:
            rows = rows.filter(reason=self.code)
        if self.predicted:
            rows = rows.filter(predictions.condition(self.predicted, self.shares))
        if self.account_id:
            rows = rows.filter(account_id=self.account_id)
        elif self.search:
            upper = searching.Capitals if self.search.isascii() else Upper
            position = searching.position(upper("invoice_number"), upper(Value(self.search)))
            rows = rows.filter(searching.having(position))
        return rows

    @property
    def account_id(self) -> str:
        """The whole id that is searched for."""
        return searching.account_id_of(self.search)

    def _possible(self) -> "QuerySet[Outcome]":
        """Where few are meant, they are found by their ids: the run is hidden, so that no database thinks of walking it."""
        if self.candidates is None:
            return self.run.outcomes.all()
        hidden = Outcome.objects.alias(its_run=Coalesce("run_id", "run_id"))
        return hidden.filter(its_run=self.run.pk, account_id__in=[*chain(*self.candidates.values())])

    @cached_property
    def candidates(self) -> searching.Candidates | None:
        """Those that the search may mean, where they are few."""
        return searching.candidates(self.run, self.search) if self.search else None

    @property
    def are_few(self) -> bool:
        """Whether the search leads to them alone."""
        return bool(self.account_id) or self.candidates is not None

    @cached_property
    def states(self) -> set[str]:
        """The outcomes that they have, by the tally."""
        return {share.state for share in self.shares}

    @cached_property
    def shares(self) -> list[Share]:
        """Those with an outcome, counted, but for the search."""
        return [
            share
            for share in tally.shares(self.run)
            if self.outcome in ("", share.state)
            and (not self.reason or share.reason == self.code)
            and predictions.fits(share, self.predicted)
        ]

    @property
    def parts(self) -> set[Any]:
        """Of the keys of `PARTS`, those that any of them may belong to; None is where there are no parts."""
        return {None, False, any(share.without for share in self.shares)} | self.states

    @property
    def is_rare(self) -> bool:
        """Whether their outcomes are so few that sorting them is less than walking an order until a page of them is full.

        Where something is searched for, that may be at the other end of the run. Hiding the order's key in an expression has them
        sorted.
        """
        held = sum(self.run.counts[state] for state in self.states)
        walked = self.run.size // 5 if self.search else self.run.size * 5 // max(held, LARGEST)
        return self.sorted_by in (NUMBER, AMOUNT) and held < walked

    @property
    def sorted_by(self) -> str:
        """Its order without the way; those of one outcome stand as they were picked."""
        order = self.sort.lstrip("-")
        return PICKED if order == OUTCOME and self.outcome else order

    @property
    def is_ranked(self) -> bool:
        """Whether all are sorted at once by their outcomes."""
        return self.sorted_by == OUTCOME and self.are_few

    @property
    def hidden_key(self) -> Combinable:
        """What they are sorted by, as no index has it."""
        key = SORTS[self.sorted_by]
        return RANK if self.is_ranked else Coalesce(key, key)

    @property
    def code(self) -> str:
        """The reason as it is stored."""
        return "" if self.reason == NO_REASON else self.reason

    @property
    def may_be_unsent(self) -> bool:
        """Whether those without an outcome may be among them."""
        is_outcome = self.outcome in ("", WAITING, NOT_SENT)
        is_possible = is_outcome and not self.reason and self.predicted != predictions.OTHERWISE
        return is_possible and (not self.predicted or self._unsent > 0)

    @property
    def total(self) -> int | None:
        """How many, from the run's tally; None where nobody counts."""
        if self.search:
            return None
        return sum(share.number for share in self.shares) + (self._unsent if self.may_be_unsent else 0)

    @property
    def _unsent(self) -> int:
        """Of a stopped run whose last call is under way, both kinds count as the one that is asked for with a prediction."""
        counts = {WAITING: self.run.waiting, NOT_SENT: self.run.not_sent}
        number = counts[self.outcome] if self.outcome else sum(counts.values())
        if not (number and self.predicted):
            return number
        fitting = (s.number for s in tally.picked_shares(self.run) if predictions.fits(s, self.predicted))
        written = (s.number for s in tally.shares(self.run) if predictions.fits(s, self.predicted))
        return sum(fitting) - sum(written)


@dataclass(frozen=True)
class Found:
    """A page of the list, and where it stands."""

    rows: "list[Row]"
    stretch: Stretch


def find(run: Run, *, after: int = 0, before: int = 0, per_page: int = 20, **filters: str) -> Found:
    """The rows that follow the invoice with the place `after`, or go before that of `before`; else the first.

    The filters are those of `Wanted`.
    """
    wanted = Wanted(run, **filters)
    rows = _take(wanted, after or before, bool(before), per_page + 1)
    if before and len(rows) < per_page:  # the beginning: a whole page of it
        after = before = 0
        rows.reverse()
        end = rows[-1] if rows else None
        rows += _take(wanted, end.place if end else 0, False, per_page + 1 - len(rows), end)
    has_more, rows = len(rows) > per_page, rows[:per_page]
    if before:
        rows.reverse()
    first, last = (rows[0].place, rows[-1].place) if rows else (0, 0)
    stretch = Stretch(
        before=(first or after or None) if after or (before and has_more) else None,
        after=last if before or has_more else None,
        total=wanted.total,
    )
    tries = calls.by_place(run, {row.place: row.batch_id for row in rows if row.batch_id})
    return Found([Row(row, tries.get(row.place, [])) for row in rows], stretch)


class Place(NamedTuple):
    """Where rows begin: beyond that place in the pick, which has this value of what they are sorted by."""

    number: int
    value: Any = None


def _take(
    wanted: Wanted, start: int, backwards: bool, at_most: int, at: Invoice | None = None
) -> list[Invoice]:
    """So many rows beyond that place, in the order they are come by; `at` is what stands there, where that is known."""
    if wanted.sorted_by == PICKED:
        return _as_picked(wanted, start, backwards, at_most)
    if start and at is None:
        at = next(_read(wanted.run.outcomes.filter(place=start)), None)
    is_unsent = bool(start) and (at is None or at.pk is None)
    rows: list[Invoice] = []
    if is_unsent:
        rows += _unsent(wanted, start, backwards, at_most)
    if backwards or not is_unsent:
        place = Place(start, getattr(at, SORTS[wanted.sorted_by])) if at and not is_unsent else None
        rows += _written(wanted, place, backwards, at_most - len(rows))
    if not (backwards or is_unsent):
        rows += _unsent(wanted, 0, backwards, at_most - len(rows))
    return rows


def _as_picked(wanted: Wanted, start: int, backwards: bool, at_most: int) -> list[Invoice]:
    downwards = backwards != wanted.sort.startswith("-")
    rows = _written(wanted, Place(start) if start else None, backwards, at_most)
    end = rows[-1].place if len(rows) == at_most else 0
    rows += _unsent(wanted, start, downwards, at_most, end)
    return sorted(rows, key=lambda row: row.place, reverse=downwards)[:at_most]


def _written(wanted: Wanted, beyond: Place | None, backwards: bool, at_most: int) -> list[Invoice]:
    rows: list[Invoice] = []
    downwards = backwards != wanted.sort.startswith("-")
    sign = "-" if downwards else ""
    order = [f"{sign}place"] if wanted.sorted_by == PICKED else [f"{sign}key", f"{sign}place"]
    whole = Outcome.objects.filter(run=wanted.run).alias(key=wanted.hidden_key).order_by(*order)
    for some in _stretches(wanted, beyond, downwards) if wanted.shares else ():
        places = some.order_by(*order).values("place")[: at_most - len(rows)]
        rows += _read(whole.filter(place__in=places))
        if len(rows) == at_most:
            break
    return rows


def _read(rows: "QuerySet[Outcome]") -> Iterator[Invoice]:
    return map(Invoice._make, rows.values_list(*Invoice._fields))


def _stretches(wanted: Wanted, place: Place | None, downwards: bool) -> "Iterator[QuerySet[Outcome]]":
    """The rows beyond a place, part after part, each to be walked in the order of an index."""
    order, way = wanted.sorted_by, "lt" if downwards else "gt"
    parts = {None: Q()} if wanted.is_ranked else PARTS.get(order, {None: Q()})
    left, beyond = list(parts)[:: -1 if downwards else 1], Q()
    if place:
        beyond, value = Q(**{f"place__{way}": place.number}), place.value
        if order == AMOUNT:
            left = left[left.index(value is None) :]
        elif order == OUTCOME and not wanted.is_ranked:
            left, value = left[left.index(value) :], None
        elif order == OUTCOME:
            value = RANKED.index(value) + 1
        if value is not None:
            beyond = Q(**{f"key__{way}e": value}) & (Q(**{f"key__{way}": value}) | beyond)
    hidden = wanted.is_ranked or wanted.is_rare
    rows = wanted.written().alias(key=wanted.hidden_key if hidden else F(SORTS[order]))
    if wanted.reason or wanted.predicted:
        rows = rows.filter(state__in=wanted.states)
    for part in left:
        if part in wanted.parts:
            yield rows.filter(parts[part], beyond)
        beyond = Q()


def _unsent(wanted: Wanted, start: int, backwards: bool, at_most: int, end: int = 0) -> list[Invoice]:
    if not (at_most and wanted.may_be_unsent):
        return []
    return unsent.rows(
        wanted.run,
        outcome=wanted.outcome,
        predicted=wanted.predicted,
        search=wanted.account_id or wanted.search,
        among=wanted.candidates,
        start=start,
        end=end,
        backwards=backwards,
        at_most=at_most,
    )


@dataclass(frozen=True)
class Row:
    """One invoice of the list, with its verdict and how it came out.

    `tries` are the calls that it travelled in, oldest first: which, when, and how they were answered.
    """

    outcome: Invoice
    tries: list[Call]

    @property
    def reason(self) -> Reason | None:
        """What explains it, where there is a code for it."""
        outcome = self.outcome
        will_be_read = outcome.look_at is not None
        return (
            reasons.explain(outcome.state, outcome.reason, will_be_read=will_be_read)
            if outcome.reason
            else None
        )

    @property
    def predicted(self) -> str:
        return predictions.kind_of(self.outcome.predicted)

    @property
    def why(self) -> str:
        """The sentence of its verdict."""
        return eligibility.why(self.outcome.predicted)

    @property
    def is_otherwise(self) -> bool:
        return predictions.is_otherwise(self.outcome.state, self.outcome.reason, self.outcome.predicted)
