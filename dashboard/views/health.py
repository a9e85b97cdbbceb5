"""For machines: whether the web process answers, and whether everything that a run needs is there."""

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.services import history


@login_not_required
@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers; nothing else is asked."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers and a worker lives, else 503. `heartbeat_age` is in seconds."""
    try:
        heartbeats = history.heartbeats()
    except DatabaseError:
        return JsonResponse({"ready": False, "database": "failed", "workers": []}, status=503)
    return JsonResponse(
        {"ready": bool(heartbeats), "database": "ok", "workers": heartbeats},
        status=200 if heartbeats else 503,
    )
