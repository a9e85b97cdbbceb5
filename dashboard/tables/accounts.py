"""Tables of invoices."""

from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from dashboard.api.schema import AccountStatus
from dashboard.templatetags.rollcall import NOTHING, badge, money

# 20 rows of the picker travel in some 2 KB: what a row has once, such as its id, it should not have twice.
BOX = '<input type="checkbox" id="p{0}" class="form-check-input" name="account_ids" value="{1}" aria-label="{2}"{3}>'


def _labelled(label: Any, **attrs: str) -> dict[str, dict[str, Any]]:
    """A narrow screen shows the label beside each cell."""
    return {"th": attrs, "td": attrs | ({"data-label": label} if label else {})}


def box_for_page() -> SafeString:
    """Stays hidden without JavaScript: there a button does the same."""
    box = '<input type="checkbox" class="form-check-input" id="pick-page" aria-label="{}" hidden>'
    return format_html(box, _("Select all on this page"))


class AccountTable(tables.Table):
    """Snapshots (shape as in `Batch.accounts`), with a box each where a person may pick."""

    pick = tables.Column(verbose_name=_("Select"), accessor="id", attrs=_labelled("", **{"class": "pick"}))
    number = tables.Column(verbose_name=_("Invoice"), empty_values=())
    customer_id = tables.Column(verbose_name=_("Customer"), attrs=_labelled(_("Customer")))
    outstanding = tables.Column(
        verbose_name=_("Outstanding"), attrs=_labelled(_("Outstanding"), **{"class": "number"})
    )
    due_on = tables.Column(verbose_name=_("Due"), attrs=_labelled(_("Due")))
    status = tables.Column(verbose_name=_("Status"), empty_values=(), attrs=_labelled(_("Status")))

    caption = _("Invoices")

    class Meta:
        orderable = False
        default = NOTHING
        attrs = {"class": "table stacks"}
        empty_text = _("No invoice matches. Try fewer filters.")

    def __init__(
        self,
        rows: Collection[dict[str, Any]],
        *,
        chosen: Collection[str],
        names: Mapping[str, str],
        may_pick: bool,
    ) -> None:
        super().__init__(rows, exclude=() if may_pick else ("pick",))
        self.chosen = chosen
        self.names = names
        self._places = count(1)
        if may_pick:
            self.columns["pick"].column.verbose_name = box_for_page()

    def render_pick(self, value: str, record: dict[str, Any]) -> SafeString:
        return format_html(
            BOX,
            next(self._places),
            value,
            _("Select %(invoice)s") % {"invoice": _name_of(record)},
            SafeString(" checked") if value in self.chosen else "",
        )

    def render_number(self, record: dict[str, Any]) -> SafeString:
        return format_html(
            '<a href="{}"><bdi>{}</bdi></a>', reverse("account-detail", args=[record["id"]]), _name_of(record)
        )

    def render_customer_id(self, value: str) -> SafeString:
        """Where the name is not known, it is put in once the page stands: see `_names.html`."""
        if name := self.names.get(value):
            return format_html("<bdi>{}</bdi>", name)
        return format_html('<bdi class="c-{}">{}</bdi>', value, value[:8])

    def render_outstanding(self, value: str, record: dict[str, Any]) -> str:
        return money(Decimal(value), record["currency"])

    def render_due_on(self, value: str) -> str:
        return date_format(date.fromisoformat(value), "M j, Y")

    def render_status(self, record: dict[str, Any]) -> SafeString:
        return badge(AccountStatus(record["status"]) if record.get("status") else None)


class AccountListTable(AccountTable):
    """Snapshots without boxes, with our tries and the way to enroll each."""

    tries = tables.Column(
        verbose_name=_("Our tries"), accessor="id", attrs=_labelled(_("Our tries"), **{"class": "number"})
    )
    enroll = tables.Column(
        verbose_name=_("Enroll"), accessor="id", attrs=_labelled("", **{"class": "row-act"})
    )

    class Meta(AccountTable.Meta):
        pass

    def __init__(
        self,
        rows: Collection[dict[str, Any]],
        *,
        names: Mapping[str, str],
        tries: Mapping[str, int],
        may_enroll: bool,
    ) -> None:
        super().__init__(rows, chosen=(), names=names, may_pick=False)
        self.tries = tries
        if not may_enroll:
            self.columns.hide("enroll")

    def render_tries(self, value: str) -> SafeString:
        number = self.tries.get(value, 0)
        if not number:
            return SafeString("0")
        return format_html('<a href="{}#tries">{}</a>', reverse("account-detail", args=[value]), number)

    def render_enroll(self, value: str, record: dict[str, Any]) -> SafeString:
        return format_html(
            '<a class="btn btn-sm" href="{}#enroll" aria-label="{}">{}</a>',
            reverse("account-detail", args=[value]),
            _("Enroll %(invoice)s") % {"invoice": _name_of(record)},
            _("Enroll"),
        )


def _name_of(record: Mapping[str, Any]) -> str:
    return str(record.get("number") or record["id"][:8])
