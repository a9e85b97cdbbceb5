"""What the vendor may do to a page: a plain panel, or odd records shown safely; never an empty list that lies."""

import re
import socket
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from dashboard.models import Pace
from dashboard.sandbox.server import DEMO_KEY, Sandbox
from dashboard.sandbox.store import made_id
from dashboard.services import clock
from tests.drive import Hands, queue
from tests.pages import text_of

pytestmark = pytest.mark.django_db(transaction=True)

CAMPAIGN, ACCOUNT = made_id("campaign", 1, 1), made_id("account", 0, 1)
LISTS = {"campaign list": "/campaigns/", "picker": f"/campaigns/{CAMPAIGN}/enroll/"}
RECORDS = {"campaign": f"/campaigns/{CAMPAIGN}/", "account": f"/accounts/{ACCOUNT}/"}
every_page = pytest.mark.parametrize("address", (LISTS | RECORDS).values(), ids=(LISTS | RECORDS).keys())
every_list = pytest.mark.parametrize("address", LISTS.values(), ids=LISTS.keys())


@pytest.fixture
def web(collector: User, browser_of: Any) -> Browser:
    browser: Browser = browser_of(collector)
    return browser


def rows(response: HttpResponse) -> list[str]:
    """The table's rows, as HTML."""
    body = response.content.decode().partition("<tbody")[2].partition("</tbody>")[0]
    return body.split("</tr>")[:-1]


# ------------------------------------------------------------------------------------------------------- a panel


@pytest.mark.row("U1")
@every_page
def test_a_vendor_out_of_reach_is_a_panel_with_try_again(
    sandbox: Sandbox, web: Browser, address: str
) -> None:
    sandbox.stop()

    response = web.get(address)

    assert response.status_code == 503
    assert "The vendor's API cannot be reached" in text_of(response).replace("&#x27;", "'")
    assert "Try again" in text_of(response)


@pytest.mark.row("U2")
def test_a_name_that_is_not_found_is_named_without_the_key(
    sandbox: Sandbox, web: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_such_name(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    response = web.get("/campaigns/")

    assert response.status_code == 503
    assert f"127.0.0.1:{sandbox.port}" in text_of(response)
    assert DEMO_KEY not in response.content.decode()


@pytest.mark.row("U8", "U9")
@pytest.mark.parametrize(
    ("status", "detail", "said"),
    [
        (401, "Invalid or expired API key", "The API key was rejected"),
        (403, "API key lacks required scope: campaigns:read", "with the scope campaigns:read"),
    ],
)
@every_page
def test_a_refused_key_is_a_panel_that_names_what_is_missing(
    sandbox: Sandbox, web: Browser, address: str, status: int, detail: str, said: str
) -> None:
    sandbox.faults.queue("status", status=status, body={"detail": detail}, method="GET", times=None)

    response = web.get(address)

    assert response.status_code == 502
    assert said in text_of(response)


@pytest.mark.row("U10")
@pytest.mark.parametrize("address", [*RECORDS.values(), LISTS["picker"]])
def test_a_record_that_is_not_there_is_not_found_in_this_workspace(
    sandbox: Sandbox, web: Browser, address: str
) -> None:
    sandbox.store.clear()

    response = web.get(address)

    assert response.status_code == 404
    assert "Not found in this workspace" in text_of(response)


@pytest.mark.row("U18", "U20", "U22", "U23", "U27", "U40", "U47")
@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("status", {"status": 500}, "is not working right now"),
        ("status", {"status": 503}, "is not working right now"),
        ("close", {}, "is not working right now"),
        ("truncate", {}, "is not working right now"),
        ("drip", {"seconds_per_byte": 0.2}, "is not working right now"),
        ("bad_gzip", {}, "could not be read"),
        ("gzip_bomb", {"megabytes": 12}, "could not be read"),
        ("html200", {}, "could not be read"),
        ("empty200", {}, "could not be read"),
        ("no_content", {}, "could not be read"),
        ("null_data", {}, "could not be read"),
    ],
)
@every_page
def test_no_readable_answer_is_a_panel_and_never_an_empty_list(
    sandbox: Sandbox,
    web: Browser,
    settings: Settings,
    address: str,
    kind: str,
    options: dict[str, Any],
    said: str,
) -> None:
    settings.GET_DEADLINE = 0.5 if kind == "drip" else 15
    sandbox.faults.queue(kind, method="GET", times=None, **options)

    response = web.get(address)

    assert response.status_code in (502, 503)
    assert said in text_of(response)
    assert "owned" not in response.content.decode()
    assert "<table" not in response.content.decode()


