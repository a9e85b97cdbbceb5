"""A real browser: Debian's Chromium, driven by Playwright, on the live test server."""

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from dashboard.engine.local import Engine
from dashboard.sandbox.server import Sandbox
from tests.drive import working
from tests.patience import PATIENCE
from tests.tools import require

expect.set_options(timeout=PATIENCE * 1000)
FAILED_ANSWER = re.compile(r"status of [45]|Response Status Error Code [45]")
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


@pytest.fixture
def desk(
    sandbox: Sandbox, context: BrowserContext, live_server: LiveServer, collector: User
) -> Iterator[Page]:
    """A page signed in as the collector. Fails on any error or policy violation that the browser reports."""
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{live_server.url}/sign-in/")
    page.get_by_label("User name").or_(page.get_by_label("Username")).fill("collector")
    page.get_by_label("Password").fill("collector")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{live_server.url}/")
    yield page
    assert not [text for text in said if not FAILED_ANSWER.search(text)]
