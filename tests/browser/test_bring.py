"""Selecting all that match and bringing a list in Chromium: by mouse, by keyboard, and with JavaScript off."""

import re
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import BrowserContext, FilePayload, Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from dashboard.engine.local import Engine
from dashboard.models import Run, SelectedAccount
from dashboard.sandbox.server import Sandbox
from tests.browser.conftest import refreshed_until
from tests.browser.test_journey import findings, fits
from tests.drive import working
from tests.services.test_lists import sheets

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Act = Callable[[Locator], None]
WAYS = pytest.mark.parametrize(
    "act", [Locator.click, lambda button: button.press("Enter")], ids=["mouse", "keyboard"]
)


@pytest.fixture
def campaign(sandbox: Sandbox) -> str:
    for _ in range(200):
        sandbox.store.add_account(status="not_assigned", campaign_id=None)
    return f"/campaigns/{sandbox.store.add_campaign(status='active', type='early_stage')['id']}/enroll/"


def list_of(folder: Path, sandbox: Sandbox) -> Path:
    """Three numbers that are there, one that is not, one twice."""
    numbers = [account["invoice_number"] for account in list(sandbox.store.accounts.values())[:3]]
    path = folder / "march.xlsx"
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (["Invoice number"], *([number] for number in [*numbers, "NOPE-1", numbers[0]])):
        book.active.append(row)
    book.save(path)
    return path


def two_sheets(sandbox: Sandbox) -> FilePayload:
    """A workbook whose second sheet names one invoice that is there."""
    number = next(iter(sandbox.store.accounts.values()))["invoice_number"]
    content = sheets(Notes=[["as of March"]], March=[["Ours", "Invoice number"], ["x", number]])
    return {"name": "march.xlsx", "mimeType": "application/octet-stream", "buffer": content}


@WAYS
def test_all_that_match_are_selected_in_the_background(
    desk: Page, live_server: LiveServer, engine: Engine, campaign: str, act: Act
) -> None:
    desk.goto(f"{live_server.url}{campaign}")

    act(desk.get_by_role("button", name="Select all 260 matching"))

    expect(desk.locator("#gathering")).to_contain_text("All 260 invoices that matched are selected")
    expect(desk.locator("#selection")).to_contain_text("260 selected, 240 not on this page")
    expect(desk.locator("#ticks tbody input:checked")).to_have_count(20)
    act(desk.get_by_role("button", name="Hide this"))
    expect(desk.locator("#gathering")).to_have_count(0)


def test_all_that_match_are_selected_without_javascript(
    plain: Page, live_server: LiveServer, engine: Engine, campaign: str
) -> None:
    plain.goto(f"{live_server.url}{campaign}?status=not_assigned")

    plain.get_by_role("button", name=re.compile(r"Select all \d+ matching")).click()
    refreshed_until(plain, "that matched are selected")

    selected = SelectedAccount.objects.count()
    assert selected >= 200
    expect(plain.locator("#selection")).to_contain_text(f"{selected} selected")
    plain.get_by_role("button", name="View selected").click()
    expect(plain.locator("tbody tr")).to_have_count(20)


def test_cancelled_it_adds_nothing(desk: Page, live_server: LiveServer, campaign: str) -> None:
    desk.goto(f"{live_server.url}{campaign}")
    desk.get_by_role("button", name="Select all 260 matching").click()

    desk.get_by_role("button", name="Cancel").click()

    expect(desk.locator("#gathering")).to_contain_text("Cancelled. Nothing was added.")
    assert not SelectedAccount.objects.exists()


@WAYS
def test_from_a_workbook_to_the_review(
    desk: Page,
    live_server: LiveServer,
    engine: Engine,
    sandbox: Sandbox,
    campaign: str,
    act: Act,
    tmp_path: Path,
) -> None:
    desk.goto(f"{live_server.url}{campaign}")
    act(desk.get_by_role("link", name=re.compile("^Bring a list")))
    desk.get_by_label("A CSV or XLSX file").set_input_files(list_of(tmp_path, sandbox))
    act(desk.get_by_role("button", name="Look them up"))

    use = desk.get_by_role("button", name="Use the 3 found, leave the 2 others")
    expect(use).to_be_visible()
    expect(desk.get_by_role("table")).to_contain_text("NOPE-1")
    act(use)

    desk.wait_for_url(re.compile("/review/"))
    assert SelectedAccount.objects.count() == 3


