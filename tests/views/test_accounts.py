"""The page of one invoice."""

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


@pytest.fixture
def web(sandbox: Sandbox, collector: User, browser_of: Any) -> Browser:
    signed_in: Browser = browser_of(collector)
    return signed_in


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
