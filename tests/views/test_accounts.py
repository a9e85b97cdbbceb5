"""The page of one invoice."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from dashboard.models import Outcome, Run, SelectedAccount
from dashboard.sandbox.api import Key
from dashboard.sandbox.server import Sandbox
from dashboard.sandbox.store import made_id

ACCOUNT = made_id("account", 0, 1)
OPEN = made_id("campaign", 1, 1)
DRAFT = made_id("campaign", 7, 1)
PAGE = reverse("account-detail", args=[ACCOUNT])


def test_the_list_stacks_when_narrow_and_offers_no_order_that_the_vendor_does_not_have(web: Browser) -> None:
    page = web.get("/accounts/").content.decode()

    assert 'class="table stacks"' in page
    assert "sort=" not in page


def test_shows_every_field_as_the_vendor_has_it(web: Browser, sandbox: Sandbox) -> None:
    sandbox.store.accounts[ACCOUNT]["mood"] = "<b>grim</b>"

    page = web.get(PAGE).content.decode()

    assert all(name in page for name in sandbox.store.accounts[ACCOUNT])
    assert "&lt;b&gt;grim&lt;/b&gt;" in page


def test_shows_every_enrollment_we_tried(web: Browser, collector: User) -> None:
    run = Run.objects.create(campaign_id=OPEN, campaign_name="Early birds", starter=collector, size=1)
    Outcome.objects.create(
        run=run, account_id=ACCOUNT, state="failed", error="The vendor's words", settled_at=timezone.now()
    )

    page = web.get(PAGE).content.decode()

    assert run.get_absolute_url() in page
    assert "The vendor&#x27;s words" in page


def test_offers_the_campaigns_that_are_not_closed(web: Browser) -> None:
    page = web.get(PAGE).content.decode()

    assert f'value="{OPEN}"' in page
    assert f'value="{DRAFT}"' not in page


def test_enroll_this_one_adds_it_and_leads_to_the_review(web: Browser) -> None:
    response = web.post(PAGE, {"campaign_id": OPEN})

    assert response["Location"] == reverse("run-review", args=[OPEN])
    assert SelectedAccount.objects.get().account_id == ACCOUNT


def test_asks_for_a_campaign_where_none_is_chosen(web: Browser) -> None:
    response = web.post(PAGE, {"campaign_id": ""})

    assert response.status_code == 422
    assert "Choose a campaign." in response.content.decode()


def test_stays_up_where_campaigns_cannot_be_read(web: Browser, sandbox: Sandbox) -> None:
    sandbox.keys["sk_sandbox_demo"] = Key(scopes=["accounts:read"])

    response = web.get(PAGE)

    assert response.status_code == 200
    assert "No campaign that takes invoices could be read" in response.content.decode()


def test_an_invoice_that_is_not_there_is_an_error_page(web: Browser) -> None:
    assert (
        web.get(reverse("account-detail", args=["11111111-2222-4333-8444-555555555555"])).status_code == 404
    )


def test_a_viewer_looks_and_cannot_enroll(sandbox: Sandbox, viewer: User, browser_of: Any) -> None:
    web = browser_of(viewer)

    assert 'name="campaign_id"' not in web.get(PAGE).content.decode()
    assert web.post(PAGE, {"campaign_id": OPEN}).status_code == 403


class TestEnrollingOne:
    """The short review: from the invoice's page, without a selection."""

    @pytest.fixture
    def page(self, sandbox: Sandbox) -> str:
        account = sandbox.store.add_account(status="not_assigned", campaign_id=None)
        return reverse("account-enroll", args=[account["id"]])

    def marks(self, web: Browser, page: str) -> dict[str, str]:
        shown = web.get(page, {"campaign_id": OPEN}).content.decode()
        return dict(re.findall(r'name="(token|campaign_id|mark)" value="([^"]*)"', shown))

    def test_the_invoice_page_leads_there(self, web: Browser) -> None:
        assert f'formaction="{PAGE}enroll/"' in web.get(PAGE).content.decode()

    def test_shows_verdict_and_rule_and_sends_on_confirmation(self, web: Browser, page: str) -> None:
        shown = web.get(page, {"campaign_id": OPEN}).content.decode()
        assert "Will enter" in shown
        assert "Free invoices may enter" in shown

        response = web.post(page, self.marks(web, page))

        assert (response.status_code, response["Location"]) == (303, Run.objects.get().get_absolute_url())
        assert not SelectedAccount.objects.exists()

    def test_sent_twice_it_is_one_run(self, web: Browser, page: str) -> None:
        marks = self.marks(web, page)

        assert web.post(page, marks)["Location"] == web.post(page, marks)["Location"]
        assert Run.objects.count() == 1

    def test_a_change_since_is_shown_and_nothing_sent(
        self, web: Browser, page: str, sandbox: Sandbox
    ) -> None:
        marks = self.marks(web, page)
        sandbox.store.accounts[page.split("/")[2]]["status"] = "settled"

        response = web.post(page, marks)

        assert response.status_code == 409
        assert "has changed since you read this page. Nothing was sent." in response.content.decode()
        assert not Run.objects.exists()

    @pytest.mark.parametrize("asked", ["", "nonsense"])
    def test_without_a_campaign_it_asks_for_one(self, web: Browser, page: str, asked: str) -> None:
        assert web.get(page, {"campaign_id": asked}).status_code == 422

    def test_without_the_marks_nothing_is_sent(self, web: Browser, page: str) -> None:
        assert web.post(page, {"campaign_id": OPEN}).status_code == 422
        assert not Run.objects.exists()

    def test_a_viewer_may_not(self, sandbox: Sandbox, viewer: User, browser_of: Any, page: str) -> None:
        assert browser_of(viewer).get(page, {"campaign_id": OPEN}).status_code == 403


