"""A whole selection's verdicts, counted in the database, are those of its rows one by one."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from dashboard.api.schema import Account, Campaign
from dashboard.models import SelectedAccount, Selection
from dashboard.sandbox.server import Sandbox
from dashboard.services import accounts, eligibility, selection, verdicts

TODAY = date(2026, 8, 17)
READ_AT = datetime(2026, 8, 17, 8, tzinfo=UTC)
REMINDER = Campaign.read({"id": "c", "status": "ACTIVE", "type": "payment_reminder"})


@pytest.fixture
def picked(collector: User) -> Selection:
    return selection.of(collector, "c")


def add(picked: Selection, snapshot: dict[str, Any]) -> None:
    SelectedAccount.objects.create(
        selection=picked,
        account_id=snapshot.get("id") or str(picked.accounts.count()),
        snapshot=snapshot,
        read_at=READ_AT,
    )


def groups(picked: Selection, campaign: Campaign = REMINDER) -> list[verdicts.Group]:
    return verdicts.groups(verdicts.shares(picked, TODAY), campaign, TODAY)


@pytest.mark.parametrize("kind", ["payment_reminder", "early_stage", "statement_acknowledgement"])
@pytest.mark.parametrize("status", ["ACTIVE", "DRAFT", "on_fire"])
def test_counting_gives_the_verdicts_of_the_rows(picked: Selection, kind: str, status: str) -> None:
    store = Sandbox(port=0, seed=1, campaigns=4, accounts=300, customers=20).store
    rows = [accounts.snapshot_of(Account.read(row)) for row in store.accounts.values()]
    rows += [{}, {"id": "m", "missing": True}, {"id": "n", "status": "", "due_on": None}]
    campaign = Campaign.read({"id": "c", "status": status, "type": kind})
    for row in rows:
        add(picked, row)

    counted = {
        group.verdict.code: group.size
        for group in verdicts.groups(verdicts.shares(picked, store.today), campaign, store.today)
    }

    assert counted == Counter(eligibility.verdict(row, campaign, store.today).code for row in rows)


def test_a_group_has_sums_ages_and_the_oldest_reading_beside_its_count(picked: Selection) -> None:
    for days, amount, currency in ((3, "0.10", "USD"), (45, "0.20", "USD"), (45, "7.00", "EUR")):
        due_on = (TODAY - timedelta(days=days)).isoformat()
        add(picked, {"status": "not_assigned", "due_on": due_on, "outstanding": amount, "currency": currency})
    SelectedAccount.objects.filter(account_id="1").update(read_at=READ_AT - timedelta(days=1))

    (group,) = groups(picked)

    assert (group.verdict.code, group.size) == ("past_due", 3)
    assert group.sums == {"USD": Decimal("0.30"), "EUR": Decimal("7.00")}
    assert group.by_age == [("1 to 30 days", 1), ("31 to 60 days", 2)]
    assert group.read_at == READ_AT - timedelta(days=1)


def test_the_refused_come_first_and_the_larger_group_before(picked: Selection) -> None:
    for status in ("not_assigned", "disputed", "settled", "in_progress", "in_progress"):
        add(picked, {"status": status, "due_on": "2026-09-01"})

    assert [group.verdict.code for group in groups(picked)] == [
        *("active_execution", "settled"),
        *("disputed", "enters"),
    ]


def test_the_rows_of_a_group_are_its_own(picked: Selection) -> None:
    add(picked, {"id": "late", "status": "not_assigned", "due_on": "2026-08-16"})
    add(picked, {"id": "in time", "status": "not_assigned", "due_on": "2026-08-18"})
    add(picked, {"id": "undated", "status": "not_assigned", "due_on": None})
    add(picked, {"id": "settled", "status": "settled", "due_on": "2026-08-16"})

    rows = {
        group.verdict.code: [
            row["id"] for row in verdicts.first_rows(verdicts.rows_of(picked, group.shares, TODAY))
        ]
        for group in groups(picked)
    }

    assert rows == {
        "settled": ["settled"],
        "past_due": ["late"],
        "no_due_date": ["undated"],
        "enters": ["in time"],
    }


def test_no_share_means_no_rows(picked: Selection) -> None:
    add(picked, {"status": "not_assigned"})

    assert not verdicts.rows_of(picked, [], TODAY).exists()
