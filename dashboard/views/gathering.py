"""Select all that match: how far it is, and stopping it."""

from uuid import UUID

from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods
from django_htmx.http import trigger_client_event

from dashboard.services import errands, gathering, selection
from dashboard.views.enrollment import SignedIn, see_other
from dashboard.views.fragments import not_cached, wants_fragment


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("dashboard.enroll", raise_exception=True)
def gathering_detail(request: SignedIn, campaign_id: UUID) -> HttpResponse:
    """The panel, asked for again and again; a POST cancels it, or puts its result away."""
    found = gathering.latest(selection.of(request.user, campaign_id))
    picker = reverse("run-create", args=[campaign_id])
    if request.method == "POST":
        if found and not errands.cancel(found):
            found.delete()
        return see_other(picker)
    if not wants_fragment(request):
        return see_other(picker)
    if found is None:
        raise Http404
    context = {"standing": errands.standing(found), "campaign_id": campaign_id}
    response = not_cached(render(request, "enrollment/_gathering.html", context))
    return response if found.is_active else trigger_client_event(response, "gathered", after="settle")
