"""Verdicts, routing and the short review in Chromium: by mouse, by keyboard, with JavaScript off."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from dashboard.models import Run
from dashboard.sandbox.server import Sandbox
from dashboard.services import selection
from tests.browser.test_journey import findings, fits

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@dataclass(frozen=True)
class Scene:
    """A reminder campaign that leads to a chase, and a pick for it: two past due, one not, one disputed."""

    reminder: str
    chase: str
    late: list[str]
    accounts: list[str]

    @property
    def review(self) -> str:
        return f"/campaigns/{self.reminder}/enroll/review/"


@pytest.fixture
def scene(sandbox: Sandbox, collector: User) -> Scene:
    sandbox.store.clear()
    chase = sandbox.store.add_campaign(name="Early chase", status="active", type="early_stage")["id"]
    reminder = sandbox.store.add_campaign(
        name="Gentle reminder", status="active", type="payment_reminder", next_campaign_id=chase
    )["id"]
    customer = sandbox.store.add_customer(company_name="Thistle Foods")["id"]
    late = [account(sandbox, customer, days=-40) for _ in range(2)]
    others = [account(sandbox, customer, days=2), account(sandbox, customer, days=30, status="disputed")]
    selection.change(selection.of(collector, reminder), add=Counter([*late, *others]))
    return Scene(reminder, chase, late, [*late, *others])


def account(sandbox: Sandbox, customer: str, *, days: int, status: str = "not_assigned") -> str:
    due_on = (sandbox.store.today + timedelta(days=days)).isoformat()
    fields: dict[str, Any] = {"status": status, "campaign_id": None, "due_date": due_on}
    return str(sandbox.store.add_account(**fields, customer_id=customer)["id"])


@pytest.fixture
def plain(browser: Browser, live_server: LiveServer, scene: Scene) -> Iterator[Page]:
    """The collector's page with JavaScript off."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{live_server.url}/sign-in/?next={scene.review}")
    page.locator("input[name=username]").fill("collector")
    page.locator("input[name=password]").fill("collector")
    page.get_by_role("button", name="Sign in").click()
    yield page
    context.close()


def moved(user: User, scene: Scene) -> bool:
    """Exactly those past due are selected for the chase, and the others where they were."""
    into = selection.of(user, scene.chase).accounts.values_list("account_id", flat=True)
    left = selection.of(user, scene.reminder).accounts.values_list("account_id", flat=True)
    return set(into) == set(scene.late) and set(left) == set(scene.accounts) - set(scene.late)


def test_those_past_due_go_to_the_next_campaign_by_one_click(
    desk: Page, live_server: LiveServer, scene: Scene, collector: User
) -> None:
    desk.goto(f"{live_server.url}{scene.review}")
    expect(desk.get_by_role("heading", name="Will be refused 2 invoices")).to_be_visible()

    desk.get_by_role("button", name="Move to Early chase").click()

    expect(desk.locator("main")).to_contain_text("2 invoices were moved. Nothing was sent.")
    assert moved(collector, scene)


def test_the_same_by_keyboard(desk: Page, live_server: LiveServer, scene: Scene, collector: User) -> None:
    desk.goto(f"{live_server.url}{scene.review}")
    button = desk.get_by_role("button", name="Move to Early chase")
    for _ in range(40):
        desk.keyboard.press("Tab")
        if button.evaluate("button => button === document.activeElement"):
            break
    desk.keyboard.press("Enter")

    expect(desk.locator("main")).to_contain_text("2 invoices were moved")
    assert moved(collector, scene)


def test_the_same_without_javascript_and_both_are_confirmed_together(
    plain: Page, scene: Scene, collector: User
) -> None:
    plain.get_by_role("button", name="Move to Early chase").click()
    assert moved(collector, scene)

    plain.get_by_role("button", name="Enroll all that is ticked").click()

    expect(plain.locator("main")).to_contain_text("2 invoices into Early chase")
    assert sorted(Run.objects.values_list("campaign_id", "size")) == sorted(
        [(scene.chase, 2), (scene.reminder, 2)]
    )


def test_a_part_is_split_off_by_verdict(
    desk: Page, live_server: LiveServer, scene: Scene, collector: User
) -> None:
    desk.goto(f"{live_server.url}{scene.review}")
    desk.get_by_role("link", name="Split over several campaigns").click()
    desk.get_by_label("Verdict").select_option("past_due")
    desk.get_by_label("To the campaign").select_option("Early chase")
    desk.get_by_role("button", name="Move", exact=True).click()

    expect(desk.get_by_role("heading", name="All my selections")).to_be_visible()
    assert moved(collector, scene)


