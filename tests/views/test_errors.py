"""The pages for what went wrong on our own side."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpResponse
from django.test import Client as Browser
from django.test import RequestFactory
from structlog.testing import capture_logs

from dashboard.views import errors

HTMX = {"HX-Request": "true"}


@pytest.mark.django_db
def test_an_unknown_address_is_a_page_with_a_way_home(collector: User, browser_of: type[Browser]) -> None:
    response = browser_of(collector).get("/nowhere/")

    assert response.status_code == 404
    assert "There is no such page" in response.text
    assert '<a class="btn" href="/">Home</a>' in response.text


@pytest.mark.django_db
def test_a_form_with_a_stale_token_is_answered_with_a_way_back(collector: User) -> None:
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(collector, backend="dashboard.people.RoleBackend")

    response = browser.post("/sign-out/", headers={"Referer": "http://testserver/campaigns/?page=2"})

    assert response.status_code == 403
    assert "Nothing was sent" in response.text
    assert 'href="/campaigns/?page=2">Open the page again</a>' in response.text


@pytest.mark.parametrize(
    ("view", "exception", "status"),
    [
        (errors.bad_request, BadRequest(), 400),
        (errors.forbidden, PermissionDenied(), 403),
        (errors.not_found, Exception(), 404),
    ],
)
def test_a_fragment_that_fails_is_a_piece_for_the_alert_box(
    rf: RequestFactory, view: Callable[..., HttpResponse], exception: Exception, status: int
) -> None:
    response = view(rf.get("/", headers=HTMX), exception)

    assert response.status_code == status
    assert response["HX-Retarget"] == "#alert"
    assert "<html" not in response.text


def test_a_forbidden_action_may_say_why(rf: RequestFactory) -> None:
    response = errors.forbidden(rf.post("/", headers=HTMX), PermissionDenied("Only its starter may do this."))

    assert "Only its starter may do this." in response.text


def test_a_crash_is_answered_without_database_or_session_and_its_reference_is_logged(
    rf: RequestFactory,
) -> None:
    with capture_logs() as logs:
        response = errors.server_error(rf.get("/"))

    assert response.status_code == 500
    assert f"<code>{logs[0]['reference']}</code>" in response.text


def test_a_crash_in_a_fragment_goes_to_the_alert_box(rf: RequestFactory) -> None:
    response = errors.server_error(rf.get("/", headers=HTMX))

    assert (response.status_code, response["HX-Retarget"]) == (500, "#alert")
    assert "<html" not in response.text
