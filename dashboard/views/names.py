"""Names of customers and campaigns, which pages ask for once they stand."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from dashboard.forms.enrollment import parse_ids
from dashboard.services import accounts, campaigns
from dashboard.views.fragments import not_cached

NAMES_AT_MOST = 400


@require_POST
def names(request: HttpRequest) -> HttpResponse:
    """The names that can be had in a few seconds; by POST, as an address holds few ids."""
    found = {
        "customers": accounts.customer_names(_asked(request, "customers")),
        "campaigns": campaigns.names(_asked(request, "campaigns")),
    }
    return not_cached(render(request, "_names.html", found))


def _asked(request: HttpRequest, field: str) -> list[str]:
    return list(parse_ids(request.POST.getlist(field)).counts)[:NAMES_AT_MOST]
