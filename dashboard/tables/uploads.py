"""The lines of a list that a person brought."""

from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext_lazy as _

from dashboard.models import Entry
from dashboard.templatetags.rollcall import NOTHING, mark

VALUE_SHOWN = 80
MARKS = {
    Entry.State.WAITING: ("wait", "clock"),
    Entry.State.FOUND: ("good", "check"),
    Entry.State.MISSING: ("bad", "x"),
    Entry.State.ASKED: ("odd", "help"),
    Entry.State.DUPLICATE: ("off", "skip"),
    Entry.State.BAD: ("bad", "alert"),
}


def _labelled(label: Any, **attrs: str) -> dict[str, dict[str, Any]]:
    """A narrow screen shows the label beside each cell."""
    return {"th": attrs, "td": attrs | {"data-label": label}}


class EntryTable(tables.Table):
    """Entries with their line, what became of each, and why."""

    line = tables.Column(verbose_name=_("Line"), accessor="where", attrs=_labelled(_("Line")))
    value = tables.Column(verbose_name=_("Given"), attrs=_labelled(_("Given"), **{"class": "anywhere"}))
    state = tables.Column(verbose_name=_("Result"), attrs=_labelled(_("Result")))
    account_id = tables.Column(verbose_name=_("Invoice"), attrs=_labelled(_("Invoice")))
    reason = tables.Column(verbose_name=_("Why"), attrs=_labelled(_("Why")))

    caption = _("Lines")

    class Meta:
        orderable = False
        default = NOTHING
        attrs = {"class": "table stacks"}
        empty_text = _("No line is like this.")

    def render_line(self, value: str) -> str:
        return str(capfirst(value))

    def render_value(self, value: str) -> SafeString:
        return format_html("<bdi>{}</bdi>", Truncator(value).chars(VALUE_SHOWN))

    def render_state(self, record: Entry) -> SafeString:
        return mark(*MARKS[Entry.State(record.state)], record.get_state_display())

    def render_account_id(self, value: str, record: Entry) -> SafeString:
        accounts = {match["account"]["id"]: match["account"] for match in record.matches}
        name: Any = accounts.get(value, {}).get("number") or value[:8]
        return format_html('<a href="{}"><bdi>{}</bdi></a>', reverse("account-detail", args=[value]), name)
