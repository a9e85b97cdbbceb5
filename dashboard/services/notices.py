"""What a person is told about their runs: that one has ended, or paused for a cause that needs somebody."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from dashboard.models import Notice, Outcome, Run
from dashboard.services import clock

SHOWN = 3
SAID = ("state", "pause", "size", *Outcome.State.values)
# In seconds: how soon an open page asks again, the longer the later, while a run of this person is under way; and otherwise.
UNDER_WAY = ((30, 3), (300, 5))
LONG_RUN, QUIET = 10, 30


@dataclass(frozen=True)
class News:
    """A notice, with its run as it is now."""

    notice_id: int
    run: Run

    @property
    def sentence(self) -> str:
        return sentence(self.run)


@dataclass(frozen=True)
class Board:
    """A person's notices that are not seen yet, newest first; `number` counts those beyond the few shown too."""

    shown: Sequence[News]
    number: int

    @property
    def more(self) -> int:
        return self.number - len(self.shown)


def follow(run: Run) -> None:
    """A run has come to another state: what was told of it before is out of date, and there may be news.

    For the holder of the run's lock, in whose transaction it stands or falls.
    """
    if run.loaded["state"] not in Run.ACTIVE:
        run.notices.filter(mail_at__isnull=False).update(mail="", mail_at=None)
        run.notices.filter(seen_at=None).update(seen_at=clock.now())
    if run.starter and (run.is_ended or _waits_for_somebody(run)):
        by_mail = settings.MAIL_IS_ON and run.starter.is_active and run.starter.email
        Notice.objects.create(
            user=run.starter,
            run=run,
            mail=Notice.Mail.WAITING if by_mail else "",
            mail_at=clock.now() if by_mail else None,
        )


def _waits_for_somebody(run: Run) -> bool:
    return run.state == Run.State.PAUSED and run.pause != Run.Pause.PERSON and run.resume_at is None


def unseen(user: User) -> Board:
    """One query, and none where the user's row says that there are none."""
    if not getattr(user, "has_news", True):
        return Board([], 0)
    runs: list[Any] = list(Run.objects.raw(_UNSEEN, [user.pk, user.pk]))
    return Board([News(run.notice_id, run) for run in runs], runs[0].unseen if runs else 0)


# Every open page asks for it: no more is read than a notice says, and Django's making of it would take longer.
_UNSEEN = f"""SELECT run.id, {", ".join(f"run.{name}" for name in SAID)}, notice.id AS notice_id,
    (SELECT COUNT(*) FROM dashboard_notice WHERE user_id = %s AND seen_at IS NULL) AS unseen
    FROM dashboard_notice AS notice JOIN dashboard_run AS run ON run.id = notice.run_id
    WHERE notice.user_id = %s AND notice.seen_at IS NULL ORDER BY notice.id DESC LIMIT {SHOWN}
"""  # noqa: S608 - names of our own


def ask_again_after(user: User) -> int:
    """In how many seconds a page of this person should ask for news; soon after a run has begun, later by and by."""
    with connection.cursor() as cursor:
        cursor.execute(_BEGUN, [user.pk])
        begun = clock.moment(cursor.fetchone()[0])
    if begun is None:
        return QUIET
    age = (timezone.now() - begun).total_seconds()
    return next((wait for limit, wait in UNDER_WAY if age < limit), LONG_RUN)


# Of the few that are active, whichever are this person's: asked for the person's, SQLite may go through all of their runs.
_BEGUN = """SELECT MAX(created_at) FROM dashboard_run
    WHERE state IN ('queued', 'running') AND COALESCE(starter_id, 0) = %s
"""


def dismiss(user: User, notice_id: int | None = None) -> None:
    """Seen: the one, or all of this person's."""
    rows = Notice.objects.filter(user=user, seen_at=None)
    (rows.filter(pk=notice_id) if notice_id else rows).update(seen_at=clock.now())


def see(user: User, run: Run) -> None:
    """This person reads the run's own page. Writes only if there was something to tell."""
    if not getattr(user, "has_news", True):
        return
    unseen_of_run = Notice.objects.filter(user=user, run=run, seen_at=None)
    if unseen_of_run.exists():
        unseen_of_run.update(seen_at=clock.now())


def sentence(run: Run) -> str:
    """The news of a run with its counts, such as "Run 12 has finished: 95 enrolled, 5 failed."."""
    if run.state == Run.State.PAUSED:
        return f"Run {run.pk} is paused: {run.get_pause_display()}."
    counts = [
        f"{number:,} {Outcome.State(word).name.lower().replace('_', ' ')}"
        for word, number in run.counts.items()
        if number
    ]
    verb = "was stopped" if run.state == Run.State.STOPPED else "has finished"
    return f"Run {run.pk} {verb}: {', '.join(counts) or 'nothing was sent'}."
