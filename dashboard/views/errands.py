"""What a worker does for a selection: select all that match, read it all again; how far it is, and stopping it."""

from uuid import UUID

from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRefresh, trigger_client_event

from dashboard.models import Gathering, Refreshing
from dashboard.services import errands, gathering, refreshing, selection
from dashboard.views.enrollment import SignedIn, see_other
from dashboard.views.fragments import not_cached, wants_fragment

may_enroll = permission_required("dashboard.enroll", raise_exception=True)


@require_http_methods(["GET", "HEAD", "POST"])
@may_enroll
def gathering_detail(request: SignedIn, campaign_id: UUID) -> HttpResponse:
    """The panel, asked for again and again; a POST cancels it, or puts its result away."""
    found = gathering.latest(selection.of(request.user, campaign_id))
    if request.method == "POST" and found:
        return _end(request, campaign_id, found)
    if not wants_fragment(request):
        return see_other(_page_of(request, campaign_id, found))
    if found is None:
        raise Http404
    response = _panel(request, campaign_id, found)
    return response if found.is_active else trigger_client_event(response, "gathered", after="settle")


@require_http_methods(["GET", "HEAD", "POST"])
@may_enroll
def refreshing_detail(request: SignedIn, campaign_id: UUID) -> HttpResponse:
    """The panel on the review, asked for again and again; a POST begins it, stops it, or puts its result away."""
    picked = selection.of(request.user, campaign_id)
    if request.method == "POST" and "begin" in request.POST:
        refreshing.begin(picked)
        return see_other(reverse("run-review", args=[campaign_id]))
    found = refreshing.latest(picked)
    if request.method == "POST" and found:
        return _end(request, campaign_id, found)
    if not wants_fragment(request):
        return see_other(reverse("run-review", args=[campaign_id]))
    return _panel(request, campaign_id, found) if found and found.is_active else HttpResponseClientRefresh()


def _end(request: SignedIn, campaign_id: UUID, found: Gathering | Refreshing) -> HttpResponse:
    """Cancelled if it was under way, else forgotten. The list on the page stays as it is filtered."""
    if errands.cancel(found):
        found.refresh_from_db()
    else:
        found.delete()
    if not wants_fragment(request):
        return see_other(_page_of(request, campaign_id, found))
    if _is_on_review(request, found):
        return HttpResponseClientRefresh()
    return _panel(request, campaign_id, found) if found.pk else not_cached(HttpResponse())


def _panel(request: SignedIn, campaign_id: UUID, found: Gathering | Refreshing) -> HttpResponse:
    if not found.is_active and _is_on_review(request, found):
        return HttpResponseClientRefresh()
    template = f"enrollment/_{found._meta.model_name}.html"
    context = {"standing": errands.standing(found), "campaign_id": campaign_id}
    return not_cached(render(request, template, context))


def _is_on_review(request: SignedIn, found: Gathering | Refreshing | None) -> bool:
    """Its end changes all that stands there."""
    return isinstance(found, Refreshing) or request.GET.get("at") == "review"


def _page_of(request: SignedIn, campaign_id: UUID, found: Gathering | Refreshing | None) -> str:
    """The page the panel stands on, with its filters."""
    if _is_on_review(request, found):
        return reverse("run-review", args=[campaign_id])
    picker = reverse("run-create", args=[campaign_id])
    return f"{picker}?{request.GET.urlencode()}" if request.GET else picker
