"""News of runs on every page, and the poll that brings it."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.models import Notice
from tests import ledger

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Browser = Callable[[User], Client]


@pytest.fixture
def signed_in(collector: User, browser_of: Browser) -> Client:
    return browser_of(collector)


def ended(collector: User, number: int = 1) -> list[int]:
    """The numbers of runs of this person that have ended."""
    return [ledger.answered(ledger.queued(1, starter=collector), "SUCCESS").pk for _ in range(number)]


def test_the_next_page_shows_it_until_it_is_dismissed_also_without_javascript(
    signed_in: Client, collector: User
) -> None:
    [run] = ended(collector)
    page = signed_in.get("/audit/", follow=True).text + signed_in.get("/runs/").text
    assert page.count(f"Run {run} has finished: 1 enrolled.") == 2
    assert "<title>(1) Runs" in page

    answer = signed_in.post(
        "/notices/",
        {"notice": Notice.objects.get().pk},
        headers={"Referer": "http://testserver/runs/?mine=on"},
    )

    assert answer.headers["Location"] == "/runs/?mine=on"
    text = signed_in.get("/runs/").text
    assert "has finished" not in text
    assert "<title>Runs" in text


def test_reading_the_runs_own_page_is_having_seen_it_but_a_fragment_in_the_background_is_not(
    signed_in: Client, collector: User
) -> None:
    [run] = ended(collector)

    signed_in.get(f"/runs/{run}/", headers=HTMX)
    assert "has finished: 1" in signed_in.get("/notices/", headers=HTMX).text
    signed_in.get(f"/runs/{run}/")

    assert "has finished: 1" not in signed_in.get("/notices/", headers=HTMX).text


def test_many_can_be_dismissed_at_once(signed_in: Client, collector: User) -> None:
    ended(collector, 5)
    assert "and 2 more" in signed_in.get("/notices/", headers=HTMX).text

    text = signed_in.post("/notices/", headers=HTMX).text

    assert 'data-number="0"' in text


def test_a_poll_is_small_asks_little_writes_nothing_and_prolongs_no_session(
    signed_in: Client, collector: User
) -> None:
    ended(collector, 9)
    ledger.queued(1, starter=collector)
    before = Session.objects.get().expire_date

    with CaptureQueriesContext(connection) as queries:
        answer = signed_in.get("/notices/", headers=HTMX)

    assert len(answer.content) <= 2048
    assert len(queries) <= 4
    assert all(query["sql"].startswith("SELECT") for query in queries)
    assert Session.objects.get().expire_date == before
    assert 'data-poll="3"' in answer.text


def test_a_session_that_ended_leaves_the_page_alone(db: None) -> None:
    answer = Client().get("/notices/", headers=HTMX)

    assert answer.status_code == 200
    assert "HX-Redirect" not in answer.headers
    assert 'data-poll="60"' in answer.text


def test_its_address_opened_by_a_person_leads_home(signed_in: Client) -> None:
    assert signed_in.get("/notices/").headers["Location"] == "/"


def test_a_notice_that_is_not_one_is_no_reason_to_dismiss_all(signed_in: Client, collector: User) -> None:
    ended(collector)

    signed_in.post("/notices/", {"notice": "nonsense"})

    assert Notice.objects.get().seen_at is None


def test_a_dismissal_needs_its_own_token(collector: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(collector, backend="dashboard.people.RoleBackend")

    assert browser.post("/notices/").status_code == 403
