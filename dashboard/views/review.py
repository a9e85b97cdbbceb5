"""Checking what is selected before it is sent: confirming it, leaving some out, sending some elsewhere."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from dashboard.forms.review import ConfirmAllForm, ConfirmForm, MoveForm
from dashboard.models import Run, Selection
from dashboard.services import ageing, errands, gathering, refreshing, review, routing, selection, uploads
from dashboard.services.review import Problem, Review
from dashboard.services.routing import Moved, NotPossible
from dashboard.views.enrollment import SignedIn, see_other
from dashboard.views.fragments import not_cached

PROBLEMS = {
    Problem.STALE: (
        _("The selection was changed since, perhaps in another tab. Nothing was sent. Check it again."),
        409,
    ),
    Problem.EMPTY: (_("No invoice is selected. Nothing was sent."), 422),
    Problem.CLOSED: (_("The campaign takes no invoices now. Nothing was sent."), 409),
    Problem.CHANGED: (
        _("The campaign has changed since you read this page. Nothing was sent. Check it as it is now."),
        409,
    ),
    Problem.MOVING: (
        _(
            "The selection is still being added to, or read again. Nothing was sent. Wait for it, or cancel it."
        ),
        409,
    ),
    Problem.NOT_TYPED: (_("Type the number of invoices to confirm a run this large. Nothing was sent."), 422),
}
NOT_CONFIRMED = _(
    "This form came without the marks of a review. Nothing was sent. Check what is below and confirm it here."
)
NOTHING_TICKED = _("No campaign was ticked. Nothing was sent.")

may_enroll = permission_required("dashboard.enroll", raise_exception=True)


@require_http_methods(["GET", "HEAD", "POST"])
def run_review(request: SignedIn, campaign_id: UUID) -> HttpResponse:
    """Check answers; a POST takes accounts out, or confirms."""
    return _decide(request, campaign_id) if request.method == "POST" else _review(request, campaign_id)


@require_http_methods(["GET", "HEAD", "POST"])
def selection_list(request: SignedIn) -> HttpResponse:
    """All selections of a person with their reviews in short; a POST confirms the ticked ones, a run each."""
    return _confirm_all(request) if request.method == "POST" else _selections(request)


@may_enroll
@require_http_methods(["GET", "HEAD", "POST"])
def run_move(request: SignedIn, campaign_id: UUID) -> HttpResponse:
    """Which part of a selection goes elsewhere; a POST moves it."""
    form = MoveForm(request.POST if request.method == "POST" else None, initial=request.GET.dict())
    if not form.is_bound:
        return _move(request, campaign_id, form)
    if not form.is_valid():
        return _move(request, campaign_id, form, status=422)
    to, part = form.cleaned_data["campaign_id"], (form.cleaned_data["verdict"], form.cleaned_data["age"])
    try:
        moved = routing.move(request.user, campaign_id, to=to, verdict=part[0], bucket=part[1])
    except NotPossible as error:
        form.add_error(None, str(error))
        return _move(request, campaign_id, form, status=409)
    messages.success(request, _said_of_move(moved))
    return see_other(reverse("selection-list"))


def _review(
    request: SignedIn,
    campaign_id: UUID,
    problem: Promise | str = "",
    status: int = 200,
    typed: str | None = None,
) -> HttpResponse:
    picked = selection.known(request.user, campaign_id)
    under_way = _under_way(picked) if picked else {}  # what is done by now is in what is checked next
    checked = review.check(request.user, campaign_id)
    context = {
        "review": checked,
        "campaign": checked.campaign,
        "campaign_id": campaign_id,
        "form": _confirm_form(checked, typed=typed),
        "problem": problem,
        "last_run": None if checked.size else review.last_run(request.user, campaign_id),
        **_offers(checked),
        "may_send": _may_send(request, checked),
        **under_way,
    }
    return not_cached(render(request, "enrollment/review.html", context, status=status))


def _may_send(request: SignedIn, checked: Review) -> bool:
    may_enroll = request.user.has_perm("dashboard.enroll")
    can_send = bool(checked.size) and checked.acceptance.answer != "no" and not checked.selection.is_moving
    return may_enroll and can_send


def _under_way(picked: Selection) -> dict[str, Any]:
    """What a worker does for the selection now, or has read again, and the lists that are not in it yet."""
    gathered, refreshed = gathering.latest(picked), refreshing.latest(picked)
    return {
        "gathering": errands.standing(gathered) if gathered and gathered.is_active else None,
        "refreshing": errands.standing(refreshed) if refreshed else None,
        "lists": uploads.unused(picked),
    }


def _confirm_form(checked: Review, prefix: str | None = None, typed: str | None = None) -> ConfirmForm:
    """`typed` was not the number that was asked for."""
    picked = checked.selection
    marks = {"token": picked.token, "revision": picked.revision, "mark": checked.mark}
    if typed is None:
        return ConfirmForm(initial=marks, prefix=prefix)
    form = ConfirmForm({**marks, "typed": typed})
    _point_at_typed(form)
    return form


def _point_at_typed(form: ConfirmAllForm) -> None:
    if not form.has_error("typed"):
        form.add_error("typed", PROBLEMS[Problem.NOT_TYPED][0])
    form.fields["typed"].widget.attrs["autofocus"] = True


def _offers(checked: Review) -> dict[str, Any]:
    """How many are past due, and where they may go."""
    past_due = sum(group.size for group in checked.groups if group.verdict.code == "past_due")
    return {
        "past_due": past_due,
        "offers": routing.offers_for_past_due(checked.campaign) if past_due else None,
    }


@may_enroll
def _decide(request: SignedIn, campaign_id: UUID) -> HttpResponse:
    if {"remove", "leave_out", "leave_out_verdict"} & request.POST.keys():
        return _take_out(request, campaign_id)
    form = ConfirmForm(request.POST)
    if {"token", "revision", "mark"} & form.errors.keys():
        return _review(request, campaign_id, NOT_CONFIRMED, status=422)
    result = (
        review.confirm(request.user, campaign_id, **form.cleaned_data)
        if form.is_valid()
        else Problem.NOT_TYPED
    )
    if isinstance(result, Problem):
        typed = request.POST.get("typed", "") if result is Problem.NOT_TYPED else None
        return _review(request, campaign_id, *PROBLEMS[result], typed=typed)
    return see_other(result.get_absolute_url())


def _take_out(request: SignedIn, campaign_id: UUID) -> HttpResponse:
    removed = review.take_out(
        request.user,
        campaign_id,
        account_ids=request.POST.getlist("remove"),
        refused="leave_out" in request.POST,
        verdict=request.POST.get("leave_out_verdict", ""),
    )
    said = ngettext("%(count)d invoice was left out.", "%(count)d invoices were left out.", removed)
    messages.success(request, said % {"count": removed})
    return see_other(request.path)


def _selections(
    request: SignedIn,
    problem: Promise | str = "",
    status: int = 200,
    form: ConfirmAllForm | None = None,
) -> HttpResponse:
    found = review.check_all(request.user)
    sendable = [one for one in found.reviews if _may_send(request, one)]
    context = {
        "checked": [
            (one, _confirm_form(one, one.selection.campaign_id), one in sendable) for one in found.reviews
        ],
        "ticked": request.POST.getlist("campaign_id"),
        "unread": found.unread,
        "together": found,
        "sendable": sum(one.size for one in sendable),
        "is_large": review.is_large(sum(one.size for one in sendable)),
        "form": form or ConfirmAllForm(),
        "problem": problem,
    }
    return not_cached(render(request, "enrollment/selections.html", context, status=status))


@may_enroll
def _confirm_all(request: SignedIn) -> HttpResponse:
    ticked = review.held(request.user, request.POST.getlist("campaign_id"))
    forms = {campaign_id: ConfirmForm(request.POST, prefix=campaign_id) for campaign_id in ticked}
    whole = ConfirmAllForm(request.POST)
    if not forms:
        return _selections(request, NOTHING_TICKED, status=422, form=whole)
    if not all(form.is_valid() for form in forms.values()):
        return _selections(request, NOT_CONFIRMED, status=422, form=whole)
    confirmed = {campaign_id: form.cleaned_data for campaign_id, form in forms.items()}
    if not whole.is_valid() or not review.is_typed(request.user, confirmed, whole.cleaned_data["typed"]):
        _point_at_typed(whole)
        return _selections(request, *PROBLEMS[Problem.NOT_TYPED], form=whole)
    results = review.confirm_all(request.user, confirmed)
    for result in results:
        _say(request, result)
    if all(isinstance(result, Run) for result in results):
        return see_other(f"{reverse('run-list')}?page=1")
    return see_other(reverse("selection-list"))


def _say(request: SignedIn, result: Run | Problem) -> None:
    if isinstance(result, Problem):
        messages.error(request, str(PROBLEMS[result][0]))
        return
    said = ngettext(
        "Run %(run)s was queued: %(count)d invoice into %(campaign)s.",
        "Run %(run)s was queued: %(count)d invoices into %(campaign)s.",
        result.size,
    )
    messages.success(
        request, said % {"run": result.pk, "count": result.size, "campaign": result.campaign_name}
    )


def _move(request: SignedIn, campaign_id: UUID, form: MoveForm, status: int = 200) -> HttpResponse:
    checked = review.check(request.user, campaign_id)
    offers = routing.offers(checked.campaign)
    form.offer(
        verdicts=[(group.verdict.code, f"{group.verdict.why} ({group.size:,})") for group in checked.groups],
        ages=[(name, label) for name, label in ageing.LABELS.items()],
        campaigns=[(one.id or "", one.name) for one in offers.all],
    )
    context = {
        "review": checked,
        "campaign": checked.campaign,
        "campaign_id": campaign_id,
        "form": form,
        "offers": offers,
    }
    return not_cached(render(request, "enrollment/move.html", context, status=status))


def _said_of_move(moved: Moved) -> str:
    said = ngettext(
        "%(count)d invoice was moved. Nothing was sent.",
        "%(count)d invoices were moved. Nothing was sent.",
        moved.moved,
    )
    there = ngettext(
        " %(count)d was selected there already.",
        " %(count)d were selected there already.",
        moved.there_before,
    )
    return said % {"count": moved.moved} + (
        there % {"count": moved.there_before} if moved.there_before else ""
    )