def test_from_a_workbook_to_the_run_without_javascript(
    plain: Page, live_server: LiveServer, engine: Engine, sandbox: Sandbox, campaign: str, tmp_path: Path
) -> None:
    plain.goto(f"{live_server.url}{campaign}lists/")
    plain.get_by_label("A CSV or XLSX file").set_input_files(list_of(tmp_path, sandbox))
    plain.get_by_role("button", name="Look them up").click()
    refreshed_until(plain, "Line by line")

    plain.get_by_role("button", name="Use the 3 found, leave the 2 others").click()
    plain.get_by_role("button", name=re.compile("^Enroll 3 invoices")).click()

    plain.wait_for_url(re.compile(r"/runs/\d+/"))
    assert Run.objects.get().size == 3


@WAYS
def test_which_of_two_is_meant_is_asked(
    desk: Page, live_server: LiveServer, engine: Engine, sandbox: Sandbox, campaign: str, act: Act
) -> None:
    twins = [sandbox.store.add_account(invoice_number="TWIN", amount=100 + n) for n in range(2)]
    desk.goto(f"{live_server.url}{campaign}lists/")
    desk.get_by_label("Account ids, invoice numbers or external ids").fill("TWIN")
    act(desk.get_by_role("button", name="Look them up"))

    desk.get_by_role("radio").nth(1).press("Space")
    act(desk.get_by_role("button", name="Keep these choices"))
    act(desk.get_by_role("button", name="Use the 1 invoice"))

    desk.wait_for_url(re.compile("/review/"))
    assert SelectedAccount.objects.get().account_id in {twin["id"] for twin in twins}


@WAYS
def test_which_sheet_is_meant_is_asked(
    desk: Page, live_server: LiveServer, engine: Engine, sandbox: Sandbox, campaign: str, act: Act
) -> None:
    desk.goto(f"{live_server.url}{campaign}lists/")
    desk.get_by_label("A CSV or XLSX file").set_input_files(two_sheets(sandbox))
    act(desk.get_by_role("button", name="Look them up"))

    desk.get_by_label("Which sheet?").select_option("March")
    act(desk.get_by_role("button", name="Show this sheet"))
    expect(desk.get_by_label("2: Invoice number")).to_be_checked()
    act(desk.get_by_role("button", name="Look them up"))

    expect(desk.get_by_role("button", name="Use the 1 invoice")).to_be_visible()


def test_which_sheet_is_meant_is_asked_without_javascript(
    plain: Page, live_server: LiveServer, engine: Engine, sandbox: Sandbox, campaign: str
) -> None:
    plain.goto(f"{live_server.url}{campaign}lists/")
    plain.get_by_label("A CSV or XLSX file").set_input_files(two_sheets(sandbox))
    plain.get_by_role("button", name="Look them up").click()
    plain.get_by_label("Which sheet?").select_option("March")
    plain.get_by_role("button", name="Show this sheet").click()
    plain.get_by_role("button", name="Look them up").click()
    refreshed_until(plain, "Line by line")

    expect(plain.get_by_role("button", name="Use the 1 invoice")).to_be_visible()


def test_which_of_two_is_meant_is_asked_without_javascript(
    plain: Page, live_server: LiveServer, engine: Engine, sandbox: Sandbox, campaign: str
) -> None:
    for number in range(2):
        sandbox.store.add_account(invoice_number="TWIN", amount=100 + number)
    plain.goto(f"{live_server.url}{campaign}lists/")
    plain.get_by_label("Account ids, invoice numbers or external ids").fill("TWIN")
    plain.get_by_role("button", name="Look them up").click()
    refreshed_until(plain, "Line by line")
    plain.get_by_role("radio").nth(1).check()
    plain.get_by_role("button", name="Keep these choices").click()
    plain.get_by_role("button", name="Use the 1 invoice").click()

    assert SelectedAccount.objects.count() == 1


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_shift_click_selects_a_range(desk: Page, live_server: LiveServer, campaign: str, way: str) -> None:
    desk.goto(f"{live_server.url}{campaign}")
    boxes = desk.locator("#ticks tbody input")

    boxes.nth(2).click()
    if way == "mouse":
        boxes.nth(6).click(modifiers=["Shift"])
    else:
        boxes.nth(6).press("Shift+Space")

    expect(desk.locator("#selection")).to_contain_text("5 selected")


