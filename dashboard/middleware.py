"""Where failed calls to the vendor and ended sessions become something that people can read."""

from collections.abc import Callable, Iterator
from datetime import tzinfo
from functools import lru_cache
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo, available_timezones

import structlog
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import resolve_url
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.http import urlencode
from django_htmx.http import HttpResponseClientRedirect

from dashboard.api.errors import ApiError, Unavailable
from dashboard.services import faults, vendor
from dashboard.views.errors import page_of, reference_number
from dashboard.views.fragments import not_cached, render_alert_or_page, wants_fragment

log = structlog.get_logger(__name__)
MAIN = '<main id="main"'
GetResponse = Callable[[HttpRequest], HttpResponse]


class Compressed(GZipMiddleware):
    """Compresses an answer that is whole; one that is streamed goes out piece by piece, as it is made."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return response if response.streaming else super().process_response(request, response)


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


class FrameFirst:
    """Where the vendor is slow, sends the page's frame at once and the rest when it comes, in the same answer.

    The view is asked in haste first; only a call that took too long is made again, so a quick failure keeps its status.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method != "GET" or wants_fragment(request):
            return self.get_response(request)
        with vendor.in_haste():
            return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> StreamingHttpResponse | None:
        if not (vendor.is_hasty() and isinstance(exception, Unavailable) and exception.timed_out):
            return None
        pieces = _frame_and_rest(request, timezone.get_current_timezone())
        return not_cached(StreamingHttpResponse(pieces))


def _frame_and_rest(request: HttpRequest, zone: tzinfo) -> Iterator[str]:
    with timezone.override(zone):
        frame, _, _ = render_to_string("waiting.html", request=request).partition(MAIN)
        yield frame + render_to_string("_waiting.html")
        _, _, rest = _patiently(request).content.decode().partition(MAIN)
        yield MAIN + rest


def _patiently(request: HttpRequest) -> HttpResponse:
    match = request.resolver_match
    assert match
    try:
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
    except ApiError as error:
        return panel_for(request, error)
    return response


class ApiErrors:
    """Turns an `ApiError` of any view into a panel: a whole page, or a piece for the alert box."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return panel_for(request, exception) if isinstance(exception, ApiError) else None


def panel_for(request: HttpRequest, error: ApiError) -> HttpResponse:
    """What failed, whether anything was sent, and what to do; the reference number is in the log."""
    fault = faults.explain(error)
    reference = reference_number()
    log.warning(
        "api_error",
        reference=reference,
        kind=type(error).__name__,
        vendor_status=error.status,
        message=error.message,
        path=request.path,
    )
    context = {"fault": fault, "reference": reference, "try_again": page_of(request)}
    response = render_alert_or_page(request, "api_error.html", "_api_error.html", context, fault.status)
    if fault.retry_after:
        response["Retry-After"] = str(fault.retry_after)
    return response
