"""The campaign list as a table."""

from typing import Any

import django_tables2 as tables
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from dashboard.api.schema import CampaignKind, CampaignStatus
from dashboard.templatetags.rollcall import NOTHING, badge, link_to_campaign


def _labelled(label: Any, css: str = "") -> dict[str, dict[str, Any]]:
    """Cells that name themselves where the table is stacked on a narrow screen."""
    return {"td": {"data-label": label, "class": css}}


class CampaignTable(tables.Table):
    """Rows are `services.campaigns.CampaignRow`."""

    name = tables.Column(
        accessor="campaign__name", verbose_name=_("Name"), attrs={"td": {"class": "name-cell"}}
    )
    kind = tables.Column(
        accessor="campaign__kind", verbose_name=_("Type"), empty_values=(), attrs=_labelled(_("Type"))
    )
    status = tables.Column(
        accessor="campaign__status", verbose_name=_("Status"), empty_values=(), attrs=_labelled(_("Status"))
    )
    accepts = tables.Column(
        accessor="acceptance", verbose_name=_("Accepts enrollments"), attrs=_labelled(_("Accepts"))
    )
    next = tables.Column(
        accessor="campaign__next_campaign_id",
        verbose_name=_("Next campaign"),
        attrs=_labelled(_("Next"), css="next-cell"),
    )

    caption = _("Campaigns")

    class Meta:
        orderable = False
        default = NOTHING
        attrs = {"class": "table stacks"}
        empty_text = _("No campaign matches. Try fewer filters.")

    def render_name(self, value: str, record: Any) -> str:
        return link_to_campaign(record.campaign.id, value)

    def render_kind(self, value: CampaignKind | None) -> str:
        return format_html("<bdi>{}</bdi>", value.label) if value else NOTHING

    def render_status(self, value: CampaignStatus | None) -> str:
        return badge(value)

    def render_accepts(self, value: Any) -> str:
        return format_html('{} <span class="why">{}</span>', badge(value.answer), value.why)

    def render_next(self, value: str, record: Any) -> str:
        return link_to_campaign(value, record.next_name)
