"""The filters of the account picker."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dashboard.api.schema import AccountStatus
from dashboard.forms.filters import FilterForm, search_field

# A word of statements alone; the vendor does not list it for accounts.
STATUSES = [status for status in AccountStatus if status != AccountStatus.PAID_IN_FULL]


def _amount(label: Any) -> forms.DecimalField:
    return forms.DecimalField(required=False, label=label, min_value=0, max_digits=12, decimal_places=2)


class AccountFilter(FilterForm):
    """The documented query of `GET /accounts`, named as there, and `selected` for what is picked."""

    search = search_field(_("Search"), _("Invoice number or customer"))
    status = forms.ChoiceField(
        required=False,
        initial="",
        label=_("Status"),
        choices=[("", _("Any status")), *((status.value, status.label) for status in STATUSES)],
        error_messages={"invalid_choice": _("“%(value)s” is not an invoice status.")},
    )
    customer_id = forms.UUIDField(
        required=False,
        initial="",
        label=_("Customer id"),
        error_messages={"invalid": _("This is no customer id.")},
    )
    amount_min = _amount(_("Amount from"))
    amount_max = _amount(_("Amount to"))
    overdue_only = forms.BooleanField(required=False, initial=False, label=_("Overdue only"))
    selected = forms.BooleanField(
        required=False, initial=False, widget=forms.HiddenInput, label=_("Selected")
    )
    field_order = [
        "search",
        "status",
        "customer_id",
        "amount_min",
        "amount_max",
        "per_page",
        "overdue_only",
        "page",
    ]

    def clean(self) -> dict[str, Any]:
        lowest, highest = self.cleaned_data.get("amount_min"), self.cleaned_data.get("amount_max")
        if lowest is not None and highest is not None and lowest > highest:
            self.add_error("amount_max", _("It is below “Amount from”."))
        return self.cleaned_data

    @property
    def query(self) -> dict[str, Any]:
        """What the list is asked for."""
        asked = {name: value for name, value in self.values.items() if name != "selected"}
        return asked | {"customer_id": str(asked["customer_id"])}

    @property
    def only_selected(self) -> bool:
        return bool(self.values["selected"])
