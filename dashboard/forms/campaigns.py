"""The filter of the campaign list."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dashboard.api.schema import CampaignKind, CampaignStatus
from dashboard.forms.filters import FilterForm, search_field

MOST_LETTERS = 60


class WordField(forms.ChoiceField):
    """A word of the API's, in either case."""

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).strip().lower()


class KindSelect(forms.Select):
    """Offers the kinds we know, and the one in use."""

    def optgroups(self, name: str, value: list[str], attrs: dict[str, Any] | None = None) -> list[Any]:
        known = [choice for choice, _label in self.choices]
        strange = [word for word in value if word and word not in known]
        self.choices = [*self.choices, *((word, word) for word in strange)]
        return super().optgroups(name, value, attrs)


class KindField(WordField):
    """The vendor may have kinds that its documentation does not list: any short word will do."""

    widget = KindSelect

    def valid_value(self, value: Any) -> bool:
        return len(value) <= MOST_LETTERS and value.replace("_", "").replace("-", "").isalnum()


class CampaignFilter(FilterForm):
    """`search`, `status`, `type`, `page`, `per_page`, named as the API names them."""

    search = search_field(_("Search"), _("Name of the campaign"))
    status = WordField(
        required=False,
        initial="",
        label=_("Status"),
        choices=[("", _("Any status")), *((status.value, status.label) for status in CampaignStatus)],
        error_messages={"invalid_choice": _("“%(value)s” is not a campaign status.")},
    )
    type = KindField(
        required=False,
        initial="",
        label=_("Type"),
        choices=[("", _("Any type")), *((kind.value, kind.label) for kind in CampaignKind)],
        error_messages={"invalid_choice": _("“%(value)s” is not a campaign type.")},
    )
    field_order = ["search", "status", "type", "per_page", "page"]
