"""Filters of runs, their results and the audit trail, and what a person says when they control a run."""

from datetime import date
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from dashboard.forms.filters import FilterForm, search_field
from dashboard.models import Outcome, Run

NOTE_LIMIT = 500
LAST_PLACE = 1_000_000_000


def _choice(label: Any, any_label: Any, choices: Any, problem: Any) -> forms.ChoiceField:
    return forms.ChoiceField(
        required=False,
        initial="",
        label=label,
        choices=[("", any_label), *choices],
        error_messages={"invalid_choice": problem},
    )


def _day(label: Any) -> forms.DateField:
    return forms.DateField(
        required=False,
        label=label,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": _("This is no date such as 2026-11-22.")},
        validators=[MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31))],
    )


class RunFilter(FilterForm):
    """Which runs to list."""

    search = search_field(_("Campaign"), _("Name or id of the campaign"))
    state = _choice(_("State"), _("Any state"), Run.State.choices, _("“%(value)s” is not a run's state."))
    needs = _choice(
        _("Results"),
        _("Any results"),
        [
            ("unknown", _("With unknowns")),
            ("failed", _("With failures")),
            ("either", _("With failures or unknowns")),
            ("pending", _("With pending ones")),
        ],
        _("“%(value)s” is not a kind of result."),
    )
    who = search_field(_("Started by"), _("Anybody"), max_length=150, offers="people")
    since = _day(_("From"))
    until = _day(_("To"))
    mine = forms.BooleanField(required=False, initial=False, label=_("Only mine"))
    field_order = ["search", "who", "state", "needs", "since", "until", "per_page", "mine", "page"]

    def clean(self) -> dict[str, Any]:
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and until < since:
            self.add_error("until", _("It is before “From”."))
        return self.cleaned_data


def _hidden(field_class: type[forms.Field], label: Any, initial: Any, **options: Any) -> Any:
    return field_class(required=False, initial=initial, label=label, widget=forms.HiddenInput, **options)


class ResultFilter(FilterForm):
    """Which invoices of a run to list. Links alone set `reason`, and the places `after` and `before`."""

    page = None  # type: ignore[assignment]
    search = search_field(_("Search"), _("Invoice number or account id"))
    outcome = _choice(
        _("Outcome"),
        _("Any outcome"),
        [*Outcome.State.choices, ("waiting", _("Waiting"))],
        _("“%(value)s” is not an outcome."),
    )
    predicted = _choice(
        _("Predicted"),
        _("Any prediction"),
        [
            ("otherwise", _("Came out otherwise")),
            ("enter", _("To enter")),
            ("refuse", _("To be refused")),
            ("unsure", _("Could not be known")),
            ("none", _("Not predicted")),
        ],
        _("“%(value)s” is not a prediction."),
    )
    reason = _hidden(forms.SlugField, _("Reason"), "", max_length=40)
    sort = forms.ChoiceField(
        required=False,
        initial="picked",
        label=_("Order"),
        choices=[
            ("picked", _("As picked")),
            ("-picked", _("As picked, last first")),
            ("outcome", _("Outcome, failures first")),
            ("-outcome", _("Outcome, failures last")),
            ("number", _("Invoice number")),
            ("-number", _("Invoice number, last first")),
            ("amount", _("Outstanding, least first")),
            ("-amount", _("Outstanding, most first")),
        ],
        error_messages={"invalid_choice": _("“%(value)s” is not an order.")},
    )
    after = _hidden(forms.IntegerField, _("After"), 0, min_value=0, max_value=LAST_PLACE)
    before = _hidden(forms.IntegerField, _("Before"), 0, min_value=0, max_value=LAST_PLACE)
    field_order = ["search", "outcome", "predicted", "sort", "per_page", "reason", "after", "before"]


class AuditFilter(FilterForm):
    """Which actions to list."""

    person = search_field(_("Person"), _("User name"))
    action = search_field(_("Action"), _("Any action"), max_length=40, offers="actions")
    field_order = ["person", "action", "per_page", "page"]


class NoteForm(forms.Form):
    """Why somebody pauses, resumes or stops a run."""

    note = forms.CharField(
        required=False,
        max_length=NOTE_LIMIT,
        label=_("Note for the record (optional)"),
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class SettleForm(forms.Form):
    """What to do with invoices of unknown fate: all of a run's, or the one in `account_id`."""

    account_id = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    note = forms.CharField(
        max_length=NOTE_LIMIT,
        label=_("How do you know? This goes on record."),
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Say how you know: this note is the only proof later.")},
    )

    def clean(self) -> dict[str, Any]:
        """Gives the ids as `account_ids`, None for all."""
        account_id = self.cleaned_data.pop("account_id", "")
        return self.cleaned_data | {"account_ids": [account_id] if account_id else None}


class SendAgainForm(SettleForm):
    """A person's word that sending again is right."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["note"].label = _("Why is it right to send these again? This goes on record.")
        self.fields["note"].error_messages["required"] = _("Say why: this note goes on record.")


class MarkForm(SettleForm):
    """A person's word on what became of them."""

    enrolled = forms.TypedChoiceField(
        label=_("What you found"),
        choices=[("", _("Choose")), ("yes", _("Enrolled")), ("no", _("Not enrolled"))],
        coerce=lambda word: word == "yes",
        error_messages={"required": _("Choose one of the two.")},
    )
    field_order = ["enrolled", "note", "account_id"]
