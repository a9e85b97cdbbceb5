"""Failed calls and ended sessions, as people meet them. Real HTTP to the sandbox."""

import gzip
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from structlog.testing import capture_logs

from dashboard.sandbox.server import Sandbox
from dashboard.services import vendor

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/campaigns/?search=a%20b"}
BrowserOf = Callable[[User], Browser]


@pytest.fixture
def browser(collector: User, browser_of: BrowserOf) -> Browser:
    return browser_of(collector)


def test_a_person_who_is_not_signed_in_is_sent_to_the_sign_in_and_back(client: Browser) -> None:
    response = client.get("/campaigns/?search=a")

    assert response.status_code == 302
    assert response["Location"] == "/sign-in/?next=/campaigns/%3Fsearch%3Da"


def test_a_fragment_asked_for_after_the_session_ended_leads_the_whole_page_to_the_sign_in(
    client: Browser,
) -> None:
    response = client.get("/campaigns/?search=abc", headers=HTMX)

    assert response["HX-Redirect"] == "/sign-in/?next=%2Fcampaigns%2F%3Fsearch%3Da%2520b&ended=1"
    assert response.content == b""


def test_a_form_sent_after_the_session_ended_leads_back_to_its_page_not_to_where_it_was_posted(
    client: Browser,
) -> None:
    response = client.post("/runs/7/stop/", headers={"Referer": "http://testserver/runs/7/"})

    assert response["Location"] == "/sign-in/?next=%2Fruns%2F7%2F&ended=1"


def test_a_page_of_another_site_is_never_where_the_sign_in_leads(client: Browser) -> None:
    response = client.post("/runs/7/stop/", headers={"Referer": "http://evil.example/runs/7/"})

    assert response["Location"] == "/sign-in/?next=&ended=1"


def test_the_sign_in_says_that_the_session_ended_and_nothing_was_sent(client: Browser) -> None:
    response = client.get("/sign-in/?next=/runs/7/&ended=1")

    assert "nothing was sent" in response.text
    assert '<input type="hidden" name="next" value="/runs/7/">' in response.text


def test_signing_out_is_not_taken_for_a_session_that_ended(browser: Browser) -> None:
    assert browser.post("/sign-out/")["Location"] == "/sign-in/"


def test_an_unreachable_vendor_is_a_page_that_says_so_and_that_nothing_was_sent(
    sandbox: Sandbox, browser: Browser
) -> None:
    sandbox.stop()

    response = browser.get("/campaigns/?search=abc")

    assert response.status_code == 503
    assert "The vendor&#x27;s API cannot be reached" in response.text
    assert "Nothing was sent to anyone." in response.text
    assert 'href="/campaigns/?search=abc">Try again</a>' in response.text


def test_the_reference_on_the_page_is_the_one_in_the_log(sandbox: Sandbox, browser: Browser) -> None:
    sandbox.stop()

    with capture_logs() as logs:
        response = browser.get("/campaigns/")

    entry = next(entry for entry in logs if entry["event"] == "api_error")
    assert entry["kind"] == "Unreachable"
    assert f"<code>{entry['reference']}</code>" in response.text


def test_a_failed_fragment_goes_to_the_alert_box_and_leaves_the_rows_alone(
    sandbox: Sandbox, browser: Browser
) -> None:
    sandbox.stop()

    response = browser.get("/campaigns/", headers=HTMX)

    assert response.status_code == 503
    assert (response["HX-Retarget"], response["HX-Reswap"]) == ("#alert", "innerHTML")
    assert "<html" not in response.text
    assert 'href="/campaigns/?search=a%20b">Try again</a>' in response.text


def test_a_rejected_key_is_said_without_showing_the_key(sandbox: Sandbox, browser: Browser) -> None:
    sandbox.keys["sk_sandbox_demo"].valid = False

    response = browser.get("/campaigns/")

    assert response.status_code == 502
    assert "The API key was rejected" in response.text
    assert "sk_sandbox_demo" not in response.text


