"""News of runs in Chromium: in the title, read out, dismissed, and asked for with patience."""

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from dashboard.models import Notice, Run
from dashboard.services import saved_views, trends
from tests import ledger
from tests.browser.conftest import sign_in
from tests.browser.test_journey import findings, fits

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def waiting(desk: Page, live_server: LiveServer, collector: User) -> Run:
    """A run of the person that is under way while they look at the list of runs."""
    run = ledger.queued(3, starter=collector)
    desk.clock.install()
    desk.goto(f"{live_server.url}/runs/")
    return run


def test_the_end_of_a_run_shows_on_an_open_page_in_its_title_and_is_read_out(
    desk: Page, waiting: Run
) -> None:
    expect(desk).to_have_title("Runs · Rollcall")
    ledger.answered(waiting, "SUCCESS", "FAILED")
    desk.clock.run_for(4_000)

    told = f"Run {waiting.pk} has finished: 2 enrolled, 1 failed."
    expect(desk.get_by_role("link", name=told)).to_be_visible()
    expect(desk).to_have_title("(1) Runs · Rollcall")
    expect(desk.get_by_role("status")).to_have_text(told)
    assert findings(desk) == []


def test_it_stays_over_pages_until_it_is_dismissed(desk: Page, live_server: LiveServer, waiting: Run) -> None:
    ledger.answered(waiting, "SUCCESS")
    desk.goto(f"{live_server.url}/audit/")
    desk.goto(f"{live_server.url}/")
    expect(desk).to_have_title("(1) Home · Rollcall")

    desk.get_by_role("button", name=f"Dismiss the news of run {waiting.pk}").click()

    expect(desk.locator(".notices")).to_have_count(0)
    expect(desk).to_have_title("Home · Rollcall")
    desk.reload()
    expect(desk).to_have_title("Home · Rollcall")


def test_asking_outlives_failures_more_and_more_slowly_and_in_silence(desk: Page, waiting: Run) -> None:
    asked: list[str] = []
    desk.on("request", lambda request: asked.append(request.url) if "/notices/" in request.url else None)
    desk.route(
        "**/notices/", lambda route: route.fulfill(status=500, headers={"HX-Retarget": "#alert"}, body="x")
    )
    for _ in range(60):
        desk.clock.run_for(1_000)
        desk.wait_for_load_state("networkidle")

    assert 2 <= len(asked) <= 6
    expect(desk.get_by_role("alert")).to_be_empty()

    desk.unroute("**/notices/")
    ledger.answered(waiting, "SUCCESS")
    desk.clock.run_for(31_000)
    expect(desk).to_have_title("(1) Runs · Rollcall")


def test_news_leaves_an_error_on_the_page_alone(desk: Page, waiting: Run) -> None:
    desk.route("**/runs/?*", lambda route: route.fulfill(status=502, body=""))
    desk.get_by_label("State").select_option("paused")
    expect(desk.get_by_role("alert")).to_contain_text("Rollcall gave no answer")

    ledger.answered(waiting, "SUCCESS")
    desk.clock.run_for(4_000)

    expect(desk).to_have_title("(1) Runs · Rollcall")
    expect(desk.get_by_role("alert")).to_contain_text("Rollcall gave no answer")


def test_a_session_that_ended_leaves_what_is_typed(desk: Page, waiting: Run) -> None:
    desk.context.clear_cookies()
    desk.get_by_label("Campaign").fill("half a nam")
    desk.route("**/runs/?*", lambda route: route.fulfill(status=200, body=""))
    desk.clock.run_for(200)

    with desk.expect_response("**/notices/") as answer:
        desk.clock.run_for(4_000)

    assert answer.value.status == 200
    expect(desk.get_by_label("Campaign")).to_have_value("half a nam")


def test_home_is_live_and_has_no_finding(desk: Page, live_server: LiveServer, collector: User) -> None:
    ledger.answered(ledger.queued(4), "SUCCESS", "FAILED", error=ledger.ACTIVE)
    run = ledger.answered(ledger.queued(4), "SUCCESS", "PENDING", "SKIPPED", "FAILED")
    run.outcomes.update(predicted="enters")
    trends.sum_up()
    ledger.unanswered(ledger.queued(2))
    ledger.rejected(ledger.queued(1, starter=collector), 401, "key_rejected", "Invalid key")
    going = ledger.queued(150)
    desk.clock.install()
    desk.goto(f"{live_server.url}/")
    for details in desk.locator("main summary").all():
        details.click()

    assert findings(desk) == []
    desk.set_viewport_size({"width": 320, "height": 800})
    assert fits(desk)
    ledger.answered(going, "SUCCESS")
    desk.clock.run_for(4_000)

    expect(desk.locator("#under-way")).to_contain_text("100 / 150")


def test_the_list_of_runs_has_no_finding_with_filters_and_views(
    desk: Page, live_server: LiveServer, collector: User
) -> None:
    ledger.answered(ledger.queued(2, starter=collector), "SUCCESS", "FAILED")
    desk.goto(f"{live_server.url}/runs/")
    desk.get_by_label("Results").select_option("either")
    expect(desk).to_have_url(re.compile(r"\?needs=either"))
    desk.get_by_role("link", name="Save these filters as a view").click()
    desk.get_by_label("Name of the view").fill("To act on")
    desk.get_by_label("Open first").check()
    desk.get_by_role("button", name="Save").click()

    expect(desk.get_by_role("link", name="To act on")).to_have_attribute("aria-current", "true")
    expect(desk.get_by_text("The list opens with this view.")).to_be_visible()
    assert findings(desk) == []
    desk.set_viewport_size({"width": 320, "height": 800})
    assert fits(desk)
    desk.get_by_role("link", name="Change or delete").click()
    assert findings(desk) == []


def test_cleared_filters_stay_cleared_where_the_list_opens_with_a_view(
    desk: Page, live_server: LiveServer, collector: User
) -> None:
    ledger.answered(ledger.queued(1, starter=collector), "SUCCESS")
    saved_views.save(user=collector, page="run-list", name="Bad", query="needs=either", opens_first=True)
    desk.goto(f"{live_server.url}/runs/")
    expect(desk).to_have_url(re.compile(r"/runs/\?needs=either$"))
    expect(desk.get_by_text("No run matches these filters.")).to_be_visible()

    desk.get_by_label("Results").select_option("")
    expect(desk.get_by_role("link", name="Save these filters")).to_have_count(0)
    expect(desk.locator("#runs tbody tr")).to_have_count(1)
    desk.reload()

    expect(desk.locator("#runs tbody tr")).to_have_count(1)


def test_without_javascript_the_next_page_shows_it_and_it_can_be_dismissed(
    browser: Browser, live_server: LiveServer, collector: User
) -> None:
    ledger.answered(ledger.queued(1, starter=collector), "SUCCESS")
    page = browser.new_context(java_script_enabled=False).new_page()
    sign_in(page, f"{live_server.url}/runs/")
    expect(page).to_have_title("(1) Runs · Rollcall")

    page.get_by_role("button", name="Dismiss the news").click()

    expect(page).to_have_url(f"{live_server.url}/runs/")
    expect(page).to_have_title("Runs · Rollcall")
    assert Notice.objects.get().seen_at
