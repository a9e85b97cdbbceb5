"""The result page in Chromium: walking, filtering and sorting a run's invoices, live and without JavaScript."""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from dashboard.models import Outcome, Run
from tests import ledger
from tests.browser.test_journey import findings, fits

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SAID = [
    ("SUCCESS", ""),
    ("FAILED", ledger.ACTIVE),
    ("SKIPPED", ""),
    ("PENDING", ""),
    ("ODD", ""),
    ("FAILED", "No."),
]


@pytest.fixture
def run(desk: Page, live_server: LiveServer) -> Run:
    """Three hundred invoices: a hundred answered, a hundred unknown, a hundred waiting; the page shows them."""
    run = ledger.unanswered(ledger.told(ledger.queued(300), *SAID), given_up=False)
    Run.objects.filter(pk=run.pk).update(state="paused", pause="person")
    run.refresh_from_db()
    desk.goto(f"{live_server.url}{run.get_absolute_url()}")
    return run


def first_row(page: Page) -> str:
    return page.locator("#results tbody tr").first.locator("a").first.inner_text()


def test_next_previous_and_back_lead_through_the_list(desk: Page, run: Run) -> None:
    desk.get_by_role("link", name="Next").click()
    expect(desk).to_have_url(re.compile("after=20"))
    expect(desk.locator("#results tbody tr").first).to_contain_text("INV-21")
    desk.get_by_role("link", name="Next").click()
    expect(desk.locator("#results tbody tr").first).to_contain_text("INV-41")
    desk.get_by_role("link", name="Previous").click()
    expect(desk.locator("#results tbody tr").first).to_contain_text("INV-21")

    desk.go_back()
    expect(desk.locator("#results tbody tr").first).to_contain_text("INV-41")
    desk.go_back()
    desk.go_back()
    expect(desk.get_by_role("link", name="Previous")).to_have_count(0)
    assert first_row(desk) == "INV-1"


def test_back_twice_shows_the_page_of_the_address_whichever_answer_comes_last(desk: Page, run: Run) -> None:
    for first in ("INV-21", "INV-41"):
        desk.get_by_role("link", name="Next").click()
        expect(desk.locator("#results tbody tr").first).to_contain_text(first)
    held: list[Route] = []
    desk.route(re.compile("after=20"), lambda route: held.append(route))

    with desk.expect_request(re.compile("after=20")):
        desk.go_back(wait_until="commit")
    desk.go_back(wait_until="commit")
    expect(desk.get_by_role("link", name="Previous")).to_have_count(0)
    for late in held:
        late.continue_()

    desk.wait_for_load_state("networkidle")
    assert first_row(desk) == "INV-1"


@pytest.mark.parametrize("fails", [lambda it: it.abort(), lambda it: it.fulfill(status=503, body="no")])
def test_back_loads_the_page_as_a_whole_where_its_content_does_not_come(
    desk: Page, run: Run, fails: Callable[[Route], None]
) -> None:
    desk.get_by_role("link", name="Next").click()
    expect(desk.locator("#results tbody tr").first).to_contain_text("INV-21")
    desk.route("**", fails, times=1)

    desk.go_back(wait_until="commit")

    expect(desk.get_by_role("link", name="Previous")).to_have_count(0)
    assert first_row(desk) == "INV-1"


def test_filters_search_and_order_are_in_the_address(desk: Page, run: Run) -> None:
    desk.get_by_label("Outcome", exact=True).select_option("failed")
    expect(desk).to_have_url(re.compile("outcome=failed"))
    desk.get_by_label("Search").fill("inv-9")
    expect(desk).to_have_url(re.compile("search=inv-9"))
    expect(desk.locator("#results")).not_to_contain_text("INV-81")
    desk.get_by_role("link", name="No.").click()
    expect(desk).to_have_url(re.compile("sort=-picked"))
    expect(desk.locator("th[aria-sort=descending]")).to_contain_text("No.")
    rows = desk.locator("#results tbody tr")
    shown = [rows.nth(each).locator("a").first.inner_text() for each in range(rows.count())]

    desk.reload()

    assert [rows.nth(each).locator("a").first.inner_text() for each in range(rows.count())] == shown
    assert shown == sorted(shown, key=lambda name: -int(name.removeprefix("INV-")))


def test_a_group_leads_to_its_invoices(desk: Page, run: Run) -> None:
    desk.locator("li", has_text="Already active in a campaign").get_by_role("link", name="Show these").click()

    expect(desk).to_have_url(re.compile("outcome=failed&reason=active_execution"))
    expect(desk.locator("#results .table-foot:not(.picks)")).to_contain_text("17 invoices")


@pytest.mark.parametrize("width", [1280, 320])
def test_nothing_hinders_anybody_and_nothing_sticks_out(desk: Page, run: Run, width: int) -> None:
    Outcome.objects.filter(state="failed").update(error="Word" * 120)
    desk.set_viewport_size({"width": width, "height": 800})
    desk.reload()

    assert findings(desk) == []
    assert fits(desk)


def test_what_it_came_to_is_loaded_again_and_ticks_stay_at_the_end(desk: Page, run: Run) -> None:
    desk.get_by_label("Select INV-3", exact=True).check()
    Outcome.objects.filter(account_id=ledger.account_id(1)).update(invoice_number="CHANGED")
    ledger_run = Run.objects.get(pk=run.pk)
    ledger_run.tally = {**ledger_run.tally, "failed/past_due/enters/": [7, "0", 7]}
    ledger_run.save(update_fields=["tally"])

    desk.evaluate("htmx.trigger(document.body, 'run-over')")

    expect(desk.locator("#summary")).to_contain_text("Past its due date")
    expect(desk.get_by_label("Select INV-3", exact=True)).to_be_checked()
    assert first_row(desk) == "INV-1"
    desk.get_by_label("Select INV-3", exact=True).uncheck()
    desk.evaluate("htmx.trigger(document.body, 'run-over')")
    expect(desk.locator("#results tbody tr").first).to_contain_text("CHANGED")


def test_the_list_is_walked_and_sorted_without_javascript(
    browser: Browser, live_server: LiveServer, collector: User
) -> None:
    run = ledger.answered(ledger.queued(60), "SUCCESS", "FAILED", error=ledger.ACTIVE)
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{live_server.url}{run.get_absolute_url()}")
    page.locator("input[name=username]").fill("collector")
    page.locator("input[name=password]").fill("collector")
    page.get_by_role("button", name="Sign in").click()

    page.get_by_role("link", name="Next").click()
    assert first_row(page) == "INV-21"
    page.get_by_role("link", name="Outstanding").click()
    assert "sort=amount" in page.url
    page.get_by_label("Outcome", exact=True).select_option("failed")
    page.get_by_role("button", name="Filter").click()
    assert first_row(page) == "INV-2"
    page.go_back()
    assert first_row(page) == "INV-1"
