"""The filter of the campaign list."""

from django import forms
from django.utils.translation import gettext_lazy as _

from dashboard.api.schema import CampaignKind, CampaignStatus
from dashboard.forms.filters import FilterForm


class CampaignFilter(FilterForm):
    """`search`, `status`, `type`, `page`, `per_page`, named as the API names them."""

    search = forms.CharField(
        required=False,
        initial="",
        max_length=200,
        label=_("Search"),
        widget=forms.TextInput(
            attrs={"type": "search", "placeholder": _("Name of the campaign"), "autocomplete": "off"}
        ),
    )
    status = forms.ChoiceField(
        required=False,
        initial="",
        label=_("Status"),
        choices=[("", _("Any status")), *((status.value, status.label) for status in CampaignStatus)],
        error_messages={"invalid_choice": _("“%(value)s” is not a campaign status.")},
    )
    type = forms.ChoiceField(
        required=False,
        initial="",
        label=_("Type"),
        choices=[("", _("Any type")), *((kind.value, kind.label) for kind in CampaignKind)],
        error_messages={"invalid_choice": _("“%(value)s” is not a campaign type we know.")},
    )
    field_order = ["search", "status", "type", "per_page", "page"]
