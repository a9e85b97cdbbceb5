"""Lists of invoices that people pasted or uploaded."""

from django.db import models
from django.db.models import Q
from django.urls import reverse

from .errands import Errand


class Upload(Errand):
    """A list of invoices that a person pasted or uploaded, and what was found of it.

    `layout` says how its file is read: `{"kind": "text" | "csv" | "xlsx", "encoding", "delimiter", "heading", "sheet"}`.
    """

    class Method(models.TextChoices):
        SEARCH = "search", "One search for each"
        WALK = "walk", "The whole list, once"
        CHECK = "check", "One search for each of the few that the whole list did not show"
        REST = "rest", "The whole list, for what no search found"

    name = models.CharField(max_length=255, blank=True, help_text="The file's name; empty for pasted text.")
    layout = models.JSONField(default=dict)
    sheets = models.JSONField(default=list, help_text="The sheets with rows, where a workbook has several.")
    columns = models.JSONField(default=list, help_text="The headings, or the first row.")
    column = models.PositiveSmallIntegerField(null=True, help_text="Which one names the invoice, from 0.")
    is_read = models.BooleanField(default=False, help_text="All its lines are entries now.")
    method = models.CharField(max_length=6, choices=Method, blank=True)
    used_at = models.DateTimeField(null=True, help_text="When what was found was put into the selection.")
    removed_at = models.DateTimeField(
        null=True, help_text="When its file and its lines were removed for age."
    )

    class Meta:
        indexes = [
            models.Index(fields=["state"], condition=Q(state__in=["queued", "running"]), name="upload_active")
        ]

    def __str__(self) -> str:
        return self.name or f"list {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("upload-detail", args=[self.selection.campaign_id, self.pk])


class UploadUse(models.Model):
    """Invoices that a list names went into the selection, and so into the run, that has this token."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="uses", db_index=False)
    token = models.UUIDField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["upload", "token"], name="used_once_by_each")]

    def __str__(self) -> str:
        return f"list {self.upload_id} in {self.token}"


class UploadFile(models.Model):
    """The bytes of a list as they came, compressed: its rows are kept for the file of results."""

    upload = models.OneToOneField(Upload, primary_key=True, on_delete=models.CASCADE, related_name="file")
    content = models.BinaryField()

    def __str__(self) -> str:
        return f"file of {self.upload_id}"


class Entry(models.Model):
    """One invoice as a list names it. What is alike is in `matches`.

    A match is `{"exact": bool, "external_id": str, "account": a snapshot as in Batch.accounts}`.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Not looked up yet"
        FOUND = "found", "Found"
        MISSING = "missing", "Not found"
        ASKED = "asked", "To be chosen"
        DUPLICATE = "duplicate", "Given before"
        BAD = "bad", "Not readable"

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="entries")
    line = models.PositiveIntegerField()
    place = models.PositiveIntegerField(default=0, help_text="Which one in its line, from 1; 0 in a file.")
    value = models.CharField(max_length=200)
    folded = models.CharField(max_length=200, help_text="Without regard to case, to find what is alike.")
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    reason = models.CharField(max_length=200, blank=True)
    account_id = models.CharField(max_length=64, blank=True)
    matches = models.JSONField(default=list)
    read_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["upload", "state", "id"]),
            models.Index(fields=["upload", "folded"]),
        ]

    def __str__(self) -> str:
        return f"{self.value} in {self.where}"

    @property
    def where(self) -> str:
        """Its place in the list, for people."""
        return f"line {self.line:,}, entry {self.place:,}" if self.place else f"line {self.line:,}"
