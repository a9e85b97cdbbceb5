"""The table of the waiting list."""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from dashboard.api.schema import AccountStatus
from dashboard.models import ParkedAccount
from dashboard.templatetags.rollcall import NOTHING, badge, link_to_campaign, money
from dashboard.templatetags.runs import at

BOX = '<input type="checkbox" id="pick-{0}" class="form-check-input" name="entries" value="{0}" aria-label="{1}">'


def _labelled(label: Any, **attrs: str) -> dict[str, dict[str, Any]]:
    """A narrow screen shows the label beside each cell."""
    return {"th": attrs, "td": attrs | {"data-label": label}}


class WaitingTable(tables.Table):
    """Rows are entries of the waiting list with their person; `names` are those of the campaigns seen, by id."""

    pick = tables.Column(verbose_name=_("Select"), accessor="pk", attrs=_labelled("", **{"class": "pick"}))
    invoice = tables.Column(
        accessor="account_id", verbose_name=_("Invoice"), attrs={"td": {"class": "name-cell"}}
    )
    state = tables.Column(verbose_name=_("State"), attrs=_labelled(_("State")))
    seen = tables.Column(
        accessor="snapshot", verbose_name=_("Last seen"), empty_values=(), attrs=_labelled(_("Last seen"))
    )
    campaign = tables.Column(
        accessor="campaign_name",
        verbose_name=_("Waits for"),
        attrs=_labelled(_("Waits for"), **{"class": "name-cell"}),
    )
    outstanding = tables.Column(
        accessor="snapshot",
        verbose_name=_("Outstanding"),
        attrs=_labelled(_("Outstanding"), **{"class": "number"}),
    )
    parked = tables.Column(accessor="parked_at", verbose_name=_("Put here"), attrs=_labelled(_("Put here")))

    caption = _("Waiting list, free ones first")

    class Meta:
        orderable = False
        default = NOTHING
        attrs = {"class": "table stacks"}
        empty_text = _("Nothing on the list matches these filters.")

    def __init__(self, rows: Collection[ParkedAccount], *, names: Mapping[str, str], may_act: bool) -> None:
        super().__init__(rows, exclude=() if may_act else ("pick",))
        self.names = names

    def render_pick(self, value: int, record: ParkedAccount) -> SafeString:
        return format_html(BOX, value, _("Select %(invoice)s") % {"invoice": _name_of(record)})

    def render_invoice(self, value: str, record: ParkedAccount) -> SafeString:
        address = reverse("account-detail", args=[value])
        return format_html('<a href="{}"><bdi>{}</bdi></a>', address, _name_of(record))

    def render_state(self, record: ParkedAccount) -> SafeString:
        since = (
            format_html('<div class="why">{} {}</div>', _("since"), at(record.free_since))
            if record.free_since
            else ""
        )
        return format_html("{}{}", badge(ParkedAccount.State(record.state)), since)

    def render_seen(self, record: ParkedAccount) -> SafeString:
        lines = [_seen(record, self.names), record.problem, _next_reading(record)]
        return format_html(
            "{}{}{}",
            lines[0],
            *(
                format_html('<div class="why"><bdi>{}</bdi></div>', line) if line else ""
                for line in lines[1:]
            ),
        )

    def render_campaign(self, value: str, record: ParkedAccount) -> SafeString:
        return link_to_campaign(record.campaign_id, value)

    def render_outstanding(self, value: dict[str, Any]) -> str:
        amount = value.get("outstanding")
        return money(Decimal(amount) if amount else None, value.get("currency") or "")

    def render_parked(self, value: datetime, record: ParkedAccount) -> SafeString:
        run = format_html(
            '<a href="{}">{}</a>',
            reverse("run-detail", args=[record.run_id]),
            _("Run\u00a0%(number)s") % {"number": record.run_id},
        )
        return format_html(
            '{}<div class="why">{} <bdi>{}</bdi></div><div class="why">{}</div>',
            at(value),
            _("by"),
            record.who.get_username(),
            run,
        )


def _name_of(record: ParkedAccount) -> str:
    return record.invoice_number or record.account_id[:8]


def _seen(record: ParkedAccount, names: Mapping[str, str]) -> SafeString:
    """Status and campaign as last read, and when."""
    status, active_in = record.snapshot.get("status"), record.snapshot.get("campaign_id")
    if record.read_at is None or status is None:
        return format_html("{}", _("Not read yet") if record.read_at is None else "")
    where = link_to_campaign(active_in, names.get(active_in, "")) if active_in else ""
    return format_html(
        '{}<div>{}</div><div class="why">{} {}</div>',
        badge(AccountStatus(status) if status else None),
        where,
        _("read"),
        at(record.read_at),
    )


def _next_reading(record: ParkedAccount) -> Any:
    if record.look_at is None:
        return _("Not read again by itself.")
    return format_html("{} {}", _("Next reading"), at(record.look_at))
