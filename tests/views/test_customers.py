"""Customers' names, asked for by pages that stand already."""

from django.core.cache import cache
from django.test import Client as Browser
from django.urls import reverse

from dashboard.sandbox.api import Key
from dashboard.sandbox.server import Sandbox

NAMES = reverse("customer-names")


def test_each_name_goes_where_its_customer_is_shown(web: Browser, sandbox: Sandbox) -> None:
    ids = [customer["id"] for customer in sandbox.store.customers.values()]

    piece = web.post(NAMES, {"names": " ".join(ids)}).content.decode()

    assert all(f"innerHTML:.c-{customer_id}" in piece for customer_id in ids)


def test_works_without_the_scope_for_customers(web: Browser, sandbox: Sandbox) -> None:
    cache.clear()
    sandbox.keys["sk_sandbox_demo"] = Key(scopes=["campaigns:read", "accounts:read"])

    response = web.post(NAMES, {"names": next(iter(sandbox.store.customers))})

    assert response.status_code == 200
    assert "data-hx-swap-oob" not in response.content.decode()
