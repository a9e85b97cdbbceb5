"""Tables of runs, of a run's calls, and of who did what."""

from datetime import datetime
from typing import Any

import django_tables2 as tables
from django.contrib.humanize.templatetags.humanize import intcomma
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from dashboard.models import Attempt, AuditEntry, Run
from dashboard.tables.columns import Column
from dashboard.templatetags.rollcall import NOTHING, when
from dashboard.templatetags.runs import answer, at, outcome_bar, state_of


def _labelled(label: Any, **attrs: Any) -> dict[str, dict[str, Any]]:
    """Cells that name themselves where the table is stacked on a narrow screen."""
    return {"th": attrs, "td": attrs | {"data-label": label}}


def _number(label: Any, **options: Any) -> Column:
    return Column(verbose_name=label, attrs=_labelled(label, **{"class": "number"}), **options)


def _link_to_run(number: int) -> SafeString:
    text = _("Run\u00a0%(number)s") % {"number": number}
    return format_html('<a href="{}">{}</a>', reverse("run-detail", args=[number]), text)


class RunTable(tables.Table):
    """Rows are runs with their starter."""

    run = Column(accessor="pk", verbose_name=_("Run"))
    state = Column(verbose_name=_("State"), attrs=_labelled(_("State")))
    campaign = Column(
        accessor="campaign_name",
        verbose_name=_("Campaign"),
        attrs=_labelled(_("Campaign"), **{"class": "name-cell"}),
    )
    size = _number(_("Invoices"))
    results = Column(accessor="pk", verbose_name=_("Results"), attrs=_labelled(_("Results")))
    enrolled = _number(_("Enrolled"))
    failed = _number(_("Failed"))
    unknown = _number(_("Unknown"))
    created_at = Column(verbose_name=_("Started"), attrs=_labelled(_("Started")))
    starter = Column(
        accessor="starter__username",
        default=_("command line"),
        verbose_name=_("By"),
        attrs=_labelled(_("By")),
    )

    caption = _("Runs")

    class Meta:
        orderable = False
        default = NOTHING
        attrs = {"class": "table stacks"}
        empty_text = _("No run matches these filters.")

    def render_run(self, record: Run) -> SafeString:
        return _link_to_run(record.pk)

    def render_state(self, record: Run) -> SafeString:
        return state_of(record)

    def render_campaign(self, value: str) -> SafeString:
        return format_html("<bdi>{}</bdi>", value)

    def render_results(self, record: Run) -> SafeString:
        return outcome_bar(record)

    def render_created_at(self, value: datetime) -> str:
        return at(value)

    def render_starter(self, value: str) -> SafeString:
        return format_html("<bdi>{}</bdi>", value)

    def value_of(self, value: int) -> str:
        return intcomma(value)

    render_size = render_enrolled = render_failed = render_unknown = value_of


class AttemptTable(tables.Table):
    """Rows are attempts with their batch."""

    batch = Column(accessor="batch__number", verbose_name=_("Batch"))
    number = Column(verbose_name=_("Try"), attrs=_labelled(_("Try")))
    size = _number(_("Invoices"), accessor="batch__size")
    started_at = Column(verbose_name=_("Sent"), attrs=_labelled(_("Sent")))
    answer = Column(
        accessor="answer_class", verbose_name=_("Answer"), empty_values=(), attrs=_labelled(_("Answer"))
    )
    http_status = Column(verbose_name=_("HTTP"), attrs=_labelled(_("HTTP")))
    message = Column(
        verbose_name=_("The vendor's message, and what was odd"),
        empty_values=(),
        attrs=_labelled(_("Message")),
    )

    caption = _("Calls of this run, newest first")

    class Meta:
        orderable = False
        default = NOTHING
        attrs = {"class": "table stacks"}
        empty_text = _("No call has been made yet.")

    def __init__(self, rows: Any, *, run: Run, may_read_raw: bool) -> None:
        super().__init__(rows)
        self.run = run
        self.may_read_raw = may_read_raw

    def render_batch(self, value: int, record: Attempt) -> SafeString:
        text = _("Batch\u00a0%(number)s") % {"number": value}
        if not self.may_read_raw:
            return SafeString(text)
        return format_html(
            '<a href="{}">{}</a>', reverse("attempt-detail", args=[self.run.pk, record.pk]), text
        )

    def render_started_at(self, value: datetime) -> str:
        return when(value)

    def render_answer(self, record: Attempt) -> SafeString:
        return answer(record)

    def render_message(self, record: Attempt) -> SafeString:
        return SafeString(render_to_string("runs/_attempt.html", {"attempt": record}).strip())


class AuditTable(tables.Table):
    """Rows are audit entries with their person and run."""

    at = Column(verbose_name=_("When"))
    who = Column(accessor="who__username", verbose_name=_("Who"), empty_values=(), attrs=_labelled(_("Who")))
    action = Column(verbose_name=_("What"), attrs=_labelled(_("What")))
    run = Column(accessor="run_id", verbose_name=_("Run"), attrs=_labelled(_("Run")))
    note = Column(verbose_name=_("Note"), attrs=_labelled(_("Note"), **{"class": "name-cell"}))
    detail = Column(verbose_name=_("Details"), attrs=_labelled(_("Details"), **{"class": "name-cell"}))

    caption = _("Actions, newest first")

    class Meta:
        orderable = False
        default = NOTHING
        attrs = {"class": "table stacks"}
        empty_text = _("Nothing on record matches these filters.")

    def render_at(self, value: datetime) -> str:
        return when(value)

    def render_who(self, record: AuditEntry) -> SafeString:
        return format_html("<bdi>{}</bdi>", record.who.get_username() if record.who else _("Rollcall itself"))

    def render_action(self, value: str) -> str:
        return value.capitalize()

    def render_run(self, value: int) -> SafeString:
        return _link_to_run(value)

    def render_note(self, value: str) -> SafeString:
        return format_html("<bdi>{}</bdi>", value)

    def render_detail(self, value: dict[str, Any]) -> SafeString:
        return format_html(
            "<bdi>{}</bdi>",
            "; ".join(f"{name.replace('_', ' ')}: {_short(thing)}" for name, thing in value.items()),
        )


def _short(thing: Any) -> str:
    if isinstance(thing, list):
        return ", ".join(map(str, thing[:3])) + (f" and {len(thing) - 3} more" if len(thing) > 3 else "")
    return intcomma(thing) if isinstance(thing, int) else str(thing)
