"""The rules that the vendor documents, before anything is sent."""

from datetime import date, timedelta
from typing import Any

import pytest

from dashboard.api.schema import Account, Campaign
from dashboard.sandbox import rules
from dashboard.sandbox.server import Sandbox
from dashboard.services import accounts, eligibility

TODAY = date(2026, 8, 17)


def campaign(status: str | None = "ACTIVE", kind: str = "early_stage") -> Campaign:
    return Campaign.read({"id": "c", "status": status, "type": kind})


def snapshot(**fields: Any) -> dict[str, Any]:
    return {"id": "a", "status": "not_assigned", "due_on": "2026-09-01"} | fields


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        *((status, "no") for status in ("DRAFT", "scheduled", "COMPLETED", "Cancelled", "archived")),
        *((status, "yes") for status in ("RUNNING", "active", "PAUSED")),
        ("on_fire", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_campaign_takes_invoices_by_its_status(status: str | None, answer: str) -> None:
    acceptance = eligibility.acceptance(campaign(status))

    assert acceptance.answer == answer
    assert acceptance.why


@pytest.mark.parametrize(
    ("fields", "answer", "code"),
    [
        ({}, "yes", "enters"),
        ({"status": "pending_collection"}, "yes", "enters"),
        ({"status": "in_progress"}, "no", "active_execution"),
        ({"status": "settled"}, "no", "settled"),
        ({"status": "paid_in_full"}, "no", "settled"),
        ({"status": "uncollectible"}, "no", "uncollectible"),
        ({"status": "disputed"}, "unknown", "disputed"),
        ({"status": "suspended"}, "unknown", "suspended"),
        ({"status": "on_fire"}, "unknown", "other_status"),
        ({"status": ""}, "unknown", "other_status"),
        ({"is_sandbox": True}, "no", "sandbox"),
        ({"is_statement": True}, "no", "statement"),
        ({"missing": True}, "no", "not_found"),
    ],
)
def test_an_invoice_is_judged_by_its_own_record(fields: dict[str, Any], answer: str, code: str) -> None:
    verdict = eligibility.verdict(snapshot(**fields), campaign(), TODAY)

    assert (verdict.answer, verdict.code) == (answer, code)


@pytest.mark.parametrize(
    ("due_on", "answer", "code"),
    [
        ("2026-08-16", "no", "past_due"),
        ("2026-08-17", "unknown", "due_today"),
        ("2026-08-18", "yes", "enters"),
        (None, "unknown", "no_due_date"),
    ],
)
def test_a_payment_reminder_refuses_what_is_past_due(due_on: str | None, answer: str, code: str) -> None:
    verdict = eligibility.verdict(snapshot(due_on=due_on), campaign(kind="payment_reminder"), TODAY)

    assert (verdict.answer, verdict.code) == (answer, code)


def test_other_campaigns_take_what_is_past_due() -> None:
    assert eligibility.verdict(snapshot(due_on="2026-01-01"), campaign(), TODAY).answer == "yes"


def test_a_certain_refusal_outweighs_a_doubt() -> None:
    disputed = snapshot(status="disputed", due_on="2026-01-01")

    assert eligibility.verdict(disputed, campaign(kind="payment_reminder"), TODAY).code == "past_due"


def test_what_was_not_looked_up_is_not_guessed() -> None:
    assert eligibility.verdict({"id": "a"}, campaign(), TODAY).code == "not_looked_up"


@pytest.mark.parametrize(
    ("status", "kind", "answer", "code"),
    [
        ("DRAFT", "early_stage", "no", "campaign_closed"),
        ("on_fire", "early_stage", "unknown", "other_campaign"),
        ("ACTIVE", "statement_acknowledgement", "unknown", "statement_campaign"),
    ],
)
def test_the_campaign_has_its_say(status: str, kind: str, answer: str, code: str) -> None:
    verdict = eligibility.verdict(snapshot(), campaign(status, kind), TODAY)

    assert (verdict.answer, verdict.code) == (answer, code)


@pytest.mark.parametrize(("days", "flagged"), [(-1, False), (0, True), (2, True), (3, False)])
def test_an_invoice_due_within_two_days_is_flagged(days: int, flagged: bool) -> None:
    due_on = (TODAY + timedelta(days=days)).isoformat()

    assert ("due_soon" in eligibility.flags(snapshot(due_on=due_on), TODAY)) is flagged


def test_a_part_paid_invoice_is_flagged() -> None:
    assert eligibility.flags(snapshot(part_paid=True), TODAY) == ("part_paid",)


def test_verdicts_never_contradict_the_sandbox_over_its_whole_portfolio() -> None:
    store = Sandbox(port=0, seed=1, campaigns=40, accounts=400, customers=40).store

    for row in store.campaigns.values():
        into = Campaign.read(row)
        for account in store.accounts.values():
            verdict = eligibility.verdict(accounts.snapshot_of(Account.read(account)), into, store.today)
            refusal = rules.refusal(account, row, today=store.today)
            assert verdict.answer == "unknown" or (verdict.answer == "yes") == (refusal is None), (
                verdict,
                refusal,
            )
