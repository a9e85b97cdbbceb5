"""The invoices of a run that have no outcome: they wait in batches, or were left there by a stop."""

from collections.abc import Container, Iterator
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db.models import QuerySet, Value
from django.db.models.expressions import Combinable

from dashboard.models import Batch, Outcome, Run
from dashboard.models.batches import fold
from dashboard.services import predictions, searching, tally
from dashboard.services.searching import Candidates, Picked

WAITING, NOT_SENT = "waiting", Outcome.State.NOT_SENT.value
LARGEST, AT_ONCE = 100, 4
_STATES = {"": (*Batch.OPEN, Batch.State.NOT_SENT), WAITING: Batch.OPEN, NOT_SENT: (Batch.State.NOT_SENT,)}


class Invoice(NamedTuple):
    """An invoice of a run as lists show it: an outcome's fields, of which one that has none yet lacks the times and the key."""

    run_id: int = 0
    batch_id: int | None = None
    place: int = 0
    account_id: str = ""
    invoice_number: str = ""
    outstanding: Decimal | None = None
    currency: str = ""
    predicted: str = ""
    state: str = ""
    source: str = Outcome.Source.ROLLCALL
    vendor_status: str = ""
    reason: str = ""
    error: str = ""
    seen: str = ""
    settled_at: datetime | None = None
    look_at: datetime | None = None
    looked_at: datetime | None = None
    folded: str = ""
    pk: int | None = None


def read(outcomes: "QuerySet[Outcome]") -> Iterator[Invoice]:
    """Those that have one."""
    return map(Invoice._make, outcomes.values_list(*Invoice._fields))


def at(run: Run, place: int) -> Invoice | None:
    """What has an outcome there, with no more than lists are sorted by."""
    found = run.outcomes.filter(place=place).values("pk", "place", "folded", "outstanding", "state")
    return next((Invoice(**fields) for fields in found), None)


class Held(NamedTuple):
    """What a batch without outcomes holds: see `BatchText`."""

    pk: int
    first: int
    state: str
    text__account_ids: str
    text__verdicts: str
    text__picked: str


def rows(
    run: Run,
    *,
    outcome: str,
    predicted: str,
    search: str,
    among: Candidates | None,
    start: int,
    end: int,
    backwards: bool,
    at_most: int,
) -> list[Invoice]:
    """In the order of the pick, from beyond the place `start` to `end`; 0 for either is without limit."""
    found: list[Invoice] = []
    if not (run.waiting or run.not_sent):
        return found
    held = batches(run, outcome=outcome, predicted=predicted, search=search, among=among)
    verdicts = predictions.codes(predicted, tally.picked_shares(run)) if predicted else None
    part = "" if searching.account_id_of(search) else fold(search)
    at_once = at_most if search else AT_ONCE
    for batch, place, picked in _walk(held, among, verdicts, part, start, end, backwards, at_once):
        if is_meant(picked.number, picked.account_id, picked.verdict, predicted, search):
            found.append(_row_of(run, batch, place, picked))
        if len(found) == at_most:
            break
    return found


def batches(
    run: Run,
    *,
    outcome: str = "",
    predicted: str = "",
    search: str = "",
    among: Candidates | None = None,
) -> QuerySet[Batch]:
    """Those that hold such an invoice, also `among` these; not every one in a batch need be meant."""
    held = run.batches.filter(first__gt=0, state__in=_STATES.get(outcome, ()))
    account_id = searching.account_id_of(search)
    positions: list[Combinable] = []
    if predicted:
        codes = predictions.codes(predicted, tally.picked_shares(run))
        some = (searching.position("text__verdicts", f"\n{code}\n") for code in codes)
        positions.append(sum(some, Value(0)))
    if among is not None:
        held = held.filter(pk__in=among)
    elif account_id:
        held = held.filter(searching.holding(account_id))
    elif search:
        positions.append(searching.position("text__numbers", fold(search)))
    return held.filter(searching.having(*positions)) if positions else held


def _walk(
    held: "QuerySet[Batch]",
    among: Candidates | None,
    verdicts: Container[str] | None,
    part: str,
    start: int,
    end: int,
    backwards: bool,
    at_once: int,
) -> Iterator[tuple[Held, int, Picked]]:
    """Each account, `among` these, with one of the verdicts and this part of a number, with its batch and place.

    Ever more batches are read at a time: who has enough does not read on.
    """
    low, high = (end, start) if backwards else (start, end)
    held = held.filter(first__gt=max(0, low - LARGEST))
    held = held.filter(first__lt=high) if high else held
    beyond = held.order_by("-first" if backwards else "first").values_list(*Held._fields)
    more = True
    while more:
        some = list(map(Held._make, beyond[:at_once]))
        more, at_once = len(some) == at_once, at_once * 2
        for batch in some:
            lines = None if among is None else among[batch.pk]
            listed = list(searching.rows(*batch[3:], lines, verdicts, part))
            for line, picked in reversed(listed) if backwards else listed:
                place = batch.first + line
                if low < place and (not high or place < high):
                    yield batch, place, picked
        if more:
            last = some[-1].first
            beyond = beyond.filter(first__lt=last) if backwards else beyond.filter(first__gt=last)


def is_meant(number: str, account_id: str, verdict: str, predicted: str, search: str) -> bool:
    """Whether an invoice of this number and id, with this verdict, has the wanted prediction and words."""
    named = fold(search) in fold(number) or search == account_id
    return named and (not predicted or predictions.kind_of(verdict) == predicted)


def _row_of(run: Run, batch: Held, place: int, picked: Picked) -> Invoice:
    return Invoice(
        run_id=run.pk,
        batch_id=batch.pk,
        place=place,
        account_id=picked.account_id,
        invoice_number=picked.number,
        outstanding=Decimal(picked.outstanding) if picked.outstanding else None,
        currency=picked.currency,
        predicted=picked.verdict,
        state=batch.state,
    )
