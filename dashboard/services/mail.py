"""E-mail of notices: sent by a worker, once, and never in the way of a run."""

import logging
from datetime import timedelta

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import F
from django.template.loader import render_to_string
from django.urls import reverse

from dashboard.models import Notice
from dashboard.services import clock, notices, progress

log = logging.getLogger(__name__)

WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))  # after the first failure, and so on
CALLS_END = timedelta(seconds=5)
PROBLEMS_SHOWN = 20


def deliver() -> int:
    """Send the one that is due longest. Gives how many were tried. Never raises for what the mail server does.

    One at a time: a server that hangs keeps a worker that is to stop no longer than for one.
    """
    if not settings.MAIL_IS_ON:
        return 0
    due = Notice.objects.filter(mail_at__lte=clock.now()).select_related("run", "user").order_by("mail_at")
    return sum(_deliver(notice) for notice in due[:1])


def _deliver(notice: Notice) -> bool:
    """Whoever changes `mail_at` sends it: among many machines that is one. A worker killed after that sends it never twice."""
    mine = Notice.objects.filter(pk=notice.pk, mail_at=notice.mail_at)
    if notice.run.is_ended and notice.run.waiting:
        mine.update(mail_at=clock.now() + CALLS_END)
        return False
    if not mine.update(mail=Notice.Mail.SENDING, mail_at=None, mail_tries=F("mail_tries") + 1):
        return False
    problem = _send(notice)
    now = Notice.objects.filter(pk=notice.pk, mail=Notice.Mail.SENDING)
    if not problem:
        now.update(mail=Notice.Mail.SENT, mail_problem="")
    elif notice.mail_tries < len(WAITS):
        retry_at = clock.now() + WAITS[notice.mail_tries]
        now.update(mail=Notice.Mail.WAITING, mail_at=retry_at, mail_problem=problem)
    else:
        now.update(mail=Notice.Mail.FAILED, mail_problem=problem)
    return True


def _send(notice: Notice) -> str:
    """Empty, or why it could not be sent."""
    run = notice.run
    context = {
        "run": run,
        "campaign": " ".join(run.campaign_name.split()),
        "sentence": notices.sentence(run),
        "what_to_do": progress.Progress(run, clock.now()).what_to_do,
        "address": f"{settings.PUBLIC_URL}{run.get_absolute_url()}",
        "home": f"{settings.PUBLIC_URL}{reverse('home')}",
    }
    try:
        taken = send_mail(
            f"[Rollcall] {notices.sentence(run)}",
            render_to_string("notices/mail.txt", context),
            settings.DEFAULT_FROM_EMAIL,
            [notice.user.email],
        )
    except Exception as error:
        log.warning("the e-mail about run %s could not be sent: %s", run.pk, error)
        return f"{type(error).__name__}: {error}"[:200]
    return "" if taken else "The person has no address any more."


def problems() -> list[Notice]:
    """E-mails that have not gone out as they should, newest first."""
    late = Notice.objects.filter(mail__in=[Notice.Mail.SENDING, Notice.Mail.FAILED]) | Notice.objects.filter(
        mail=Notice.Mail.WAITING, mail_tries__gt=0
    )
    return list(late.select_related("user", "run").defer("run__campaign")[:PROBLEMS_SHOWN])
