"""The first page."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.models import ParkedAccount, Run
from dashboard.services import runs, trends
from tests import ledger
from tests.conftest import person

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


def test_failures_of_the_last_week_lead_to_the_runs_since_that_day(
    collector: User, browser_of: Browser
) -> None:
    made = [ledger.answered(ledger.queued(1, name=name), "FAILED") for name in ("Fresh", "New", "Old")]
    for run, days in zip(made, (7, 6, 8), strict=True):
        Run.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(days=days))

    browser = browser_of(collector)
    card = browser.get("/").text.partition("Not enrolled: act on these")[2].partition("</section>")[0]
    day = timezone.localdate() - timedelta(days=7)

    assert ("Fresh" in card, "Old" in card) == (True, False)
    assert f'href="/runs/?needs=failed&amp;since={day}"' in card


def test_one_run_alone_is_led_to_itself_with_its_invoices_filtered(
    collector: User, browser_of: Browser
) -> None:
    run = ledger.answered(ledger.queued(4), "SUCCESS", "SKIPPED", "FAILED", "PENDING")
    silent = ledger.unanswered(ledger.queued(1))
    resting = runs.pause(run=ledger.queued(1), who=collector)
    text = browser_of(collector).get("/").text

    links = {
        title: text.partition(f"{title}</h2>")[2].partition('href="')[2].partition('"')[0]
        for title in (
            "settle these",
            "(last 7 days)",
            "read again by themselves",
            "at the cause",
            "enrollments",
        )
    }

    assert links == {
        "settle these": f"/runs/{silent.pk}/?outcome=unknown#results",
        "(last 7 days)": f"/runs/{run.pk}/",
        "read again by themselves": f"/runs/{run.pk}/?outcome=pending#results",
        "at the cause": f"/runs/{resting.pk}/",
        "enrollments": "/runs/?page=1",
    }
    for word in ("failed", "skipped", "pending"):
        assert f'<a href="/runs/{run.pk}/?outcome={word}#results">1 {word}</a>' in text


@pytest.mark.parametrize(("is_free", "role"), [(True, "collector"), (False, "collector"), (True, "viewer")])
def test_what_has_become_free_is_told_to_whoever_may_enroll_it(
    is_free: bool, role: str, browser_of: Browser
) -> None:
    user = person(role)
    run = ledger.answered(ledger.queued(1), "SUCCESS")
    ParkedAccount.objects.create(
        run=run,
        who=user,
        campaign_id=run.campaign_id,
        account_id=ledger.account_id(1),
        state=ParkedAccount.State.FREE if is_free else ParkedAccount.State.BUSY,
    )

    text = browser_of(user).get("/").text

    is_told = is_free and role == "collector"
    assert ("1 invoice on the waiting list may be enrolled now" in text) == is_told
    assert ("/waiting/?state=free" in text) == is_told
    assert ("Nothing needs you" in text) != is_told


def test_it_needs_a_sign_in() -> None:
    assert Client().get("/").headers["Location"].startswith("/sign-in/")


def test_it_says_why_a_run_is_paused_and_what_to_do(collector: User, browser_of: Browser) -> None:
    ledger.rejected(ledger.queued(1, starter=collector), 401, "key_rejected", "Expired <key>")

    text = browser_of(collector).get("/").text

    assert "<b>The API key was rejected</b>" in text
    assert "Expired &lt;key&gt;" in text
    assert "Have the API key corrected" in text


def test_figures_are_drawn_and_stand_in_a_table_beside(collector: User, browser_of: Browser) -> None:
    run = ledger.queued(4, known={"verdict": "enters"})
    ledger.answered(run, "SUCCESS", "SUCCESS", "SUCCESS", "FAILED", error=ledger.ACTIVE)
    trends.sum_up()

    text = browser_of(collector).get("/").text

    assert 'role="img" aria-label="Invoices per day by outcome, 4 in all' in text
    assert "Already active in a campaign: 1 in 30 days, at most 1 a day" in text
    assert "<b>25.0 %</b> in 30 days: 1 of 4 invoices." in text
    today = timezone.localdate()
    assert text.count(f"/runs/?since={today}&amp;until={today}") == 3
    assert 'style="' not in text


def test_runs_under_way_are_asked_for_again_in_a_small_answer_that_writes_nothing(
    collector: User, browser_of: Browser
) -> None:
    for _ in range(7):
        ledger.queued(1, name="A campaign with quite a long name, longer than fits" * 3)
    browser = browser_of(collector)
    assert 'data-poll="3"' in browser.get("/").text

    with CaptureQueriesContext(connection) as queries:
        answer = browser.get("/under-way/", headers={"HX-Request": "true"})

    assert len(answer.content) <= 2048
    assert all(query["sql"].startswith("SELECT") for query in queries)
    assert not any("tally" in query["sql"] for query in queries)
    assert sum("FROM dashboard_" in query["sql"] for query in queries) == 2  # who asks, and all the rest
    assert browser.get("/under-way/").headers["Location"] == "/"


def test_the_last_answer_no_longer_asks(collector: User, browser_of: Browser) -> None:
    answer = browser_of(collector).get("/under-way/", headers={"HX-Request": "true"})

    assert "data-poll" not in answer.text
