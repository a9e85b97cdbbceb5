"""When a run starts: has its campaign changed since it was confirmed, and with it the verdicts?"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from dashboard.api.schema import Campaign
from dashboard.models import Run
from dashboard.services import clock, eligibility


@dataclass(frozen=True)
class Recheck:
    """What had changed, for people: sentences on the campaign, and (verdict before, verdict now, number)."""

    at: datetime
    changes: list[str]
    verdicts: list[tuple[str, str, int]]


def of(run: Run) -> Recheck | None:
    """The re-check of a run, if there was one."""
    kept = run.recheck
    if not kept:
        return None
    moved = [(eligibility.why(old), eligibility.why(new), number) for old, new, number in kept["verdicts"]]
    return Recheck(datetime.fromisoformat(kept["at"]), eligibility.sentences(kept), moved)


def compare(run: Run, campaign: Campaign) -> dict[str, Any]:
    """What a run's `recheck` keeps. No account is read: their snapshots are judged again."""
    confirmed = eligibility.marks(Campaign.read(run.campaign))
    moved = _moved(run, campaign).most_common()
    return {
        "at": clock.now().isoformat(),
        "verdicts": [[old, new, number] for (old, new), number in moved],
        **eligibility.differences(confirmed, campaign),
    }


def _moved(run: Run, campaign: Campaign) -> Counter[tuple[str, str]]:
    """How many accounts have another verdict now, by the codes before and after."""
    today, moved = timezone.localdate(), Counter[tuple[str, str]]()
    for batch in run.batches.values_list("accounts", flat=True).iterator(chunk_size=20):
        for account in batch:
            before, now = account.get("verdict", ""), eligibility.verdict(account, campaign, today).code
            if before and before != now:
                moved[before, now] += 1
    return moved
