"""What needs a person."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET

from dashboard.services import home as services
from dashboard.services import trends
from dashboard.views.enrollment import SignedIn
from dashboard.views.fragments import not_cached, wants_fragment


@require_GET
def home(request: SignedIn) -> HttpResponse:
    context = {"desk": services.desk(request.user), "trends": trends.recent()}
    return not_cached(render(request, "home.html", context))


@require_GET
def under_way(request: HttpRequest) -> HttpResponse:
    """The runs in progress, asked for again and again."""
    if not wants_fragment(request):
        return redirect("home")
    piece = render_to_string("runs/_under_way.html", {"under_way": services.under_way()})
    return not_cached(HttpResponse(piece))
