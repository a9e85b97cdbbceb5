"""What people send after a review: the confirmation, and what to do with a part of it instead."""

from collections.abc import Iterable

from django import forms
from django.utils.translation import gettext_lazy as _

Choices = Iterable[tuple[str, str]]


class ConfirmAllForm(forms.Form):
    """What is said of all that is confirmed: its number, where that is large."""

    typed = forms.IntegerField(
        required=False,
        localize=True,
        label=_("To confirm, type the number of invoices"),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"invalid": _("Type the number in digits.")},
    )


class ConfirmForm(ConfirmAllForm):
    """The review as it is sent. `revision` and `mark` tell whether selection and campaign are as they were read."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    revision = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    mark = forms.CharField(max_length=1000, strip=False, widget=forms.HiddenInput)


class ConfirmOneForm(forms.Form):
    """The review of a single invoice as it is sent; `mark` is what it showed."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    campaign_id = forms.UUIDField(widget=forms.HiddenInput)
    mark = forms.CharField(max_length=1000, strip=False, widget=forms.HiddenInput)


class MoveForm(forms.Form):
    """Which part of a selection goes to which other campaign; an empty choice means all."""

    verdict = forms.SlugField(required=False, max_length=40, label=_("Verdict"), widget=forms.Select)
    age = forms.SlugField(required=False, max_length=20, label=_("Past due"), widget=forms.Select)
    campaign_id = forms.UUIDField(
        label=_("To the campaign"), widget=forms.Select, error_messages={"required": _("Choose a campaign.")}
    )

    def offer(self, *, verdicts: Choices, ages: Choices, campaigns: Choices) -> None:
        """Fill the lists to choose from, with pairs of value and label."""
        self._offer("verdict", _("Any verdict"), verdicts)
        self._offer("age", _("Any age"), ages)
        self._offer("campaign_id", _("Choose a campaign"), campaigns)

    def _offer(self, name: str, any_label: object, choices: Choices) -> None:
        self.fields[name].widget = forms.Select(choices=[("", any_label), *choices])
