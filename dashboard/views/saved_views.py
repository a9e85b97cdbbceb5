"""Saved views of lists: naming one, changing and deleting it, and opening a list with it."""

from collections.abc import Callable
from functools import wraps

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
from dashboard.views.fragments import not_cached, wants_fragment

View = Callable[[SignedIn], HttpResponse]


@require_http_methods(["GET", "POST"])
def saved_view_create(request: SignedIn) -> HttpResponse:
    """The small form of a list comes here; a name that will not do is asked for again."""
    form = SaveForm(request.POST if request.method == "POST" else None, initial=request.GET.dict())
    return _ask_or_do(request, form, None, lambda: saved_views.save(user=request.user, **form.cleaned_data))


@require_http_methods(["GET", "POST"])
def saved_view_detail(request: SignedIn, view_id: int) -> HttpResponse:
    """Its name, and whether it opens first; the same page holds the button that deletes."""
    view = get_object_or_404(SavedView, pk=view_id, user=request.user)
    initial = {"name": view.name, "opens_first": view.opens_first}
    form = NameForm(request.POST if request.method == "POST" else None, initial=initial)
    return _ask_or_do(request, form, view, lambda: saved_views.change(view.pk, **form.cleaned_data))


@require_POST
def saved_view_delete(request: SignedIn, view_id: int) -> HttpResponse:
    view = get_object_or_404(SavedView, pk=view_id, user=request.user)
    view.delete()
    messages.success(request, _("The view “%(name)s” is deleted.") % {"name": view.name})
    return redirect(view.page)


def opens_with_view(page: SavedView.Page) -> Callable[[View], View]:
    """The bare address of a list leads to the view that the person has chosen for it; any other is taken as it is."""

    def opening(show: View) -> View:
        @wraps(show)
        def shown(request: SignedIn) -> HttpResponse:
            is_bare = not request.GET and not wants_fragment(request)
            view = saved_views.first(request.user, page) if is_bare else None
            return not_cached(redirect(view)) if view else show(request)

        return shown

    return opening


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
