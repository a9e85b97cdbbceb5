"""What Rollcall owns: people's selections, and the ledger of runs, batches, attempts and outcomes.

The vendor's records are never stored as ours: a selection and a batch keep a snapshot of each account as it was picked.
Account and campaign ids are the API's, as canonical text.
"""

import uuid
from collections.abc import Collection
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, NullIf
from django.urls import reverse


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

    selection = models.ForeignKey(Selection, on_delete=models.CASCADE, related_name="%(class)ss")
    token = models.UUIDField()
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    message = models.CharField(max_length=500, blank=True, help_text="Why it failed, for people.")
    incarnation = models.UUIDField(null=True, help_text="The worker process that holds it.")
    tries = models.PositiveSmallIntegerField(default=0, help_text="How many worker processes took it up.")
    pages = models.PositiveIntegerField(null=True, help_text="Pages of the vendor's list, as far as known.")
    pages_read = models.PositiveIntegerField(default=0)
    first_total = models.PositiveIntegerField(null=True, help_text="What the vendor counted at first.")
    last_total = models.PositiveIntegerField(null=True, help_text="What the vendor counted last.")
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
            models.Index(fields=["created_at"], name="run_by_time"),
            models.Index(fields=["id"], condition=Q(is_tallied=False), name="run_to_tally"),
            models.Index(
                fields=["id"], condition=Q(unknown__gt=0) | Q(already_active__gt=0), name="run_with_unknowns"
            ),
            models.Index(fields=["id"], condition=Q(pending__gt=0), name="run_with_pending"),
            models.Index(
                fields=["id"],
                condition=Q(failed__gt=0) | Q(skipped__gt=0) | Q(unrecognised__gt=0),
                name="run_with_failures",
            ),
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
        """The lists that it was made from; `is_kept` says whether one's file still is."""
        kept = models.Exists(UploadFile.objects.filter(upload=models.OuterRef("pk")))
        used = Upload.objects.filter(token=self.token, used_at__isnull=False)
        return used.annotate(is_kept=kept).order_by("pk")


class RunCustomer(models.Model):
    """A customer of whom a run holds invoices, as far as they were read: who else writes to them is asked by it."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="customers", db_index=False)
    customer_id = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "customer_id"], name="one_customer_per_run")]
        indexes = [models.Index(fields=["customer_id"])]

    def __str__(self) -> str:
        return f"{self.customer_id} in run {self.run_id}"


class Batch(models.Model):
    """At most 100 accounts of a run that travel in one call.

    `accounts` is a list of snapshots as picked: `{"id", "number", "status", "outstanding", "currency", "due_on", "customer_id",
    "campaign_id", "verdict"}`, all but `id` may be missing; `outstanding` is decimal text, `due_on` an ISO date.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENDING = "sending", "Sending"
        SETTLED = "settled", "Settled"
        UNKNOWN = "unknown", "No readable answer"
        REJECTED = "rejected", "Rejected"
        SPLIT = "split", "Split into smaller batches"
        NOT_SENT = "not_sent", "Not sent"

    OPEN = (State.WAITING, State.SENDING)

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="batches", db_index=False)
    number = models.PositiveIntegerField()
    first = models.PositiveIntegerField(
        default=0, help_text="Its first account's place in the pick, from 1; 0 where accounts are sent again."
    )
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    accounts = models.JSONField()
    numbers = models.TextField(
        blank=True,
        help_text="Their invoice numbers, a line each: searched where the accounts would take too long.",
    )
    size = models.PositiveSmallIntegerField()
    tries = models.PositiveSmallIntegerField(default=0, help_text="Attempts written so far.")
    permitted_by = models.ForeignKey(
        "AuditEntry",
        null=True,
        on_delete=models.PROTECT,
        related_name="batches",
        help_text="The recorded action that allows these accounts to be sent again.",
    )

    class Meta:
        ordering = ["run", "number"]
        indexes = [
            models.Index(fields=["run", "state", "number"]),
            models.Index(fields=["run", "first", "state"]),
            models.Index(fields=["state"], condition=Q(state="sending"), name="batch_in_flight"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["run", "number"], name="batch_number_once"),
            models.CheckConstraint(condition=Q(size__gte=1, size__lte=100), name="batch_of_1_to_100"),
        ]

    def __str__(self) -> str:
        return f"batch {self.number} of run {self.run_id}"

    @property
    def account_ids(self) -> list[str]:
        return [account["id"] for account in self.accounts]


