"""The made-up portfolio: the same each time, and like a real one."""

import datetime as dt
from collections import Counter

import pytest

from dashboard.sandbox import rules
from dashboard.sandbox.server import Sandbox
from dashboard.sandbox.store import Record, Store

TODAY = dt.date(2026, 8, 17)


@pytest.fixture(scope="module")
def store() -> Store:
    return Sandbox(today=TODAY).store


def words(records: dict[str, Record], name: str) -> Counter[str]:
    return Counter(str(record[name]).lower() for record in records.values())


def test_the_same_seed_and_day_make_the_same_records(store: Store) -> None:
    again = Sandbox(today=TODAY).store
    assert list(again.accounts.values()) == list(store.accounts.values())
    assert [*again.campaigns.values()] == [*store.campaigns.values()]


def test_another_seed_makes_other_records(store: Store) -> None:
    assert not Sandbox(seed=2, today=TODAY).store.accounts.keys() & store.accounts.keys()


def test_another_day_keeps_the_ids(store: Store) -> None:
    tomorrow = Sandbox(today=TODAY + dt.timedelta(days=1)).store
    assert [*tomorrow.accounts] == [*store.accounts]
    assert [*tomorrow.campaigns] == [*store.campaigns]


def test_has_the_size_asked_for(store: Store) -> None:
    assert (len(store.campaigns), len(store.accounts), len(store.customers)) == (40, 2000, 400)


def test_campaigns_are_of_all_kinds_and_one_unknown(store: Store) -> None:
    documented = {"payment_reminder", "early_stage", "first_party", "statement_acknowledgement"}
    assert set(words(store.campaigns, "type")) == documented | {"legal_notice"}


def test_campaigns_are_in_all_statuses_of_both_vocabularies(store: Store) -> None:
    both = {"active", "running", "paused", "draft", "scheduled", "completed", "cancelled", "archived"}
    assert set(words(store.campaigns, "status")) == both


def test_campaign_names_are_unique(store: Store) -> None:
    assert max(words(store.campaigns, "name").values()) == 1


def test_campaigns_are_chained_in_the_documented_order(store: Store) -> None:
    chained = [campaign for campaign in store.campaigns.values() if campaign["next_campaign_id"]]
    pairs = {(each["type"], store.campaigns[each["next_campaign_id"]]["type"]) for each in chained}
    assert pairs == {("payment_reminder", "early_stage"), ("early_stage", "first_party")}


def test_most_accounts_can_be_enrolled(store: Store) -> None:
    statuses = words(store.accounts, "status")
    assert set(statuses) == set(rules.ACCOUNT_STATUSES)
    assert statuses["not_assigned"] + statuses["pending_collection"] > 1200


def test_accounts_in_progress_are_in_an_open_campaign(store: Store) -> None:
    busy = [account for account in store.accounts.values() if account["status"] == "in_progress"]
    assert all(rules.accepts_enrollments(store.campaigns[account["campaign_id"]]) for account in busy)


def test_due_dates_lie_around_today(store: Store) -> None:
    days = [(dt.date.fromisoformat(account["due_date"]) - TODAY).days for account in store.accounts.values()]
    assert -200 <= min(days) < -150
    assert 40 < max(days) <= 60
    assert 0 in days


def test_currencies_are_several_and_mostly_dollars(store: Store) -> None:
    currencies = words(store.accounts, "currency")
    assert {"usd", "eur", "gbp", "cad"} <= set(currencies)
    assert currencies["usd"] > 1000


def test_amounts_are_in_whole_cents_skewed_and_sometimes_paid_in_part(store: Store) -> None:
    amounts = sorted(account["amount"] for account in store.accounts.values())
    part_paid = [each for each in store.accounts.values() if 0 < each["paid_amount"] < each["amount"]]
    assert all(amount == round(amount, 2) > 0 for amount in amounts)
    assert sum(amounts) / len(amounts) > 1.5 * amounts[len(amounts) // 2]
    assert len(part_paid) > 100


def test_some_accounts_are_statements_and_some_sandbox_ones(store: Store) -> None:
    statements = [account for account in store.accounts.values() if rules.is_statement(account)]
    assert all(account["invoice_number"].startswith("STMT-20") for account in statements)
    assert len(statements) > 10
    assert sum(account["is_sandbox"] for account in store.accounts.values()) == 20


def test_accounts_without_customers_get_one() -> None:
    store = Sandbox(accounts=3, customers=0, campaigns=0).store
    assert {account["customer_id"] for account in store.accounts.values()} == set(store.customers)


def test_without_campaigns_no_account_is_in_progress() -> None:
    store = Sandbox(accounts=200, customers=5, campaigns=0).store
    assert "in_progress" not in words(store.accounts, "status")
