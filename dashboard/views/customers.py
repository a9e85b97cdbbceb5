"""Customers' names, which pages ask for once they stand."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from dashboard.forms.enrollment import parse_ids
from dashboard.services import accounts
from dashboard.views.fragments import not_cached

NAMES_AT_MOST = 400


@require_POST
def customer_names(request: HttpRequest) -> HttpResponse:
    """The names that can be had in a few seconds. It changes nothing; by POST, as an address holds few ids."""
    asked = list(parse_ids(request.POST.getlist("names")).counts)[:NAMES_AT_MOST]
    return not_cached(render(request, "enrollment/_names.html", {"names": accounts.customer_names(asked)}))
