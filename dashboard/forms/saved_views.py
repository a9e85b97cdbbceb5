"""Naming a view of a list."""

from typing import Any
from urllib.parse import parse_qsl

from django import forms
from django.utils.translation import gettext_lazy as _

from dashboard.forms.accounts import AccountFilter
from dashboard.forms.campaigns import CampaignFilter
from dashboard.forms.filters import FilterForm
from dashboard.forms.runs import RunFilter
from dashboard.models import SavedView

FILTERS: dict[str, type[FilterForm]] = {
    SavedView.Page.CAMPAIGNS: CampaignFilter,
    SavedView.Page.ACCOUNTS: AccountFilter,
    SavedView.Page.RUNS: RunFilter,
}


class NameForm(forms.Form):
    """A view's name, on one line, and whether its list opens with it."""

    name = forms.CharField(
        max_length=60,
        label=_("Name of the view"),
        error_messages={"required": _("Give the view a name.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    opens_first = forms.BooleanField(
        required=False,
        label=_("Open first"),
        help_text=_("The list opens with this view, instead of one that did so before."),
    )

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())


class SaveForm(NameForm):
    """Which list, and its filters as in the address: only what that list's form understands is kept."""

    page = forms.ChoiceField(choices=SavedView.Page.choices, widget=forms.HiddenInput)
    query = forms.CharField(max_length=1000, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        page, query = self.cleaned_data.get("page"), self.cleaned_data.get("query", "")
        if page and query:
            self.cleaned_data["query"] = FILTERS[page](dict(parse_qsl(query))).as_query()
            if not self.cleaned_data["query"]:
                self.add_error(None, _("Nothing is filtered, so there is nothing to save."))
        return self.cleaned_data