def test_a_missing_scope_is_named(sandbox: Sandbox, browser: Browser) -> None:
    sandbox.keys["sk_sandbox_demo"].scopes = ["accounts:read"]

    response = browser.get("/campaigns/")

    assert response.status_code == 502
    assert "a key with the scope campaigns:read" in response.text


def test_a_record_of_another_workspace_is_not_found(sandbox: Sandbox, browser: Browser) -> None:
    response = browser.get("/campaigns/00000000-0000-4000-8000-000000000000/")

    assert response.status_code == 404
    assert "Not found in this workspace" in response.text


def test_rate_limiting_says_how_long_to_wait(sandbox: Sandbox, browser: Browser) -> None:
    sandbox.faults.queue("rate_limit", method="GET", times=None, retry_after=7)

    response = browser.get("/campaigns/")

    assert response.status_code == 503
    assert response["Retry-After"] == "7"
    assert "The vendor asks to wait 7 seconds." in response.text


@pytest.mark.parametrize("fault", ["html200", "null_data", "no_results", "truncate"])
def test_an_unreadable_answer_is_never_an_empty_list(sandbox: Sandbox, browser: Browser, fault: str) -> None:
    sandbox.faults.queue(fault, method="GET", times=None)

    response = browser.get("/campaigns/")

    assert response.status_code in (502, 503)
    assert "This page cannot be shown" in response.text
    assert "no campaigns" not in response.text


def test_html_of_a_proxy_is_never_rendered(sandbox: Sandbox, browser: Browser) -> None:
    sandbox.faults.queue("status", method="GET", times=None, status=502)

    response = browser.get("/campaigns/")

    assert response.status_code == 503
    assert "<script>document" not in response.text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("cookie", "shown"), [("Europe/Berlin", "Europe/Berlin"), ("Mars/Base", "UTC"), ("", "UTC")]
)
def test_times_are_shown_in_the_zone_that_the_browser_named(
    collector: User, browser_of: Any, cookie: str, shown: str
) -> None:
    browser = browser_of(collector)
    browser.cookies["zone"] = cookie

    assert f"Times are in {shown}" in browser.get("/").content.decode()


@pytest.mark.row("U48")
def test_a_slow_page_shows_its_frame_at_once_and_the_rest_when_it_comes(
    sandbox: Sandbox, browser: Browser, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.GET_DEADLINE = 3
    monkeypatch.setattr(vendor, "FRAME_AFTER", 0.2)
    sandbox.faults.queue("slow", seconds=0.4, method="GET", times=2)

    response = browser.get("/campaigns/?per_page=10", headers={"Accept-Encoding": "gzip"})
    pieces = [piece.decode() for piece in response]

    assert response.status_code == 200
    assert "Content-Encoding" not in response, "it would be held back to be compressed"
    assert "slow to answer" in pieces[0]
    assert "Campaigns" in pieces[0]
    assert "<tbody" in pieces[1]
    assert "".join(pieces).count("</html>") == 1


def test_a_slow_page_that_fails_in_the_end_says_so(
    sandbox: Sandbox, browser: Browser, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.GET_DEADLINE = 1
    monkeypatch.setattr(vendor, "FRAME_AFTER", 0.2)
    sandbox.faults.queue("hang", seconds=5, method="GET", times=None)

    shown = b"".join(browser.get("/campaigns/")).decode()

    assert "is not working right now" in shown
    assert "Nothing was sent to anyone" in shown


def test_a_page_is_compressed_for_who_can_read_that(sandbox: Sandbox, browser: Browser) -> None:
    plain = browser.get("/campaigns/")
    packed = browser.get("/campaigns/", headers={"Accept-Encoding": "gzip"})

    assert "Content-Encoding" not in plain
    assert packed["Content-Encoding"] == "gzip"
    assert b"<h1" in gzip.decompress(packed.content)
    assert len(packed.content) < len(plain.content) / 3
    assert "Accept-Encoding" in packed["Vary"]
