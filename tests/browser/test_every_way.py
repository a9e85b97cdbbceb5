"""Each thing by mouse, by keyboard and with JavaScript off: what the other files do not do in all three ways."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Browser, Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from dashboard.models import SelectedAccount, Upload
from dashboard.sandbox.server import Sandbox
from dashboard.services import lookup, selection
from tests.browser.test_bring import Act, refreshed_until
from tests.drive import working

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PATIENCE = 60_000  # milliseconds, for what a worker does


@dataclass(frozen=True)
class Hand:
    """A person at a page, signed in as the collector: `act` presses something, one way or the other."""

    page: Page
    act: Act
    has_script: bool

    def presses(self, name: str | re.Pattern[str]) -> None:
        self.act(self.page.get_by_role("button", name=name).first)

    def follows(self, name: str | re.Pattern[str]) -> None:
        self.act(self.page.get_by_role("link", name=name).first)

    def ticks(self, box: Locator) -> None:
        """Ticks a box and has it saved, without JavaScript by the button."""
        box.click() if self.act is Locator.click else box.press("Space")
        if not self.has_script:
            self.presses("Add and stay")

    def sees(self, text: str) -> None:
        if self.has_script:
            expect(self.page.locator("main")).to_contain_text(text, timeout=PATIENCE)
        else:
            refreshed_until(self.page, text)


def by_key(target: Locator) -> None:
    target.press("Enter")


@pytest.fixture(params=["mouse", "keyboard", "no script"])
def hand(
    request: pytest.FixtureRequest,
    browser: Browser,
    live_server: LiveServer,
    sandbox: Sandbox,
    collector: User,
) -> Iterator[Hand]:
    has_script = request.param != "no script"
    context = browser.new_context(java_script_enabled=has_script, base_url=live_server.url)
    page = context.new_page()
    page.goto("/sign-in/")
    sign_in(page)
    yield Hand(page, by_key if request.param == "keyboard" else Locator.click, has_script)
    context.close()


def sign_in(page: Page) -> None:
    page.locator("input[name=username]").fill("collector")
    page.locator("input[name=password]").fill("collector")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


@pytest.fixture
def campaign(sandbox: Sandbox) -> str:
    """An open campaign; its id."""
    return str(sandbox.store.add_campaign(name="Early chase", status="active", type="early_stage")["id"])


@pytest.fixture
def picker(campaign: str) -> str:
    return f"/campaigns/{campaign}/enroll/"


def invoices(sandbox: Sandbox, number: int, **fields: Any) -> list[str]:
    plain = {"status": "not_assigned", "campaign_id": None}
    return [str(sandbox.store.add_account(**plain | fields)["id"]) for _ in range(number)]


def selected() -> int:
    return SelectedAccount.objects.count()


def test_the_selection_outlives_a_sign_out(hand: Hand, picker: str) -> None:
    hand.page.goto(picker)
    hand.ticks(hand.page.locator("#ticks tbody input").first)
    expect(hand.page.locator("#selection")).to_contain_text("1 selected")

    hand.presses("Sign out")
    expect(hand.page.get_by_role("button", name="Sign in")).to_be_visible()
    hand.page.goto(picker)
    sign_in(hand.page)

    expect(hand.page.locator("#selection")).to_contain_text("1 selected")
    expect(hand.page.locator("#ticks tbody input").first).to_be_checked()


def test_two_tabs_undo_nothing(hand: Hand, picker: str) -> None:
    hand.page.goto(picker)
    other = Hand(hand.page.context.new_page(), hand.act, hand.has_script)
    other.page.goto(picker)

    other.ticks(other.page.locator("#ticks tbody input").nth(0))
    expect(other.page.locator("#selection")).to_contain_text("1 selected")
    hand.ticks(hand.page.locator("#ticks tbody input").nth(1))

    expect(hand.page.locator("#selection")).to_contain_text("2 selected")


def test_a_filter_narrows_and_keeps_what_is_ticked(hand: Hand, picker: str, sandbox: Sandbox) -> None:
    [wanted] = invoices(sandbox, 1, invoice_number="NEEDLE-1")
    hand.page.goto(picker)
    hand.ticks(hand.page.locator("#ticks tbody input").first)
    hand.page.get_by_label("Search").fill("needle")

    hand.presses("Filter")

    expect(hand.page.locator("#ticks tbody input")).to_have_count(1)
    hand.ticks(hand.page.locator("#ticks tbody input"))
    expect(hand.page.locator("#selection")).to_contain_text("2 selected, 1 not on this page")
    assert SelectedAccount.objects.filter(account_id=wanted).exists()


def test_a_vendor_that_is_gone_empties_nothing(hand: Hand, picker: str, sandbox: Sandbox) -> None:
    hand.page.goto(picker)
    hand.ticks(hand.page.locator("#ticks tbody input").first)
    expect(hand.page.locator("#selection")).to_contain_text("1 selected")
    sandbox.stop()

    hand.presses("Next")

    hand.page.get_by_text("cannot be reached").first.wait_for(timeout=PATIENCE)
    assert selected() == 1


def test_selecting_all_is_cancelled_and_put_away(hand: Hand, picker: str) -> None:
    hand.page.goto(picker)
    hand.presses(re.compile("^Select all .* matching"))

    hand.presses("Cancel")
    expect(hand.page.locator("#gathering")).to_contain_text("Cancelled. Nothing was added.")
    hand.presses("Hide this")

    expect(hand.page.locator("#gathering")).to_have_count(0)
    assert selected() == 0


def test_numbers_pasted_in_the_picker_are_looked_up(hand: Hand, picker: str, sandbox: Sandbox) -> None:
    invoices(sandbox, 1, invoice_number="NEEDLE-1")
    hand.page.goto(picker)
    hand.page.get_by_role("textbox", name="Account ids").fill("NEEDLE-1; NOPE-1")

    hand.presses("Look up invoice numbers")
    with working():
        hand.sees("Use the 1 found, leave the other one")
    hand.presses("Use the 1 found, leave the other one")

    hand.page.wait_for_url(re.compile("/review/"))
    assert selected() == 1


def test_a_column_is_chosen(hand: Hand, picker: str, sandbox: Sandbox) -> None:
    invoices(sandbox, 1, invoice_number="NEEDLE-1")
    hand.page.goto(f"{picker}lists/")
    hand.page.get_by_label("A CSV or XLSX file").set_input_files(
        {"name": "x.csv", "mimeType": "text/csv", "buffer": b"Ours,Theirs\nA-1,NEEDLE-1\nA-2,NOPE-1\n"}
    )
    hand.presses("Look them up")

    hand.page.get_by_label("2: Theirs").press("Space")
    hand.presses("Look them up")
    with working():
        hand.sees("Use the 1 found, leave the other one")


def test_the_whole_list_is_looked_through_and_the_list_forgotten(
    hand: Hand, picker: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "SHORT_LIST", 0)
    invoices(sandbox, 100, external_invoice_id="other")
    invoices(sandbox, 1, external_invoice_id="erp-77")
    hand.page.goto(f"{picker}lists/")
    hand.page.get_by_label("Account ids, invoice numbers or external ids").fill("erp-77")
    hand.presses("Look them up")
    with working():
        hand.sees("Line by line")
        hand.presses(re.compile("^Look for those not found"))
        hand.sees("Use the 1 invoice")

    hand.presses("Forget this list")

    expect(hand.page.get_by_role("heading", name="Bring a list")).to_be_visible()
    assert not Upload.objects.exists()


@pytest.fixture
def review(sandbox: Sandbox, campaign: str, collector: User) -> str:
    """The review of two that may enter and two that are settled."""
    picked = [*invoices(sandbox, 2), *invoices(sandbox, 2, status="settled")]
    selection.change(selection.of(collector, campaign), add=Counter(picked))
    return f"/campaigns/{campaign}/enroll/review/"


def test_all_that_will_be_refused_are_left_out(hand: Hand, review: str) -> None:
    hand.page.goto(review)

    hand.presses("Leave out the 2 invoices that will be refused")

    expect(hand.page.locator("main")).to_contain_text("2 invoices were left out.")
    assert selected() == 2


def test_reading_again_is_stopped(hand: Hand, review: str) -> None:
    hand.page.goto(review)
    hand.presses("Read them again")
    expect(hand.page.get_by_role("button", name=re.compile("^Enroll"))).to_have_count(0)

    hand.presses("Stop reading")

    expect(hand.page.locator("#refreshing")).to_contain_text("0 of 4 were read again and are kept.")


def test_one_invoice_from_the_filtered_list_to_its_check(hand: Hand, campaign: str, sandbox: Sandbox) -> None:
    invoices(sandbox, 1, invoice_number="NEEDLE-1")
    hand.page.goto("/accounts/")
    hand.page.get_by_label("Search").fill("needle")
    hand.presses("Filter")
    expect(hand.page.locator("tbody tr")).to_have_count(1)

    hand.follows(re.compile("^Enroll"))
    expect(hand.page.locator("main")).to_contain_text("Nobody has tried to enroll it from here yet.")
    hand.page.get_by_label("Campaign", exact=True).select_option("Early chase")
    hand.presses("Check before sending")

    expect(hand.page.get_by_role("button", name="Enroll 1 invoice")).to_be_visible()


def test_a_lookup_under_way_is_cancelled(hand: Hand, picker: str) -> None:
    hand.page.goto(f"{picker}lists/")
    hand.page.get_by_label("Account ids, invoice numbers or external ids").fill("NEEDLE-1")
    hand.presses("Look them up")
    expect(hand.page.locator("#progress")).to_be_visible()

    hand.presses("Cancel")

    expect(hand.page.locator("main")).to_contain_text("Cancelled. Nothing was added.")
    assert selected() == 0


@pytest.fixture
def late(sandbox: Sandbox, collector: User) -> str:
    """The review of one past due and one not due for a reminder campaign that leads nowhere."""
    reminder = sandbox.store.add_campaign(status="active", type="payment_reminder", next_campaign_id=None)[
        "id"
    ]
    dues = [timezone.localdate() + timedelta(days=days) for days in (-10, 30)]
    picked = [invoices(sandbox, 1, due_date=due.isoformat())[0] for due in dues]
    selection.change(selection.of(collector, reminder), add=Counter(picked))
    return f"/campaigns/{reminder}/enroll/review/"


def moved_to(campaign: str, collector: User) -> int:
    return selection.of(collector, campaign).accounts.count()


def test_one_past_due_goes_to_a_campaign_of_no_chain(
    hand: Hand, late: str, campaign: str, collector: User
) -> None:
    hand.page.goto(late)

    hand.presses("Move to Early chase")

    expect(hand.page.locator("main")).to_contain_text("1 invoice was moved. Nothing was sent.")
    assert moved_to(campaign, collector) == 1


def test_a_pick_is_split_by_age(hand: Hand, late: str, campaign: str, collector: User) -> None:
    hand.page.goto(late)

    hand.follows("Split over several campaigns")
    hand.page.get_by_label("Past due").select_option("Not due")
    hand.page.get_by_label("To the campaign").select_option("Early chase")
    hand.presses("Move")

    expect(hand.page.locator("main")).to_contain_text("1 invoice was moved. Nothing was sent.")
    assert moved_to(campaign, collector) == 1