class Attempt(models.Model):
    """One POST, committed before it is sent. `answer_class` stays empty while it is under way."""

    class AnswerClass(models.TextChoices):
        NOT_SENT = "not_sent", "Not sent"
        REJECTED = "rejected", "Rejected"
        DONE = "done", "Answered"
        UNKNOWN = "unknown", "No readable answer"

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    single = models.BooleanField(default=False, help_text="Sent through the endpoint for one account.")
    incarnation = models.UUIDField(help_text="The worker process that sends it.")
    host = models.CharField(max_length=255)
    key_fingerprint = models.CharField(max_length=32)
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)
    answer_class = models.CharField(max_length=10, choices=AnswerClass, blank=True)
    http_status = models.PositiveSmallIntegerField(null=True)
    message = models.CharField(max_length=500, blank=True)
    raw = models.TextField(blank=True, help_text="The vendor's answer, cleaned, at most 64 KB.")
    remarks: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(
        default=dict,
        help_text="What was odd about the answer: rows never asked for, rows given twice, totals that differ.",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["batch", "number"], name="attempt_number_once")]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.batch}"


class Outcome(models.Model):
    """One account's fate in a run: written when there is one, changed only by a later answer, reading or person."""

    class State(models.TextChoices):
        ENROLLED = "enrolled", "Enrolled"
        PENDING = "pending", "Pending at the vendor"
        SKIPPED = "skipped", "Skipped"
        FAILED = "failed", "Failed"
        UNRECOGNISED = "unrecognised", "Unrecognised answer"
        UNKNOWN = "unknown", "Unknown"
        ALREADY_ACTIVE = "already_active", "Already active, most likely by the first try"
        NOT_SENT = "not_sent", "Not sent"

    WORDS = tuple(State.values)  # which an enumeration makes anew each time: polls ask for them often

    class Source(models.TextChoices):
        ANSWER = "answer", "The vendor's answer"
        READING = "reading", "Confirmed by reading the invoice"
        PERSON = "person", "Marked by a person"
        ROLLCALL = "rollcall", "Rollcall"

    # Rows come by the hundred thousand: the constraint and the indexes below serve every look-up there is. The first
    # index holds all that a list of results is filtered, searched and sorted by: it is walked without its rows. They are
    # written in the transaction that holds their batch and attempt locked: only the run's key is checked again.
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="outcomes", db_index=False)
    batch = models.ForeignKey(
        Batch,
        null=True,
        on_delete=models.CASCADE,
        related_name="outcomes",
        db_index=False,
        db_constraint=False,
    )
    attempt = models.ForeignKey(
        Attempt,
        null=True,
        on_delete=models.CASCADE,
        related_name="outcomes",
        db_index=False,
        db_constraint=False,
    )
    place = models.PositiveIntegerField(default=0, help_text="Which of the picked accounts it is, from 1.")
    account_id = models.CharField(max_length=64)
    invoice_number = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=14, choices=State)
    source = models.CharField(max_length=8, choices=Source, default=Source.ANSWER)
    vendor_status = models.CharField(max_length=500, blank=True, help_text="The vendor's word, as sent.")
    reason = models.CharField(max_length=40, blank=True, help_text="A code from services.reasons.")
    error = models.CharField(max_length=500, blank=True, help_text="The vendor's or our own sentence.")
    outstanding = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    currency = models.CharField(max_length=8, blank=True)
    predicted = models.CharField(max_length=40, blank=True, help_text="The verdict before sending.")
    settled_at = models.DateTimeField()
    look_at = models.DateTimeField(
        null=True, help_text="When the account is read again: unknown and pending ones."
    )
    looks = models.PositiveSmallIntegerField(default=0)
    looked_at = models.DateTimeField(null=True)
    seen = models.CharField(max_length=200, blank=True, help_text="What the last reading showed.")

    class Meta:
        indexes = [
            models.Index(
                fields=["run", "place", "state", "reason", "predicted", "invoice_number", "outstanding"],
                name="outcome_as_picked",
            ),
            models.Index(fields=["run", "state", "reason"]),
            models.Index(fields=["look_at"], condition=Q(look_at__isnull=False), name="outcome_to_look_at"),
            models.Index(
                fields=["run", "state", "look_at", "reason"],
                condition=Q(look_at__isnull=False),
                name="outcome_next_look",
            ),
            models.Index(
                fields=["run", "state", "looked_at", "reason"],
                condition=Q(looked_at__isnull=False),
                name="outcome_last_look",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["account_id", "run"], name="one_fate_per_account_and_run")
        ]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.state}"


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


