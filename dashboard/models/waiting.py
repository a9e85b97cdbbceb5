"""The waiting list."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from .runs import Run


class ParkedAccount(models.Model):
    """An invoice on the waiting list: it was busy, is read again now and then, and enrolled only by a person.

    The list is the team's; an invoice stands on it once for each campaign. `snapshot` is what was last known of it, shape as
    in `Batch.accounts`.
    """

    # A list in descending order of these words shows what needs somebody first.
    class State(models.TextChoices):
        BUSY = "busy", "Not free yet"
        CLOSED = "closed", "Will not become free"
        FREE = "free", "Free"

    campaign_id = models.CharField(max_length=64)
    campaign_name = models.CharField(max_length=500)
    account_id = models.CharField(max_length=64)
    invoice_number = models.CharField(max_length=500, blank=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="parked")
    who = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="parked")
    parked_at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=6, choices=State, default=State.BUSY)
    snapshot = models.JSONField(default=dict)
    read_at = models.DateTimeField(null=True, help_text="When it was last read; the snapshot is of then.")
    problem = models.CharField(max_length=200, blank=True, help_text="Why the last reading gave nothing.")
    free_since = models.DateTimeField(null=True, help_text="When a reading first showed it free.")
    look_at = models.DateTimeField(null=True, help_text="When it is read again; NULL for never.")
    looks = models.PositiveSmallIntegerField(default=0, help_text="Readings so far, since it was asked for.")

    class Meta:
        indexes = [
            # Holds all that the list is filtered and searched by: it is walked without its rows.
            models.Index(
                fields=["-state", "id", "campaign_id", "who", "invoice_number", "account_id"],
                name="parked_as_listed",
            ),
            models.Index(fields=["look_at"], condition=Q(look_at__isnull=False), name="parked_to_look_at"),
        ]
        constraints = [models.UniqueConstraint(fields=["campaign_id", "account_id"], name="parked_once")]

    def __str__(self) -> str:
        return f"{self.account_id} for {self.campaign_id}"