@pytest.mark.row("U27")
@pytest.mark.parametrize("data", [None, 7, "none", {"items": None}, {"total": 3}])
@every_list
def test_a_list_without_rows_to_read_is_not_zero_rows(
    sandbox: Sandbox, web: Browser, address: str, data: object
) -> None:
    path = "/accounts" if "enroll" in address else "/campaigns"
    sandbox.faults.queue("status", status=200, body={"success": True, "data": data}, method="GET", path=path)

    response = web.get(address)

    assert response.status_code == 502
    assert "could not be read" in text_of(response)


@pytest.mark.row("U18")
@every_list
def test_a_piece_that_fails_goes_to_the_alert_and_leaves_the_rows(
    sandbox: Sandbox, web: Browser, address: str
) -> None:
    sandbox.faults.queue("status", status=500, method="GET", times=None)

    response = web.get(address, headers={"HX-Request": "true"})

    assert response["HX-Retarget"] == "#alert"
    assert "<html" not in response.content.decode()


# --------------------------------------------------------------------------------------------------- odd records


@pytest.mark.row("U21", "U36", "U37", "U38", "U39", "U52")
@pytest.mark.parametrize(
    "kind",
    [
        "wrong_content_type",
        "null_fields",
        "huge_strings",
        "hostile_strings",
        "hostile_json",
        "deep_nesting",
        "cookies",
    ],
)
@every_page
def test_odd_records_are_shown_and_harm_nothing(
    sandbox: Sandbox, web: Browser, address: str, kind: str
) -> None:
    sandbox.faults.queue(kind, method="GET", times=None)

    response = web.get(address)
    html = response.content.decode()

    assert response.status_code == 200
    assert len(html) < 400_000
    for tag in ("<script>document", "<img src=x", "<div hx-get", "<b>bold", "\x1b", "\x07"):
        assert tag not in html
    apart = r"<bdi>.*?</bdi>|<option.*?</option>|<title>.*?</title>|<[^>]*>"  # each of these is its own line of text
    assert "\u202e" not in re.sub(apart, "", html, flags=re.DOTALL)


@pytest.mark.row("U37")
def test_a_very_long_name_is_cut_at_500_characters(sandbox: Sandbox, web: Browser) -> None:
    sandbox.faults.queue("huge_strings", method="GET", times=None)

    html = web.get("/campaigns/").content.decode()

    assert max(len(run) for run in re.findall(r"W+", html)) <= 500


# ----------------------------------------------------------------------------------------------------- odd lists


@pytest.mark.row("U41")
@every_list
def test_past_the_end_is_empty_with_a_link_to_the_last_page(
    sandbox: Sandbox, web: Browser, address: str
) -> None:
    response = web.get(f"{address}?page=99")

    assert response.status_code == 200
    assert "nothing on page 99" in text_of(response)
    assert re.search(r"last page", text_of(response))


@pytest.mark.row("U42")
@every_list
def test_a_page_of_another_size_is_shown_as_it_came(sandbox: Sandbox, web: Browser, address: str) -> None:
    sandbox.faults.queue("ignore_per_page", per_page=3, times=None)

    assert len(rows(web.get(address))) == 3


