"""What needs a person."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dashboard.services import history
from dashboard.views.fragments import not_cached


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    return not_cached(render(request, "home.html", {"desk": history.desk()}))
