"""How far a run is, for a panel that is asked for again and again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from dashboard.models import Run
from dashboard.services import clock

YOUNG = ((timedelta(seconds=30), 1), (timedelta(minutes=2), 2))
POLL, PAUSED_POLL = 5, 30

AFTER_PAUSE = {
    Run.Pause.PERSON: "Resume the run when it should go on.",
    Run.Pause.KEY_REJECTED: "Have the API key corrected and Rollcall restarted, then resume the run.",
    Run.Pause.NOT_ALLOWED: "Have the scope that the vendor names added to the API key, then resume the run.",
    Run.Pause.RATE_LIMITED: "Nothing has to be done: the run goes on by itself.",
    Run.Pause.VENDOR_DOWN: (
        "Nothing has to be done: Rollcall asks every 30 seconds, and the run goes on by itself."
    ),
    Run.Pause.NO_ANSWER: (
        "Find out whether the vendor's API works before you resume: each unanswered call leaves unknowns."
    ),
    Run.Pause.REFUSED: "Read the vendor's words. Resume once the cause is gone, or stop the run.",
    Run.Pause.CERTIFICATE: (
        "Nothing was sent. Have an administrator look at the connection before you resume."
    ),
    Run.Pause.CAMPAIGN_NOT_FOUND: (
        "Check that the campaign still exists and that the API key is of its workspace. Then "
        "resume, or stop the run."
    ),
    Run.Pause.CAMPAIGN_CLOSED: (
        "Look at the campaign. Resume once it takes invoices again, or stop the run and pick another."
    ),
    Run.Pause.CAMPAIGN_CHANGED: (
        "Nothing was sent. Look at what changed below, then resume to send all the same, or stop the run."
    ),
    Run.Pause.STARTER: "Have a manager give the right back and resume, or stop the run.",
    Run.Pause.KEY_CHANGED: (
        "Resume only if the key and address are of the same workspace: the rest will be sent there."
    ),
}


@dataclass(frozen=True)
class Progress:
    """How far a run is. Costs the same for any number of invoices."""

    run: Run
    now: datetime
    calls: int = 0
    workers: int = 0
    trouble: str = ""
    cool_until: datetime | None = None
    look_at: datetime | None = None

    @property
    def done(self) -> int:
        return self.run.done

    @property
    def left(self) -> int:
        """What a resumed run would send."""
        return self.run.waiting + self.run.not_sent

    @property
    def percent(self) -> int:
        """Whole percent, 100 only when nothing waits."""
        return self.done * 100 // self.run.size

    @property
    def quarter(self) -> int:
        return self.percent // 25 * 25

    @property
    def is_over(self) -> bool:
        """Nothing more happens by itself, but for invoices that are pending at the vendor."""
        return self.run.is_ended and not self.calls and self.look_at is None

    @property
    def poll_after(self) -> int | None:
        """In how many seconds to ask again, None for never."""
        if self.is_over:
            return None
        if self.run.state == Run.State.PAUSED and not self.calls:
            return PAUSED_POLL
        age = self.now - self.run.created_at
        return next((seconds for limit, seconds in YOUNG if age < limit), POLL)

    @property
    def is_stuck(self) -> bool:
        """Something is to be done and no worker is there to do it."""
        return not self.workers and not self.is_over

    @property
    def what_to_do(self) -> str:
        return AFTER_PAUSE.get(Run.Pause(self.run.pause), "") if self.run.pause else ""


def polled(run_id: int) -> Run | None:
    """The run without what the panel does not show, and some of which is large."""
    return next(iter(Run.objects.raw(_POLLED, [run_id])), None)


_UNREAD = ("campaign", "recheck", "tally")
_POLLED = f"""SELECT {", ".join(field.column for field in Run._meta.concrete_fields if field.name not in _UNREAD)}
    FROM dashboard_run WHERE id = %s
"""  # noqa: S608 - names of our own


def of(run: Run) -> Progress:
    """From the run's own counts; what else is asked depends on its state."""
    now = clock.now()
    if run.state == Run.State.FINISHED and not run.unknown:
        return Progress(run, now)
    alive_since, limits = now - timedelta(seconds=settings.LEASE), connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.execute(_AROUND, [run.pk, limits(alive_since), limits(alive_since), limits(now), run.pk])
        calls, alive, trouble, cool_until, look_at = cursor.fetchone()
    return Progress(run, now, calls, alive, trouble or "", clock.moment(cool_until), clock.moment(look_at))


# One statement where the ORM would make four: a panel that is asked for every second has little else to do.
_AROUND = """SELECT (SELECT COUNT(*) FROM dashboard_batch WHERE run_id = %s AND state = 'sending'),
    (SELECT COUNT(*) FROM dashboard_worker WHERE stopped_at IS NULL AND seen_at > %s),
    (SELECT MAX(trouble) FROM dashboard_worker WHERE stopped_at IS NULL AND seen_at > %s),
    (SELECT MAX(cool_until) FROM dashboard_pace WHERE cool_until > %s),
    (SELECT MIN(look_at) FROM dashboard_outcome WHERE run_id = %s AND state = 'unknown' AND look_at IS NOT NULL)
"""


def looks(run: Run, state: str, reason: str) -> tuple[datetime | None, datetime | None]:
    """When such an invoice was last read again, and when the next one will be by itself."""
    with connection.cursor() as cursor:
        cursor.execute(_LOOKS, [run.pk, state, reason] * 2)
        looked_at, look_at = cursor.fetchone()
    return clock.moment(looked_at), clock.moment(look_at)


_SUCH = "FROM dashboard_outcome WHERE run_id = %s AND state = %s AND reason = %s"
_LOOKS = f"""SELECT (SELECT MAX(looked_at) {_SUCH} AND looked_at IS NOT NULL),
    (SELECT MIN(look_at) {_SUCH} AND look_at IS NOT NULL)
"""
