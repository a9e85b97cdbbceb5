"""What a run sends, call by call, and each account's fate."""

from typing import Any

from django.db import models
from django.db.models import Q


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

    run = models.ForeignKey("Run", on_delete=models.CASCADE, related_name="batches", db_index=False)
    number = models.PositiveIntegerField()
    first = models.PositiveIntegerField(
        default=0, help_text="Its first account's place in the pick, from 1; 0 where accounts are sent again."
    )
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    accounts = models.JSONField()
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


class BatchText(models.Model):
    """What of a batch is listed and searched, apart from its accounts: reading all of those would take too long.

    A line for each account, in their order; `verdicts` begins and ends with a line's end.
    """

    batch = models.OneToOneField(Batch, on_delete=models.CASCADE, primary_key=True, related_name="text")
    run = models.ForeignKey("Run", on_delete=models.CASCADE, related_name="texts")
    verdicts = models.TextField()
    numbers = models.TextField(
        blank=True, help_text="As `fold` gives them; after a tab the vendor's own where it differs."
    )
    account_ids = models.TextField()
    id_starts = models.TextField(help_text="The first letters of each id: less to look through.")
    picked = models.TextField(help_text="Number, outstanding and currency between tabs.")

    def __str__(self) -> str:
        return f"what batch {self.batch_id} is searched by"


class Attempt(models.Model):
    """One POST, committed before it is sent. `answer_class` stays empty while it is under way."""

    class AnswerClass(models.TextChoices):
        NOT_SENT = "not_sent", "Not sent"
        REJECTED = "rejected", "Rejected"
        DONE = "done", "Answered"
        UNKNOWN = "unknown", "No readable answer"

    # Its batch's run, by which the calls of a run are counted and listed; it is written while that is locked.
    run = models.ForeignKey(
        "Run", on_delete=models.CASCADE, related_name="attempts", db_index=False, db_constraint=False
    )
    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="attempts", db_index=False)
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
        indexes = [models.Index(fields=["run", "id"], name="attempt_of_run")]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.batch}"


def fold(number: str) -> str:
    """A number as it is compared: in one line, without regard to case."""
    return number.replace("\n", " ").replace("\t", " ").casefold()


class FoldedField(models.CharField):  # type: ignore[type-arg]  # which does not take any when it runs
    """Text that went through `fold`, in the same order on every database: by code points, as in Python."""

    def db_parameters(self, connection: Any) -> Any:
        collation = {"collation": "C"} if connection.vendor == "postgresql" else {}
        return super().db_parameters(connection) | collation


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

    LONGEST_NUMBER = 500
    WORDS = tuple(State.values)  # which an enumeration makes anew each time: polls ask for them often

    class Source(models.TextChoices):
        ANSWER = "answer", "The vendor's answer"
        READING = "reading", "Confirmed by reading the invoice"
        PERSON = "person", "Marked by a person"
        ROLLCALL = "rollcall", "Rollcall"

    # Rows come by the hundred thousand: the constraint and the indexes below serve every look-up there is. The first four
    # are the orders of a list of results, each with all that it is filtered by: they are walked without the rows. These
    # are written in the transaction that holds their batch and attempt locked: only the run's key is checked again.
    run = models.ForeignKey("Run", on_delete=models.CASCADE, related_name="outcomes", db_index=False)
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
    invoice_number = models.CharField(max_length=LONGEST_NUMBER, blank=True)
    folded = FoldedField(max_length=LONGEST_NUMBER, blank=True, help_text="The number, as `fold` gives it.")
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
                fields=["run", "place", "state", "reason", "predicted", "folded"],
                name="outcome_as_picked",
            ),
            models.Index(
                fields=["run", "state", "place", "reason", "predicted", "folded", "outstanding"],
                name="outcome_by_state",
            ),
            models.Index(
                fields=["run", "folded", "place", "state", "reason", "predicted"],
                name="outcome_by_number",
            ),
            models.Index(
                fields=["run", "outstanding", "place", "state", "reason", "predicted", "folded"],
                name="outcome_by_amount",
            ),
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

    def save(self, *args: Any, **options: Any) -> None:
        self.folded = fold(self.invoice_number)[: self.LONGEST_NUMBER]
        super().save(*args, **options)
