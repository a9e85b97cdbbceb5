"""Piece or page: one view, one context; htmx gets the fragment, everyone else the page that includes it."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django_htmx.middleware import HtmxDetails

ALERT_BOX = "#alert"
Response = TypeVar("Response", bound=HttpResponseBase)


def wants_fragment(request: HttpRequest) -> bool:
    """True for htmx, unless it wants a whole page: a boosted link, or history being restored."""
    htmx = HtmxDetails(request)
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def render_piece_or_page(
    request: HttpRequest,
    page_template: str,
    fragment_template: str,
    context: Mapping[str, Any],
    status: int = 200,
) -> HttpResponse:
    """The fragment or its page, never cached, and told apart by `HX-Request`."""
    template = fragment_template if wants_fragment(request) else page_template
    return not_cached(render(request, template, context, status=status))


def render_alert_or_page(
    request: HttpRequest,
    page_template: str,
    fragment_template: str,
    context: Mapping[str, Any],
    status: int,
) -> HttpResponse:
    """Something failed: the fragment goes to the standing alert box, and what was on the page stays."""
    response = render_piece_or_page(request, page_template, fragment_template, context, status)
    if wants_fragment(request):
        response["HX-Retarget"] = ALERT_BOX
        response["HX-Reswap"] = "innerHTML"
    return response


def not_cached(response: Response) -> Response:
    """The same answer with `Vary: HX-Request` and `Cache-Control: no-store`."""
    patch_vary_headers(response, ["HX-Request"])
    add_never_cache_headers(response)
    return response


def tidy_address(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Redirects a page to its address without the empty parameters that a plain GET form leaves there.

    It keeps a query, as a list's bare address may open with a view of the person's.
    """

    @wraps(view)
    def tidied(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "" not in request.GET.dict().values() or wants_fragment(request):
            return view(request, *args, **kwargs)
        query = request.GET.copy()
        for name in [name for name, value in query.items() if value == ""]:
            del query[name]
        return not_cached(HttpResponseRedirect(f"{request.path}?{query.urlencode() or 'page=1'}"))

    return tidied
