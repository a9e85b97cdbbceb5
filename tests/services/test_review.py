"""Check answers: what would be sent, and the confirmation that queues it."""

from collections import Counter
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User

from dashboard.models import Run, Selection
from dashboard.sandbox.server import Sandbox
from dashboard.sandbox.store import made_id
from dashboard.services import review, selection
from dashboard.services.review import Problem

CAMPAIGN = UUID(made_id("campaign", 1, 1))
MARK = "running/early_stage"


def accounts(count: int, start: int = 1) -> list[str]:
    return [str(UUID(int=number)) for number in range(start, start + count)]


@pytest.fixture
def picked(collector: User) -> Selection:
    return selection.of(collector, CAMPAIGN)


def read(picked: Selection, **fields: object) -> None:
    """Give every selected account the same snapshot."""
    snapshot = {
        "status": "not_assigned",
        "outstanding": "10.50",
        "currency": "USD",
        "due_on": "2026-09-01",
    } | fields
    chosen = picked.accounts.values_list("account_id", flat=True)
    selection.keep(picked.accounts.all(), dict.fromkeys(chosen, snapshot))


@pytest.mark.parametrize(("size", "calls"), [(0, 0), (1, 1), (100, 1), (101, 2), (250, 3)])
def test_tells_how_many_calls_it_takes(sandbox: Sandbox, picked: Selection, size: int, calls: int) -> None:
    selection.change(picked, add=Counter(accounts(size)))
    read(picked)

    checked = review.check(picked.user, CAMPAIGN)

    assert (checked.size, checked.calls) == (size, calls)


def test_sums_are_kept_apart_by_currency(sandbox: Sandbox, picked: Selection) -> None:
    selection.change(picked, add=Counter(accounts(2)))
    read(picked)
    selection.keep(
        picked.accounts.all(),
        {accounts(1)[0]: {"status": "settled", "outstanding": "1.00", "currency": "EUR"}},
    )

    checked = review.check(picked.user, CAMPAIGN)

    assert checked.sums == {"EUR": Decimal("1.00"), "USD": Decimal("10.50")}
    assert [(group.verdict.answer, group.size) for group in checked.groups] == [("no", 1), ("yes", 1)]


def test_few_unread_accounts_are_looked_up_and_kept(sandbox: Sandbox, picked: Selection) -> None:
    known = made_id("account", 0, 1)
    selection.change(picked, add=Counter([known, *accounts(1)]))

    checked = review.check(picked.user, CAMPAIGN)

    assert [group.rows[0]["id"] for group in checked.groups if group.verdict.code == "not_found"] == accounts(
        1
    )
    assert not picked.accounts.filter(read_at=None).exists()


def test_confirming_carries_the_duplicates_along(sandbox: Sandbox, picked: Selection) -> None:
    selection.change(picked, add=Counter(accounts(2) + accounts(1)))
    now = selection.of(picked.user, CAMPAIGN)

    run = review.confirm(picked.user, CAMPAIGN, token=now.token, revision=now.revision, mark=MARK)

    assert isinstance(run, Run)
    assert (run.size, run.duplicates, run.token) == (2, 1, now.token)
    assert selection.of(picked.user, CAMPAIGN).token != now.token


@pytest.mark.parametrize(("token", "revision"), [(uuid4(), 1), (None, 0)])
def test_nothing_but_the_reviewed_selection_is_sent(
    sandbox: Sandbox, picked: Selection, token: UUID | None, revision: int
) -> None:
    selection.change(picked, add=Counter(accounts(2)))

    result = review.confirm(picked.user, CAMPAIGN, token=token or picked.token, revision=revision, mark=MARK)

    assert result == Problem.STALE
    assert not Run.objects.exists()


def test_nobody_confirms_with_the_token_of_another(
    sandbox: Sandbox, picked: Selection, manager: User
) -> None:
    selection.change(picked, add=Counter(accounts(2)))

    assert review.confirm(manager, CAMPAIGN, token=picked.token, revision=1, mark=MARK) == Problem.STALE
    assert not Run.objects.exists()


def test_a_run_is_shown_again_only_to_the_one_who_confirmed_it(
    sandbox: Sandbox, picked: Selection, manager: User
) -> None:
    selection.change(picked, add=Counter(accounts(2)))
    token = picked.token
    run = review.confirm(picked.user, CAMPAIGN, token=token, revision=1, mark=MARK)

    assert review.confirm(picked.user, CAMPAIGN, token=token, revision=1, mark=MARK) == run
    assert review.confirm(manager, CAMPAIGN, token=token, revision=1, mark=MARK) == Problem.STALE


def test_refused_ones_are_taken_out_and_the_rest_stays(sandbox: Sandbox, picked: Selection) -> None:
    selection.change(picked, add=Counter(accounts(3)))
    read(picked)
    selection.keep(picked.accounts.all(), {accounts(1)[0]: {"status": "settled"}})

    assert review.take_out(picked.user, CAMPAIGN, refused=True) == 1
    assert selection.chosen_among(picked, accounts(3)) == set(accounts(2, start=2))


def test_counts_of_several_selections_come_in_one_order() -> None:
    some = [SimpleNamespace(counts={"yes": 1}), SimpleNamespace(counts={"no": 2, "yes": 3})]

    assert list(review.Reviews(cast(Any, some), []).counts.items()) == [("no", 2), ("yes", 4)]
