"""What people have picked, until it is sent or cleared."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, NullIf

from .errands import Errand


class Selection(models.Model):
    """What one person has picked for one campaign, until it is sent or cleared."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="selections")
    campaign_id = models.CharField(max_length=64)
    token = models.UUIDField(
        default=uuid.uuid4, help_text="One-time: the run made from this selection carries it."
    )
    revision = models.PositiveIntegerField(
        default=0, help_text="Grows with every change, so a stale review is noticed."
    )
    duplicates = models.PositiveIntegerField(
        default=0, help_text="Ids given more than once, dropped when they were added."
    )
    shown = models.JSONField(
        default=dict, help_text="The accounts last shown to the person, as read: a tick keeps what was seen."
    )
    opened = models.JSONField(
        default=dict, help_text="The campaign's `status` and `kind` when the picking began."
    )
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "campaign_id"], name="one_selection_per_person_and_campaign"
            )
        ]

    def __str__(self) -> str:
        return f"selection of {self.user_id} for {self.campaign_id}"

    @property
    def is_moving(self) -> bool:
        """Whether a worker is adding to it, or reading it again."""
        return any(
            errands.filter(state__in=Errand.ACTIVE).exists()
            for errands in (self.gatherings, self.refreshings)
        )


def _copied(name: str, output: "models.Field[Any, Any] | None" = None) -> "models.GeneratedField":
    """A column that the database fills from the snapshot's key, for counting there; NULL where it has none."""
    text = NullIf(KT(f"snapshot__{name}"), Value("null", models.TextField()))
    return models.GeneratedField(
        expression=Cast(text, output) if output else text,
        output_field=output or models.TextField(null=True),
        db_persist=True,
    )


class SelectedAccount(models.Model):
    """One account in a selection. `snapshot` is `{}` when it was pasted and not read yet; shape as in `Batch.accounts`.

    The columns after `read_at` are the snapshot's; a mark such as `missing` is "true" or NULL, `due_on` an ISO date.
    """

    selection = models.ForeignKey(Selection, on_delete=models.CASCADE, related_name="accounts")
    account_id = models.CharField(max_length=64)
    snapshot = models.JSONField(default=dict)
    read_at = models.DateTimeField(null=True, help_text="When the snapshot was read from the API.")
    status = _copied("status")
    due_on = _copied("due_on")
    outstanding = _copied("outstanding", models.DecimalField(max_digits=20, decimal_places=2, null=True))
    currency = _copied("currency")
    customer_id = _copied("customer_id")
    active_in = _copied("campaign_id")
    is_sandbox = _copied("is_sandbox")
    is_statement = _copied("is_statement")
    missing = _copied("missing")
    part_paid = _copied("part_paid")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["selection", "account_id"], name="selected_once")]
        # Holds all that a count needs: it is made from the index alone.
        indexes = [
            models.Index(
                fields=[
                    "selection",
                    "status",
                    "due_on",
                    "is_sandbox",
                    "is_statement",
                    "missing",
                    "part_paid",
                    "currency",
                    "outstanding",
                    "read_at",
                ],
                name="selected_by_standing",
            )
        ]

    def __str__(self) -> str:
        return self.account_id
