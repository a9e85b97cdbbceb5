"""Takes the pictures of docs/screenshots from a demo that is running.

.venv-check/bin/python -m tests.browser.screenshots http://127.0.0.1:8000

Enrolls some invoices of the sandbox on the way.
"""

import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def main(address: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = chromium.new_page(base_url=address, viewport={"width": 1280, "height": 860})
        page.goto("/sign-in/")
        page.get_by_label("Username").fill("collector")
        page.get_by_label("Password").fill("demo")
        page.get_by_role("button", name="Sign in").click()
        walk(page)
        chromium.close()


def walk(page: Page) -> None:
    page.goto("/campaigns/")
    take(page, "campaigns")
    page.goto("/campaigns/?type=early_stage&status=active")
    page.locator("tbody a").first.click()
    page.get_by_role("link", name="Enroll invoices").click()
    picker = page.url.partition("?")[0]
    for others, query in (("", "?page=3"), ("not on this page", "?status=not_assigned")):
        page.goto(picker + query)
        page.get_by_role("button", name="Select this page").click()
        expect(page.locator("#selection")).to_contain_text(others or "20 selected")
    take(page, "picker")
    page.get_by_role("button", name="Review").first.click()
    take(page, "review")
    page.get_by_role("button", name=re.compile("^Enroll")).click()
    expect(page.locator("main")).to_contain_text("Finished", timeout=30_000)
    take(page, "run")
    page.goto(f"{page.url.partition('?')[0]}?outcome=failed#results")
    take(page, "results")
    page.get_by_role("link", name="Receipt to print").click()
    take(page, "receipt")
    page.goto("/")
    take(page, "home")


def take(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.screenshot(path=FOLDER / f"{name}-{scheme}.png")


if __name__ == "__main__":
    main(sys.argv[1])
