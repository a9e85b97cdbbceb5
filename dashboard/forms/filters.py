"""Filters that live in the URL."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self
from urllib.parse import urlencode

from django import forms
from django.utils.translation import gettext_lazy as _

PER_PAGE = 20
PER_PAGE_CHOICES = (10, 20, 50, 100)
LAST_PAGE = 1_000_000


def search_field(label: Any, hint: Any, *, max_length: int = 200, offers: str = "") -> forms.CharField:
    """Text to look for; `offers` is the id of a list of suggestions on the page."""
    attrs = {"type": "search", "placeholder": hint, "autocomplete": "off"}
    if offers:
        attrs["list"] = offers
    return forms.CharField(
        required=False, initial="", max_length=max_length, label=label, widget=forms.TextInput(attrs=attrs)
    )


class PerPageSelect(forms.Select):
    """Offers the usual sizes, and the one in use."""

    def optgroups(self, name: str, value: list[str], attrs: dict[str, Any] | None = None) -> list[Any]:
        in_use = {int(size) for size in value if size.isdecimal()}
        self.choices = [(size, str(size)) for size in sorted({*PER_PAGE_CHOICES, *in_use})]
        return super().optgroups(name, value, attrs)


class FilterForm(forms.Form):
    """A filter takes what it can: a value that is wrong is left out and said in `notes`, never refused."""

    page = forms.IntegerField(
        required=False, initial=1, min_value=1, max_value=LAST_PAGE, widget=forms.HiddenInput, label=_("Page")
    )
    per_page = forms.IntegerField(
        required=False,
        initial=PER_PAGE,
        min_value=1,
        max_value=100,
        widget=PerPageSelect,
        label=_("Per page"),
    )

    @classmethod
    def sent(cls, given: Mapping[str, Any]) -> str:
        """Of what was sent, this form's fields that are not empty, as in an address."""
        return urlencode({name: given[name] for name in cls.base_fields if given.get(name)})

    @cached_property
    def values(self) -> dict[str, Any]:
        """Every field's value: as given where that is right, else its `initial`."""
        self.is_valid()
        given = {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}
        return {name: given.get(name, field.initial) for name, field in self.fields.items()}

    @property
    def notes(self) -> list[str]:
        """What was left out, as sentences."""
        return [
            _("%(field)s was ignored: %(problem)s") % {"field": self.fields[name].label, "problem": problem}
            for name, problems in self.errors.items()
            for problem in problems
        ]

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the place in the list was chosen."""
        return any(
            value not in (None, "", False)
            for name, value in self.values.items()
            if name not in ("page", "per_page")
        )

    def as_query(self) -> str:
        """What was chosen, as in an address: without the page, and in one order, so that like is equal to like."""
        chosen = {
            name: value
            for name, value in self.values.items()
            if name != "page" and value != self.fields[name].initial and value not in (None, "")
        }
        return urlencode({name: "on" if value is True else value for name, value in chosen.items()})

    def as_applied(self) -> Self:
        """The form as it is shown: with the values in use."""
        return type(self)(initial=self.values)
