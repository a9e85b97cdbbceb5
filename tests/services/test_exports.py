"""A run's invoices as lines: each once, those that the page shows, with all that is known."""

import json
from collections import Counter
from datetime import UTC, date
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dashboard.api.schema import Account
from dashboard.models import Run
from dashboard.sandbox.server import Sandbox
from dashboard.services import accounts, exports, finding, reasons, runs, tally
from tests import ledger

pytestmark = pytest.mark.django_db
FILTERS = [
    {},
    {"outcome": "failed"},
    {"outcome": "enrolled"},
    {"outcome": "waiting"},
    {"outcome": "not_sent"},
    {"outcome": "unknown"},
    {"outcome": "failed", "reason": "active_execution"},
    {"reason": "active_execution"},
    {"search": "inv-25"},
    {"outcome": "failed", "search": "INV-1"},
    {"search": ledger.account_id(7)},
    {"search": "nothing like it"},
    {"outcome": "pending", "reason": "none"},
    {"predicted": "enter"},
    {"predicted": "none", "search": "inv"},
    {"predicted": "otherwise"},
]


def mixed() -> Run:
    """250 invoices: 100 with fates of four kinds, 150 that wait."""
    run = ledger.queued(250)
    return ledger.answered(run, "SUCCESS", "FAILED", "PENDING", "TELEPORTED", error=ledger.ACTIVE)


def shown(run: Run, **chosen: str) -> list[tuple[str, str]]:
    rows = [row.outcome for row in finding.find(run, per_page=1000, **chosen).rows]
    return [(row.account_id, row.state) for row in rows]


def exported(run: Run, **chosen: str) -> list[tuple[str, str]]:
    return [(line.account_id, line.outcome) for line in exports.lines(run, **chosen)]


@pytest.mark.parametrize("chosen", FILTERS, ids=str)
def test_a_filter_means_the_same_as_on_the_page(chosen: dict[str, str]) -> None:
    run = mixed()

    assert exported(run, **chosen) == shown(run, **chosen)


def test_the_customers_name_stands_beside_the_id_where_it_was_ever_seen(sandbox: Sandbox) -> None:
    customer = next(iter(sandbox.store.customers.values()))
    run = ledger.queued(101, known={"customer_id": customer["id"]})
    ledger.answered(run, "SUCCESS")
    assert {line.customer_name for line in exports.lines(run)} == {""}

    [name] = accounts.customer_names([customer["id"]]).values()
    cache.clear()

    assert [line.customer_name for line in exports.lines(run)] == [name] * 101
    assert {line.customer_name for line in exports.lines(ledger.queued(1))} == {""}


@pytest.mark.parametrize(
    ("amount", "cents"), [(12.5, "12.50"), (0.125, "0.12"), (0.135, "0.14"), (7.004999, "7.00")]
)
def test_an_amount_is_the_same_to_the_cent_on_pages_in_sums_and_in_files(amount: float, cents: str) -> None:
    invoice = accounts.snapshot_of(
        Account.read({"id": "a", "amount": amount, "paid_amount": 0, "currency": "USD"})
    )
    run = ledger.queued(101, known={"outstanding": invoice["outstanding"]})
    ledger.answered(run, "SUCCESS")

    rows = finding.find(run, per_page=1000).rows
    amounts = [str(line.amount) for line in exports.lines(run)]

    assert amounts == [cents] * 101
    assert [f"{row.outcome.outstanding:.2f}" for row in rows] == amounts
    assert [(sums.number, sums.amounts) for sums in tally.by_outcome(run).values()] == [
        (number, {"USD": number * Decimal(cents)}) for number in (101, 100, 1)
    ]


@pytest.mark.parametrize("chosen", [{}, {"outcome": "not_sent"}, {"outcome": "waiting"}], ids=str)
def test_what_a_stop_left_unsent_is_there(chosen: dict[str, str]) -> None:
    run = runs.stop(run=mixed(), who=None)

    assert exported(run, **chosen) == shown(run, **chosen)
    assert Counter(state for _, state in exported(run))["not_sent"] == 150


