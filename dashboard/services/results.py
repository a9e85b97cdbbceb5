"""What came of a run, in the words that scripts rely on."""

import json
from collections.abc import Iterator
from typing import Any

from dashboard.models import Run
from dashboard.services import exports

AS_TOLD = {"already_active": "unknown", "waiting": "not_sent", "sending": "not_sent"}


def counts(run: Run) -> dict[str, int]:
    """Accounts per outcome. What was refused as active on a second try counts as unknown; what waits counts as not sent."""
    return {
        "picked": run.size,
        "enrolled": run.enrolled,
        "pending": run.pending,
        "skipped": run.skipped,
        "failed": run.failed,
        "unrecognised": run.unrecognised,
        "unknown": run.unknown + run.already_active,
        "not_sent": run.not_sent + run.waiting,
    }


def exit_code(run: Run) -> int:
    """0 all enrolled or pending, 1 some were not, 3 something unknown or unrecognised, 4 paused or stopped."""
    if run.state in (Run.State.PAUSED, Run.State.STOPPED):
        return 4
    if run.unknown or run.already_active or run.unrecognised:
        return 3
    return 0 if run.enrolled + run.pending == run.size else 1


def summary(run: Run) -> dict[str, Any]:
    """The run without its accounts."""
    return {"run": run.pk, "campaign_id": run.campaign_id, "state": run.state, "counts": counts(run)}


def as_json(run: Run) -> Iterator[str]:
    """The run with every account's fate as one object, piece by piece: the `summary`, and `results` with the `rows`."""
    yield json.dumps(summary(run))[:-1] + ', "results": ['
    for number, row in enumerate(rows(run)):
        yield f"{', ' if number else ''}{json.dumps(row)}"
    yield "]}\n"


def rows(run: Run) -> Iterator[dict[str, str]]:
    """Every account that was picked, once, with its fate."""
    for line in exports.lines(run):
        yield {
            "account_id": line.account_id,
            "invoice_number": line.invoice_number,
            "outcome": AS_TOLD.get(line.outcome, line.outcome),
            "vendor_status": line.vendor_status,
            "reason": line.reason,
            "error": line.error,
        }
