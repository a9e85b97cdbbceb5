"""Verdicts, routing and confirming in Chromium: by mouse, by keyboard, with JavaScript off."""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from dashboard.engine.local import Engine
from dashboard.models import Run
from dashboard.sandbox.server import Sandbox
from dashboard.services import selection
from tests.browser.test_bring import WAYS, Act, refreshed_until
from tests.browser.test_journey import findings, fits
from tests.drive import working

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
def plain(plain: Page, live_server: LiveServer, scene: Scene) -> Page:
    """On the review."""
    plain.goto(f"{live_server.url}{scene.review}")
    return plain


def moved(user: User, scene: Scene) -> bool:
    """Exactly those past due are selected for the chase, and the others where they were."""
    into = selection.of(user, scene.chase).accounts.values_list("account_id", flat=True)
    left = selection.of(user, scene.reminder).accounts.values_list("account_id", flat=True)
    return set(into) == set(scene.late) and set(left) == set(scene.accounts) - set(scene.late)


@WAYS
def test_those_past_due_go_to_the_next_campaign_at_once(
    desk: Page, live_server: LiveServer, scene: Scene, collector: User, act: Act
) -> None:
    desk.goto(f"{live_server.url}{scene.review}")
    expect(desk.get_by_role("heading", name="Will be refused 2 invoices")).to_be_visible()

    act(desk.get_by_role("button", name="Move to Early chase"))

    expect(desk.locator("main")).to_contain_text("2 invoices were moved. Nothing was sent.")
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


def split_off(page: Page, act: Act) -> None:
    act(page.get_by_role("link", name="Split over several campaigns"))
    page.get_by_label("Verdict").select_option("past_due")
    page.get_by_label("To the campaign").select_option("Early chase")
    act(page.get_by_role("button", name="Move", exact=True))

    expect(page.get_by_role("heading", name="All my selections")).to_be_visible()


@WAYS
def test_a_part_is_split_off_by_verdict(
    desk: Page, live_server: LiveServer, scene: Scene, collector: User, act: Act
) -> None:
    desk.goto(f"{live_server.url}{scene.review}")

    split_off(desk, act)

    assert moved(collector, scene)


def test_a_part_is_split_off_without_javascript(plain: Page, scene: Scene, collector: User) -> None:
    split_off(plain, Locator.click)

    assert moved(collector, scene)


def test_names_of_customers_come_once_the_page_stands(
    desk: Page, live_server: LiveServer, scene: Scene
) -> None:
    desk.goto(f"{live_server.url}{scene.review}")

    desk.locator("summary").first.click()

    expect(desk.locator("table").get_by_text("Thistle Foods").first).to_be_visible()


@WAYS
def test_reading_again_shows_the_new_verdicts(
    desk: Page, live_server: LiveServer, engine: Engine, scene: Scene, sandbox: Sandbox, act: Act
) -> None:
    desk.goto(f"{live_server.url}{scene.review}")
    for account_id in scene.late:
        sandbox.store.accounts[account_id]["status"] = "settled"

    act(desk.get_by_role("button", name="Read them again"))

    expect(desk.locator("#refreshing")).to_contain_text("4 invoices read again")
    expect(desk.locator("#group-settled")).to_contain_text("2 invoices")
    act(desk.get_by_role("button", name="Hide this"))
    expect(desk.locator("#refreshing")).to_have_count(0)


def test_reading_again_without_javascript(
    plain: Page, engine: Engine, scene: Scene, sandbox: Sandbox
) -> None:
    sandbox.store.accounts[scene.late[0]]["status"] = "settled"

    plain.get_by_role("button", name="Read them again").click()
    refreshed_until(plain, "read again,")

    expect(plain.locator("#group-settled")).to_contain_text("1 invoice")


def test_while_it_is_read_again_nothing_is_sent_until_it_is_stopped(
    desk: Page, live_server: LiveServer, scene: Scene
) -> None:
    desk.goto(f"{live_server.url}{scene.review}")
    desk.get_by_role("button", name="Read them again").click()
    expect(desk.get_by_role("button", name=re.compile("^Enroll"))).to_have_count(0)

    desk.get_by_role("button", name="Stop reading").click()

    expect(desk.locator("#refreshing")).to_contain_text("0 of 4 were read again and are kept.")
    expect(desk.get_by_role("button", name="Enroll 4 invoices")).to_be_visible()


@WAYS
def test_those_with_one_verdict_are_left_out(
    desk: Page, live_server: LiveServer, scene: Scene, collector: User, act: Act
) -> None:
    desk.goto(f"{live_server.url}{scene.review}")

    act(desk.get_by_role("button", name="Leave all 2 out"))

    expect(desk.locator("main")).to_contain_text("2 invoices were left out.")
    left = selection.of(collector, scene.reminder).accounts.values_list("account_id", flat=True)
    assert set(left) == set(scene.accounts) - set(scene.late)


@WAYS
def test_one_is_removed_by_its_button(
    desk: Page, live_server: LiveServer, scene: Scene, collector: User, act: Act
) -> None:
    desk.goto(f"{live_server.url}{scene.review}")
    desk.locator("summary").first.click()

    act(desk.get_by_role("button", name=re.compile("^Remove ")).first)

    expect(desk.locator("main")).to_contain_text("1 invoice was left out.")
    assert selection.of(collector, scene.reminder).accounts.count() == 3


