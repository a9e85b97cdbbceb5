"""The table of worker processes."""

from datetime import datetime, timedelta

import django_tables2 as tables
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from dashboard.templatetags.rollcall import NOTHING, counted, mark, when

STATES = {
    "alive": ("good", "check", _("Alive")),
    "left": ("off", "minus", _("Left")),
    "lost": ("bad", "alert", _("Lost")),
}


class WorkerTable(tables.Table):
    """Rows are heartbeats (services.workers)."""

    name = tables.Column(
        accessor="worker__name", verbose_name=_("Worker"), attrs={"td": {"class": "name-cell"}}
    )
    state = tables.Column(verbose_name=_("State"), attrs={"td": {"data-label": _("State")}})
    age = tables.Column(verbose_name=_("Last seen"), attrs={"td": {"data-label": _("Last seen")}})
    threads = tables.Column(
        accessor="worker__threads",
        verbose_name=_("Calls at once"),
        attrs={"th": {"class": "number"}, "td": {"class": "number", "data-label": _("Calls at once")}},
    )
    started_at = tables.Column(
        accessor="worker__started_at", verbose_name=_("Started"), attrs={"td": {"data-label": _("Started")}}
    )
    trouble = tables.Column(
        accessor="worker__trouble",
        verbose_name=_("Trouble"),
        attrs={"td": {"class": "name-cell", "data-label": _("Trouble")}},
    )

    caption = _("Worker processes, the one seen last first")

    class Meta:
        orderable = False
        default = NOTHING
        attrs = {"class": "table stacks"}
        empty_text = _("No worker has started yet: queued runs wait until one does.")

    def render_state(self, value: str) -> SafeString:
        return mark(*STATES[value])

    def render_age(self, value: timedelta) -> str:
        return _("%(time)s ago") % {"time": roughly(value)}

    def render_started_at(self, value: datetime) -> str:
        return when(value)


def roughly(time: timedelta) -> str:
    """In its largest whole unit: "12 seconds", "1 hour"."""
    for seconds, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if time.total_seconds() >= seconds:
            return counted(int(time.total_seconds() // seconds), unit)
    return counted(max(0, int(time.total_seconds())), "second")
