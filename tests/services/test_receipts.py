"""The receipt: counts, sums and a fingerprint that any changed fate changes."""

from collections.abc import Mapping
from decimal import Decimal

import pytest
from django.contrib.auth.models import User

from dashboard.models import Run
from dashboard.services import receipts, runs
from dashboard.services.tally import Sums
from tests import ledger

pytestmark = pytest.mark.django_db


def half_done() -> Run:
    return ledger.answered(ledger.queued(150), "SUCCESS", "FAILED", error=ledger.ACTIVE)


def figures(sums: Mapping[str, Sums]) -> dict[str, tuple[int, dict[str, Decimal]]]:
    return {word: (of.number, of.amounts) for word, of in sums.items()}


def test_counts_and_sums_make_up_all_that_was_picked() -> None:
    receipt = receipts.of(half_done())

    assert figures(receipt.sums) == {
        "enrolled": (50, {"USD": Decimal("625.00")}),
        "failed": (50, {"USD": Decimal("625.00")}),
        "waiting": (50, {"USD": Decimal("625.00")}),
        "picked": (150, {"USD": Decimal("1875.00")}),
    }


def test_what_has_no_amount_is_counted_apart_from_the_sums() -> None:
    run = ledger.answered(ledger.queued(2, known={"outstanding": None}), "SUCCESS")

    enrolled = receipts.of(run).sums["enrolled"]

    assert (enrolled.number, enrolled.without, enrolled.amounts) == (2, 2, {})


def test_who_did_what_is_told_in_order_with_the_reasons(manager: User) -> None:
    run = half_done()
    runs.pause(run=run, who=manager, note="They called.")
    runs.stop(run=run, who=manager, note="Enough.")

    entries = receipts.of(Run.objects.get(pk=run.pk)).entries

    assert [(entry.action, entry.note) for entry in entries] == [
        ("run queued", ""),
        ("run paused", "They called."),
        ("run stopped", "Enough."),
    ]


def test_the_calls_are_told_in_the_order_they_were_made() -> None:
    run = ledger.answered(half_done(), "SUCCESS")

    assert [(call.batch.number, call.number) for call in receipts.calls(run)] == [(1, 1), (2, 1)]


def test_the_fingerprint_changes_with_any_fate_and_with_nothing_else() -> None:
    run = half_done()
    before = receipts.fingerprint(run)
    assert receipts.fingerprint(run) == before

    run.outcomes.filter(account_id=ledger.account_id(7)).update(error="Something else.")

    assert receipts.fingerprint(run) != before