def test_every_picked_invoice_comes_once_while_calls_are_answered_meanwhile() -> None:
    run = mixed()
    lines = exports.lines(run)
    first = next(lines)

    ledger.answered(run, "SUCCESS")
    rest = list(lines)

    assert Counter(line.account_id for line in [first, *rest]) == Counter(
        ledger.account_id(number) for number in range(1, 251)
    )


def test_a_fate_that_changes_meanwhile_is_given_as_it_is_by_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "CHUNK", 10)
    run = ledger.unanswered(ledger.queued(30))
    lines = exports.lines(run)
    next(lines)

    run.outcomes.update(state="enrolled", reason="", error="")

    assert Counter(line.outcome for line in lines) == {"unknown": 9, "enrolled": 20}


def test_a_line_tells_all_that_is_known() -> None:
    known = {"outstanding": "1234.5", "currency": "EUR", "due_on": "2026-03-04", "customer_id": "c-1"}
    run = ledger.queued(1, known=known | {"verdict": "enters"})
    [waiting] = exports.lines(run)

    run = ledger.answered(run, "FAILED", error=ledger.ACTIVE)

    [line] = exports.lines(run)
    assert line.sent_at is not None
    assert line.settled_at is not None
    assert line.sent_at.tzinfo == line.settled_at.tzinfo == UTC
    assert line._replace(sent_at=None, settled_at=None) == exports.Line(
        invoice_number="INV-1",
        account_id=ledger.account_id(1),
        customer_id="c-1",
        customer_name="",
        outcome="failed",
        vendor_status="FAILED",
        reason="active_execution",
        happened="Already active in a campaign",
        what_to_do=reasons.REASONS["active_execution"].what_to_do,
        error=ledger.ACTIVE,
        predicted="enters",
        amount=Decimal("1234.50"),
        currency="EUR",
        due_on=date(2026, 3, 4),
        call="Batch 1, try 1",
        sent_at=None,
        settled_at=None,
        source="The vendor's answer",
        campaign_id=ledger.CAMPAIGN_ID,
        campaign="Early stage chase",
        run=run.pk,
    )
    assert waiting == line._replace(
        outcome="waiting",
        vendor_status="",
        reason="",
        happened="Not sent yet",
        what_to_do="",
        error="",
        call="",
        sent_at=None,
        settled_at=None,
        source="Rollcall",
    )


def test_what_is_sent_again_keeps_its_customer_and_due_date(manager: User) -> None:
    run = ledger.unanswered(ledger.queued(2, known={"due_on": "2026-03-04", "customer_id": "c-1"}))
    run.outcomes.update(settled_at=run.created_at.replace(year=2025))
    runs.send_again(run=run, who=manager, note="They said so.")

    run = ledger.answered(run, "SUCCESS")

    assert [(line.customer_id, line.due_on, line.call) for line in exports.lines(run)] == [
        ("c-1", date(2026, 3, 4), "Batch 2, try 1")
    ] * 2


def test_json_is_a_list_of_lines() -> None:
    run = mixed()

    rows = json.loads("".join(exports.as_json(run, outcome="failed")))

    assert len(rows) == 25
    assert rows[0] | {"sent_at": "", "settled_at": ""} == {
        **exports.Line._asdict(next(exports.lines(run, outcome="failed"))),
        "amount": "12.50",
        "sent_at": "",
        "settled_at": "",
    }


def test_a_run_without_matches_is_an_empty_list() -> None:
    assert json.loads("".join(exports.as_json(mixed(), search="nothing like it"))) == []


def test_fifty_times_the_invoices_take_no_more_queries_for_each_part() -> None:
    run = ledger.answered(ledger.queued(100), "SUCCESS")
    with CaptureQueriesContext(connection) as queries:
        list(exports.lines(run))

    assert len(queries) == 5


def test_a_file_is_called_after_what_it_holds() -> None:
    run = ledger.queued(1)

    assert exports.name_of(run, "csv") == f"run-{run.pk}.csv"
    assert exports.name_of(run, "xlsx", outcome="failed", reason="past_due", search="x") == (
        f"run-{run.pk}-failed-past_due-found.xlsx"
    )
