"""Reading the selected accounts again: few calls, nothing lost, told as it was."""

from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest

from dashboard.models import Errand, Selection
from dashboard.sandbox.server import Sandbox
from dashboard.sandbox.store import made_id
from dashboard.services import clock, errands, refreshing, selection
from dashboard.services.errands import Clerk
from tests.drive import drain

STATE = Errand.State


def ids(number: int) -> list[str]:
    return [made_id("account", place, 1) for place in range(number)]


def take(picked: Selection, *account_ids: str) -> None:
    """Select these, read yesterday as settled."""
    selection.change(picked, add=Counter(account_ids))
    picked.accounts.update(read_at=clock.now() - timedelta(days=1), snapshot={"status": "settled"})


def test_every_selected_account_is_read_again(picked: Selection, sandbox: Sandbox, clerk: Clerk) -> None:
    take(picked, *ids(3))
    for place, status in enumerate(["settled", "disputed", "settled"]):
        sandbox.store.accounts[ids(3)[place]]["status"] = status
    begun = refreshing.begin(picked)

    drain(clerk)

    begun.refresh_from_db()
    assert (begun.state, begun.size, begun.read, begun.changed) == (STATE.DONE, 3, 3, 3)
    assert set(picked.accounts.values_list("status", flat=True)) == {"settled", "disputed"}
    assert not picked.accounts.filter(read_at__lt=begun.since).exists()


def test_an_account_that_is_gone_is_told_from_one_that_the_vendor_refuses(
    picked: Selection, sandbox: Sandbox, clerk: Clerk
) -> None:
    gone, refused = ids(2)
    take(picked, gone, refused)
    del sandbox.store.accounts[gone]
    sandbox.faults.queue("status", method="GET", path=f"/accounts/{refused}", status=422)
    begun = refreshing.begin(picked)

    drain(clerk)

    begun.refresh_from_db()
    assert (begun.state, begun.read, begun.unreadable) == (STATE.DONE, 1, 1)
    assert picked.accounts.get(account_id=gone).missing == "true"
    assert picked.accounts.get(account_id=refused).snapshot == {"status": "settled"}


@pytest.mark.parametrize(
    ("selected", "in_workspace", "calls"), [(3, 60, 3), (50, 60, 1), (60, 360, 4), (5, 2060, 6)]
)
def test_the_list_is_walked_where_that_costs_fewer_calls(
    picked: Selection, sandbox: Sandbox, clerk: Clerk, selected: int, in_workspace: int, calls: int
) -> None:
    for _ in range(in_workspace - 60):
        sandbox.store.add_account()
    take(picked, *list(sandbox.store.accounts)[-selected:])
    before = len(sandbox.ledger.calls)
    refreshing.begin(picked)

    drain(clerk)

    assert picked.refreshings.get().read == selected
    assert len(sandbox.ledger.calls) - before == calls


def test_what_no_page_of_the_list_shows_is_read_by_itself(
    picked: Selection, sandbox: Sandbox, clerk: Clerk
) -> None:
    take(picked, *ids(9), str(UUID(int=7)))
    refreshing.begin(picked)

    drain(clerk)

    assert picked.refreshings.get().read == 10
    assert picked.accounts.get(account_id=str(UUID(int=7))).missing == "true"


def test_a_failure_keeps_all_that_was_read_and_all_that_was_not(
    picked: Selection, sandbox: Sandbox, clerk: Clerk
) -> None:
    take(picked, *ids(4))
    begun = refreshing.begin(picked)
    clerk.work()
    sandbox.faults.queue("status", method="GET", path=f"/accounts/{ids(4)[3]}", status=403)

    drain(clerk)

    begun.refresh_from_db()
    assert begun.state == STATE.FAILED
    assert picked.accounts.count() == 4
    assert {row.snapshot["status"] for row in picked.accounts.all()}


def test_stopped_it_reads_no_further_and_keeps_what_it_has(picked: Selection, clerk: Clerk) -> None:
    take(picked, *ids(10))
    begun = refreshing.begin(picked)
    clerk.work()

    assert errands.cancel(begun)
    drain(clerk)

    begun.refresh_from_db()
    assert (begun.state, begun.read) == (STATE.CANCELLED, 10)


def test_a_selection_that_was_cleared_is_not_read_on(picked: Selection, clerk: Clerk) -> None:
    take(picked, *ids(5))
    refreshing.begin(picked)
    selection.clear(picked)

    drain(clerk)

    assert picked.refreshings.get().state == STATE.CANCELLED
    picked.refresh_from_db()
    assert refreshing.latest(picked) is None


def test_asked_for_twice_it_is_done_once(picked: Selection) -> None:
    take(picked, *ids(5))

    assert refreshing.begin(picked).pk == refreshing.begin(picked).pk


def test_a_change_makes_an_older_review_stale_and_no_change_does_not(picked: Selection, clerk: Clerk) -> None:
    take(picked, *ids(3))
    revisions = []
    for _ in range(2):
        refreshing.begin(picked)
        drain(clerk)
        picked.refresh_from_db()
        revisions.append(picked.revision)

    assert revisions[0] > 1
    assert revisions[0] == revisions[1]


def test_progress_counts_what_was_read_of_what_was_selected(picked: Selection, clerk: Clerk) -> None:
    take(picked, *ids(10))
    begun = refreshing.begin(picked)
    assert refreshing.progress(begun) == (0, 10)

    clerk.work()

    begun.refresh_from_db()
    assert refreshing.progress(begun) == (10, 10)
    assert errands.standing(begun).poll_after == 1
