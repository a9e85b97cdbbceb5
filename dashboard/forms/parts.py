"""Which part of a run, and where it goes."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dashboard.forms.enrollment import IdsField
from dashboard.models import Outcome

NO_PART = _("No invoice was ticked. Tick at least one, or use the buttons of a group.")


class PartForm(forms.Form):
    """A group, by outcome and reason, or rows picked by hand; these count where both are given."""

    outcome = forms.ChoiceField(
        required=False,
        choices=[("", ""), *Outcome.State.choices],
        error_messages={"invalid_choice": _("“%(value)s” is not an outcome.")},
    )
    reason = forms.SlugField(required=False, max_length=40)
    account_ids = IdsField(required=False)
    campaign_id = forms.UUIDField(
        required=False, error_messages={"invalid": _("That is no campaign. Choose one of those below.")}
    )

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if not (self.errors or given.get("outcome") or given["account_ids"].counts):
            raise forms.ValidationError(NO_PART)
        return given

    @property
    def part(self) -> dict[str, Any]:
        """The fields of a `services.parts.Part`; none of a campaign."""
        ids = self.cleaned_data.get("account_ids")
        return {
            "outcome": self.cleaned_data.get("outcome", ""),
            "reason": self.cleaned_data.get("reason", ""),
            "account_ids": tuple(ids.counts) if ids else (),
        }

    @property
    def problem(self) -> str:
        """The first thing that is wrong, as a sentence."""
        return str(next(iter(self.errors.values()))[0])