def test_names_of_customers_come_once_the_page_stands(
    desk: Page, live_server: LiveServer, scene: Scene
) -> None:
    desk.goto(f"{live_server.url}{scene.review}")

    desk.locator("summary").first.click()

    expect(desk.locator("table").get_by_text("Thistle Foods").first).to_be_visible()


def test_reading_again_goes_on_by_itself_and_shows_the_new_verdicts(
    desk: Page, live_server: LiveServer, scene: Scene, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.services.refreshing.AT_ONCE", 1)
    desk.goto(f"{live_server.url}{scene.review}")
    for account_id in scene.late:
        sandbox.store.accounts[account_id]["status"] = "settled"

    desk.get_by_role("button", name="Read them again").click()

    expect(desk.locator("main")).to_contain_text("Every selected invoice was read again.")
    expect(desk.locator("#group-settled")).to_contain_text("2 invoices")


def test_reading_again_without_javascript(plain: Page, scene: Scene, sandbox: Sandbox) -> None:
    sandbox.store.accounts[scene.late[0]]["status"] = "settled"

    plain.get_by_role("button", name="Read them again").click()

    expect(plain.locator("main")).to_contain_text("Every selected invoice was read again.")
    expect(plain.locator("#group-settled")).to_contain_text("1 invoice")


def test_one_invoice_from_its_row_to_its_run(desk: Page, live_server: LiveServer, scene: Scene) -> None:
    desk.goto(f"{live_server.url}/accounts/")
    desk.locator(f"a[href='/accounts/{scene.late[0]}/#enroll']").click()
    desk.get_by_label("Campaign", exact=True).select_option("Early chase")
    desk.get_by_role("button", name="Check before sending").click()
    expect(desk.locator("main")).to_contain_text("Free invoices may enter")
    desk.get_by_role("button", name="Enroll 1 invoice").click()

    desk.wait_for_url(re.compile(r"/runs/\d+/"))
    assert Run.objects.get().size == 1


def test_one_invoice_without_javascript(plain: Page, live_server: LiveServer, scene: Scene) -> None:
    plain.goto(f"{live_server.url}/accounts/{scene.late[0]}/")
    plain.get_by_label("Campaign", exact=True).select_option("Early chase")
    plain.get_by_role("button", name="Check before sending").click()
    plain.get_by_role("button", name="Enroll 1 invoice").click()

    plain.wait_for_url(re.compile(r"/runs/\d+/"))
    assert Run.objects.get().campaign_id == scene.chase


def test_the_list_of_invoices_narrows_while_typing(
    desk: Page, live_server: LiveServer, scene: Scene, sandbox: Sandbox
) -> None:
    sandbox.store.accounts[scene.late[0]]["invoice_number"] = "NEEDLE-1"
    desk.goto(f"{live_server.url}/accounts/")

    desk.get_by_label("Search").press_sequentially("needle")

    expect(desk.locator("tbody tr")).to_have_count(1)
    expect(desk).to_have_url(re.compile(r"/accounts/\?search=needle"))
    expect(desk.get_by_role("status")).to_have_text("1 invoice found")


@pytest.mark.parametrize("width", [1280, 320])
def test_no_page_has_an_accessibility_finding_or_outgrows_its_window(
    desk: Page, live_server: LiveServer, scene: Scene, collector: User, manager: User, width: int
) -> None:
    for user, campaign_id in ((collector, scene.chase), (manager, scene.reminder)):
        selection.change(selection.of(user, campaign_id), add=Counter(scene.late))
    one = f"/accounts/{scene.late[0]}/"
    addresses = [scene.review, scene.review.replace("review", "move"), "/selections/", "/accounts/",
                 "/accounts/?search=nothing-like-it", one, f"{one}enroll/?campaign_id={scene.chase}"]  # fmt: skip
    desk.set_viewport_size({"width": width, "height": 900})

    wrong = []
    for address in addresses:
        desk.goto(f"{live_server.url}{address}")
        desk.locator("details").evaluate_all("all => all.forEach((one) => (one.open = true))")
        wrong += [f"{address}: {finding}" for finding in findings(desk)]
        wrong += [] if fits(desk) else [f"{address}: wider than {width} px"]

    assert wrong == []
