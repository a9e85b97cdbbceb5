"""What came of a run, in the words that scripts rely on."""

from collections.abc import Iterator
from typing import Any

from dashboard.models import Batch, Outcome, Run

STATE = Outcome.State


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


def as_json(run: Run) -> dict[str, Any]:
    """The run with every account's fate, in the order of the batches."""
    return {
        "run": run.pk,
        "campaign_id": run.campaign_id,
        "state": run.state,
        "counts": counts(run),
        "results": list(rows(run)),
    }


def rows(run: Run) -> Iterator[dict[str, str]]:
    """Every account that was picked, with its fate."""
    for outcome in run.outcomes.order_by("id").iterator(chunk_size=1000):
        yield {
            "account_id": outcome.account_id,
            "invoice_number": outcome.invoice_number,
            "outcome": STATE.UNKNOWN if outcome.state == STATE.ALREADY_ACTIVE else outcome.state,
            "vendor_status": outcome.vendor_status,
            "reason": outcome.reason,
            "error": outcome.error,
        }
    unsent = run.batches.filter(state__in=(*Batch.OPEN, Batch.State.NOT_SENT), permitted_by=None)
    for accounts in unsent.values_list("accounts", flat=True).iterator(chunk_size=50):
        for account in accounts:
            yield {
                "account_id": account["id"],
                "invoice_number": account.get("number", ""),
                "outcome": STATE.NOT_SENT,
                "vendor_status": "",
                "reason": "",
                "error": "",
            }
