"""The campaign list and one campaign."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dashboard.forms.campaigns import CampaignFilter
from dashboard.models import SavedView
from dashboard.services import campaigns, history, saved_views
from dashboard.services.eligibility import acceptance
from dashboard.tables.campaigns import CampaignTable
from dashboard.views.enrollment import SignedIn
from dashboard.views.fragments import not_cached, render_piece_or_page, tidy_address
from dashboard.views.saved_views import opens_with_view


@require_GET
@opens_with_view(SavedView.Page.CAMPAIGNS)
@tidy_address
def campaign_list(request: SignedIn) -> HttpResponse:
    filters = CampaignFilter(request.GET)
    found = campaigns.list_page(**filters.values)
    context = {
        "filters": filters.as_applied(),
        "notes": filters.notes,
        "is_narrowed": filters.is_narrowed,
        "saved": saved_views.saved(request.user, "campaign-list", filters.as_query()),
        "found": found,
        "paging": found.paging,
        "table": CampaignTable(found.rows),
    }
    return render_piece_or_page(request, "campaigns/list.html", "campaigns/_list.html", context)


@require_GET
def campaign_detail(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    campaign = campaigns.read(str(campaign_id))
    context = {
        "campaign": campaign,
        "acceptance": acceptance(campaign),
        "chain": campaigns.chain(campaign),
        "into": history.into(str(campaign_id)),
        "enroll_into": campaign_id,
    }
    return not_cached(render(request, "campaigns/detail.html", context))
