"""A run's tally is what its rows add up to, whatever has happened to them."""

import importlib
import uuid
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.utils import timezone

from dashboard.api.schema import Campaign
from dashboard.models import Batch, Outcome, Run
from dashboard.services import runs, tally
from tests import ledger

pytestmark = pytest.mark.django_db


def queued(size: int = 120) -> Run:
    """Invoices of two currencies; every seventh has no amount, every eleventh none in a currency."""
    accounts: list[dict[str, Any]] = [
        {"id": ledger.account_id(each), "number": f"INV-{each}", "verdict": ("enters", "past_due")[each % 2]}
        for each in range(1, size + 1)
    ]
    for each, account in enumerate(accounts):
        if each % 7:
            account |= {
                "outstanding": f"{each}.25",
                "currency": ("USD", "EUR", "?")[(each % 11 == 0) * 2 or each % 2],
            }
    campaign = Campaign(id=ledger.CAMPAIGN_ID, name="Chase")
    return runs.queue(starter=None, campaign=campaign, accounts=accounts, token=uuid.uuid4())


def counted(run: Run) -> dict[str, list[Any]]:
    """The tally of the outcomes as their rows say it."""
    found: dict[str, list[Any]] = {}
    for row in run.outcomes.all():
        currency = row.currency if row.currency != "?" else ""
        known = row.outstanding if currency else None
        entry = found.setdefault(f"{row.state}/{row.reason}/{row.predicted}/{currency}", [0, Decimal(0), 0])
        entry[0] += 1
        entry[1] += known or 0
        entry[2] += known is None
    return found


def kept(run: Run) -> dict[str, list[Any]]:
    run.refresh_from_db()
    return {
        key: [number, Decimal(amount), without]
        for key, (number, amount, without) in run.tally.items()
        if not key.startswith("picked/")
    }


def test_it_follows_answers_silence_marks_and_second_tries(collector: User) -> None:
    run = ledger.answered(queued(320), "SUCCESS", "FAILED", "SKIPPED", "PENDING", error=ledger.ACTIVE)
    assert kept(run) == counted(run)
    run = ledger.unanswered(ledger.unanswered(run))
    assert kept(run) == counted(run)
    some = list(run.outcomes.filter(state="unknown").values_list("account_id", flat=True)[:30])
    runs.mark(run=run, who=collector, note="seen", enrolled=True, account_ids=some)
    assert kept(run) == counted(run)
    Outcome.objects.update(settled_at=timezone.now() - timedelta(minutes=2))
    runs.send_again(run=run, who=collector, note="not there")
    for _ in range(3):
        run = ledger.answered(run, "SUCCESS", "FAILED", error=ledger.ACTIVE)

    assert kept(run) == counted(run)
    assert Counter(run.outcomes.values_list("state", flat=True)) == {
        state: number for state, number in run.counts.items() if number
    }


def test_what_waits_comes_to_what_was_picked_less_what_has_an_outcome() -> None:
    run = ledger.answered(queued(150), "SUCCESS", "FAILED")

    sums = tally.by_outcome(run)

    assert [sums[word].number for word in ("picked", "enrolled", "failed", "waiting")] == [150, 50, 50, 50]
    for currency in ("EUR", "USD"):
        parts = [sums[word].amounts.get(currency, 0) for word in ("enrolled", "failed", "waiting")]
        assert sum(parts) == sums["picked"].amounts[currency]
    assert (
        sums["waiting"].without == sums["picked"].without - sums["enrolled"].without - sums["failed"].without
    )
    assert "?" not in sums["picked"].amounts


def test_what_a_stop_left_takes_the_place_of_what_waited() -> None:
    before = tally.by_outcome(ledger.answered(queued(150), "SUCCESS"))
    run = runs.stop(run=Run.objects.get(), who=None)

    after = tally.by_outcome(run)

    assert after["not_sent"] == before["waiting"]
    assert "waiting" not in after


def test_runs_from_before_get_their_places_and_tally() -> None:
    run = ledger.unanswered(ledger.answered(queued(250), "SUCCESS", "FAILED", error=ledger.ACTIVE))
    places = dict(run.outcomes.values_list("account_id", "place"))
    firsts, tallied = dict(run.batches.values_list("number", "first")), run.tally
    Outcome.objects.update(place=0)
    Batch.objects.update(first=0)
    Run.objects.update(tally={})

    importlib.import_module("dashboard.migrations.0005_results").fill(apps, None)

    run.refresh_from_db()
    assert dict(run.outcomes.values_list("account_id", "place")) == places
    assert dict(run.batches.values_list("number", "first")) == firsts
    assert {key: [n, Decimal(a), w] for key, (n, a, w) in run.tally.items()} == {
        key: [n, Decimal(a), w] for key, (n, a, w) in tallied.items()
    }
