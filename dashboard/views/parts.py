"""Acting on a part of a run: into a selection, here or for another campaign, or on the waiting list. Nothing is sent."""

from collections.abc import Mapping

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.forms.parts import PartForm
from dashboard.models import Run
from dashboard.services import parts, reasons, waiting
from dashboard.services.parts import Part, Put
from dashboard.services.routing import NotPossible
from dashboard.services.waiting import Parked
from dashboard.views.enrollment import SignedIn, see_other
from dashboard.views.fragments import not_cached

may_enroll = permission_required("dashboard.enroll", raise_exception=True)


@may_enroll
@require_http_methods(["GET", "HEAD", "POST"])
def part_move(request: SignedIn, run_id: int) -> HttpResponse:
    """Where a part may go; a POST that names a campaign puts it into the selection there."""
    run = _run(run_id)
    form = PartForm(request.POST if request.method == "POST" else request.GET)
    part = Part(run, **form.part) if form.is_valid() else None
    if part is None and "campaign_id" not in form.errors:
        return _back(request, run, form.problem)
    if part is None:
        return _choose(request, Part(run, **form.part), form.problem, status=422)
    to = form.cleaned_data["campaign_id"]
    if request.method != "POST" or not to:
        return _choose(request, part)
    try:
        put = parts.move(request.user, part, str(to))
    except NotPossible as error:
        return _choose(request, part, str(error), status=409)
    return _go_on(request, run, put)


@may_enroll
@require_POST
def part_retry(request: SignedIn, run_id: int) -> HttpResponse:
    """What may succeed now goes into the selection for the same campaign; what had to wait is read again first."""
    run, form = _run(run_id), PartForm(request.POST)
    if not form.is_valid():
        return _back(request, run, form.problem)
    part = Part(run, **form.part)
    try:
        put = parts.retry(request.user, part)
    except NotPossible as error:
        return _choose(request, part, str(error), status=409)
    return _go_on(request, run, put)


@may_enroll
@require_POST
def part_park(request: SignedIn, run_id: int) -> HttpResponse:
    """The busy ones go on the waiting list."""
    run, form = _run(run_id), PartForm(request.POST)
    if not form.is_valid():
        return _back(request, run, form.problem)
    parked = waiting.park(request.user, Part(run, **form.part))
    _say_left_out(request, parked.left_out)
    if not parked.size:
        return _back(request, run, _("None of these wait for another campaign. Nothing was put on the list."))
    messages.success(request, _said_of_parking(parked))
    return see_other(reverse("waiting-list"))


def _run(run_id: int) -> Run:
    return get_object_or_404(Run.objects.select_related("starter"), pk=run_id)


def _back(request: SignedIn, run: Run, problem: str) -> HttpResponse:
    messages.error(request, problem)
    return see_other(run.get_absolute_url())


def _choose(request: SignedIn, part: Part, problem: str = "", status: int = 200) -> HttpResponse:
    own, offers = parts.offers(part)
    context = {
        "run": part.run,
        "part": part,
        "reason": reasons.of(part.reason),
        "own": own,
        "offers": offers,
        "problem": problem,
    }
    return not_cached(render(request, "runs/part.html", context, status=status))


def _go_on(request: SignedIn, run: Run, put: Put) -> HttpResponse:
    """To the review of what was put into the selection, or back where that is nothing."""
    _say_left_out(request, put.left_out)
    if not put.size:
        return _back(request, run, _("Nothing was put in a selection."))
    messages.success(request, _said_of(put))
    return see_other(reverse("run-review", args=[put.campaign.id]))


def _said_of(put: Put) -> str:
    said = ngettext(
        "%(count)d invoice is in your selection for this campaign now. Nothing was sent.",
        "%(count)d invoices are in your selection for this campaign now. Nothing was sent.",
        put.size,
    ) % {"count": put.size}
    if put.there_before:
        said += " " + _("%(count)d of them were selected already.") % {"count": put.there_before}
    if put.held > put.size:
        said += " " + _("Others were selected before: %(count)d in all.") % {"count": put.held}
    return said


def _said_of_parking(parked: Parked) -> str:
    said = ngettext(
        "%(count)d invoice is on the waiting list. It is read again now and then; nothing is sent by itself.",
        "%(count)d invoices are on the waiting list. They are read again now and then; "
        "nothing is sent by itself.",
        parked.size,
    ) % {"count": parked.size}
    if parked.there_before:
        said += " " + _("%(count)d of them were there already.") % {"count": parked.there_before}
    return said


def _say_left_out(request: SignedIn, left_out: Mapping[str, int]) -> None:
    for why, number in left_out.items():
        said = ngettext("%(count)d was left out. %(why)s", "%(count)d were left out. %(why)s", number)
        messages.warning(request, said % {"count": number, "why": why})
