"""Saved views of lists: naming one, renaming and deleting it."""

from collections.abc import Callable

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.forms.saved_views import NameForm, SaveForm
from dashboard.models import SavedView
from dashboard.services import saved_views
from dashboard.views.enrollment import SignedIn
from dashboard.views.fragments import not_cached


@require_http_methods(["GET", "POST"])
def saved_view_create(request: SignedIn) -> HttpResponse:
    """The small form of a list comes here; a name that will not do is asked for again."""
    form = SaveForm(request.POST if request.method == "POST" else None, initial=request.GET.dict())
    return _ask_or_do(request, form, None, lambda: saved_views.save(user=request.user, **form.cleaned_data))


@require_http_methods(["GET", "POST"])
def saved_view_detail(request: SignedIn, view_id: int) -> HttpResponse:
    """Renaming; the same page holds the button that deletes."""
    view = get_object_or_404(SavedView, pk=view_id, user=request.user)
    form = NameForm(request.POST if request.method == "POST" else None, initial={"name": view.name})
    return _ask_or_do(request, form, view, lambda: saved_views.rename(view.pk, form.cleaned_data["name"]))


@require_POST
def saved_view_delete(request: SignedIn, view_id: int) -> HttpResponse:
    view = get_object_or_404(SavedView, pk=view_id, user=request.user)
    view.delete()
    messages.success(request, _("The view “%(name)s” is deleted.") % {"name": view.name})
    return redirect(view.page)


def _ask_or_do(
    request: SignedIn, form: Form, view: SavedView | None, act: Callable[[], SavedView]
) -> HttpResponse:
    """The question; on POST the deed, which leads to the view, or why it is not possible."""
    status = 422 if form.is_bound else 200
    if form.is_valid():
        try:
            return redirect(act())
        except saved_views.NotSaved as error:
            form.add_error("name", str(error))
            status = 409
    return not_cached(render(request, "saved_views/detail.html", {"form": form, "view": view}, status=status))
