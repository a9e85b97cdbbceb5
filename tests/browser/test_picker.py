"""Picking in Chromium: every way to select and to take back, by mouse, by keyboard, and with JavaScript off."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from dashboard.models import SelectedAccount
from dashboard.sandbox.server import Sandbox
from tests.browser.test_bring import WAYS, Act

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def picker(sandbox: Sandbox, live_server: LiveServer) -> str:
    """The address of the picker for an open campaign, over the sandbox's 60 invoices."""
    campaign = sandbox.store.add_campaign(status="active", type="early_stage")
    return f"{live_server.url}/campaigns/{campaign['id']}/enroll/"


@pytest.fixture
def plain(browser: Browser, picker: str, collector: User) -> Iterator[Page]:
    """The collector's picker with JavaScript off."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(picker)
    page.locator("input[name=username]").fill("collector")
    page.locator("input[name=password]").fill("collector")
    page.get_by_role("button", name="Sign in").click()
    yield page
    context.close()


def says(page: Page, text: str) -> None:
    """The selection bar says this."""
    expect(page.locator("#selection")).to_contain_text(text)


def selected() -> int:
    return SelectedAccount.objects.count()


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_the_header_box_means_this_page(desk: Page, picker: str, way: str) -> None:
    desk.goto(picker)
    header = desk.get_by_label("Select all on this page")
    toggle = header.click if way == "mouse" else lambda: header.press("Space")

    toggle()
    says(desk, "20 selected")
    desk.get_by_role("button", name="Next").click()
    says(desk, "20 selected, 20 not on this page")
    expect(desk.get_by_label("Select all on this page")).not_to_be_checked()
    toggle()
    says(desk, "40 selected, 20 not on this page")
    toggle()
    says(desk, "20 selected, 20 not on this page")


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_one_is_taken_in_and_out_and_the_focus_stays(desk: Page, picker: str, way: str) -> None:
    desk.goto(picker)
    box = desk.locator("#ticks tbody input").nth(3)
    toggle = box.click if way == "mouse" else lambda: box.press("Space")

    toggle()
    says(desk, "1 selected")
    expect(box).to_be_focused()
    toggle()
    says(desk, "0 selected")
    assert selected() == 0


@WAYS
def test_this_page_is_selected_and_cleared_by_buttons_after_a_swap(desk: Page, picker: str, act: Act) -> None:
    desk.goto(picker)
    act(desk.get_by_role("button", name="Next"))
    expect(desk).to_have_url(re.compile("page=2"))

    expect(desk.get_by_role("button", name="Add and stay")).to_be_hidden()
    act(desk.get_by_role("button", name="Select this page"))
    says(desk, "20 selected")
    act(desk.get_by_role("button", name="Clear this page"))
    says(desk, "0 selected")


@WAYS
def test_the_selected_ones_are_viewed_alone_and_taken_out_there(desk: Page, picker: str, act: Act) -> None:
    desk.goto(picker)
    for place in (0, 1):
        desk.locator("#ticks tbody input").nth(place).check()
        says(desk, f"{place + 1} selected")
    desk.reload()

    act(desk.get_by_role("button", name="View selected"))
    expect(desk.locator("tbody tr")).to_have_count(2)
    desk.locator("#ticks tbody input").first.press("Space")
    says(desk, "1 selected")
    act(desk.get_by_role("button", name="Show all invoices"))

    says(desk, "1 selected")
    expect(desk.locator("#ticks tbody input:checked")).to_have_count(1)


@WAYS
def test_all_is_cleared_after_a_question(desk: Page, picker: str, act: Act) -> None:
    desk.goto(picker)
    act(desk.get_by_role("button", name="Select this page"))
    says(desk, "20 selected")

    act(desk.get_by_role("button", name="Clear selection"))
    expect(desk.get_by_role("heading", name="Clear the selection?")).to_be_visible()
    assert selected() == 20
    act(desk.get_by_role("button", name="Clear selection"))

    expect(desk.locator("main")).to_contain_text("20 invoices were taken out. Nothing is selected.")
    assert selected() == 0


def test_what_is_ticked_outlives_a_filter_and_a_reload(desk: Page, picker: str) -> None:
    desk.goto(picker)
    desk.locator("#ticks tbody input").first.check()
    says(desk, "1 selected")

    desk.get_by_label("Search").fill("nothing-like-it")
    says(desk, "1 selected, 1 not on this page")
    desk.goto(picker)

    expect(desk.locator("#ticks tbody input").first).to_be_checked()


@WAYS
def test_pasted_ids_are_added(desk: Page, picker: str, sandbox: Sandbox, act: Act) -> None:
    ids = list(sandbox.store.accounts)[:2]
    desk.goto(picker)

    desk.get_by_role("textbox", name="Account ids").fill("; ".join(ids))
    act(desk.get_by_role("button", name="Add and review"))

    desk.wait_for_url(re.compile("/review/"))
    assert selected() == 2


def test_a_tick_does_not_take_what_is_pasted_and_not_sent(desk: Page, picker: str, sandbox: Sandbox) -> None:
    desk.goto(picker)
    desk.get_by_role("button", name="Next").click()
    expect(desk).to_have_url(re.compile("page=2"))
    desk.get_by_role("textbox", name="Account ids").fill(list(sandbox.store.accounts)[-1])

    desk.locator("#ticks tbody input").first.check()

    says(desk, "1 selected")
    assert selected() == 1


def test_cancelling_keeps_the_filter_and_the_list(desk: Page, picker: str) -> None:
    desk.goto(picker)
    desk.get_by_role("button", name="Select all 60 matching").click()
    desk.get_by_label("Search").fill("INV")
    expect(desk).to_have_url(re.compile("search=INV"))

    desk.get_by_role("button", name="Cancel").click()
    expect(desk.locator("#gathering")).to_contain_text("Cancelled. Nothing was added.")
    desk.get_by_role("button", name="Hide this").press("Enter")

    expect(desk.locator("#gathering")).to_have_count(0)
    expect(desk).to_have_url(re.compile("search=INV"))
    expect(desk.get_by_label("Search")).to_have_value("INV")


def test_two_tabs_agree_without_undoing_each_other(desk: Page, context: BrowserContext, picker: str) -> None:
    desk.goto(picker)
    other = context.new_page()
    other.goto(picker)

    other.locator("#ticks tbody input").nth(0).check()
    says(other, "1 selected")
    desk.locator("#ticks tbody input").nth(1).check()

    says(desk, "2 selected")
    assert selected() == 2


def test_everything_without_javascript(plain: Page, picker: str, sandbox: Sandbox) -> None:
    plain.locator("#ticks tbody input").first.check()
    plain.get_by_role("button", name="Add and stay").click()
    says(plain, "1 selected")
    plain.get_by_role("button", name="Select this page").click()
    says(plain, "20 selected")
    plain.get_by_role("button", name="Next").click()
    says(plain, "20 selected, 20 not on this page")
    plain.get_by_role("button", name="Select this page").click()
    plain.get_by_role("button", name="Clear this page").click()
    says(plain, "20 selected, 20 not on this page")
    plain.get_by_role("button", name="View selected").click()
    plain.locator("#ticks tbody input").first.uncheck()
    plain.get_by_role("button", name="Add and stay").click()
    says(plain, "19 selected")
    plain.get_by_role("textbox", name="Account ids").fill(list(sandbox.store.accounts)[-1])
    plain.get_by_role("button", name="Add and review").click()
    expect(plain.locator("main")).to_contain_text("20 invoices")
    plain.goto(picker)
    plain.get_by_role("button", name="Clear selection").click()
    plain.get_by_role("button", name="Clear selection").click()

    assert selected() == 0


def test_filtering_without_javascript_keeps_the_ticks(plain: Page, picker: str) -> None:
    plain.locator("#ticks tbody input").first.check()
    plain.get_by_label("Search").fill("nothing-like-it")
    plain.get_by_label("Search").press("Enter")
    expect(plain).to_have_url(re.compile("search=nothing-like-it"))
    says(plain, "1 selected, 1 not on this page")

    plain.get_by_role("button", name="Clear", exact=True).click()
    expect(plain).to_have_url(picker)
    plain.locator("#ticks tbody input").nth(1).check()
    plain.get_by_role("button", name="View selected").click()
    expect(plain.locator("tbody tr")).to_have_count(2)
    plain.locator("#ticks tbody input").first.uncheck()
    plain.get_by_role("button", name="Show all invoices").click()

    says(plain, "1 selected")
    assert selected() == 1


@dataclass
class Held:
    """Answers to what saves ticks, held back until a test lets them go on."""

    page: Page
    routes: list[Route] = field(default_factory=list)
    is_open: bool = False

    def __call__(self, route: Route) -> None:
        if self.is_open or route.request.method != "POST":
            route.fallback()
        else:
            self.routes.append(route)

    def let_go(self) -> None:
        route = self.next()
        self.is_open = True
        route.continue_()

    def fail(self) -> None:
        self.next().fulfill(status=503)

    def next(self) -> Route:
        for _ in range(1000):
            if self.routes:
                return self.routes.pop()
            self.page.evaluate("new Promise(requestAnimationFrame)")
        raise AssertionError("nothing was sent")


@pytest.fixture
def held(desk: Page) -> Held:
    held = Held(desk)
    desk.route(re.compile("/enroll/"), held)
    return held


@WAYS
def test_a_tick_that_waits_for_its_turn_outlives_a_turned_page(
    desk: Page, picker: str, held: Held, act: Act
) -> None:
    desk.goto(picker)
    boxes = desk.locator("#ticks tbody input")
    boxes.nth(0).check()
    boxes.nth(1).check()
    act(desk.get_by_role("button", name="Next"))

    held.let_go()

    expect(desk).to_have_url(re.compile("page=2"))
    says(desk, "2 selected, 2 not on this page")


def test_a_list_that_was_asked_for_before_a_tick_does_not_take_it_away(desk: Page, picker: str) -> None:
    desk.goto(picker)
    asked: list[Route] = []
    desk.route(re.compile("search=INV"), lambda route: route.fallback() if asked else asked.append(route))
    desk.get_by_label("Search").fill("INV")
    while not asked:
        desk.evaluate("new Promise(requestAnimationFrame)")
    answer = asked[0].fetch()
    box = desk.locator("#ticks tbody input").first
    box.check()
    account_id = box.input_value()

    asked[0].fulfill(response=answer)

    expect(desk).to_have_url(re.compile("search=INV"))
    says(desk, "1 selected")
    expect(desk.locator(f"#ticks input[value='{account_id}']")).to_be_checked()


def test_a_tick_that_was_not_saved_is_saved_before_the_page_is_turned(
    desk: Page, picker: str, held: Held
) -> None:
    desk.goto(picker)
    alert, turn = desk.get_by_role("alert"), desk.get_by_role("button", name="Next")
    desk.locator("#ticks tbody input").first.check()
    held.fail()
    expect(alert).to_contain_text("Rollcall gave no answer")
    turn.click()
    held.fail()
    expect(desk.locator("#ticks tbody input").first).to_be_checked()

    turn.click()
    held.let_go()

    expect(desk).to_have_url(re.compile("page=2"))
    says(desk, "1 selected, 1 not on this page")


def test_a_tick_that_failed_stays_told_when_the_list_is_read_again_by_itself(
    desk: Page, picker: str, held: Held
) -> None:
    desk.goto(picker)
    asked: list[Route] = []
    desk.route(
        picker, lambda route: asked.append(route) if route.request.method == "GET" else route.fallback()
    )
    alert = desk.get_by_role("alert")
    desk.evaluate("htmx.trigger(document.body, 'returned')")
    desk.locator("#ticks tbody input").first.check()
    held.fail()
    expect(alert).to_contain_text("Rollcall gave no answer")

    asked.pop().continue_()
    again = held.next()  # that list came: the tick is saved before it is asked for anew

    assert "Rollcall gave no answer" in alert.inner_text()
    desk.unroute(picker)
    again.continue_()
    says(desk, "1 selected")
    expect(alert).to_be_empty()


def test_cancelling_without_javascript_keeps_the_filter(plain: Page, picker: str) -> None:
    plain.goto(f"{picker}?search=INV")
    plain.get_by_role("button", name=re.compile("^Select all .* matching")).click()

    plain.get_by_role("button", name="Cancel").click()
    expect(plain).to_have_url(f"{picker}?search=INV")
    plain.get_by_role("button", name="Hide this").click()

    expect(plain).to_have_url(f"{picker}?search=INV")
    expect(plain.locator("#gathering")).to_have_count(0)
