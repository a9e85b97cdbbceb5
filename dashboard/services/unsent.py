"""The invoices of a run that have no outcome: they wait in batches, or were left there by a stop."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from dashboard.models import Batch, Outcome, Run
from dashboard.services import predictions

WAITING, NOT_SENT = "waiting", Outcome.State.NOT_SENT.value
LARGEST, AT_ONCE = 100, 4
_STATES = {"": (*Batch.OPEN, Batch.State.NOT_SENT), WAITING: Batch.OPEN, NOT_SENT: (Batch.State.NOT_SENT,)}


def rows(
    run: Run,
    *,
    outcome: str,
    predicted: str,
    search: str,
    start: int,
    end: int,
    backwards: bool,
    at_most: int,
) -> list[Outcome]:
    """Unsaved rows in the order of the pick, from beyond the place `start` to `end`; 0 for either is without limit."""
    found: list[Outcome] = []
    if not (run.waiting or run.not_sent):
        return found
    for batch, place in _walk(batches(run, outcome, search), start, end, backwards):
        account = batch.accounts[place - batch.first]
        if is_meant(
            account.get("number") or "", account["id"], account.get("verdict") or "", predicted, search
        ):
            found.append(_row_of(batch, place, account))
        if len(found) == at_most:
            break
    return found


def batches(run: Run, outcome: str = "", search: str = "") -> QuerySet[Batch]:
    """Those that hold them; not every one in a batch need be meant."""
    held = run.batches.filter(first__gt=0, state__in=_STATES.get(outcome, ()))
    if not search:
        return held
    try:
        account_id = str(UUID(search))
    except ValueError:
        return held.filter(numbers__icontains=search)
    if connection.features.supports_json_field_contains:
        return held.filter(accounts__contains=[{"id": account_id}])
    return held.alias(text=Cast("accounts", TextField())).filter(text__contains=account_id)


def _walk(held: "QuerySet[Batch]", start: int, end: int, backwards: bool) -> Iterator[tuple[Batch, int]]:
    """Each place with its batch, ever more batches at a time: who has enough does not read on."""
    low, high = (end, start) if backwards else (start, end)
    held = held.filter(first__gt=max(0, low - LARGEST))
    held = held.filter(first__lt=high) if high else held
    beyond = held.order_by("-first" if backwards else "first")
    more, at_once = True, AT_ONCE
    while more:
        some = list(beyond[:at_once])
        more, at_once = len(some) == at_once, at_once * 2
        for batch in some:
            places = range(batch.first, batch.first + batch.size)
            for place in reversed(places) if backwards else places:
                if low < place and (not high or place < high):
                    yield batch, place
        if more:
            last = some[-1].first
            beyond = beyond.filter(first__lt=last) if backwards else beyond.filter(first__gt=last)


def is_meant(number: str, account_id: str, verdict: str, predicted: str, search: str) -> bool:
    """Whether an invoice of this number and id, with this verdict, has the wanted prediction and words."""
    wanted = search.lower()
    named = wanted in number.lower() or wanted == account_id
    return named and (not predicted or verdict in predictions.CODES.get(predicted, ()))


def _row_of(batch: Batch, place: int, account: dict[str, Any]) -> Outcome:
    outstanding = account.get("outstanding")
    return Outcome(
        run_id=batch.run_id,
        batch=batch,
        place=place,
        account_id=account["id"],
        invoice_number=account.get("number") or "",
        outstanding=Decimal(outstanding) if outstanding else None,
        currency=account.get("currency") or "",
        predicted=account.get("verdict") or "",
        state=batch.state,
        source=Outcome.Source.ROLLCALL,
    )
