"""One account into one campaign: the same review in short, without touching any selection."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.utils import timezone

from dashboard.api.schema import Account, Campaign
from dashboard.models import Run
from dashboard.services import accounts, campaigns, eligibility, review, runs, warnings
from dashboard.services.eligibility import Acceptance, Verdict
from dashboard.services.review import Problem
from dashboard.services.warnings import Warnings


@dataclass(frozen=True)
class Check:
    """What would become of one account, by a reading made just now."""

    account: Account
    campaign: Campaign
    acceptance: Acceptance
    verdict: Verdict
    flags: tuple[str, ...]
    warnings: Warnings
    read_at: datetime

    @property
    def mark(self) -> str:
        """What was shown: confirming sends it back."""
        return f"{review.mark_of(self.campaign)}/{self.verdict.code}"


def check(user: User, account_id: uuid.UUID, campaign_id: uuid.UUID) -> Check:
    """The account and the campaign read now, against the rules. Raises: ApiError."""
    account, campaign = accounts.read(str(account_id)), campaigns.read(str(campaign_id))
    snapshot, today = accounts.snapshot_of(account), timezone.localdate()
    return Check(
        account=account,
        campaign=campaign,
        acceptance=eligibility.acceptance(campaign),
        verdict=eligibility.verdict(snapshot, campaign, today),
        flags=eligibility.flags(snapshot, today),
        warnings=warnings.of_account(str(account_id), account.customer_id, user, campaign),
        read_at=timezone.now(),
    )


def confirm(
    user: User, account_id: uuid.UUID, campaign_id: uuid.UUID, *, token: uuid.UUID, mark: str
) -> Run | Problem:
    """Queue a run of one, if all is as it was shown; the same token gives the same run. Raises: ApiError."""
    if run := Run.objects.filter(token=token).first():
        return run if run.starter_id == user.pk else Problem.STALE
    now = check(user, account_id, campaign_id)
    if now.acceptance.answer == "no":
        return Problem.CLOSED
    if now.mark != mark:
        return Problem.CHANGED
    row = accounts.snapshot_of(now.account) | {"id": str(account_id), "verdict": now.verdict.code}
    return runs.queue(starter=user, campaign=now.campaign, accounts=[row], token=token, check_first=True)
