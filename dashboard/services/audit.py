"""Who did what, when and why."""

from typing import Any

from django.contrib.auth.models import User

from dashboard.models import AuditEntry, Run


def record(
    action: str, *, who: User | None, run: Run | None = None, note: str = "", **detail: Any
) -> AuditEntry:
    """Write down an action; `who` is None for the command line and for Rollcall itself."""
    return AuditEntry.objects.create(action=action, who=who, run=run, note=note[:500], detail=detail)
