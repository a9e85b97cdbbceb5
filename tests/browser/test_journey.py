"""From sign-in to results in Chromium, with JavaScript on and off, and without any accessibility finding on the way."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from dashboard.engine.local import Engine
from dashboard.models import Run
from dashboard.sandbox.server import Sandbox
from tests.browser.conftest import refreshed_until, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {"target-size": {"enabled": True}},
}


def findings(page: Page) -> list[str]:
    """What axe finds on the page as it is, in both schemes."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        expect(page.locator(".htmx-request")).to_have_count(0)
        results = Axe().run(page, options=RULES)
        if results.violations_count:
            found.append(f"{scheme}: {results.generate_report()}")
    return found


def fits(page: Page) -> bool:
    """Nothing makes the page wider than its window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def test_a_collector_enrolls_two_invoices_and_reads_what_came_of_them(
    desk: Page, live_server: LiveServer, sandbox: Sandbox, engine: Engine
) -> None:
    campaign = sandbox.store.add_campaign(status="active", type="early_stage", name="Early chase")
    for _ in range(2):
        sandbox.store.add_account(status="not_assigned", campaign_id=None)

    desk.goto(f"{live_server.url}/campaigns/")
    desk.get_by_label("Search").fill("early chase")
    expect(desk).to_have_url(re.compile("search=early"))
    desk.get_by_role("link", name="Early chase").click()
    desk.get_by_role("link", name=re.compile("Enroll")).first.click()
    boxes = desk.locator("tbody input[name=account_ids]:not(:disabled)")
    boxes.nth(0).check()
    boxes.nth(1).check()
    expect(desk.locator("#selection")).to_contain_text("2")
    desk.get_by_role("button", name=re.compile("Review|Check")).first.click()
    desk.get_by_role("button", name=re.compile("^Enroll 2 invoices")).click()

    desk.wait_for_url(re.compile(r"/runs/\d+/"))
    expect(desk.locator("main")).to_contain_text("Finished")
    expect(desk.locator("#calls tbody tr")).to_have_count(1)
    expect(desk.locator("#calls")).not_to_contain_text("No call has been made yet")
    run = Run.objects.get()
    assert (run.campaign_id, run.size, run.enrolled + run.failed) == (campaign["id"], 2, 2)


def test_the_same_without_javascript(
    browser: Browser, live_server: LiveServer, sandbox: Sandbox, engine: Engine, collector: User
) -> None:
    sandbox.store.add_campaign(status="active", type="early_stage", name="Early chase")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, f"{live_server.url}/campaigns/?search=early")

    page.get_by_role("link", name="Early chase").click()
    page.get_by_role("link", name=re.compile("Enroll")).first.click()
    page.locator("tbody input[name=account_ids]:not(:disabled)").first.check()
    page.get_by_role("button", name=re.compile("Review|Check")).first.click()
    page.get_by_role("button", name=re.compile("^Enroll 1 invoice")).click()
    page.wait_for_url(re.compile(r"/runs/\d+/"))

    refreshed_until(page, "Finished")
    assert Run.objects.get().size == 1
    context.close()


def test_back_shows_the_whole_page_with_the_filter_before(
    desk: Page, live_server: LiveServer, sandbox: Sandbox
) -> None:
    desk.goto(f"{live_server.url}/campaigns/")
    desk.get_by_label("Status").select_option("active")
    expect(desk).to_have_url(re.compile("status=active"))
    desk.get_by_label("Status").select_option("draft")
    expect(desk).to_have_url(re.compile("status=draft"))

    desk.go_back()

    expect(desk).to_have_url(re.compile("status=active"))
    expect(desk.get_by_role("navigation", name="Main")).to_be_visible()
    expect(desk.get_by_label("Status")).to_have_value("active")


@pytest.mark.parametrize("width", [1280, 320])
def test_no_page_has_an_accessibility_finding_or_outgrows_its_window(
    desk: Page, live_server: LiveServer, sandbox: Sandbox, engine: Engine, width: int
) -> None:
    campaign = sandbox.store.add_campaign(status="active", type="early_stage", name="Early chase")
    account = sandbox.store.add_account(status="not_assigned", campaign_id=None)
    here = f"/campaigns/{campaign['id']}/"
    addresses = ["/", "/campaigns/", "/campaigns/?search=nothing-like-it", here, f"{here}enroll/", f"{here}enroll/review/",
                 f"/accounts/{account['id']}/", "/runs/", "/runs/999/"]  # fmt: skip
    desk.set_viewport_size({"width": width, "height": 900})

    wrong = []
    for address in addresses:
        desk.goto(f"{live_server.url}{address}")
        wrong += [f"{address}: {finding}" for finding in findings(desk)]
        wrong += [] if fits(desk) else [f"{address}: wider than {width} px"]

    assert wrong == []


def test_an_unreachable_vendor_is_said_in_the_alert_box_and_the_page_stays(
    desk: Page, live_server: LiveServer, sandbox: Sandbox
) -> None:
    desk.goto(f"{live_server.url}/campaigns/")
    sandbox.stop()

    desk.get_by_label("Status").select_option("active")

    expect(desk.get_by_role("alert")).to_contain_text("cannot be reached")
    expect(desk.get_by_role("table")).to_be_visible()
