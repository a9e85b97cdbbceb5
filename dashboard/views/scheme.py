"""Light, dark, or as the system has it: kept per browser in a cookie, switched by a plain form."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

SCHEME_COOKIE = "scheme"
SCHEMES = {
    "auto": _("Colors follow the system. Switch to light"),
    "light": _("Light colors. Switch to dark"),
    "dark": _("Dark colors. Follow the system again"),
}
_YEAR = 365 * 24 * 3600


def next_scheme(scheme: str) -> str:
    """The one that the switch leads to."""
    order = list(SCHEMES)
    return order[(order.index(scheme) + 1) % len(order)]


@login_not_required
@require_POST
def scheme_set(request: HttpRequest) -> HttpResponse:
    """Keeps the scheme and goes back to the page; anything unknown means "auto"."""
    scheme = request.POST.get("scheme", "")
    page = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(page, allowed_hosts={request.get_host()})
    response = HttpResponseRedirect(page if safe else reverse("home"))
    response.set_cookie(
        SCHEME_COOKIE,
        scheme if scheme in SCHEMES else "auto",
        max_age=_YEAR,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )
    return response
