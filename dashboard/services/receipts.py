"""The proof of a run: who had which invoices enrolled where and when, what came of each, and what was done about it since."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from operator import attrgetter
from typing import Any

from django.db.models import QuerySet

from dashboard.models import Attempt, AuditEntry, Outcome, Run
from dashboard.services import clock, exports, tally
from dashboard.services.exports import Line
from dashboard.services.tally import Sums

_PROVEN = attrgetter(
    *("account_id", "outcome", "vendor_status", "reason", "error", "call", "sent_at", "settled_at")
)
_ENCODED = json.JSONEncoder(default=datetime.isoformat).encode


@dataclass(frozen=True)
class Receipt:
    """What stands on it but for the invoices and calls, which `exports.lines` and `calls` give one by one.

    `sums` are by outcome, "picked" last.
    """

    run: Run
    at: datetime
    sums: dict[str, Sums]
    entries: QuerySet[AuditEntry]

    @property
    def campaign(self) -> dict[str, Any]:
        """The campaign's fields as they were when the run was queued."""
        return dict(self.run.campaign)


def of(run: Run) -> Receipt:
    """The run as it is now."""
    found = tally.by_outcome(run)
    sums = {word: found[word] for word in (*Outcome.State.values, "waiting", tally.PICKED) if word in found}
    entries = run.audit_entries.select_related("who").defer("detail").order_by("pk")
    return Receipt(run, clock.now(), sums, entries)


def calls(run: Run) -> Iterator[Attempt]:
    """Every call of the run in the order they were made, without the raw answers."""
    rows = run.attempts.select_related("batch").defer("raw", "batch__accounts")
    return rows.order_by("pk").iterator(chunk_size=500)


class Fingerprint:
    """A number that any change of any fate would change; two receipts with the same say the same."""

    def __init__(self) -> None:
        self._sum = sha256()

    def taken(self, lines: Iterator[Line]) -> Iterator[Line]:
        """The same lines, counted in as they pass."""
        for line in lines:
            self._sum.update(_ENCODED(_PROVEN(line)).encode())
            yield line

    def __str__(self) -> str:
        return self._sum.hexdigest()


def fingerprint(run: Run) -> str:
    """The one that a receipt of the run shows now."""
    whole = Fingerprint()
    for _ in whole.taken(exports.lines(run)):
        pass
    return str(whole)
