"""News of a person's runs, which every open page asks for."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from dashboard.forms.notices import DismissForm
from dashboard.services import notices
from dashboard.views.errors import page_of
from dashboard.views.fragments import not_cached, wants_fragment

SIGNED_OUT = 60


@login_not_required
@require_http_methods(["GET", "POST"])
def notice_list(request: HttpRequest) -> HttpResponse:
    """The news; a POST dismisses one, or all. Reading writes nothing, and a session that ended does not leave the page."""
    if not request.user.is_authenticated:
        return _answer(request, {"poll_after": SIGNED_OUT})
    form = DismissForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        notices.dismiss(request.user, form.cleaned_data["notice"])
    context = {
        "board": notices.unseen(request.user),
        "poll_after": notices.ask_again_after(request.user),
    }
    return _answer(request, context)


def _answer(request: HttpRequest, context: dict[str, object]) -> HttpResponse:
    if wants_fragment(request):
        return not_cached(render(request, "notices/_list.html", context))
    return redirect((request.method == "POST" and page_of(request)) or "home")
