"""The invoices of a run that have no outcome: they wait in batches, or were left there by a stop."""

from collections.abc import Container, Iterator
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db.models import QuerySet, Value
from django.db.models.expressions import Combinable

from dashboard.models import Batch, Outcome, Run
from dashboard.services import predictions, searching, tally
from dashboard.services.searching import Candidates, Picked

WAITING, NOT_SENT = "waiting", Outcome.State.NOT_SENT.value
LARGEST, AT_ONCE = 100, 4
_STATES = {"": (*Batch.OPEN, Batch.State.NOT_SENT), WAITING: Batch.OPEN, NOT_SENT: (Batch.State.NOT_SENT,)}


class Invoice(NamedTuple):
    """An invoice of a run as lists show it: an outcome's fields, of which one that has none yet lacks the times and the key."""

    run_id: int
    batch_id: int | None
    place: int
    account_id: str
    invoice_number: str
    outstanding: Decimal | None
    currency: str
    predicted: str
    state: str
    source: str
    vendor_status: str = ""
    reason: str = ""
    error: str = ""
    seen: str = ""
    settled_at: datetime | None = None
    look_at: datetime | None = None
    looked_at: datetime | None = None
    pk: int | None = None


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
    verdicts = predictions.CODES[predicted] if predicted else None
    at_once = at_most if search else AT_ONCE
    for batch, place, picked in _walk(held, among, verdicts, start, end, backwards, at_once):
        if is_meant(picked.number, picked.account_id, picked.verdict, predicted, search):
            found.append(_row_of(batch, place, picked))
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
        positions.append(searching.position("text__numbers", search.lower()))
    return held.filter(searching.having(*positions)) if positions else held


def _walk(
    held: "QuerySet[Batch]",
    among: Candidates | None,
    verdicts: Container[str] | None,
    start: int,
    end: int,
    backwards: bool,
    at_once: int,
) -> Iterator[tuple[Batch, int, Picked]]:
    """Each account, `among` these and with one of the verdicts, with its batch and place.

    Ever more batches are read at a time: who has enough does not read on.
    """
    low, high = (end, start) if backwards else (start, end)
    held = held.filter(first__gt=max(0, low - LARGEST))
    held = held.filter(first__lt=high) if high else held
    beyond = (
        held.order_by("-first" if backwards else "first")
        .select_related("text")
        .defer("accounts", "text__numbers", "text__id_starts")
    )
    more = True
    while more:
        some = list(beyond[:at_once])
        more, at_once = len(some) == at_once, at_once * 2
        for batch in some:
            only = None if among is None else among[batch.pk]
            listed = list(searching.rows(batch.text, only, verdicts))
            for number, picked in reversed(listed) if backwards else listed:
                place = batch.first + number
                if low < place and (not high or place < high):
                    yield batch, place, picked
        if more:
            last = some[-1].first
            beyond = beyond.filter(first__lt=last) if backwards else beyond.filter(first__gt=last)


def is_meant(number: str, account_id: str, verdict: str, predicted: str, search: str) -> bool:
    """Whether an invoice of this number and id, with this verdict, has the wanted prediction and words."""
    wanted = search.lower()
    named = wanted in number.lower() or wanted == account_id
    return named and (not predicted or verdict in predictions.CODES.get(predicted, ()))


def _row_of(batch: Batch, place: int, picked: Picked) -> Invoice:
    return Invoice(
        run_id=batch.run_id,
        batch_id=batch.pk,
        place=place,
        account_id=picked.account_id,
        invoice_number=picked.number,
        outstanding=Decimal(picked.outstanding) if picked.outstanding else None,
        currency=picked.currency,
        predicted=picked.verdict,
        state=batch.state,
        source=Outcome.Source.ROLLCALL,
    )