class TestList:
    LIST = reverse("account-list")

    def test_shows_each_invoice_with_its_tries_and_the_way_to_enroll_it(
        self, web: Browser, collector: User
    ) -> None:
        run = Run.objects.create(campaign_id=OPEN, campaign_name="c", starter=collector, size=1)
        Outcome.objects.create(run=run, account_id=ACCOUNT, state="failed", settled_at=timezone.now())

        page = web.get(self.LIST).content.decode()

        assert f'<a href="{PAGE}#tries">1</a>' in page
        assert page.count("#enroll") == 20
        assert "60 invoices" in page

    def test_sends_every_documented_filter_to_the_vendor(self, web: Browser, sandbox: Sandbox) -> None:
        asked = {
            "search": "INV",
            "status": "settled",
            "customer_id": made_id("customer", 1, 1),
            "overdue_only": "true",
            "amount_min": "1.5",
            "amount_max": "9",
            "page": "1",
            "per_page": "50",
        }

        web.get(self.LIST, asked)

        assert sandbox.ledger.calls[-1].query == asked

    @pytest.mark.parametrize("query", ["?page=0", "?status=odd", "?amount_min=9&amount_max=1"])
    def test_ignores_a_bad_filter_and_says_so(self, web: Browser, query: str) -> None:
        assert "was ignored" in web.get(self.LIST + query).content.decode()

    def test_says_where_the_last_page_is_when_asked_past_the_end(self, web: Browser) -> None:
        assert "There is nothing on page 9." in web.get(f"{self.LIST}?page=9").content.decode()

    def test_says_when_nothing_matches(self, web: Browser) -> None:
        page = web.get(f"{self.LIST}?search=nothing-like-it").content.decode()

        assert "No invoice matches these filters." in page

    def test_gives_htmx_the_list_alone(self, web: Browser) -> None:
        piece = web.get(self.LIST, headers={"HX-Request": "true"}).content.decode()

        assert piece.lstrip().startswith('<section id="accounts"')

    def test_a_viewer_sees_no_way_to_enroll(self, sandbox: Sandbox, viewer: User, browser_of: Any) -> None:
        page = browser_of(viewer).get(self.LIST).content.decode()

        assert "#enroll" not in page
        assert "60 invoices" in page
