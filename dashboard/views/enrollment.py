"""Picking invoices for a campaign, and checking them before they are sent."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from dashboard.forms.accounts import AccountFilter
from dashboard.forms.enrollment import ConfirmForm, PickForm, parse_ids
from dashboard.models import Selection
from dashboard.services import accounts, review, selection
from dashboard.services.paging import Paging
from dashboard.services.review import Problem
from dashboard.services.selection import Change
from dashboard.tables.accounts import AccountTable
from dashboard.views.fragments import not_cached, render_piece_or_page, tidy_address

Next = PickForm.Next
ANSWERS = {Next.TICK: "enrollment/_selection.html", Next.CLEAR: "enrollment/clear.html"}
PROBLEMS = {
    Problem.STALE: (
        _("The selection was changed since, perhaps in another tab. Nothing was sent. Check it again."),
        409,
    ),
    Problem.EMPTY: (_("No invoice is selected. Nothing was sent."), 422),
    Problem.CLOSED: (_("The campaign takes no invoices now. Nothing was sent."), 409),
}
NOT_CONFIRMED = _(
    "This form came without the marks of a review. Nothing was sent. Check what is below and confirm it here."
)
NAMES_AT_MOST = 100


class SignedIn(HttpRequest):
    user: User


@require_http_methods(["GET", "HEAD", "POST"])
@tidy_address
def run_create(request: SignedIn, campaign_id: UUID) -> HttpResponse:
    """The picker; a POST saves what is ticked and pasted."""
    if request.method == "POST":
        return _pick(request, campaign_id)
    return _names(request) if "names" in request.GET else _picker(request, campaign_id)


@require_http_methods(["GET", "HEAD", "POST"])
def run_review(request: SignedIn, campaign_id: UUID) -> HttpResponse:
    """Check answers; a POST takes accounts out, or confirms."""
    return _decide(request, campaign_id) if request.method == "POST" else _review(request, campaign_id)


def _picker(
    request: SignedIn, campaign_id: UUID, form: PickForm | None = None, status: int = 200
) -> HttpResponse:
    filters = AccountFilter(request.GET)
    picker = selection.browse(request.user, campaign_id, only_selected=filters.only_selected, **filters.query)
    may_pick = request.user.has_perm("dashboard.enroll") and picker.acceptance.answer != "no"
    context = {
        "picker": picker,
        "campaign_id": campaign_id,
        "tally": picker.tally,
        "before": picker.tally.on_page,
        "filters": filters.as_applied(),
        "notes": filters.notes,
        "is_narrowed": filters.is_narrowed,
        "only_selected": filters.only_selected,
        "form": form or PickForm(),
        "may_pick": may_pick,
        "table": AccountTable(
            picker.rows.items, chosen=picker.tally.on_page, names=picker.names, may_pick=may_pick
        ),
        "paging": Paging.of_api(picker.rows),
    }
    return render_piece_or_page(
        request, "enrollment/picker.html", "enrollment/_accounts.html", context, status
    )


def _names(request: SignedIn) -> HttpResponse:
    asked = list(parse_ids(request.GET.getlist("names")).counts)[:NAMES_AT_MOST]
    return not_cached(render(request, "enrollment/_names.html", {"names": accounts.customer_names(asked)}))


@permission_required("dashboard.enroll", raise_exception=True)
def _pick(request: SignedIn, campaign_id: UUID) -> HttpResponse:
    form = PickForm(request.POST)
    if not form.is_valid():
        return _picker(request, campaign_id, form, status=422)
    picked = selection.of(request.user, campaign_id)
    if form.next == Next.CLEARED:
        return _clear(request, picked)
    done = selection.change(picked, add=form.add, remove=form.remove)
    tally = selection.tally(picked, form.on_page)
    if template := ANSWERS.get(form.next):
        context = {"tally": tally, "before": form.ticked, "campaign_id": campaign_id, "may_pick": True}
        return not_cached(render(request, template, context))
    if not form.accepts(tally.selected):
        return _picker(request, campaign_id, form, status=422)
    return _go_on(request, campaign_id, form, done)


def _clear(request: SignedIn, picked: Selection) -> HttpResponse:
    removed = selection.clear(picked)
    said = ngettext(
        "%(count)d invoice was taken out. Nothing is selected.",
        "%(count)d invoices were taken out. Nothing is selected.",
        removed,
    )
    messages.success(request, said % {"count": removed})
    return _see_other(reverse("run-create", args=[picked.campaign_id]))


def _go_on(request: SignedIn, campaign_id: UUID, form: PickForm, done: Change) -> HttpResponse:
    if done.repeated and form.next != Next.REVIEW:
        said = ngettext(
            "%(count)d id was given more than once and counts once.",
            "%(count)d ids were given more than once and count once.",
            done.repeated,
        )
        messages.info(request, said % {"count": done.repeated})
    if form.next == Next.REVIEW:
        return _see_other(reverse("run-review", args=[campaign_id]))
    query = request.GET.copy()
    if form.cleaned_data["page"]:
        query["page"] = str(form.cleaned_data["page"])
    return _see_other(f"{request.path}?{query.urlencode()}" if query else request.path)


def _review(
    request: SignedIn, campaign_id: UUID, problem: Promise | str = "", status: int = 200
) -> HttpResponse:
    checked = review.check(request.user, campaign_id)
    marks = {"token": checked.selection.token, "revision": checked.selection.revision}
    context = {
        "review": checked,
        "campaign": checked.campaign,
        "campaign_id": campaign_id,
        "form": ConfirmForm(initial=marks),
        "problem": problem,
        "may_send": request.user.has_perm("dashboard.enroll")
        and checked.size
        and checked.acceptance.answer != "no",
    }
    return not_cached(render(request, "enrollment/review.html", context, status=status))


@permission_required("dashboard.enroll", raise_exception=True)
def _decide(request: SignedIn, campaign_id: UUID) -> HttpResponse:
    if "remove" in request.POST or "leave_out" in request.POST:
        return _take_out(request, campaign_id)
    form = ConfirmForm(request.POST)
    if not form.is_valid():
        return _review(request, campaign_id, NOT_CONFIRMED, status=422)
    result = review.confirm(request.user, campaign_id, **form.cleaned_data)
    if isinstance(result, Problem):
        return _review(request, campaign_id, *PROBLEMS[result])
    return _see_other(result.get_absolute_url())


def _take_out(request: SignedIn, campaign_id: UUID) -> HttpResponse:
    removed = review.take_out(
        request.user,
        campaign_id,
        account_ids=request.POST.getlist("remove"),
        refused="leave_out" in request.POST,
    )
    said = ngettext("%(count)d invoice was left out.", "%(count)d invoices were left out.", removed)
    messages.success(request, said % {"count": removed})
    return _see_other(request.path)


def _see_other(address: str) -> HttpResponseRedirect:
    return HttpResponseRedirect(address, status=303)
