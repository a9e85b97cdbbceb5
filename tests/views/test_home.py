"""The first page."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from dashboard.services import runs
from tests import ledger

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]


def test_an_empty_house_says_how_to_begin(collector: User, browser_of: Browser) -> None:
    text = browser_of(collector).get("/").content.decode()

    assert "Nothing was enrolled from here yet" in text
    assert "/campaigns/?status=active" in text


def test_it_names_the_runs_that_need_somebody(collector: User, browser_of: Browser) -> None:
    ledger.answered(ledger.queued(1, name="Failing"), "FAILED")
    ledger.unanswered(ledger.queued(1, name="Silent"))
    runs.pause(run=ledger.queued(1, name="Resting"), who=collector)
    ledger.queued(1, name="Going")

    text = browser_of(collector).get("/").content.decode()

    assert all(name in text for name in ("Failing", "Silent", "Resting", "Going"))
    assert "Unknown: settle these" in text


def test_it_says_when_nothing_needs_anybody(viewer: User, browser_of: Browser) -> None:
    ledger.answered(ledger.queued(1), "SUCCESS")

    assert "Nothing needs you" in browser_of(viewer).get("/").content.decode()


def test_it_says_when_runs_wait_for_a_worker(viewer: User, browser_of: Browser) -> None:
    ledger.queued(1)

    assert "No worker is running" in browser_of(viewer).get("/").content.decode()


def test_it_needs_a_sign_in() -> None:
    assert Client().get("/").headers["Location"].startswith("/sign-in/")
