"""Names of customers and campaigns, asked for by pages that stand already."""

from django.core.cache import cache
from django.test import Client as Browser
from django.urls import reverse

from dashboard.sandbox.api import Key
from dashboard.sandbox.server import Sandbox

NAMES = reverse("names")


def test_each_name_goes_where_its_customer_is_shown(web: Browser, sandbox: Sandbox) -> None:
    ids = [customer["id"] for customer in sandbox.store.customers.values()]

    piece = web.post(NAMES, {"customers": " ".join(ids)}).content.decode()

    assert all(f"innerHTML:.c-{customer_id}" in piece for customer_id in ids)


def test_each_name_goes_where_its_campaign_is_shown(web: Browser, sandbox: Sandbox) -> None:
    campaign = next(iter(sandbox.store.campaigns.values()))

    piece = web.post(NAMES, {"campaigns": campaign["id"]}).content.decode()

    assert f'innerHTML:.g-{campaign["id"]}">{campaign["name"]}<' in piece


def test_works_without_the_scope_for_customers(web: Browser, sandbox: Sandbox) -> None:
    cache.clear()
    sandbox.keys["sk_sandbox_demo"] = Key(scopes=["campaigns:read", "accounts:read"])

    response = web.post(NAMES, {"customers": next(iter(sandbox.store.customers))})

    assert response.status_code == 200
    assert "data-hx-swap-oob" not in response.content.decode()
