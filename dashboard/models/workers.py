"""The worker processes, and the pace that they share."""

from django.db import models
from django.db.models import Q


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
