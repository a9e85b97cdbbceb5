"""The pages for what went wrong on our own side."""

import secrets
import sys
from urllib.parse import urlsplit

import structlog
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from dashboard.views.fragments import ALERT_BOX, render_alert_or_page, wants_fragment

log = structlog.get_logger(__name__)


def reference_number() -> str:
    """Eight characters that the page shows and the log holds."""
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    return str(request_id)[:8] if request_id else secrets.token_hex(4)


def page_of(request: HttpRequest) -> str:
    """The address of the page that a person looks at, also when it sent a form or asked for a piece."""
    if request.method == "GET" and not wants_fragment(request):
        return request.get_full_path()
    address = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure()):
        return ""
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _render(
        request, _("That request cannot be read"), _("Nothing was changed. Go back and try again."), 400
    )


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    text = str(exception) or _(
        "Your role does not allow this. Nothing was changed. A manager can give you the right to it."
    )
    return _render(request, _("You may not do this"), text, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _render(
        request, _("There is no such page"), _("The address may be mistyped, or what was here is gone."), 404
    )


def gone(request: HttpRequest, title: str, text: str) -> HttpResponse:
    """What was here on purpose and was deleted on purpose."""
    return _render(request, title, text, 410)


def server_error(request: HttpRequest) -> HttpResponse:
    """Needs neither database nor session: either may be what broke. Django logs the exception itself."""
    reference = reference_number()
    log.error("server_error", reference=reference, path=request.path)
    title, status = _("Something broke in Rollcall"), 500
    if isinstance(sys.exception(), DatabaseError):
        title, status = _("Rollcall's database does not answer"), 503
    text = _("It has been logged. If you were about to enroll, look at the run list before trying again.")
    context = {"title": title, "text": text, "reference": reference}
    if not wants_fragment(request):
        return HttpResponse(render_to_string("500.html", context), status=status)
    headers = {"HX-Retarget": ALERT_BOX, "HX-Reswap": "innerHTML"}
    return HttpResponse(render_to_string("_error.html", context), status=status, headers=headers)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    text = _("Nothing was sent: the form is from before you signed in, or cookies are blocked.")
    log.warning("csrf_failure", reference=reference_number(), path=request.path, reason=reason)
    return _render(request, _("This form is out of date"), text, 403)


def _render(request: HttpRequest, title: str, text: str, status: int) -> HttpResponse:
    back = page_of(request) if request.method != "GET" else ""
    context = {"title": title, "text": text, "reference": reference_number(), "back": back}
    return render_alert_or_page(request, "error.html", "_error.html", context, status)
