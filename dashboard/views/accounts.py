"""One invoice."""

from collections import Counter
from uuid import UUID

from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from dashboard.forms.enrollment import CampaignForm
from dashboard.services import accounts, selection
from dashboard.views.enrollment import SignedIn
from dashboard.views.fragments import not_cached


@require_http_methods(["GET", "HEAD", "POST"])
def account_detail(request: SignedIn, account_id: UUID) -> HttpResponse:
    """The invoice and our tries with it; a POST takes it into the selection for a campaign."""
    return (
        _select(request, account_id)
        if request.method == "POST"
        else _detail(request, account_id, CampaignForm())
    )


def _detail(request: SignedIn, account_id: UUID, form: CampaignForm, status: int = 200) -> HttpResponse:
    detail = accounts.detail(account_id)
    form.offer(detail.open_campaigns)
    context = {"account_id": account_id, "account": detail.account, "detail": detail, "form": form}
    return not_cached(render(request, "accounts/detail.html", context, status=status))


@permission_required("dashboard.enroll", raise_exception=True)
def _select(request: SignedIn, account_id: UUID) -> HttpResponse:
    form = CampaignForm(request.POST)
    if not form.is_valid():
        return _detail(request, account_id, form, status=422)
    campaign_id = form.cleaned_data["campaign_id"]
    selection.change(selection.of(request.user, campaign_id), add=Counter([str(account_id)]))
    return redirect("run-review", campaign_id)
