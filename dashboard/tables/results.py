"""The table of a run's invoices."""

from collections.abc import Mapping
from functools import cache
from html import escape
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from dashboard.models import Attempt, Outcome
from dashboard.tables.accounts import BOX, box_for_page
from dashboard.tables.columns import Column
from dashboard.templatetags.rollcall import NOTHING, filled, mark, money
from dashboard.templatetags.runs import fate, times

PREDICTED = {"enter": _("To enter"), "refuse": _("To be refused"), "unsure": _("Could not be known")}
ANSWERS = dict(Attempt.AnswerClass.choices)
NOBODY = "00000000-0000-0000-0000-000000000000"
SAID = '<div class="why"><span class="visually-hidden">{}</span> <bdi>{}</bdi></div>'
ARROWS = {
    False: SafeString(' <span aria-hidden="true">↑</span>'),
    True: SafeString(' <span aria-hidden="true">↓</span>'),
}
BY_OTHERS = (Outcome.Source.READING, Outcome.Source.PERSON)


def _column(label: Any, accessor: str, *, look: str = "", **options: Any) -> Column:
    """Cells name themselves where the table is stacked on a narrow screen."""
    attrs = {"class": look} if look else {}
    return Column(
        verbose_name=label,
        accessor=accessor,
        attrs={"th": attrs, "td": attrs | {"data-label": label}},
        **options,
    )


