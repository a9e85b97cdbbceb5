import datetime as dt
from typing import Any

import pytest

from dashboard.sandbox import rules
from dashboard.sandbox.store import Store

TODAY = dt.date(2026, 8, 17)
YESTERDAY = "2026-08-16"


@pytest.fixture
def store() -> Store:
    return Store(today=TODAY)


@pytest.mark.parametrize("status", ["RUNNING", "ACTIVE", "PAUSED", "active", "Paused"])
def test_running_active_and_paused_campaigns_accept_enrollments(store: Store, status: str) -> None:
    assert rules.accepts_enrollments(store.add_campaign(status=status))


@pytest.mark.parametrize("status", ["DRAFT", "SCHEDULED", "COMPLETED", "CANCELLED", "archived", "Zonk"])
def test_other_campaigns_do_not_accept_enrollments(store: Store, status: str) -> None:
    assert not rules.accepts_enrollments(store.add_campaign(status=status))


@pytest.mark.parametrize("status", ["not_assigned", "pending_collection", "PENDING_COLLECTION"])
def test_accounts_in_no_campaign_may_enter(store: Store, status: str) -> None:
    account = store.add_account(status=status)
    assert rules.refusal(account, store.add_campaign(), today=TODAY) is None


@pytest.mark.parametrize(
    ("account", "campaign", "sentence"),
    [
        ({"status": "in_progress"}, {}, rules.ACTIVE_EXECUTION),
        ({"status": "IN_PROGRESS"}, {}, rules.ACTIVE_EXECUTION),
        ({"status": "disputed"}, {}, rules.PROTECTED_STATUS),
        ({"status": "suspended"}, {}, rules.PROTECTED_STATUS),
        ({"status": "settled"}, {}, rules.PROTECTED_STATUS),
        ({"status": "uncollectible"}, {}, rules.PROTECTED_STATUS),
        ({"is_sandbox": True}, {}, rules.SANDBOX_ACCOUNT),
        ({"billing_type": "statement"}, {}, rules.STATEMENT_INVOICE),
        ({"invoice_number": "STMT-2026-07-C1"}, {}, rules.STATEMENT_INVOICE),
        ({}, {"status": "COMPLETED"}, rules.NOT_ACCEPTING),
        ({}, {"type": "statement_acknowledgement"}, rules.STATEMENT_CAMPAIGN),
        ({"due_date": YESTERDAY}, {"type": "payment_reminder"}, rules.PAST_DUE),
    ],
)
def test_refuses_with_the_sentence_of_the_broken_rule(
    store: Store, account: dict[str, Any], campaign: dict[str, Any], sentence: str
) -> None:
    found = rules.refusal(store.add_account(**account), store.add_campaign(**campaign), today=TODAY)
    assert found == sentence


@pytest.mark.parametrize("kind", ["early_stage", "first_party", "legal_notice"])
def test_past_due_accounts_may_enter_campaigns_that_are_no_reminders(store: Store, kind: str) -> None:
    account = store.add_account(due_date=YESTERDAY)
    assert rules.refusal(account, store.add_campaign(type=kind), today=TODAY) is None


def test_due_today_is_not_past_due(store: Store) -> None:
    account = store.add_account(due_date=TODAY.isoformat())
    assert rules.refusal(account, store.add_campaign(type="payment_reminder"), today=TODAY) is None


@pytest.mark.parametrize(
    ("fields", "overdue"),
    [
        ({"due_date": YESTERDAY}, True),
        ({"due_date": TODAY.isoformat()}, False),
        ({"due_date": YESTERDAY, "amount": 5.0, "paid_amount": 5.0}, False),
        ({"due_date": YESTERDAY, "status": "uncollectible"}, False),
    ],
)
def test_overdue_means_owed_after_the_due_date(store: Store, fields: dict[str, Any], overdue: bool) -> None:
    assert rules.is_overdue(store.add_account(**fields), TODAY) is overdue
