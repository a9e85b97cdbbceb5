"""Invoices as the vendor has them, and the snapshot we keep."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.api.errors import ApiError
from dashboard.api.schema import Account
from dashboard.models import CustomerName
from dashboard.sandbox.api import Key
from dashboard.sandbox.server import Sandbox
from dashboard.sandbox.store import made_id
from dashboard.services import accounts

UNKNOWN_ID = "11111111-2222-4333-8444-555555555555"


@pytest.fixture(autouse=True)
def _no_names_kept() -> None:
    cache.clear()


def test_a_snapshot_holds_text_that_json_can_keep() -> None:
    account = Account.read(
        {
            "id": "a",
            "invoice_number": "INV-1",
            "amount": 10.5,
            "paid_amount": 0.25,
            "due_date": "2026-08-17",
            "status": "SETTLED",
        }
    )

    snapshot = accounts.snapshot_of(account)

    assert snapshot == {
        "id": "a",
        "number": "INV-1",
        "status": "settled",
        "outstanding": "10.25",
        "currency": "USD",
        "due_on": "2026-08-17",
        "customer_id": None,
        "campaign_id": None,
        "part_paid": True,
    }


def test_a_page_past_the_end_is_empty_and_knows_the_last(sandbox: Sandbox) -> None:
    page = accounts.list_page(page=9)

    assert (page.items, page.page, page.total_pages) == ((), 9, 3)


@pytest.mark.parametrize("size", [0, 1, 60])
def test_looks_up_each_of_a_few(sandbox: Sandbox, size: int) -> None:
    ids = [made_id("account", number, 1) for number in range(size)]

    assert list(accounts.look_up(ids)) == ids


def test_an_id_the_vendor_does_not_know_is_marked(sandbox: Sandbox) -> None:
    assert accounts.look_up([UNKNOWN_ID]) == {UNKNOWN_ID: {"id": UNKNOWN_ID, "missing": True}}


def test_a_failing_vendor_is_not_asked_again_and_again(sandbox: Sandbox) -> None:
    sandbox.keys["sk_sandbox_demo"] = Key(scopes=["campaigns:read"])
    ids = [made_id("account", number, 1) for number in range(60)]

    assert accounts.look_up(ids) == {}
    assert len(sandbox.ledger.calls) <= 8


def test_names_are_looked_up_once_and_kept(sandbox: Sandbox, db: None) -> None:
    customer_id = next(iter(sandbox.store.customers))

    first = accounts.customer_names([customer_id])
    calls = len(sandbox.ledger.calls)

    assert first[customer_id]
    assert accounts.customer_names([customer_id]) == accounts.known_names([customer_id]) == first
    assert len(sandbox.ledger.calls) == calls


def test_the_last_name_that_was_seen_is_kept_when_pages_have_forgotten_it(sandbox: Sandbox, db: None) -> None:
    customer_id, other = list(sandbox.store.customers)[:2]
    sandbox.store.customers[customer_id]["company_name"] = "Acme"
    accounts.customer_names([customer_id])
    cache.clear()
    sandbox.store.customers[customer_id]["company_name"] = "Acme & Co"
    assert accounts.last_names([customer_id]) == {customer_id: "Acme"}

    accounts.customer_names([customer_id])

    assert accounts.last_names([customer_id, other]) == {customer_id: "Acme & Co"}


def test_a_short_id_that_pages_show_for_a_customer_without_a_name_is_kept_as_none(
    sandbox: Sandbox, db: None
) -> None:
    customer_id = next(iter(sandbox.store.customers))
    for name in ("company_name", "first_name", "last_name", "email", "external_id"):
        sandbox.store.customers[customer_id][name] = None

    assert accounts.customer_names([customer_id])[customer_id]

    assert accounts.last_names([customer_id]) == {}


def test_names_that_come_with_invoices_are_kept(sandbox: Sandbox, db: None) -> None:
    invoice = sandbox.store.add_account(customer_name="Acme")

    accounts.list_page(search=invoice["invoice_number"])

    kept = {invoice["customer_id"]: "Acme"}
    assert accounts.last_names([invoice["customer_id"]]) == accounts.known_names(kept) == kept


def test_a_name_is_written_again_only_when_it_changed_or_was_written_a_day_ago(db: None) -> None:
    def writes(names: dict[str, str]) -> int:
        with CaptureQueriesContext(connection) as queries:
            accounts._write_names(names)
        return sum(query["sql"].startswith("INSERT") for query in queries)

    assert writes({"c-1": "Acme"}) == 1
    assert writes({"c-1": "Acme"}) == 0
    assert writes({"c-1": "Acme & Co"}) == 1
    CustomerName.objects.update(seen_at=timezone.now() - timedelta(days=2))
    assert writes({"c-1": "Acme & Co"}) == 1
    assert CustomerName.objects.get().seen_at > timezone.now() - timedelta(hours=1)


def test_without_the_scope_there_are_no_names_and_no_error(sandbox: Sandbox) -> None:
    sandbox.keys["sk_sandbox_demo"] = Key(scopes=["accounts:read"])

    assert accounts.customer_names(list(sandbox.store.customers)) == {}


def test_one_that_cannot_be_read_raises(sandbox: Sandbox) -> None:
    with pytest.raises(ApiError):
        accounts.read(UNKNOWN_ID)
