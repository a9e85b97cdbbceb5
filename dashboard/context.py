"""What every page's frame needs. Permissions and notices are asked for where a template uses them."""

from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from dashboard.services import notices
from dashboard.views.scheme import SCHEME_COOKIE, SCHEMES, next_scheme

SECTIONS = {
    "": "home",
    "campaigns": "campaigns",
    "selections": "campaigns",
    "accounts": "accounts",
    "runs": "runs",
    "waiting": "runs",
    "audit": "audit",
}


def frame(request: HttpRequest) -> dict[str, Any]:
    """`demo`, `may_enroll`, `may_audit`, `section` of the navigation, the color scheme, the time zone, `news`."""
    scheme = request.COOKIES.get(SCHEME_COOKIE, "")
    scheme = scheme if scheme in SCHEMES else "auto"
    user = getattr(request, "user", None)
    return {
        "demo": settings.DEMO,
        "may_enroll": partial(user.has_perm, "dashboard.enroll") if user else False,
        "may_audit": partial(user.has_perm, "dashboard.view_auditentry") if user else False,
        "section": _section(request),
        "scheme": scheme,
        "scheme_title": SCHEMES[scheme],
        "next_scheme": next_scheme(scheme),
        "news": SimpleLazyObject(lambda: notices.unseen(request.user)),  # type: ignore[arg-type]
        "time_zone": timezone.get_current_timezone_name(),
    }


def _section(request: HttpRequest) -> str:
    match = request.resolver_match
    return SECTIONS.get(match.route.split("/")[0], "") if match else ""