def test_a_tab_that_is_returned_to_shows_what_another_one_did(
    desk: Page, context: BrowserContext, live_server: LiveServer, campaign: str
) -> None:
    desk.goto(f"{live_server.url}{campaign}")
    other = context.new_page()
    other.goto(f"{live_server.url}{campaign}")
    other.locator("#ticks tbody input").first.check()
    expect(other.locator("#selection")).to_contain_text("1 selected")

    desk.bring_to_front()
    desk.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    expect(desk.locator("#selection")).to_contain_text("1 selected")
    expect(desk.locator("#ticks tbody input").first).to_be_checked()


@pytest.mark.parametrize("width", [1280, 320])
def test_no_page_has_an_accessibility_finding_or_outgrows_its_window(
    desk: Page, live_server: LiveServer, sandbox: Sandbox, campaign: str, width: int
) -> None:
    for number in range(2):
        sandbox.store.add_account(invoice_number="TWIN", amount=100 + number)
    desk.set_viewport_size({"width": width, "height": 900})
    lists = f"{live_server.url}{campaign}lists/"
    wrong: list[str] = []

    def look(what: str) -> None:
        wrong.extend(f"{what}: {finding}" for finding in findings(desk))
        wrong.extend([] if fits(desk) else [f"{what}: wider than {width} px"])

    desk.goto(f"{live_server.url}{campaign}")
    desk.get_by_role("button", name=re.compile("Select all")).click()
    look("gathering")
    desk.goto(lists)
    look("bring")
    desk.get_by_label("A CSV or XLSX file").set_input_files(
        {"name": "x.csv", "mimeType": "text/csv", "buffer": b"Ours,Theirs\nA-1,B-1\nA-2,B-2\n"}
    )
    desk.get_by_role("button", name="Look them up").click()
    look("column")
    desk.goto(lists)
    desk.get_by_label("A CSV or XLSX file").set_input_files(two_sheets(sandbox))
    desk.get_by_role("button", name="Look them up").click()
    look("sheet")
    desk.goto(lists)
    desk.get_by_label("Account ids, invoice numbers or external ids").fill("TWIN NOPE-1 NOPE-1 " + "9" * 201)
    desk.get_by_role("button", name="Look them up").click()
    look("progress")
    with working():
        expect(desk.get_by_role("heading", name="Which invoice is meant?")).to_be_visible()
    look("result")

    assert wrong == []


@WAYS
def test_a_pasted_list_outlives_a_session_that_ended(
    desk: Page, live_server: LiveServer, campaign: str, sandbox: Sandbox, act: Act
) -> None:
    number = next(iter(sandbox.store.accounts.values()))["invoice_number"]
    desk.goto(f"{live_server.url}{campaign}lists/")
    desk.locator("textarea").fill(f"{number}\nNOPE-1")
    desk.context.clear_cookies(name="sessionid")
    act(desk.get_by_role("button", name="Look them up"))

    desk.get_by_label("Password").fill("wrong")
    desk.get_by_label("Username").fill("collector")
    desk.get_by_role("button", name="Sign in").click()
    desk.get_by_label("Password").fill("collector")
    desk.get_by_role("button", name="Sign in").click()

    expect(desk.locator("textarea")).to_have_value(f"{number}\nNOPE-1")
    act(desk.get_by_role("button", name="Look them up"))
    desk.wait_for_url("**/lists/*/")
    desk.goto(f"{live_server.url}{campaign}lists/")
    expect(desk.locator("textarea")).to_have_value("")
