"""Reading the selected accounts again."""

from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from dashboard.models import Selection
from dashboard.sandbox.server import Sandbox
from dashboard.sandbox.store import made_id
from dashboard.services import refreshing, selection

CAMPAIGN = UUID(made_id("campaign", 1, 1))
IDS = [made_id("account", number, 1) for number in range(5)]


@pytest.fixture
def picked(sandbox: Sandbox, collector: User) -> Selection:
    picked = selection.of(collector, CAMPAIGN)
    selection.change(picked, add=Counter(IDS))
    picked.accounts.update(read_at=timezone.now() - timedelta(days=1), snapshot={"status": "settled"})
    return picked


def test_every_selected_account_is_read_again(picked: Selection, sandbox: Sandbox) -> None:
    sandbox.store.accounts[IDS[0]]["status"] = "disputed"

    done = refreshing.refresh(picked.user, CAMPAIGN)

    assert (done.size, done.read, done.left) == (5, 5, 0)
    assert picked.accounts.get(account_id=IDS[0]).status == "disputed"


def test_more_than_a_person_waits_for_is_gone_on_with_oldest_first(
    picked: Selection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refreshing, "AT_ONCE", 3)

    first = refreshing.refresh(picked.user, CAMPAIGN)
    second = refreshing.refresh(picked.user, CAMPAIGN, since=first.since)

    assert [(step.read, step.left) for step in (first, second)] == [(3, 2), (2, 0)]


def test_a_vendor_that_is_away_loses_nothing(picked: Selection, sandbox: Sandbox) -> None:
    sandbox.stop()

    done = refreshing.refresh(picked.user, CAMPAIGN)

    assert done.is_stuck
    assert set(picked.accounts.values_list("status", flat=True)) == {"settled"}
