"""The vendor's rules of enrollment, and the sentences it refuses with."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

ACTIVE_EXECUTION = (
    "Invoice has an active execution in another campaign. "
    "Please wait for the current campaign to complete before reassigning."
)
NOT_FOUND = "Invoice or Customer not found or access denied"
OTHER_CUSTOMER = "Invoice does not belong to this customer"
PAST_DUE = (
    "Invoice is past its due date and cannot be enrolled in a payment reminder campaign. "
    "Please use an early stage or first party campaign instead."
)

# The vendor documents these refusals but not their words: the sentences below are ours.
NOT_ACCEPTING = "Campaign is not accepting new enrollments"
PROTECTED_STATUS = "Invoice has a protected status and cannot be enrolled"
SANDBOX_ACCOUNT = "Sandbox accounts cannot be enrolled in campaigns"
STATEMENT_INVOICE = "Statement invoices can only be enrolled through the statements endpoints"
STATEMENT_CAMPAIGN = "Only statements can be enrolled in a statement acknowledgement campaign"
TEST_KEY = "Campaigns send real messages and cannot be used with a test API key"

ACCEPTING = frozenset({"active", "running", "paused"})
PROTECTED = frozenset({"disputed", "suspended", "settled", "uncollectible", "paid_in_full"})
CLOSED = frozenset({"settled", "uncollectible", "paid_in_full"})

CAMPAIGN_FILTERS = ("active", "draft", "paused", "archived")
ACCOUNT_STATUSES = (
    "not_assigned",
    "pending_collection",
    "in_progress",
    "disputed",
    "suspended",
    "settled",
    "uncollectible",
)


def accepts_enrollments(campaign: Mapping[str, Any]) -> bool:
    """Whether the campaign's status lets new invoices in."""
    return str(campaign["status"]).lower() in ACCEPTING


def is_statement(account: Mapping[str, Any]) -> bool:
    """Whether the invoice bills a statement, by its billing type or its number."""
    return account["billing_type"] == "statement" or str(account["invoice_number"]).startswith("STMT-")


def is_past_due(account: Mapping[str, Any], today: dt.date) -> bool:
    """Whether the due date has gone by; due today is not past due."""
    return str(account["due_date"]) < today.isoformat()


def is_overdue(account: Mapping[str, Any], today: dt.date) -> bool:
    """Whether money is still owed after the due date."""
    owes = account["amount"] > account["paid_amount"] and account["status"].lower() not in CLOSED
    return owes and is_past_due(account, today)


def refusal(account: Mapping[str, Any], campaign: Mapping[str, Any], *, today: dt.date) -> str | None:
    """The sentence with which the account is refused by the campaign, or None when it may enter."""
    status = account["status"].lower()
    kind = str(campaign["type"]).lower()
    checks = (
        (account["is_sandbox"], SANDBOX_ACCOUNT),
        (is_statement(account), STATEMENT_INVOICE),
        (status == "in_progress", ACTIVE_EXECUTION),
        (status in PROTECTED, PROTECTED_STATUS),
        (not accepts_enrollments(campaign), NOT_ACCEPTING),
        (kind == "statement_acknowledgement", STATEMENT_CAMPAIGN),
        (kind == "payment_reminder" and is_past_due(account, today), PAST_DUE),
    )
    return next((sentence for broken, sentence in checks if broken), None)