def test_leaving_out_without_javascript(plain: Page, scene: Scene, collector: User) -> None:
    plain.get_by_role("button", name="Leave all 2 out").click()
    plain.locator("summary").first.click()
    plain.get_by_role("button", name=re.compile("^Remove ")).first.click()

    assert selection.of(collector, scene.reminder).accounts.count() == 1


@WAYS
def test_a_large_run_is_confirmed_by_typing_its_number(
    desk: Page, live_server: LiveServer, scene: Scene, settings: Settings, act: Act
) -> None:
    settings.LARGE_RUN = 3
    desk.goto(f"{live_server.url}{scene.review}")
    confirm = desk.get_by_role("button", name="Enroll 4 invoices")
    act(confirm)
    expect(desk.locator("main")).to_contain_text("Type the number of invoices to confirm a run this large.")
    assert not Run.objects.exists()

    desk.get_by_label("To confirm, type the number of invoices").press_sequentially("4")
    act(confirm)

    desk.wait_for_url(re.compile(r"/runs/\d+/"))
    assert Run.objects.get().size == 4


def test_a_large_run_without_javascript(
    plain: Page, live_server: LiveServer, scene: Scene, settings: Settings
) -> None:
    settings.LARGE_RUN = 3
    plain.goto(f"{live_server.url}{scene.review}")

    plain.get_by_label("To confirm, type the number of invoices").fill("4")
    plain.get_by_role("button", name="Enroll 4 invoices").click()

    plain.wait_for_url(re.compile(r"/runs/\d+/"))
    assert Run.objects.get().size == 4


@WAYS
def test_a_campaign_that_changed_is_shown_before_it_is_sent(
    desk: Page, live_server: LiveServer, scene: Scene, sandbox: Sandbox, act: Act
) -> None:
    desk.goto(f"{live_server.url}{scene.review}")
    sandbox.store.campaigns[scene.reminder]["type"] = "first_party"

    act(desk.get_by_role("button", name="Enroll 4 invoices"))

    expect(desk.locator("main")).to_contain_text("The campaign has changed since you read this page.")
    assert not Run.objects.exists()


def test_a_campaign_that_changed_without_javascript(plain: Page, scene: Scene, sandbox: Sandbox) -> None:
    sandbox.store.campaigns[scene.reminder]["type"] = "first_party"

    plain.get_by_role("button", name="Enroll 4 invoices").click()

    expect(plain.locator("main")).to_contain_text("The campaign has changed since you read this page.")
    assert not Run.objects.exists()


def sent_while_it_changed(page: Page, scene: Scene, sandbox: Sandbox, act: Act) -> None:
    act(page.get_by_role("button", name="Enroll 4 invoices"))
    page.wait_for_url(re.compile(r"/runs/\d+/"))
    sandbox.store.campaigns[scene.reminder]["status"] = "paused"

    with working():
        expect(page.locator("main")).to_contain_text("Finished")
    page.reload()

    expect(page.locator("main")).to_contain_text("Its status was “Active” and is “Paused” now.")


@WAYS
def test_a_verdict_that_changed_until_the_run_started_is_shown_on_its_page(
    desk: Page, live_server: LiveServer, scene: Scene, sandbox: Sandbox, act: Act
) -> None:
    desk.goto(f"{live_server.url}{scene.review}")

    sent_while_it_changed(desk, scene, sandbox, act)


def test_a_changed_verdict_is_shown_without_javascript(plain: Page, scene: Scene, sandbox: Sandbox) -> None:
    sent_while_it_changed(plain, scene, sandbox, Locator.click)


@WAYS
def test_several_selections_are_sent_together(
    desk: Page, live_server: LiveServer, scene: Scene, collector: User, act: Act
) -> None:
    selection.change(selection.of(collector, scene.chase), add=Counter(scene.late))
    desk.goto(f"{live_server.url}/selections/")

    act(desk.get_by_role("button", name="Enroll all that is ticked"))

    desk.wait_for_url(re.compile(r"/runs/"))
    assert sorted(Run.objects.values_list("campaign_id", "size")) == sorted(
        [(scene.chase, 2), (scene.reminder, 4)]
    )


@WAYS
def test_one_invoice_from_its_row_to_its_run(
    desk: Page, live_server: LiveServer, scene: Scene, act: Act
) -> None:
    desk.goto(f"{live_server.url}/accounts/")
    act(desk.locator(f"a[href='/accounts/{scene.late[0]}/#enroll']"))
    desk.get_by_label("Campaign", exact=True).select_option("Early chase")
    act(desk.get_by_role("button", name="Check before sending"))
    expect(desk.locator("main")).to_contain_text("Free invoices may enter")
    act(desk.get_by_role("button", name="Enroll 1 invoice"))

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
    desk.goto(f"{live_server.url}{scene.review}")
    desk.get_by_role("button", name="Read them again").click()
    expect(desk.locator("#refreshing")).to_be_visible()
    wrong += [f"reading again: {finding}" for finding in findings(desk)]
    wrong += [] if fits(desk) else [f"reading again: wider than {width} px"]

    assert wrong == []