@pytest.mark.row("U42", "U44")
@pytest.mark.parametrize(
    ("kind", "options"), [("ignore_per_page", {"per_page": 3}), ("shift_rows", {"count": 1}), ("no_meta", {})]
)
def test_a_walk_goes_on_until_nothing_new_comes_and_shows_each_once(
    sandbox: Sandbox, web: Browser, kind: str, options: dict[str, int]
) -> None:
    for number in range(7):
        sandbox.store.add_campaign(name=f"Completed {number}", status="COMPLETED")
    sandbox.faults.queue(kind, times=None, **options)

    shown = text_of(web.get("/campaigns/?status=completed"))

    assert all(shown.count(f"Completed {number} ") <= 1 for number in range(7))
    assert "Completed 6" in shown


@pytest.mark.row("U43")
@pytest.mark.parametrize("kind", ["no_meta", "string_meta", "negative_meta"])
@every_list
def test_without_page_numbers_there_are_still_rows(
    sandbox: Sandbox, web: Browser, address: str, kind: str
) -> None:
    sandbox.faults.queue(kind, times=None)

    response = web.get(address)

    assert response.status_code == 200
    assert len(rows(response)) >= 8
    assert "-" not in re.findall(r"page (\S+)", text_of(response))


@pytest.mark.row("U45")
def test_a_campaign_without_id_is_a_row_without_link_and_one_sent_twice_is_no_error(
    sandbox: Sandbox, web: Browser
) -> None:
    sandbox.faults.queue("campaign_without_id")
    first, *others = rows(web.get("/campaigns/"))
    assert "/campaigns/" not in first.split("</a>")[0].split("<bdi>")[0]
    assert all("/campaigns/" in row for row in others)

    sandbox.faults.queue("duplicate_campaigns")
    assert web.get("/campaigns/").status_code == 200


@pytest.mark.row("U46")
def test_a_filter_that_the_vendor_ignores_is_applied_here(sandbox: Sandbox, web: Browser) -> None:
    sandbox.faults.queue("ignore_filter", times=None)

    statuses = {campaign["status"].lower() for campaign in sandbox.store.campaigns.values()}
    found = rows(web.get("/campaigns/?status=draft"))

    assert len(statuses) > 1
    assert found
    assert all("Draft" in row for row in found)


@pytest.mark.row("U46")
@pytest.mark.parametrize("address", ["/accounts/", LISTS["picker"]])
def test_invoices_that_an_ignored_filter_let_through_are_left_out_and_told(
    sandbox: Sandbox, web: Browser, address: str
) -> None:
    sandbox.faults.queue("ignore_filter", times=None)

    response = web.get(f"{address}?status=settled&per_page=100")

    found = rows(response)
    assert 0 < len(found) < 60
    assert all("Settled" in row for row in found)
    assert f"{60 - len(found)} rows of the vendor's answer do not fit the filters" in text_of(response)


# ----------------------------------------------------------------------------------------------------- slow answers


@pytest.mark.row("U48")
def test_our_own_pages_do_not_wait_for_the_vendor(sandbox: Sandbox, web: Browser) -> None:
    run = queue(sandbox, 3)
    before = len(sandbox.ledger.calls)

    answers = [
        web.get(address).status_code for address in ("/", "/runs/", run.get_absolute_url(), "/healthz")
    ]

    assert answers == [200] * 4
    assert len(sandbox.ledger.calls) == before


@pytest.mark.row("U48")
@every_page
def test_a_slow_answer_is_shown_when_it_comes(sandbox: Sandbox, web: Browser, address: str) -> None:
    sandbox.faults.queue("slow", seconds=0.3, method="GET")

    assert web.get(address).status_code == 200


@pytest.mark.row("U14")
def test_the_run_page_says_until_when_all_workers_wait(sandbox: Sandbox, web: Browser) -> None:
    sandbox.faults.queue("rate_limit", retry_after=120)
    run = Hands().drain(queue(sandbox, 150))

    shown = text_of(web.get(run.get_absolute_url()))

    cool_until = Pace.objects.get().cool_until
    assert cool_until
    assert cool_until > clock.now() + timedelta(seconds=100)
    assert "asked to slow down" in shown
    assert re.search(r"in \d+ s", shown)
    assert run.failed == 0
