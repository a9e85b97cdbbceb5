"""Which part of the waiting list, and what to do with it."""

from typing import Any

from django import forms
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from dashboard.forms.filters import FilterForm, search_field
from dashboard.models import ParkedAccount

NO_ENTRY = _("Nothing was ticked. Tick at least one invoice.")


class WaitingFilter(FilterForm):
    """Which entries of the waiting list."""

    search = search_field(_("Search"), _("Invoice number or account id"))
    state = forms.ChoiceField(
        required=False,
        initial="",
        label=_("State"),
        choices=[("", _("Any state")), *reversed(ParkedAccount.State.choices)],
        error_messages={"invalid_choice": _("“%(value)s” is not a state of this list.")},
    )
    campaign_id = forms.CharField(
        required=False, initial="", max_length=64, label=_("For the campaign"), widget=forms.Select
    )
    mine = forms.BooleanField(required=False, initial=False, label=_("Only what I put there"))
    field_order = ["search", "state", "campaign_id", "mine", "per_page", "page"]

    def offer(self, campaigns: list[tuple[str, str]]) -> None:
        """Fill the list of campaigns to choose from, with pairs of id and name."""
        self.fields["campaign_id"].widget = forms.Select(choices=[("", _("Any campaign")), *campaigns])

    @property
    def query(self) -> dict[str, Any]:
        """What is asked for, without the place in the list."""
        return {name: value for name, value in self.values.items() if name not in ("page", "per_page")}


class NumbersField(forms.Field):
    """Any number of ticked boxes whose values are whole numbers; others are passed over."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: list[str] | None) -> list[int]:
        return [int(text) for text in value or () if text.isdecimal() and len(text) < 19]


class WaitingForm(forms.Form):
    """What to do with the ticked entries, or with all that match the filters."""

    class Act(TextChoices):
        TAKE = "take"
        TAKE_ALL = "take_all"
        REMOVE = "remove"
        REMOVE_CLOSED = "remove_closed"
        READ = "read"
        READ_ALL = "read_all"

    OF_TICKED = (Act.TAKE, Act.REMOVE, Act.READ)

    act = forms.ChoiceField(choices=Act.choices)
    entries = NumbersField(required=False)

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.get("act") in self.OF_TICKED and not self.cleaned_data["entries"]:
            raise forms.ValidationError(NO_ENTRY)
        return self.cleaned_data
