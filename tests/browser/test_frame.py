"""The frame in Chromium: what htmx and our own script do that no page can show by itself."""

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from dashboard.models import Run
from dashboard.sandbox.server import Sandbox
from tests import ledger

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def campaigns(desk: Page, live_server: LiveServer, sandbox: Sandbox) -> Page:
    """The list of 25 campaigns, of which one is called Needle, ten to a page."""
    sandbox.store.clear()
    sandbox.store.add_campaign(name="Needle", status="DRAFT")
    for _ in range(24):
        sandbox.store.add_campaign(status="ACTIVE")
    desk.goto(f"{live_server.url}/campaigns/?per_page=10")
    return desk


def test_typing_narrows_the_list_tells_how_many_and_keeps_the_focus(campaigns: Page) -> None:
    campaigns.get_by_label("Search").press_sequentially("needle")

    expect(campaigns.locator("tbody tr")).to_have_count(1)
    expect(campaigns).to_have_url(re.compile(r"/campaigns/\?search=needle&per_page=10$"))
    expect(campaigns.get_by_role("status")).to_have_text("1 campaign found")
    expect(campaigns.get_by_label("Search")).to_be_focused()


def test_back_undoes_a_choice_and_shows_a_whole_page(campaigns: Page) -> None:
    campaigns.get_by_label("Status").select_option("draft")
    expect(campaigns.locator("tbody tr")).to_have_count(1)

    campaigns.go_back()

    expect(campaigns.locator("tbody tr")).to_have_count(10)
    expect(campaigns.get_by_label("Status")).to_have_value("")
    expect(campaigns.get_by_role("navigation", name="Main")).to_be_visible()


def test_the_focus_stays_on_the_page_link_and_goes_to_the_heading_when_it_is_gone(campaigns: Page) -> None:
    campaigns.get_by_role("link", name="Next").click()
    expect(campaigns.get_by_role("status")).to_have_text("25 campaigns found, page 2")
    expect(campaigns.get_by_role("link", name="Next")).to_be_focused()

    campaigns.get_by_role("link", name="Next").click()

    expect(campaigns.get_by_role("heading", level=1)).to_be_focused()


def test_a_failure_is_shown_above_the_old_rows_and_leaves_with_the_next_answer(
    campaigns: Page, sandbox: Sandbox
) -> None:
    sandbox.stop()
    campaigns.get_by_label("Status").select_option("draft")

    expect(campaigns.get_by_role("alert")).to_contain_text("The vendor's API cannot be reached")
    expect(campaigns.locator("#campaigns.is-old tbody tr")).to_have_count(10)

    sandbox.start()
    campaigns.get_by_label("Status").select_option("")

    expect(campaigns.get_by_role("alert")).to_be_empty()
    expect(campaigns.locator("#campaigns.is-old")).to_have_count(0)


def test_no_answer_at_all_is_never_silent(campaigns: Page) -> None:
    campaigns.route("**/campaigns/?*", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))

    campaigns.get_by_label("Status").select_option("draft")

    expect(campaigns.get_by_role("alert")).to_contain_text("Rollcall gave no answer")
    expect(campaigns.get_by_role("heading", name="Bad gateway")).to_have_count(0)


def test_a_session_that_ended_leads_to_the_sign_in_and_back_to_the_same_list(campaigns: Page) -> None:
    campaigns.context.clear_cookies()
    campaigns.get_by_label("Status").select_option("draft")

    expect(campaigns.get_by_role("heading", level=1)).to_have_text("Sign in")
    campaigns.get_by_label("Username").fill("collector")
    campaigns.get_by_label("Password").fill("collector")
    campaigns.get_by_role("button", name="Sign in").click()

    expect(campaigns).to_have_url(re.compile(r"/campaigns/\?per_page=10$"))


def test_the_switch_of_colors_is_kept(campaigns: Page) -> None:
    campaigns.get_by_role("button", name="Switch to light").click()
    campaigns.get_by_role("button", name="Switch to dark").click()

    expect(campaigns.locator("html")).to_have_attribute("data-scheme", "dark")
    assert campaigns.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_polling_outlives_a_lost_connection_and_says_since_when(
    desk: Page, live_server: LiveServer, collector: User
) -> None:
    run = Run.objects.create(
        campaign_id="c", campaign_name="c", starter=collector, size=3, state=Run.State.RUNNING
    )
    desk.clock.install()
    desk.route("**/progress/**", lambda route: route.fulfill(status=500, body=""))
    desk.goto(f"{live_server.url}{run.get_absolute_url()}")
    desk.clock.run_for(6_000)

    expect(desk.get_by_role("alert")).to_contain_text(
        re.compile(r"Connection lost, last update \d\d:\d\d:\d\d")
    )

    desk.unroute("**/progress/**")
    desk.clock.run_for(60_000)

    expect(desk.get_by_role("alert")).to_be_empty()


def test_polling_neither_clears_nor_covers_what_is_told_of_an_action(
    desk: Page, live_server: LiveServer, collector: User
) -> None:
    run = ledger.queued(3, starter=collector)
    desk.clock.install()
    desk.goto(f"{live_server.url}{run.get_absolute_url()}")
    desk.route("**/runs/*/?*", lambda route: route.fulfill(status=502, body=""))
    desk.get_by_label("Outcome").select_option("failed")
    expect(desk.get_by_role("alert")).to_contain_text("Rollcall gave no answer")

    with desk.expect_response("**/progress/**"):
        desk.clock.run_for(6_000)
    expect(desk.get_by_role("alert")).to_contain_text("Rollcall gave no answer")
    desk.route("**/progress/**", lambda route: route.fulfill(status=500, body=""))
    with desk.expect_response("**/progress/**"):
        desk.clock.run_for(6_000)
    expect(desk.get_by_role("alert")).to_contain_text("Rollcall gave no answer")

    desk.unroute("**/runs/*/?*")
    desk.get_by_label("Outcome").select_option("")
    expect(desk.get_by_role("alert")).to_be_empty()
