"""A real browser: Debian's Chromium, driven by Playwright, on the live test server."""

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from dashboard.engine.local import Engine
from dashboard.sandbox.server import Sandbox
from tests.drive import working
from tests.patience import PATIENCE, wait_for
from tests.tools import require

expect.set_options(timeout=PATIENCE * 1000)
FAILED_ANSWER = re.compile(
    r"status of [45]|Response Status Error Code [45]|net::ERR_FAILED|historyCacheMissLoadError"
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session", autouse=True)
def _django_in_playwrights_loop() -> None:
    """Playwright's own event loop is no reason for Django to refuse."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    return {"executable_path": require("chromium", "chromium", "chromium-browser"), "args": FLAGS}


@pytest.fixture
def engine(sandbox: Sandbox, transactional_db: None) -> Iterator[Engine]:
    """A worker at work."""
    with working() as engine:
        yield engine


def sign_in(page: Page, address: str) -> None:
    """Ask for a page as nobody yet, and come to it as the collector."""
    page.goto(address)
    page.get_by_label("Username").fill("collector")
    page.get_by_label("Password").fill("collector")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(address)


def refreshed_until(page: Page, text: str) -> None:
    """Presses Refresh, as a person without JavaScript does, until the page says this."""
    main = page.locator("main")

    def says_so() -> bool:
        if text in main.inner_text():
            return True
        page.get_by_role("link", name="Refresh").first.click()
        return False

    wait_for(says_so, instead=main.inner_text)


@pytest.fixture
def plain(sandbox: Sandbox, browser: Browser, live_server: LiveServer, collector: User) -> Iterator[Page]:
    """A page signed in as the collector, with JavaScript off."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, f"{live_server.url}/")
    yield page
    context.close()


@pytest.fixture
def desk(
    sandbox: Sandbox, context: BrowserContext, live_server: LiveServer, collector: User
) -> Iterator[Page]:
    """A page signed in as the collector. Fails on any error or policy violation that the browser reports."""
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    sign_in(page, f"{live_server.url}/")
    yield page
    assert not [text for text in said if not FAILED_ANSWER.search(text)]
