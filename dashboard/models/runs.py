"""Confirmed enrollments, and what they sum to."""

import uuid
from collections.abc import Collection
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from .batches import Outcome
from .uploads import Upload, UploadFile


class Run(models.Model):
    """One confirmed enrollment of any number of accounts into one campaign."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        PAUSED = "paused", "Paused"
        FINISHED = "finished", "Finished"
        STOPPED = "stopped", "Stopped"

    class Pause(models.TextChoices):
        PERSON = "person", "Paused by a person"
        KEY_REJECTED = "key_rejected", "The API key was rejected"
        NOT_ALLOWED = "not_allowed", "The API key lacks a scope"
        RATE_LIMITED = "rate_limited", "Rate limited"
        VENDOR_DOWN = "vendor_down", "The vendor's API cannot be reached"
        NO_ANSWER = "no_answer", "The vendor gives no readable answers"
        REFUSED = "refused", "The vendor refuses these calls"
        CERTIFICATE = "certificate", "The vendor's certificate was refused"
        CAMPAIGN_NOT_FOUND = "campaign_not_found", "Campaign not found in this workspace"
        CAMPAIGN_CLOSED = "campaign_closed", "The campaign may be closed"
        CAMPAIGN_CHANGED = "campaign_changed", "The campaign is of another type now"
        STARTER = "starter", "The starter is no longer allowed"
        KEY_CHANGED = "key_changed", "The API key or address has changed"

    loaded: dict[str, Any] = {}  # the columns as they were read, so that saving names those that changed

    ACTIVE = (State.QUEUED, State.RUNNING)
    ENDED = (State.FINISHED, State.STOPPED)

    token = models.UUIDField(unique=True, default=uuid.uuid4)
    campaign_id = models.CharField(max_length=64, db_index=True)
    campaign_name = models.CharField(max_length=500)
    campaign = models.JSONField(
        default=dict, help_text="The campaign's fields as the API sent them when the run was queued."
    )
    starter = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="runs"
    )
    source = models.CharField(
        max_length=8, choices=[("web", "Web"), ("command", "Command line")], default="web"
    )
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED, db_index=True)
    pause = models.CharField(max_length=20, choices=Pause, blank=True)
    pause_text = models.CharField(
        max_length=500, blank=True, help_text="What was said when it paused, for people."
    )
    resume_at = models.DateTimeField(null=True, help_text="When a paused run looks again by itself.")

    size = models.PositiveIntegerField(help_text="How many accounts were picked.")
    duplicates = models.PositiveIntegerField(
        default=0, help_text="Ids given more than once, dropped before queueing."
    )
    enrolled = models.PositiveIntegerField(default=0)
    pending = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    unrecognised = models.PositiveIntegerField(default=0)
    unknown = models.PositiveIntegerField(default=0)
    already_active = models.PositiveIntegerField(default=0)
    not_sent = models.PositiveIntegerField(default=0)
    tally: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(
        default=dict, help_text="Numbers and sums by state, reason, verdict and currency: see services.tally."
    )

    call_size = models.PositiveSmallIntegerField(
        default=100, help_text="Accounts per call; shrinks when the vendor says it must."
    )
    feeling = models.BooleanField(default=True, help_text="One call at a time, until one is answered.")
    not_before = models.DateTimeField(
        null=True, help_text="The whole run waits until then before it tries again."
    )
    check_campaign = models.BooleanField(
        default=False, help_text="Read the campaign again before the next call."
    )
    recheck: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(
        default=dict,
        help_text="What had changed when it started: `at`, `status`, `kind` (before, after), `verdicts` (before, after, number).",
    )
    unanswered_in_row = models.PositiveIntegerField(
        default=0, help_text="Calls without a readable answer since the last answer."
    )
    refused_in_row = models.PositiveIntegerField(
        default=0, help_text="Calls refused whole since one was accepted."
    )
    host = models.CharField(max_length=255, blank=True)
    key_fingerprint = models.CharField(max_length=32, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    served_at = models.DateTimeField(
        null=True, help_text="When a batch was last claimed: the longest unserved run goes first."
    )
    is_tallied = models.BooleanField(default=False, help_text="Its tallies say what its outcomes say.")

    class Meta:
        ordering = ["-id"]
        indexes = [
            # Holds all that a list of runs is filtered by: it is walked without its rows.
            models.Index(
                fields=[
                    *("id", "state", "starter", "created_at", "failed", "skipped", "unrecognised"),
                    *("unknown", "already_active", "pending", "campaign_id", "campaign_name"),
                ],
                name="run_as_listed",
            ),
            models.Index(fields=["created_at"], name="run_by_time"),
            models.Index(fields=["id"], condition=Q(is_tallied=False), name="run_to_tally"),
            models.Index(
                fields=["id"], condition=Q(unknown__gt=0) | Q(already_active__gt=0), name="run_with_unknowns"
            ),
            models.Index(fields=["id"], condition=Q(pending__gt=0), name="run_with_pending"),
        ]
        permissions = [
            ("enroll", "Can enroll invoices and control runs"),
            ("view_raw", "Can read the vendor's raw answers"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    size__gte=F("enrolled")
                    + F("pending")
                    + F("skipped")
                    + F("failed")
                    + F("unrecognised")
                    + F("unknown")
                    + F("already_active")
                    + F("not_sent")
                ),
                name="counts_never_exceed_size",
            ),
            models.CheckConstraint(
                condition=Q(call_size__gte=1, call_size__lte=100), name="call_size_1_to_100"
            ),
            models.CheckConstraint(
                condition=~Q(state="paused") | ~Q(pause=""), name="a_paused_run_has_a_cause"
            ),
        ]

    def __str__(self) -> str:
        return f"Run {self.pk}"

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any]) -> Self:
        run = super().from_db(db, field_names, values)
        run.loaded = dict(zip(field_names, values, strict=False))
        return run

    def get_absolute_url(self) -> str:
        return reverse("run-detail", args=[self.pk])

    @property
    def counts(self) -> dict[str, int]:
        """Accounts per outcome; with `waiting` they sum to `size`."""
        return {word: getattr(self, word) for word in Outcome.WORDS}

    @property
    def waiting(self) -> int:
        """Accounts without an outcome yet: not sent so far, or in the call under way."""
        return self.size - sum(self.counts.values())

    @property
    def done(self) -> int:
        return self.size - self.waiting

    @property
    def is_ended(self) -> bool:
        return self.state in self.ENDED

    @property
    def lists(self) -> "models.QuerySet[Upload]":
        """The lists that name invoices of it, and from which these came; `is_kept` says whether one's file still is."""
        kept = models.Exists(UploadFile.objects.filter(upload=models.OuterRef("pk")))
        return Upload.objects.filter(uses__token=self.token).annotate(is_kept=kept).order_by("pk")


