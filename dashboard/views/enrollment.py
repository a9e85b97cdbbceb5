"""Picking invoices for a campaign."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from dashboard.forms.accounts import AccountFilter
from dashboard.forms.enrollment import PickForm
from dashboard.models import Selection
from dashboard.services import errands, gathering, selection, uploads
from dashboard.services.paging import Paging
from dashboard.services.selection import Change
from dashboard.tables.accounts import AccountTable
from dashboard.views.fragments import not_cached, render_piece_or_page, tidy_address

Next = PickForm.Next
ANSWERS = {Next.TICK: "enrollment/_selection.html", Next.CLEAR: "enrollment/clear.html"}


class SignedIn(HttpRequest):
    user: User


@require_http_methods(["GET", "HEAD", "POST"])
@tidy_address
def run_create(request: SignedIn, campaign_id: UUID) -> HttpResponse:
    """The picker; a POST saves what is ticked and pasted."""
    if request.method == "POST":
        return _pick(request, campaign_id)
    return _picker(request, campaign_id)


def _picker(
    request: SignedIn, campaign_id: UUID, form: PickForm | None = None, status: int = 200
) -> HttpResponse:
    filters = AccountFilter(request.GET)
    picked = selection.known(request.user, campaign_id)
    gathered = gathering.latest(picked) if picked else None  # what is done by now is in what is read next
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
        "standing": errands.standing(gathered) if gathered else None,
    }
    return render_piece_or_page(
        request, "enrollment/picker.html", "enrollment/_accounts.html", context, status
    )


@permission_required("dashboard.enroll", raise_exception=True)
def _pick(request: SignedIn, campaign_id: UUID) -> HttpResponse:
    form = PickForm(request.POST)
    if not form.is_valid():
        return _picker(request, campaign_id, form, status=422)
    picked = selection.of(request.user, campaign_id)
    if form.next == Next.CLEARED:
        return _clear(request, picked)
    done = selection.change(picked, add=form.add, remove=form.remove)
    if form.next == Next.LOOK_UP and form.pasted.strip():
        upload = uploads.keep(request.user, campaign_id, content=form.pasted.encode())
        return see_other(upload.get_absolute_url())
    tally = selection.tally(picked, form.on_page)
    if template := ANSWERS.get(form.next):
        context = {"tally": tally, "before": form.ticked, "campaign_id": campaign_id, "may_pick": True}
        return not_cached(render(request, template, context))
    if form.next == Next.GATHER:
        _gather(request, picked)
    elif not form.accepts(tally.selected):
        return _picker(request, campaign_id, form, status=422)
    return _go_on(request, campaign_id, form, done)


def _gather(request: SignedIn, picked: Selection) -> None:
    try:
        gathering.begin(picked, AccountFilter(request.GET).query)
    except gathering.Busy as error:
        messages.error(request, str(error))


def _clear(request: SignedIn, picked: Selection) -> HttpResponse:
    removed = selection.clear(picked)
    said = ngettext(
        "%(count)d invoice was taken out. Nothing is selected.",
        "%(count)d invoices were taken out. Nothing is selected.",
        removed,
    )
    messages.success(request, said % {"count": removed})
    return see_other(reverse("run-create", args=[picked.campaign_id]))


def _go_on(request: SignedIn, campaign_id: UUID, form: PickForm, done: Change) -> HttpResponse:
    if done.repeated and form.next != Next.REVIEW:
        said = ngettext(
            "%(count)d id was given more than once and counts once.",
            "%(count)d ids were given more than once and count once.",
            done.repeated,
        )
        messages.info(request, said % {"count": done.repeated})
    if form.next == Next.REVIEW:
        return see_other(reverse("run-review", args=[campaign_id]))
    query = request.GET.copy()
    if form.next == Next.FILTER:
        query = QueryDict(AccountFilter.sent(request.POST), mutable=True)
    if form.cleaned_data["page"]:
        query["page"] = str(form.cleaned_data["page"])
    return see_other(f"{request.path}?{query.urlencode()}" if query else request.path)


def see_other(address: str) -> HttpResponseRedirect:
    """What follows a POST is read by GET."""
    return HttpResponseRedirect(address, status=303)
