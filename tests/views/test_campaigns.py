"""The campaign list and one campaign, as pages. Real HTTP to the sandbox."""

import re

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from dashboard.models import Run
from dashboard.sandbox.server import Sandbox
from dashboard.sandbox.store import Record
from tests.pages import rows_of

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def browser(collector: User, browser_of: type[Browser]) -> Browser:
    return browser_of(collector)


@pytest.fixture
def empty(sandbox: Sandbox) -> Sandbox:
    sandbox.store.clear()
    return sandbox


def address(campaign: Record) -> str:
    return f"/campaigns/{campaign['id']}/"


def test_a_row_tells_name_type_status_acceptance_and_what_comes_next(
    empty: Sandbox, browser: Browser
) -> None:
    last = empty.store.add_campaign(name="Final", type="first_party", status="DRAFT")
    empty.store.add_campaign(
        name="First", type="payment_reminder", status="RUNNING", next_campaign_id=last["id"]
    )

    text = browser.get("/campaigns/").text

    assert rows_of(text)[1] == "First Payment reminder Running Yes It is running. Final"
    assert rows_of(text)[0].startswith("Final First party Draft No It is a draft")
    assert f'<a href="{address(last)}"><bdi>Final</bdi></a>' in text


def test_the_page_holds_the_fragment_that_htmx_gets(sandbox: Sandbox, browser: Browser) -> None:
    page = browser.get("/campaigns/?per_page=5")
    piece = browser.get("/campaigns/?per_page=5", headers=HTMX)

    assert piece.text.strip() in page.text
    assert "<html" not in piece.text
    assert {"HX-Request"} <= {name.strip() for name in piece["Vary"].split(",")}
    assert "no-store" in piece["Cache-Control"]


def test_history_being_restored_gets_the_whole_page(sandbox: Sandbox, browser: Browser) -> None:
    response = browser.get("/campaigns/", headers=HTMX | {"HX-History-Restore-Request": "true"})

    assert "<html" in response.text


def test_the_list_takes_one_call_and_at_most_three_queries(sandbox: Sandbox, browser: Browser) -> None:
    with CaptureQueriesContext(connection) as queries:
        browser.get("/campaigns/")

    assert len(queries) <= 3
    assert [call.path for call in sandbox.ledger.calls] == ["/campaigns"]


def test_every_filter_is_sent_under_the_name_that_the_vendor_documents(
    sandbox: Sandbox, browser: Browser
) -> None:
    browser.get("/campaigns/?search=US&status=active&type=early_stage&page=1&per_page=5")

    assert sandbox.ledger.calls[0].query == {
        "search": "US",
        "status": "active",
        "type": "early_stage",
        "page": "1",
        "per_page": "5",
    }


@pytest.mark.parametrize(
    ("query", "note"),
    [
        ("status=banana", "Status was ignored: “banana” is not a campaign status."),
        ("type=ba nana", "Type was ignored: “ba nana” is not a campaign type."),
        ("page=0", "Page was ignored: Ensure this value is greater than or equal to 1."),
        ("page=abc", "Page was ignored: Enter a whole number."),
        ("page=99999999999999999999", "Page was ignored: Ensure this value is less than or equal to"),
        ("per_page=101", "Per page was ignored: Ensure this value is less than or equal to 100."),
        ("search=" + "x" * 201, "Search was ignored: Ensure this value has at most 200 characters"),
    ],
)
def test_a_filter_that_is_wrong_is_left_out_with_a_note(
    sandbox: Sandbox, browser: Browser, query: str, note: str
) -> None:
    response = browser.get(f"/campaigns/?{query}")

    assert response.status_code == 200
    assert note in response.text
    assert len(rows_of(response.text)) == 8


def test_empty_filters_leave_the_address(sandbox: Sandbox, browser: Browser) -> None:
    response = browser.get("/campaigns/?search=&status=paused&type=&per_page=20")

    assert response["Location"] == "/campaigns/?status=paused&per_page=20"


def test_the_form_shows_what_was_chosen(sandbox: Sandbox, browser: Browser) -> None:
    text = browser.get("/campaigns/?search=%3Cb%3E&status=paused&per_page=7").text

    assert 'value="&lt;b&gt;"' in text
    assert '<option value="paused" selected>Paused</option>' in text
    assert '<option value="7" selected>7</option>' in text


def test_a_page_past_the_end_is_empty_with_a_link_to_the_last_one(sandbox: Sandbox, browser: Browser) -> None:
    text = browser.get("/campaigns/?per_page=5&page=9").text

    assert "There is nothing on page 9." in text
    assert '<a href="?per_page=5&amp;page=2">Go to the last page, 2</a>' in text


def test_without_totals_there_is_only_previous_and_next(sandbox: Sandbox, browser: Browser) -> None:
    sandbox.style.paging = "absent"

    text = browser.get("/campaigns/?per_page=3&page=2").text

    assert "The vendor does not say how many there are." in text
    assert 'id="page-previous"' in text
    assert 'id="page-next"' in text
    assert 'id="page-1"' not in text


def test_a_workspace_without_campaigns_says_where_they_come_from(empty: Sandbox, browser: Browser) -> None:
    assert "This workspace has no campaigns yet." in browser.get("/campaigns/").text


def test_filters_that_match_nothing_offer_all_campaigns(sandbox: Sandbox, browser: Browser) -> None:
    text = browser.get("/campaigns/?search=nothing-like-this").text

    assert "No campaign matches these filters." in text
    assert '<a href="/campaigns/">Show all campaigns</a>' in text


