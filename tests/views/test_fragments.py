"""Piece or page."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from dashboard.views.fragments import not_cached, tidy_address, wants_fragment


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, False),
        ({"HX-Request": "true"}, True),
        ({"HX-Request": "true", "HX-Boosted": "true"}, False),
        ({"HX-Request": "true", "HX-History-Restore-Request": "true"}, False),
    ],
)
def test_only_htmx_gets_a_fragment_and_not_for_a_whole_page(
    rf: RequestFactory, headers: dict[str, str], expected: bool
) -> None:
    assert wants_fragment(rf.get("/", headers=headers)) is expected


def test_a_page_that_has_a_fragment_is_never_cached() -> None:
    response = not_cached(HttpResponse())

    assert response["Vary"] == "HX-Request"
    assert "no-store" in response["Cache-Control"]


@tidy_address
def view(request: HttpRequest) -> HttpResponse:
    return HttpResponse("rows")


def test_empty_parameters_leave_the_address(rf: RequestFactory) -> None:
    response = view(rf.get("/list/?search=&status=active&page="))

    assert (response.status_code, response["Location"]) == (302, "/list/?status=active")


def test_an_address_of_empty_parameters_alone_does_not_become_the_bare_one(rf: RequestFactory) -> None:
    assert view(rf.get("/list/?search="))["Location"] == "/list/?page=1"


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_a_tidy_address_and_a_fragment_are_not_redirected(
    rf: RequestFactory, headers: dict[str, str]
) -> None:
    assert view(rf.get("/list/?status=active", headers=headers)).text == "rows"


def test_a_fragment_is_not_redirected_for_an_empty_parameter(rf: RequestFactory) -> None:
    assert view(rf.get("/list/?search=", headers={"HX-Request": "true"})).status_code == 200
