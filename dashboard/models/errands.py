"""Errands: what a worker reads for a selection, in steps."""

from django.db import models
from django.db.models import Q


class Errand(models.Model):
    """Reading that a worker does for one selection, in steps. Whoever holds it is the only one to go on with it.

    `token` is the selection's when it was asked for: one that was sent or cleared since gets nothing added.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waits for a person"
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"

    ACTIVE = (State.QUEUED, State.RUNNING)

    selection = models.ForeignKey("dashboard.Selection", on_delete=models.CASCADE, related_name="%(class)ss")
    token = models.UUIDField()
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    message = models.CharField(max_length=500, blank=True, help_text="Why it failed, for people.")
    incarnation = models.UUIDField(null=True, help_text="The worker process that holds it.")
    tries = models.PositiveSmallIntegerField(default=0, help_text="How many worker processes took it up.")
    pages = models.PositiveIntegerField(null=True, help_text="Pages of the vendor's list, as far as known.")
    pages_read = models.PositiveIntegerField(default=0)
    first_total = models.PositiveIntegerField(null=True, help_text="What the vendor counted at first.")
    last_total = models.PositiveIntegerField(null=True, help_text="What the vendor counted last.")
    rows_read = models.PositiveIntegerField(default=0, help_text="Rows that came with these pages.")
    last_page = models.CharField(max_length=32, blank=True, help_text="Tells the last page from others.")
    created_at = models.DateTimeField(auto_now_add=True)
    served_at = models.DateTimeField(
        null=True, help_text="When it was last worked on: the oldest goes first."
    )
    finished_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @property
    def is_active(self) -> bool:
        return self.state in self.ACTIVE

    @property
    def has_drifted(self) -> bool:
        """Whether the vendor's list changed in size while it was read."""
        return self.first_total != self.last_total

    @property
    def is_short(self) -> bool:
        """Whether the vendor counts more than its pages held."""
        return self.last_total is not None and self.rows_read < self.last_total


class Gathering(Errand):
    """All invoices that match a filter, on their way into a selection: all of them or, if it fails, none.

    `filters` is the query of `GET /accounts` without the page, amounts as text.
    """

    filters = models.JSONField(default=dict)
    found = models.PositiveIntegerField(default=0, help_text="Different invoices, once it is done.")
    added = models.PositiveIntegerField(default=0, help_text="Those that were not selected before.")
    repeated = models.PositiveIntegerField(default=0, help_text="Rows whose invoice had come before.")
    unreadable = models.PositiveIntegerField(default=0, help_text="Rows that could not be read.")

    class Meta:
        indexes = [
            models.Index(
                fields=["state"], condition=Q(state__in=["queued", "running"]), name="gathering_active"
            )
        ]

    def __str__(self) -> str:
        return f"gathering {self.pk}"

    @property
    def is_whole(self) -> bool:
        """Whether, once it is done, it took as many as the vendor counts."""
        return self.last_total in (None, self.found + self.unreadable)


class GatheredPage(models.Model):
    """One page of a gathering as read, until all are there. `rows` are snapshots, shape as in `Batch.accounts`."""

    gathering = models.ForeignKey(Gathering, on_delete=models.CASCADE, related_name="gathered_pages")
    number = models.PositiveIntegerField()
    rows = models.JSONField()
    read_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["gathering", "number"], name="page_gathered_once")]

    def __str__(self) -> str:
        return f"page {self.number} of {self.gathering_id}"


class Refreshing(Errand):
    """The selected accounts on their way to being read again. What was read is kept, however it ends."""

    class Method(models.TextChoices):
        WALK = "walk", "The whole list, once"
        EACH = "each", "One call for each"

    since = models.DateTimeField(help_text="What was read before is read again.")
    method = models.CharField(max_length=4, choices=Method, blank=True)
    place = models.BigIntegerField(default=0, help_text="The last row that was read by a call of its own.")
    size = models.PositiveIntegerField(help_text="How many were selected when it began.")
    read = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0, help_text="Those that were not as they had been.")
    unreadable = models.PositiveIntegerField(default=0, help_text="Those that the vendor did not give.")

    class Meta:
        indexes = [
            models.Index(
                fields=["state"], condition=Q(state__in=["queued", "running"]), name="refreshing_active"
            )
        ]

    def __str__(self) -> str:
        return f"refreshing {self.pk}"
