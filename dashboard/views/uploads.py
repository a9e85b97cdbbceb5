"""Bringing a list: paste or upload it, see what was found, and say what to do with it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRefresh

from dashboard.forms.uploads import ChoiceForm, ColumnForm, EntryFilter, ListForm, SheetForm
from dashboard.models import Entry, Upload
from dashboard.services import errands, uploads
from dashboard.services.lists import Unreadable
from dashboard.tables.uploads import EntryTable
from dashboard.views.enrollment import SignedIn, see_other
from dashboard.views.fragments import not_cached, render_piece_or_page, tidy_address, wants_fragment

CHOICES_SHOWN = 20

may_enroll = permission_required("dashboard.enroll", raise_exception=True)


@require_http_methods(["GET", "HEAD", "POST"])
@may_enroll
def upload_create(request: SignedIn, campaign_id: UUID) -> HttpResponse:
    """Paste or upload; then its own page shows how far it is."""
    form = ListForm(*((request.POST, request.FILES) if request.method == "POST" else ()))
    if form.is_valid():
        try:
            upload = uploads.keep(request.user, campaign_id, content=form.content, name=form.name)
        except Unreadable as error:
            form.add_error("file", str(error))
        else:
            return see_other(upload.get_absolute_url())
    context = {
        "form": form,
        "campaign_id": campaign_id,
        "lists": uploads.of_person(request.user, campaign_id),
    }
    status = 422 if form.is_bound else 200
    return not_cached(render(request, "uploads/create.html", context, status=status))


@require_http_methods(["GET", "HEAD", "POST"])
@may_enroll
@tidy_address
def upload_detail(request: SignedIn, campaign_id: UUID, upload_id: int) -> HttpResponse:
    """A list as it stands; a POST does what its button says."""
    mine = Upload.objects.filter(selection__user=request.user, selection__campaign_id=str(campaign_id))
    upload = get_object_or_404(mine.select_related("selection"), pk=upload_id)
    if request.method == "POST":
        return ACTIONS.get(request.POST.get("then", ""), _detail)(request, upload)
    if upload.is_active or "progress" in request.GET:
        return _progress(request, upload)
    return _detail(request, upload)


def _progress(request: SignedIn, upload: Upload) -> HttpResponse:
    if wants_fragment(request) and not upload.is_active:
        return HttpResponseClientRefresh()
    context = {
        "upload": upload,
        "campaign_id": upload.selection.campaign_id,
        "standing": errands.standing(upload),
    }
    return render_piece_or_page(request, "uploads/detail.html", "uploads/_progress.html", context)


def _detail(request: SignedIn, upload: Upload, form: Form | None = None, status: int = 200) -> HttpResponse:
    if upload.is_active:
        return _progress(request, upload)
    is_to_be_read = upload.state == Upload.State.WAITING and not upload.removed_at
    filters = EntryFilter(request.GET)
    found = uploads.entries(upload, **filters.values)
    counts = uploads.counts(upload)
    asked = list(upload.entries.filter(state=Entry.State.ASKED).order_by("pk")[:CHOICES_SHOWN])
    context = {
        "upload": upload,
        "campaign_id": upload.selection.campaign_id,
        "standing": errands.standing(upload),
        "counts": counts,
        "left": sum(counts.values()) - counts[Entry.State.FOUND],
        "asked": asked,
        "keep_days": settings.KEEP_LISTS_DAYS,
        "may_use": uploads.may_use(upload),
        "runs": uploads.runs_of(upload),
        "filters": filters.as_applied(),
        "notes": filters.notes,
        "paging": found.paging,
        "table": EntryTable(found.rows),
        **(_column_context(upload, form) if is_to_be_read else {}),
    }
    return render_piece_or_page(request, "uploads/detail.html", "uploads/_entries.html", context, status)


def _column_context(upload: Upload, form: Form | None) -> dict[str, Any]:
    initial = {"heading": upload.layout["heading"], "column": upload.column}
    sheet = SheetForm(sheets=upload.sheets, initial={"sheet": upload.layout.get("sheet")})
    return {
        "form": form if isinstance(form, ColumnForm) else ColumnForm(columns=upload.columns, initial=initial),
        "sheet_form": form if isinstance(form, SheetForm) else sheet,
        "first_rows": uploads.first_rows(upload),
    }


def _choose_sheet(request: SignedIn, upload: Upload) -> HttpResponse:
    form = SheetForm(request.POST, sheets=upload.sheets)
    if not form.is_valid():
        return _detail(request, upload, form, status=422)
    return _do(request, upload, lambda: uploads.choose_sheet(upload, form.cleaned_data["sheet"]))


def _choose_column(request: SignedIn, upload: Upload) -> HttpResponse:
    form = ColumnForm(request.POST, columns=upload.columns)
    if not form.is_valid():
        return _detail(request, upload, form, status=422)
    return _do(request, upload, lambda: uploads.choose_column(upload, **form.cleaned_data))


def _choose(request: SignedIn, upload: Upload) -> HttpResponse:
    form = ChoiceForm(request.POST, entries=upload.entries.filter(state=Entry.State.ASKED)[:CHOICES_SHOWN])
    if not form.is_valid():
        return _detail(request, upload, form, status=422)
    return _do(request, upload, lambda: uploads.choose(upload, form.choices))


def _look_through(request: SignedIn, upload: Upload) -> HttpResponse:
    return _do(request, upload, lambda: uploads.look_through(upload))


def _use(request: SignedIn, upload: Upload) -> HttpResponse:
    try:
        taken = uploads.use(upload)
    except uploads.NotPossible as error:
        messages.error(request, str(error))
        return see_other(upload.get_absolute_url())
    said = ngettext(
        "%(given)d invoice of the list is selected, %(added)d of it new.",
        "%(given)d invoices of the list are selected, %(added)d of them new.",
        taken.given,
    )
    messages.success(request, said % {"given": taken.given, "added": taken.added})
    return see_other(reverse("run-review", args=[upload.selection.campaign_id]))


def _cancel(request: SignedIn, upload: Upload) -> HttpResponse:
    errands.cancel(upload)
    messages.success(request, _("Cancelled. Nothing was added."))
    return see_other(upload.get_absolute_url())


def _drop(request: SignedIn, upload: Upload) -> HttpResponse:
    """A list that was used stays: the file of results is built on it."""
    if not upload.used_at:
        upload.delete()
    return see_other(reverse("upload-create", args=[upload.selection.campaign_id]))


def _do(request: SignedIn, upload: Upload, act: Callable[[], object]) -> HttpResponse:
    try:
        act()
    except (uploads.NotPossible, Unreadable) as error:
        messages.error(request, str(error))
    return see_other(upload.get_absolute_url())


ACTIONS = {
    "sheet": _choose_sheet,
    "column": _choose_column,
    "choose": _choose,
    "look_through": _look_through,
    "use": _use,
    "cancel": _cancel,
    "drop": _drop,
}
