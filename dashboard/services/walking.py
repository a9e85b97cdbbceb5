"""A run's invoices in an order of the database's, from a place on: at the same cost at any depth."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db.models import F, Q, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from dashboard.models import Outcome
from dashboard.services import unsent
from dashboard.services.unsent import LARGEST, Invoice
from dashboard.services.wanted import AMOUNT, BY_NEED, NUMBER, OUTCOME, PICKED, SORTS, Wanted

# Orders that no index has as a whole, part after part: by whether the amount is not known, and by state.
PARTS: dict[str, dict[Any, Q]] = {
    AMOUNT: {is_null: Q(key__isnull=is_null) for is_null in (True, False)},
    OUTCOME: {state: Q(state=state) for state in BY_NEED},
}


class Place(NamedTuple):
    """Where rows begin: beyond that place in the pick, which has this value of what they are sorted by."""

    number: int
    value: Any = None


def take(
    wanted: Wanted, start: int, backwards: bool, at_most: int, at: Invoice | None = None
) -> list[Invoice]:
    """So many rows beyond that place, in the order they are come by; `at` is what stands there, where that is known."""
    if wanted.sorted_by == PICKED:
        return _as_picked(wanted, start, backwards, at_most)
    if start and at is None:
        at = unsent.at(wanted.run, start)
    is_unsent = bool(start) and (at is None or at.pk is None)
    rows: list[Invoice] = []
    if is_unsent:
        rows += wanted.unsent(start=start, backwards=backwards, at_most=at_most)
    if backwards or not is_unsent:
        place = Place(start, getattr(at, SORTS[wanted.sorted_by])) if at and not is_unsent else None
        rows += _written(wanted, place, backwards, at_most - len(rows))
    if not (backwards or is_unsent):
        rows += wanted.unsent(backwards=backwards, at_most=at_most - len(rows))
    return rows


def _as_picked(wanted: Wanted, start: int, backwards: bool, at_most: int) -> list[Invoice]:
    downwards = backwards != wanted.sort.startswith("-")
    rows = _written(wanted, Place(start) if start else None, backwards, at_most)
    end = rows[-1].place if len(rows) == at_most else 0
    rows += wanted.unsent(start=start, end=end, backwards=downwards, at_most=at_most)
    return sorted(rows, key=lambda row: row.place, reverse=downwards)[:at_most]


def _written(wanted: Wanted, beyond: Place | None, backwards: bool, at_most: int) -> list[Invoice]:
    rows: list[Invoice] = []
    downwards = backwards != wanted.sort.startswith("-")
    sign = "-" if downwards else ""
    order = [f"{sign}place"] if wanted.sorted_by == PICKED else [f"{sign}key", f"{sign}place"]
    whole = Outcome.objects.filter(run=wanted.run).alias(key=_hidden(wanted)).order_by(*order)
    for some in _stretches(wanted, beyond, downwards) if wanted.shares else ():
        places = some.order_by(*order).values("place")[: at_most - len(rows)]
        rows += unsent.read(whole.filter(place__in=places))
        if len(rows) == at_most:
            break
    return rows


def _stretches(wanted: Wanted, place: Place | None, downwards: bool) -> "Iterator[QuerySet[Outcome]]":
    """The rows beyond a place, part after part, each to be walked in the order of an index."""
    order, way = wanted.sorted_by, "lt" if downwards else "gt"
    parts = PARTS.get(order, {None: Q()})
    left, beyond = list(parts)[:: -1 if downwards else 1], Q()
    if place:
        beyond, value = Q(**{f"place__{way}": place.number}), place.value
        if order == AMOUNT:
            left = left[left.index(value is None) :]
        elif order == OUTCOME:
            left, value = left[left.index(value) :], None
        if value is not None:
            beyond = Q(**{f"key__{way}e": value}) & (Q(**{f"key__{way}": value}) | beyond)
    rows = wanted.written().alias(key=_hidden(wanted) if _are_rare(wanted) else F(SORTS[order]))
    if wanted.reason or wanted.predicted:
        rows = rows.filter(state__in=wanted.states)
    known = {None, False, any(share.without for share in wanted.shares)} | wanted.states
    for part in left:
        if part in known:
            yield rows.filter(parts[part], beyond)
        beyond = Q()


def _are_rare(wanted: Wanted) -> bool:
    """Whether their outcomes are so few that sorting them is less than walking an order until a page of them is full.

    Where something is searched for, that may be at the other end of the run.
    """
    run = wanted.run
    held = sum(run.counts[state] for state in wanted.states)
    walked = run.size // 5 if wanted.search else run.size * 5 // max(held, LARGEST)
    return wanted.sorted_by in (NUMBER, AMOUNT) and held < walked


def _hidden(wanted: Wanted) -> Combinable:
    """What they are sorted by, as no index has it: then they are sorted."""
    key = SORTS[wanted.sorted_by]
    return Coalesce(key, key)
