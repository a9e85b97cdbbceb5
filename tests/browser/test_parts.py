"""Acting on a part of a run, and the waiting list, in Chromium: by mouse, by keyboard, with JavaScript off."""

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from dashboard.models import ParkedAccount
from dashboard.sandbox.server import Sandbox
from dashboard.services import vendor, waiting
from dashboard.services.parts import Part
from tests.browser.test_journey import findings, fits
from tests.every_fate import EveryFate

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
BUSY, OTHER, PAST_DUE = (("failed", reason) for reason in ("active_execution", "other", "past_due"))
REVIEW = re.compile("/enroll/review/$")


@pytest.fixture
def scene(sandbox: Sandbox, collector: User) -> EveryFate:
    sandbox.store.clear()
    return EveryFate(sandbox)


@pytest.fixture
def parked(scene: EveryFate, collector: User) -> EveryFate:
    """Two on the waiting list, the first of them free."""
    waiting.park(collector, Part(scene.run, *BUSY))
    scene.sandbox.store.complete_campaign(scene.ids[BUSY][0])
    waiting.look_again(client=vendor.for_workers())
    return scene


def act(page: Page, words: str, title: str) -> None:
    """Press a group's button or link; it is named for its group."""
    name = re.compile(f"^{words}.*{title}")
    page.get_by_role("button", name=name).or_(page.get_by_role("link", name=name)).click()


def test_a_retry_by_mouse_ends_at_the_review_of_exactly_its_group(
    desk: Page, live_server: LiveServer, scene: EveryFate, collector: User
) -> None:
    before = scene.seen()
    desk.goto(f"{live_server.url}{scene.run.get_absolute_url()}")

    act(desk, "Retry", "Refused in the vendor")

    expect(desk).to_have_url(REVIEW)
    expect(desk.locator("main")).to_contain_text("2 invoices are in your selection")
    assert scene.selected(collector) == {scene.campaign: set(scene.ids[OTHER])}
    assert scene.seen() == before


def test_ticked_rows_go_to_a_chosen_campaign_by_keyboard(
    desk: Page, live_server: LiveServer, scene: EveryFate, collector: User
) -> None:
    before = scene.seen()
    desk.goto(f"{live_server.url}{scene.run.get_absolute_url()}?outcome=failed&reason=other")
    boxes = desk.locator("tbody input[name=account_ids]")
    boxes.nth(0).focus()
    desk.keyboard.press("Space")
    desk.get_by_role("group", name="With the ticked invoices").get_by_role(
        "button", name="Put in a selection"
    ).focus()
    desk.keyboard.press("Enter")
    desk.get_by_role("button", name="Early chase").focus()
    assert not findings(desk)
    desk.keyboard.press("Enter")

    expect(desk).to_have_url(REVIEW)
    assert scene.selected(collector) == {scene.chase: {scene.ids[OTHER][0]}}
    assert scene.seen() == before


def test_those_past_due_switch_with_javascript_off(
    plain: Page, live_server: LiveServer, scene: EveryFate, collector: User
) -> None:
    plain.goto(f"{live_server.url}{scene.run.get_absolute_url()}")

    act(plain, "Switch to another campaign", "Past its due date")
    plain.get_by_role("button", name="Early chase").click()

    expect(plain).to_have_url(REVIEW)
    assert scene.selected(collector) == {scene.chase: set(scene.ids[PAST_DUE])}


def test_busy_ones_are_parked_with_javascript_off(
    plain: Page, live_server: LiveServer, scene: EveryFate
) -> None:
    plain.goto(f"{live_server.url}{scene.run.get_absolute_url()}")

    act(plain, "Put on the waiting list", "Already active")

    expect(plain).to_have_url(re.compile("/waiting/$"))
    assert set(ParkedAccount.objects.values_list("account_id", flat=True)) == set(scene.ids[BUSY])


def test_free_ones_go_to_the_review_by_keyboard(
    desk: Page, live_server: LiveServer, parked: EveryFate, collector: User
) -> None:
    desk.goto(f"{live_server.url}/waiting/")
    desk.get_by_role("button", name="Put the free one in a selection").focus()
    desk.keyboard.press("Enter")

    expect(desk).to_have_url(REVIEW)
    assert parked.selected(collector) == {parked.campaign: {parked.ids[BUSY][0]}}
    assert [entry.account_id for entry in ParkedAccount.objects.all()] == [parked.ids[BUSY][1]]


def test_the_list_is_filtered_in_place_and_ticked_ones_are_removed_by_mouse(
    desk: Page, live_server: LiveServer, parked: EveryFate
) -> None:
    desk.goto(f"{live_server.url}/waiting/")
    desk.get_by_label("State").select_option("busy")
    expect(desk).to_have_url(re.compile("state=busy"))
    expect(desk.locator("tbody tr")).to_have_count(1)

    desk.locator("tbody input[name=entries]").check()
    desk.get_by_role("button", name="Remove from the list").click()

    expect(desk.locator("main")).to_contain_text("1 invoice was taken off the list.")
    assert [entry.account_id for entry in ParkedAccount.objects.all()] == [parked.ids[BUSY][0]]


@pytest.mark.parametrize("address", ["/waiting/", "{run}", "{run}part/?outcome=failed&reason=past_due"])
def test_the_pages_are_accessible_and_fit_a_narrow_screen(
    desk: Page, live_server: LiveServer, parked: EveryFate, address: str
) -> None:
    desk.goto(live_server.url + address.format(run=parked.run.get_absolute_url()))
    assert not findings(desk)

    desk.set_viewport_size({"width": 320, "height": 800})

    assert fits(desk)
    assert not findings(desk)
