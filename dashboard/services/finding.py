"""The invoices of a run as a list: filtered, searched, sorted, and walked from row to row at the same cost at any depth.

A place in the list is named by an invoice's place in the pick. Those without an outcome stand among the others in the
order of the pick, and after them in any other order. Where a search leads to few they are all read, and put in order here.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from dashboard.models import Run
from dashboard.services import calls, eligibility, predictions, reasons, searching, unsent, walking
from dashboard.services.calls import Call
from dashboard.services.paging import Stretch
from dashboard.services.reasons import Reason
from dashboard.services.unsent import Invoice
from dashboard.services.wanted import AMOUNT, BY_NEED, NUMBER, OUTCOME, PICKED, Wanted

NEED = {str(state): rank for rank, state in enumerate(BY_NEED)}
# What those with an outcome are sorted by, as `walking` has it.
KEYS: dict[str, Callable[[Invoice], Any]] = {
    NUMBER: lambda row: row.folded,
    AMOUNT: lambda row: (row.outstanding is not None, row.outstanding),
    OUTCOME: lambda row: NEED.get(row.state, len(NEED)),
}


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
    page = _of_few if wanted.are_few else _of_many
    rows, has_less, has_more = page(wanted, after, before, per_page)
    first, last = (rows[0].place, rows[-1].place) if rows else (after, 0)
    stretch = Stretch(
        before=(first or None) if has_less else None,
        after=(last or None) if has_more else None,
        total=wanted.total,
    )
    tries = calls.by_place(run, {row.place: row.batch_id for row in rows if row.batch_id})
    return Found([Row(row, tries.get(row.place, [])) for row in rows], stretch)


def _of_few(wanted: Wanted, after: int, before: int, per_page: int) -> tuple[list[Invoice], bool, bool]:
    """Rows of a page, and whether there are some before and after it."""
    rows = {row.place: row for row in wanted.unsent(at_most=searching.FEW)}
    rows |= {row.place: row for row in unsent.read(wanted.written())}  # some of them perhaps meanwhile
    listed = _in_order(wanted, rows.values())
    low, places = 0, [row.place for row in listed]
    if (start := after or before) in places:
        low = places.index(start) + bool(after)
    elif start:  # it is not among them any more
        at = unsent.at(wanted.run, start) or Invoice(place=start)
        low = _in_order(wanted, [*listed, at]).index(at)
    if before:
        low = max(0, low - per_page)
    return listed[low : low + per_page], low > 0, low + per_page < len(listed)


def _in_order(wanted: Wanted, rows: Iterable[Invoice]) -> list[Invoice]:
    rows, downwards = sorted(rows, key=attrgetter("place")), wanted.sort.startswith("-")
    if wanted.sorted_by == PICKED:
        return rows[::-1] if downwards else rows
    written = [row for row in rows if row.pk][:: -1 if downwards else 1]
    written.sort(key=KEYS[wanted.sorted_by], reverse=downwards)
    return written + [row for row in rows if not row.pk]


def _of_many(wanted: Wanted, after: int, before: int, per_page: int) -> tuple[list[Invoice], bool, bool]:
    rows = walking.take(wanted, after or before, bool(before), per_page + 1)
    if before and len(rows) < per_page:  # the beginning: a whole page of it
        after = before = 0
        rows.reverse()
        end = rows[-1] if rows else None
        rows += walking.take(wanted, end.place if end else 0, False, per_page + 1 - len(rows), end)
    has_more, rows = len(rows) > per_page, rows[:per_page]
    if before:
        rows.reverse()
    return rows, bool(after or (before and has_more)), bool(before or has_more)


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
