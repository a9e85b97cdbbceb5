"""Invoices: the list, one of them, and enrolling that one."""

import uuid
from collections import Counter
from uuid import UUID

from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods

from dashboard.forms.accounts import AccountFilter
from dashboard.forms.enrollment import CampaignForm
from dashboard.forms.review import ConfirmOneForm
from dashboard.models import SavedView
from dashboard.services import accounts, saved_views, selection, single
from dashboard.services.paging import Paging
from dashboard.services.review import Problem
from dashboard.tables.accounts import AccountListTable
from dashboard.views.enrollment import SignedIn, see_other
from dashboard.views.fragments import not_cached, render_piece_or_page, tidy_address
from dashboard.views.review import PROBLEMS
from dashboard.views.saved_views import opens_with_view

CHANGED = _(
    "The invoice or its campaign has changed since you read this page. Nothing was sent. Check it again."
)

may_enroll = permission_required("dashboard.enroll", raise_exception=True)


@require_GET
@opens_with_view(SavedView.Page.ACCOUNTS)
@tidy_address
def account_list(request: SignedIn) -> HttpResponse:
    filters = AccountFilter(request.GET)
    found = accounts.browse(**filters.query)
    context = {
        "filters": filters.as_applied(),
        "notes": filters.notes,
        "is_narrowed": filters.is_narrowed,
        "saved": saved_views.saved(request.user, "account-list", filters.as_query()),
        "found": found,
        "paging": Paging.of_api(found.rows),
        "table": AccountListTable(
            found.snapshots,
            names=found.names,
            tries=found.tries,
            may_enroll=request.user.has_perm("dashboard.enroll"),
        ),
    }
    return render_piece_or_page(request, "accounts/list.html", "accounts/_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def account_detail(request: SignedIn, account_id: UUID) -> HttpResponse:
    """The invoice and our tries with it; a POST takes it into the selection for a campaign."""
    return (
        _select(request, account_id)
        if request.method == "POST"
        else _detail(request, account_id, CampaignForm())
    )


@may_enroll
@require_http_methods(["GET", "HEAD", "POST"])
def account_enroll(request: SignedIn, account_id: UUID) -> HttpResponse:
    """The review of this one invoice for the campaign that is asked for; a POST confirms it."""
    if request.method == "POST":
        return _confirm(request, account_id)
    form = CampaignForm(request.GET)
    if not form.is_valid():
        return _detail(request, account_id, form, status=422)
    return _check(request, account_id, form.cleaned_data["campaign_id"])


def _detail(request: SignedIn, account_id: UUID, form: CampaignForm, status: int = 200) -> HttpResponse:
    detail = accounts.detail(account_id)
    form.offer(detail.open_campaigns)
    context = {"account_id": account_id, "account": detail.account, "detail": detail, "form": form}
    return not_cached(render(request, "accounts/detail.html", context, status=status))


@may_enroll
def _select(request: SignedIn, account_id: UUID) -> HttpResponse:
    form = CampaignForm(request.POST)
    if not form.is_valid():
        return _detail(request, account_id, form, status=422)
    campaign_id = form.cleaned_data["campaign_id"]
    selection.change(selection.of(request.user, campaign_id), add=Counter([str(account_id)]))
    return redirect("run-review", campaign_id)


def _check(
    request: SignedIn,
    account_id: UUID,
    campaign_id: UUID,
    problem: Promise | str = "",
    status: int = 200,
) -> HttpResponse:
    checked = single.check(request.user, account_id, campaign_id)
    marks = {"token": uuid.uuid4(), "campaign_id": campaign_id, "mark": checked.mark}
    context = {
        "check": checked,
        "account": checked.account,
        "account_id": account_id,
        "campaign": checked.campaign,
        "campaign_id": campaign_id,
        "form": ConfirmOneForm(initial=marks),
        "problem": problem,
    }
    return not_cached(render(request, "accounts/enroll.html", context, status=status))


def _confirm(request: SignedIn, account_id: UUID) -> HttpResponse:
    form = ConfirmOneForm(request.POST)
    if not form.is_valid():
        return _detail(request, account_id, CampaignForm(request.POST), status=422)
    campaign_id = form.cleaned_data["campaign_id"]
    result = single.confirm(request.user, account_id, **form.cleaned_data)
    if not isinstance(result, Problem):
        return see_other(result.get_absolute_url())
    problem, status = PROBLEMS[result]
    return _check(request, account_id, campaign_id, CHANGED if result == Problem.CHANGED else problem, status)