class ResultTable(tables.Table):
    """Rows are `services.finding.Row`, their tries `services.calls.Call`.

    Headings of `SORTS` are links that keep the filters and begin anew.
    """

    pick = Column(accessor="outcome__account_id", attrs={"th": {"class": "pick"}, "td": {"class": "pick"}})
    place = _column(_("No."), "outcome__place", look="number")
    invoice = Column(accessor="outcome__account_id", verbose_name=_("Invoice"))
    outcome = _column(_("Outcome"), "outcome__state")
    what = _column(_("What happened"), "outcome__error", look="what anywhere", empty_values=())
    predicted = _column(_("Predicted"), "outcome__predicted", empty_values=())
    outstanding = _column(_("Outstanding"), "outcome__outstanding", look="number", empty_values=())
    tries = _column(_("Calls"), "tries", look="tries")

    caption = _("Invoices of this run")
    SORTS = {"place": "picked", "invoice": "number", "outcome": "outcome", "outstanding": "amount"}

    class Meta:
        orderable = False
        default = NOTHING
        attrs = {"class": "table stacks"}
        empty_text = _("No invoice of this run matches these filters.")

    def __init__(self, rows: Any, *, chosen: Mapping[str, Any], may_pick: bool, may_read_raw: bool) -> None:
        super().__init__(rows, exclude=() if may_pick else ("pick",))
        self.may_settle = may_pick
        self.may_read_raw = may_read_raw
        self._select = str(_("Select %(invoice)s"))
        self._account_page = reverse("account-detail", args=[NOBODY])
        # A hundred invoices share calls, times, and what was said of them.
        self._tries: dict[int, SafeString] = {}
        self._at, self._ways = times(), cache(_ways)
        self._call, self._under_way = str(_("Call %(batch)s, try %(number)s")), str(_("Under way"))
        self._outcome, self._predicted = cache(_outcome), cache(_predicted)
        for name, key in self.SORTS.items():
            self._make_sortable(self.columns[name].column, key, chosen)
        if may_pick:
            self.columns["pick"].column.verbose_name = box_for_page()

    def _make_sortable(self, column: Column, key: str, chosen: Mapping[str, Any]) -> None:
        """A link in the heading; the second click turns the order round."""
        is_used, is_down = chosen["sort"].lstrip("-") == key, chosen["sort"].startswith("-")
        kept = {
            name: value for name, value in chosen.items() if value and name not in ("sort", "after", "before")
        }
        query = urlencode(kept | {"sort": f"-{key}" if is_used and not is_down else key})
        column.verbose_name = format_html(
            '<a id="sort-{0}" class="sort" href="?{1}#results" data-hx-get="?{1}">{2}{3}</a>',
            key,
            query,
            column.verbose_name,
            ARROWS[is_down] if is_used else "",
        )
        order = {"aria-sort": "descending" if is_down else "ascending"} if is_used else {}
        column.attrs = column.attrs | {"th": column.attrs.get("th", {}) | order}

    def render_pick(self, value: str, record: Any) -> SafeString:
        name = record.outcome.invoice_number or value
        return filled(BOX, record.outcome.place, value, self._select % {"invoice": name}, "")

    def render_invoice(self, value: str, record: Any) -> SafeString:
        name = record.outcome.invoice_number
        if not name:
            return self._link(value, value)
        return filled('{}<div class="why id"><bdi>{}</bdi></div>', self._link(value, name), value)

    def _link(self, account_id: str, name: str) -> SafeString:
        try:
            page = self._account_page.replace(NOBODY, str(UUID(account_id)))
        except ValueError:
            return filled("<bdi>{}</bdi>", name)
        return filled('<a href="{}"><bdi>{}</bdi></a>', page, name)

    def render_outcome(self, record: Any) -> SafeString:
        return self._outcome(record.outcome.state, record.outcome.vendor_status)

    def render_what(self, record: Any) -> SafeString:
        outcome = record.outcome
        lines = [filled("<div><bdi>{}</bdi></div>", outcome.error)] if outcome.error else []
        if record.reason and outcome.source != Outcome.Source.PERSON:  # which says as much
            lines.append(filled('<div class="why"><b>{}.</b></div>', record.reason.title))
        if outcome.source in BY_OTHERS:
            source = Outcome.Source(outcome.source).label
            lines.append(filled('<div class="why">{}, {}.</div>', source, self._at(outcome.settled_at)))
        if outcome.looked_at:
            read = _("Last read"), self._at(outcome.looked_at), outcome.seen.rstrip(".")
            lines.append(filled('<div class="why">{} {}: <bdi>{}</bdi>.</div>', *read))
        if outcome.look_at:
            again = _("Read again by itself at"), self._at(outcome.look_at)
            lines.append(filled('<div class="why">{} {}.</div>', *again))
        if outcome.state == Outcome.State.UNKNOWN and self.may_settle:
            query = urlencode({"account_id": outcome.account_id})
            lines.append(filled(self._ways(outcome.run_id), query))
        return SafeString("".join(lines) or NOTHING)

    def render_predicted(self, record: Any) -> SafeString:
        return self._predicted(record.predicted, record.why, record.is_otherwise)

    def render_outstanding(self, record: Any) -> str:
        return money(record.outcome.outstanding, record.outcome.currency)

    def render_tries(self, value: list[Any], record: Any) -> SafeString:
        for call in value:
            if call.pk not in self._tries:
                self._tries[call.pk] = self._try(call, record.outcome.run_id)
        return SafeString("".join(self._tries[call.pk] for call in value))

    def _try(self, call: Any, run_id: int) -> SafeString:
        name = self._call % {"batch": call.batch, "number": call.number}
        if self.may_read_raw:
            address = reverse("attempt-detail", args=[run_id, call.pk])
            name = filled('<a href="{}">{}</a>', address, name)
        said = ANSWERS.get(call.answer_class) or self._under_way
        return filled(
            '<div>{}, {}</div><div class="why">{}</div>',
            name,
            self._at(call.started_at),
            f"{said}, HTTP {call.http_status}" if call.http_status else said,
        )


def _outcome(state: str, said: str) -> SafeString:
    word = filled(SAID, _("The vendor said:"), said) if said else ""
    return filled("{}{}", fate(state), word)


def _predicted(kind: str, why: str, is_otherwise: bool) -> SafeString:
    word = PREDICTED.get(kind)
    if not word:
        return SafeString(NOTHING)
    because = filled('<div class="why">{}</div>', why) if kind != "enter" else ""
    wrong = mark("warn", "alert", _("came out otherwise")) if is_otherwise else ""
    return filled("{} {}{}", word, wrong, because)


def _ways(run_id: int) -> str:
    """To settle one of unknown fate; `{0}` is the query that says which."""
    ways = (("run-mark", _("Mark")), ("run-send-again", _("Send again")))
    links = (f'<a href="{reverse(name, args=[run_id])}?{{0}}">{escape(str(word))}</a>' for name, word in ways)
    return f'<div class="row-of">{"".join(links)}</div>'
