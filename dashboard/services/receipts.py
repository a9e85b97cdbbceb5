"""The proof of a run: who had which invoices enrolled where and when, what came of each, and what was done about it since."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from itertools import chain
from typing import Any

from django.db.models import Count, QuerySet, Sum

from dashboard.models import Attempt, AuditEntry, Outcome, Run
from dashboard.services import clock, exports, fates
from dashboard.services.exports import Line

_CENT = Decimal("0.01")
_PROVEN = ("account_id", "outcome", "vendor_status", "reason", "error", "call", "sent_at", "settled_at")


@dataclass
class Tally:
    """So many invoices with one fate, and what was outstanding by currency; `unpriced` have no amount on record."""

    state: str
    number: int = 0
    unpriced: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)

    def add(self, currency: str, number: int, amount: Decimal | None, unpriced: int) -> None:
        self.number += number
        self.unpriced += unpriced
        if number > unpriced:
            self.sums[currency] = self.sums.get(currency, Decimal()) + (amount or Decimal()).quantize(_CENT)


@dataclass(frozen=True)
class Receipt:
    """What stands on it but for the invoices and calls, which `lines` and `calls` give one by one."""

    run: Run
    at: datetime
    tallies: list[Tally]
    total: Tally
    entries: QuerySet[AuditEntry]

    @property
    def campaign(self) -> dict[str, Any]:
        """The campaign's fields as they were when the run was queued."""
        return dict(self.run.campaign)


def of(run: Run) -> Receipt:
    """The run as it is now."""
    tallies: dict[str, Tally] = {}
    total = Tally("picked")
    for state, share in chain(_with_fates(run), _without_fates(run)):
        tallies.setdefault(state, Tally(state)).add(*share)
        total.add(*share)
    entries = run.audit_entries.select_related("who").defer("detail").order_by("pk")
    order = [*Outcome.State.values]
    known = sorted(
        tallies.values(), key=lambda tally: order.index(tally.state) if tally.state in order else 99
    )
    return Receipt(run, clock.now(), known, total, entries)


def calls(run: Run) -> Iterator[Attempt]:
    """Every call of the run in the order they were made, without the raw answers."""
    rows = Attempt.objects.filter(batch__run=run).select_related("batch").defer("raw", "batch__accounts")
    return rows.order_by("pk").iterator(chunk_size=500)


class Fingerprint:
    """A number that any change of any fate would change; two receipts with the same say the same."""

    def __init__(self) -> None:
        self._sum = sha256()

    def taken(self, lines: Iterator[Line]) -> Iterator[Line]:
        """The same lines, counted in as they pass."""
        for line in lines:
            proven = [getattr(line, name) for name in _PROVEN]
            self._sum.update(json.dumps(proven, default=datetime.isoformat).encode())
            yield line

    def __str__(self) -> str:
        return self._sum.hexdigest()


def fingerprint(run: Run) -> str:
    """The one that a receipt of the run shows now."""
    whole = Fingerprint()
    for _ in whole.taken(exports.lines(run)):
        pass
    return str(whole)


_Share = tuple[str, int, Decimal | None, int]  # currency, number, amount, how many without one


def _with_fates(run: Run) -> Iterator[tuple[str, _Share]]:
    rows = run.outcomes.order_by().values_list("state", "currency")
    for state, currency, number, priced, amount in rows.annotate(
        Count("pk"), Count("outstanding"), Sum("outstanding")
    ):
        yield state, (currency, number, amount, number - priced)


def _without_fates(run: Run) -> Iterator[tuple[str, _Share]]:
    _, batches = fates.chosen(run)
    for state, accounts in batches.values_list("state", "accounts").iterator(chunk_size=20):
        for account in accounts:
            outstanding = account.get("outstanding")
            amount = Decimal(outstanding) if outstanding else None
            yield state, (account.get("currency") or "", 1, amount, int(amount is None))