class RunCustomer(models.Model):
    """A customer of whom a run holds invoices, as far as they were read: who else writes to them is asked by it."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="customers", db_index=False)
    customer_id = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "customer_id"], name="one_customer_per_run")]
        indexes = [models.Index(fields=["customer_id"])]

    def __str__(self) -> str:
        return f"{self.customer_id} in run {self.run_id}"


class CustomerName(models.Model):
    """A customer's name as it was last seen, for files; one that is not seen again is removed after a time."""

    customer_id = models.CharField(primary_key=True, max_length=64)
    name = models.CharField(max_length=500)
    seen_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.name


class Tally(models.Model):
    """How many invoices of a run met one fate for one reason: figures over time are summed from these, not from outcomes."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="tallies", db_index=False)
    quarter = models.PositiveIntegerField(
        help_text="When the run was confirmed, in quarters of an hour since 1970: every zone's midnight is on one."
    )
    state = models.CharField(max_length=14, choices=Outcome.State)
    reason = models.CharField(max_length=40, blank=True)
    predicted = models.CharField(max_length=40, blank=True)
    number = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "tallies"
        # Holds all that a sum over time needs: it is made from the index alone.
        indexes = [
            models.Index(
                fields=["quarter", "state", "reason", "predicted", "number", "run"], name="tally_over_time"
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["run", "state", "reason", "predicted"], name="tallied_once")
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.state} of run {self.run_id}"