class AuditEntry(models.Model):
    """Who did what, when, and why. Never changed, never deleted."""

    at = models.DateTimeField(auto_now_add=True)
    who = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="audit_entries"
    )
    action = models.CharField(max_length=40)
    run = models.ForeignKey(Run, null=True, on_delete=models.PROTECT, related_name="audit_entries")
    note = models.CharField(max_length=500, blank=True)
    detail: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.action} by {self.who_id}"


class Worker(models.Model):
    """A worker process, by the id it took when it started; its lease on what it sends lives as long as `seen_at` is fresh."""

    incarnation = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=255)
    threads = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=200, blank=True, help_text="Why it claims nothing, for people.")

    def __str__(self) -> str:
        return self.name


class Pace(models.Model):
    """One row: how many calls may be under way over all workers, and until when all of them wait."""

    cap = models.FloatField(help_text="Grows back to the configured number after a 429 halved it.")
    cool_until = models.DateTimeField(null=True)
    cooled = models.PositiveSmallIntegerField(
        default=0, help_text="429 answers since the last accepted call."
    )
    limited_since = models.DateTimeField(null=True, help_text="When the rate limiting began.")
    looking_until = models.DateTimeField(
        null=True, help_text="A worker re-reads accounts, with one call of the cap."
    )
    look_wanted = models.BooleanField(
        default=False, help_text="Accounts are due to be read; sending leaves a call free."
    )

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="one_pace")]

    def __str__(self) -> str:
        return f"{self.cap} calls at once"


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


class Notice(models.Model):
    """What a person is told about a run of theirs: on every page until it is seen, and by e-mail where that is set up.

    `mail_at` is when the next try is due: NULL while one is under way, and when none is left to make.
    """

    class Mail(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENDING = "sending", "Handed to the mail server, not confirmed"
        SENT = "sent", "Sent"
        FAILED = "failed", "Given up"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="notices")
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(null=True)
    mail = models.CharField(max_length=7, choices=Mail, blank=True)
    mail_at = models.DateTimeField(null=True)
    mail_tries = models.PositiveSmallIntegerField(default=0)
    mail_problem = models.CharField(max_length=200, blank=True, help_text="What the mail server said last.")

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["user"], condition=Q(seen_at__isnull=True), name="notice_unseen"),
            models.Index(fields=["mail_at"], condition=Q(mail_at__isnull=False), name="notice_to_mail"),
        ]

    def __str__(self) -> str:
        return f"notice of run {self.run_id} to {self.user_id}"


class SavedView(models.Model):
    """A filter of a list that somebody has named. `page` is the name of the list's address."""

    class Page(models.TextChoices):
        CAMPAIGNS = "campaign-list", "Campaigns"
        ACCOUNTS = "account-list", "Invoices"
        RUNS = "run-list", "Runs"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    page = models.CharField(max_length=20, choices=Page)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000, help_text="As in the address, without the page number.")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["user", "page", "name"], name="view_named_once"),
            models.UniqueConstraint(fields=["user", "page", "query"], name="view_saved_once"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"{reverse(self.page)}?{self.query}"
