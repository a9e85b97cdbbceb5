"""Reading the selected accounts again, oldest first, as many as a person waits for."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import F, Q
from django.utils import timezone

from dashboard.services import accounts, selection

AT_ONCE = 400


@dataclass(frozen=True)
class Refreshed:
    """`read` were read now; `left` of `size` are older than `since`, when the refreshing began."""

    size: int
    read: int
    left: int
    since: datetime

    @property
    def done(self) -> int:
        return self.size - self.left

    @property
    def is_stuck(self) -> bool:
        """Nothing could be read although something is left."""
        return bool(self.left and not self.read)


def refresh(user: User, campaign_id: uuid.UUID, *, since: datetime | None = None) -> Refreshed:
    """Read again what is older than `since`, for a few seconds; go on by calling with the same `since`."""
    since = since or timezone.now()
    picked = selection.of(user, campaign_id)
    older = picked.accounts.filter(Q(read_at=None) | Q(read_at__lt=since))
    oldest = older.order_by(F("read_at").asc(nulls_first=True), "pk").values_list("account_id", flat=True)
    read = accounts.look_up(list(oldest[:AT_ONCE]))
    selection.keep(picked, read)
    return Refreshed(picked.accounts.count(), len(read), older.count(), since)
