"""How runs and fates look on screen."""

from collections.abc import Callable
from datetime import date, datetime
from functools import cache, lru_cache
from math import ceil
from typing import Any

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from dashboard.models import Attempt, Batch, Outcome, Run
from dashboard.templatetags.rollcall import ICONS, MARKS, badge, link_to_campaign, mark

register = template.Library()

ALWAYS = ("enrolled", "failed", "skipped", "pending", "unknown")
NOW_AND_THEN = ("unrecognised", "already_active", "not_sent")
LEFT_OVER = ("failed", "skipped", "unrecognised", "unknown", "already_active", "pending")
SHORT = {
    "enrolled": _("Enrolled"),
    "failed": _("Failed"),
    "skipped": _("Skipped"),
    "pending": _("Pending"),
    "unknown": _("Unknown"),
    "unrecognised": _("Unrecognised"),
    "already_active": _("Already active"),
    "not_sent": _("Not sent"),
    "waiting": _("Waiting"),
}
ANSWERS = {
    Attempt.AnswerClass.DONE: ("good", "check"),
    Attempt.AnswerClass.REJECTED: ("bad", "x"),
    Attempt.AnswerClass.NOT_SENT: ("off", "minus"),
}
BAR = 120
FATES = {str(choice.value): str(choice.label) for kind in (Batch.State, Outcome.State) for choice in kind}


@register.filter
def at(value: datetime) -> SafeString:
    """A `<time>` of today as "12:03:05", of another day with its date."""
    return times()(value)


def times() -> Callable[[datetime], SafeString]:
    """As `at`, for the hundreds of a page: the zone and the day are asked for once."""
    zone, today = timezone.get_current_timezone(), timezone.localdate()

    @cache
    def show(value: datetime) -> SafeString:
        local = value.astimezone(zone)
        text = f"{local.hour:02}:{local.minute:02}:{local.second:02}"
        if local.date() != today:
            text = f"{_month_and_day(local.date())}, {text}"
        return SafeString(f'<time datetime="{value.isoformat(timespec="seconds")}">{text}</time>')

    return show


@lru_cache(maxsize=100)
def _month_and_day(day: date) -> str:
    return escape(date_format(day, "M j"))


@register.filter
def left_until(value: datetime, now: datetime) -> SafeString:
    """A countdown such as "in 43 s"; the script takes off a second each second."""
    seconds = max(0, ceil((value - now).total_seconds()))
    return format_html(
        '<span data-left="{}">{}</span>', str(seconds), _("in %(seconds)d s") % {"seconds": seconds}
    )


@register.filter
def state_of(run: Run) -> SafeString:
    """The badge of a run; one that has finished says what is left to look at."""
    if run.state != Run.State.FINISHED or run.enrolled == run.size:
        return badge(Run.State(run.state))
    if run.unknown or run.already_active or run.unrecognised:
        return mark("odd", "help", _("Finished with unknowns"))
    if run.enrolled + run.pending == run.size:
        return mark("wait", "clock", _("Finished, some pending"))
    return mark("warn", "alert", _("Finished with failures"))


@register.filter
def campaign_of(run: Run) -> SafeString:
    """The campaign's name as it was when the run was queued, as a link to how it is now."""
    return link_to_campaign(run.campaign_id, run.campaign_name)


@register.simple_tag
def outcome_mark(word: str) -> SafeString:
    """The short badge of an outcome, or of what waits."""
    return mark(*MARKS[word], SHORT[word])


@register.inclusion_tag("runs/_shapes.html")
def shapes() -> dict[str, Any]:
    """The shapes that `tally` refers to, once per page, so that a poll need not carry them."""
    return {"shapes": {shape: ICONS[shape] for shape in sorted({MARKS[word][1] for word in SHORT})}}


@register.inclusion_tag("runs/_tally.html")
def tally(run: Run) -> dict[str, Any]:
    """The counts of a run, each a link to its invoices; zeros of the rarer ones are left out."""
    counts = run.counts | {"waiting": run.waiting}
    words = [*ALWAYS, *(word for word in (*NOW_AND_THEN, "waiting") if counts[word])]
    return {
        "size": run.size,
        "items": [(word, *MARKS[word], SHORT[word], counts[word]) for word in words],
    }


@register.filter
def left_over(run: Run) -> list[tuple[str, Any, int]]:
    """What was not enrolled: the outcome, how it is called, and how many."""
    return [(word, SHORT[word], number) for word in LEFT_OVER if (number := getattr(run, word))]


@register.simple_tag
def outcome_bar(run: Run) -> SafeString:
    """A picture of the counts, which its name says in words; what waits is left blank."""
    counts = {word: number for word, number in run.counts.items() if number}
    parts, x = [], 0.0
    for word, number in counts.items():
        width = BAR * number / run.size
        parts.append(
            format_html(
                '<rect class="mark-{}" x="{}" width="{}" height="8"/>',
                MARKS[word][0],
                f"{x:.1f}",
                f"{width:.1f}",
            )
        )
        x += width
    counts |= {"waiting": run.waiting} if run.waiting else {}
    words = ", ".join(f"{SHORT[word]} {intcomma(number)}" for word, number in counts.items())
    picture = (
        '<svg class="bar" viewBox="0 0 {0} 8" width="{0}" height="8" role="img" aria-label="{1}">{2}</svg>'
    )
    return format_html(picture, BAR, words, SafeString("".join(parts)))


@register.filter
def answer(attempt: Attempt) -> SafeString:
    """The badge of a call."""
    if not attempt.answer_class:
        return badge(Batch.State.SENDING)
    answer_class = Attempt.AnswerClass(attempt.answer_class)
    return mark(*ANSWERS.get(answer_class, MARKS["unknown"]), answer_class.label)


@register.filter
def fate_word(state: str) -> str:
    """The same of a state alone, in words for print."""
    return FATES.get(state, state)


@register.filter
def fate(state: str) -> SafeString:
    """The badge of an outcome; what has none shows its batch's state."""
    kind = Outcome.State if state in Outcome.State else Batch.State
    return badge(kind(state))
