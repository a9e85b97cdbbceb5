"""The waiting list: what is on it, and what a person does with it."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from dashboard.forms.waiting import WaitingFilter, WaitingForm
from dashboard.models import ParkedAccount
from dashboard.services import campaigns, waiting, workers
from dashboard.services.waiting import Taken
from dashboard.tables.waiting import WaitingTable
from dashboard.views.enrollment import SignedIn, see_other
from dashboard.views.fragments import render_piece_or_page, tidy_address

Act = WaitingForm.Act
State = ParkedAccount.State


@require_http_methods(["GET", "HEAD", "POST"])
@tidy_address
def waiting_list(request: SignedIn) -> HttpResponse:
    """The list; a POST takes free ones into selections, removes some, or has some read soon."""
    filters = WaitingFilter(request.GET)
    if request.method == "POST":
        return _act(request, filters)
    there = waiting.campaigns_there()
    rows = waiting.matching(**filters.query, user_id=request.user.pk)
    found, counts = waiting.listed(rows, page=filters.values["page"], per_page=filters.values["per_page"])
    applied = filters.as_applied()
    applied.offer(there)
    may_act = request.user.has_perm("dashboard.enroll")
    context = {
        "filters": applied,
        "notes": filters.notes,
        "is_narrowed": filters.is_narrowed,
        "paging": found.paging,
        "counts": counts,
        "has_worker": workers.alive().exists(),
        "may_act": may_act,
        "table": WaitingTable(
            found.rows,
            may_act=may_act,
            names=campaigns.known_names(
                entry.snapshot["campaign_id"] for entry in found.rows if entry.snapshot.get("campaign_id")
            ),
        ),
    }
    return render_piece_or_page(request, "waiting/list.html", "waiting/_list.html", context)


@permission_required("dashboard.enroll", raise_exception=True)
def _act(request: SignedIn, filters: WaitingFilter) -> HttpResponse:
    form = WaitingForm(request.POST)
    if not form.is_valid():
        messages.error(request, str(next(iter(form.errors.values()))[0]))
        return see_other(request.get_full_path())
    act = form.cleaned_data["act"]
    matching = waiting.matching(**filters.query, user_id=request.user.pk)
    ticked = waiting.of_ids(form.cleaned_data["entries"])
    if act in (Act.TAKE, Act.TAKE_ALL):
        rows = ticked if act == Act.TAKE else matching.filter(state=State.FREE)
        return _go_on(request, waiting.take(request.user, rows))
    if act in (Act.REMOVE, Act.REMOVE_CLOSED):
        rows = ticked if act == Act.REMOVE else matching.filter(state=State.CLOSED)
        messages.success(request, _said_of_removal(waiting.remove(request.user, rows)))
    else:
        messages.success(
            request, _said_of_reading(waiting.read_soon(ticked if act == Act.READ else matching))
        )
    return see_other(request.get_full_path())


def _go_on(request: SignedIn, taken: Taken) -> HttpResponse:
    """To the review of what was taken; of several campaigns, to all reviews in short."""
    if taken.left:
        said = ngettext(
            "%(count)d is not free yet and stays on the list.",
            "%(count)d are not free yet and stay on the list.",
            taken.left,
        )
        messages.warning(request, said % {"count": taken.left})
    if not taken.size:
        messages.error(request, _("None of these is free now. Nothing was put in a selection."))
        return see_other(request.get_full_path())
    said = ngettext(
        "%(count)d invoice left the waiting list for your selection. Nothing was sent.",
        "%(count)d invoices left the waiting list for your selections. Nothing was sent.",
        taken.size,
    )
    messages.success(request, said % {"count": taken.size})
    if len(taken.by_campaign) > 1:
        return see_other(reverse("selection-list"))
    return see_other(reverse("run-review", args=[UUID(next(iter(taken.by_campaign)))]))


def _said_of_removal(number: int) -> str:
    said = ngettext(
        "%(count)d invoice was taken off the list.", "%(count)d invoices were taken off the list.", number
    )
    return said % {"count": number}


def _said_of_reading(number: int) -> str:
    if not number:
        return _("All of them were read within the last minute.")
    said = ngettext(
        "%(count)d invoice is read again as soon as a worker is free.",
        "%(count)d invoices are read again as soon as a worker is free.",
        number,
    )
    return said % {"count": number}