def test_a_status_that_the_vendor_cannot_filter_says_that_it_was_filtered_here(
    sandbox: Sandbox, browser: Browser
) -> None:
    text = browser.get("/campaigns/?status=running").text

    assert all("Running" in row for row in rows_of(text))
    assert "Filtered here, by looking through 8 campaigns" in text


def test_a_campaign_without_an_id_is_a_row_without_a_link(sandbox: Sandbox, browser: Browser) -> None:
    sandbox.faults.queue("campaign_without_id", times=None)

    text = browser.get("/campaigns/").text

    assert len(rows_of(text)) == 8
    assert re.search(r'<td class="name-cell"><bdi>', text)


def test_a_campaign_of_unknown_words_is_shown_as_it_came(empty: Sandbox, browser: Browser) -> None:
    empty.store.add_campaign(name="<script>x</script>", type="Legal_Notice", status="Hibernating")

    text = browser.get("/campaigns/").text

    assert "&lt;script&gt;x&lt;/script&gt;" in text
    assert "Legal_Notice" in text
    assert "“Hibernating” is not a documented status: the vendor decides." in text


def test_a_campaign_shows_every_field_even_unknown_ones_as_text(empty: Sandbox, browser: Browser) -> None:
    campaign = empty.store.add_campaign(
        name="Odd", channels=["sms", "<img src=x>"], budget=None, is_pilot=True, motto="\u202eevil"
    )

    text = browser.get(address(campaign)).text

    assert "<bdi>channels</bdi>" in text
    assert "&lt;img src=x&gt;" in text
    assert "<img src=x>" not in text
    assert '<dt><bdi>budget</bdi></dt><dd><span class="hint">not set</span></dd>' in text
    assert "<dt><bdi>is_pilot</bdi></dt><dd><bdi>true</bdi></dd>" in text


def test_a_campaign_shows_its_chain_as_a_picture_and_in_words(empty: Sandbox, browser: Browser) -> None:
    third = empty.store.add_campaign(name="Third")
    second = empty.store.add_campaign(name="Second", next_campaign_id=third["id"])
    first = empty.store.add_campaign(name="First", next_campaign_id=second["id"])

    text = browser.get(address(first)).text

    assert 'role="img" aria-label="Chain: First → Second → Third"' in text
    assert f'<a href="{address(second)}"><bdi>Second</bdi></a>' in text


def test_a_broken_chain_is_a_note_on_a_page_that_works(empty: Sandbox, browser: Browser) -> None:
    campaign = empty.store.add_campaign(name="First", next_campaign_id="00000000-0000-4000-8000-000000000000")

    response = browser.get(address(campaign))

    assert response.status_code == 200
    assert "The rest of the chain could not be read." in response.text
    assert "Not found in this workspace" in response.text


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("ACTIVE", "Accepts enrollments"),
        ("COMPLETED", "Does not accept enrollments"),
        ("odd", "Not known whether it accepts enrollments"),
    ],
)
def test_a_campaign_says_whether_it_accepts_enrollments(
    empty: Sandbox, browser: Browser, status: str, words: str
) -> None:
    assert words in browser.get(address(empty.store.add_campaign(status=status))).text


def test_a_campaign_lists_our_latest_runs_into_it(empty: Sandbox, browser: Browser, collector: User) -> None:
    campaign = empty.store.add_campaign()
    for _ in range(12):
        Run.objects.create(campaign_id=campaign["id"], campaign_name="x", starter=collector, size=3, failed=1)
    Run.objects.create(campaign_id="other", campaign_name="y", starter=collector, size=3)

    page = browser.get(address(campaign)).text

    rows = rows_of(page)
    assert len(rows) == 10
    assert "collector 3 0 1 0" in rows[0]
    assert "12 runs of 36 invoices: 0 enrolled, 12 failed, 0 unknown." in page
    assert f'href="/runs/?search={campaign["id"]}"' in page


def test_only_those_who_may_enroll_are_offered_to(
    empty: Sandbox, browser: Browser, viewer: User, browser_of: type[Browser]
) -> None:
    campaign = empty.store.add_campaign()

    assert f"{address(campaign)}enroll/" in browser.get(address(campaign)).text
    assert f"{address(campaign)}enroll/" not in browser_of(viewer).get(address(campaign)).text


def test_the_navigation_marks_where_one_is_and_the_sandbox_is_named(
    sandbox: Sandbox, browser: Browser
) -> None:
    text = browser.get("/campaigns/").text

    assert '<a href="/campaigns/" aria-current="page">Campaigns</a>' in text
    assert 'class="sandbox-banner"' in text


@pytest.mark.parametrize("query", ["type=brand_new_kind", "type=BRAND_NEW_KIND"])
def test_a_type_that_is_new_to_us_narrows_the_list_all_the_same(
    sandbox: Sandbox, browser: Browser, query: str
) -> None:
    sandbox.store.add_campaign(name="Quite new", type="brand_new_kind")

    response = browser.get(f"/campaigns/?{query}")

    assert len(rows_of(response.text)) == 1
    assert '<option value="brand_new_kind" selected>' in response.text


def test_an_address_in_upper_case_leads_to_the_campaign(sandbox: Sandbox, browser: Browser) -> None:
    campaign = sandbox.store.add_campaign(name="Quite new")

    assert "Quite new" in browser.get(f"/campaigns/{campaign['id'].upper()}/").text
