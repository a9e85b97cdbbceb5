"""Where failed calls to the vendor and ended sessions become something that people can read."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo, available_timezones

import structlog
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.http import urlencode
from django_htmx.http import HttpResponseClientRedirect

from dashboard.api.errors import ApiError
from dashboard.services import faults
from dashboard.views.errors import page_of, reference_number
from dashboard.views.fragments import render_alert_or_page, wants_fragment

log = structlog.get_logger(__name__)
GetResponse = Callable[[HttpRequest], HttpResponse]


class EndedSessions(LoginRequiredMiddleware):
    """Leads to the sign-in and back to the page a person was on.

    Never into a table, as Django's own would for a fragment; never back to an address that takes only POST.
    """

    def handle_no_permission(  # type: ignore[override]
        self, request: HttpRequest, view_func: Any
    ) -> HttpResponse:
        if request.method == "GET" and not wants_fragment(request):
            return super().handle_no_permission(request, view_func)
        query = urlencode({"next": page_of(request), "ended": "1"})
        sign_in = f"{resolve_url(self.get_login_url(view_func))}?{query}"
        return (
            HttpResponseClientRedirect(sign_in) if wants_fragment(request) else HttpResponseRedirect(sign_in)
        )


class PersonsZone:
    """Shows times in the zone that the person's browser named in a cookie; the setting's zone until it has."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(_zone(unquote(request.COOKIES.get("zone", "")))):
            return self.get_response(request)


@lru_cache(maxsize=600)
def _zone(name: str) -> ZoneInfo | None:
    return ZoneInfo(name) if name in available_timezones() else None


class ApiErrors:
    """Turns an `ApiError` of any view into a panel: a whole page, or a piece for the alert box."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, ApiError):
            return None
        fault = faults.explain(exception)
        reference = reference_number()
        log.warning(
            "api_error",
            reference=reference,
            kind=type(exception).__name__,
            vendor_status=exception.status,
            message=exception.message,
            path=request.path,
        )
        context = {"fault": fault, "reference": reference, "try_again": page_of(request)}
        response = render_alert_or_page(request, "api_error.html", "_api_error.html", context, fault.status)
        if fault.retry_after:
            response["Retry-After"] = str(fault.retry_after)
        return response
