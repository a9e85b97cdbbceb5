"""What people did, what they are told, and what they keep for themselves."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from .runs import Run


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
    """A filter of a list that somebody has named. `page` is the name of the list's address.

    Of a person's views of a list one may open first: where the address says nothing.
    """

    class Page(models.TextChoices):
        CAMPAIGNS = "campaign-list", "Campaigns"
        ACCOUNTS = "account-list", "Invoices"
        RUNS = "run-list", "Runs"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    page = models.CharField(max_length=20, choices=Page)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000, help_text="As in the address, without the page number.")
    opens_first = models.BooleanField(default=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["user", "page", "name"], name="view_named_once"),
            models.UniqueConstraint(fields=["user", "page", "query"], name="view_saved_once"),
            models.UniqueConstraint(
                fields=["user", "page"], condition=Q(opens_first=True), name="one_view_opens_first"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"{reverse(self.page)}?{self.query}"
