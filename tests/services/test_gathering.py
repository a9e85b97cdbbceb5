"""Select all that match: read page by page in the background, added at once or not at all."""

import uuid
from collections import Counter

import pytest
from pytest_django.fixtures import Settings

from dashboard.models import Errand, GatheredPage, Gathering, Pace, Selection
from dashboard.sandbox.server import Sandbox
from dashboard.services import accounts, errands, gathering, selection, vendor, workers
from dashboard.services.errands import Clerk
from tests.drive import drain, drained
from tests.ledger import queued

STATE = Errand.State


def chosen(picked: Selection) -> set[str]:
    return set(picked.accounts.values_list("account_id", flat=True))


def with_accounts(sandbox: Sandbox, number: int) -> None:
    """So many invoices in all, 60 of them seeded."""
    for _ in range(number - 60):
        sandbox.store.add_account()


@pytest.mark.parametrize("size", [60, 100, 101, 250, 1001])
def test_takes_all_that_match_with_the_fewest_calls(
    sandbox: Sandbox, picked: Selection, clerk: Clerk, size: int
) -> None:
    with_accounts(sandbox, max(size, 60))

    done = drained(clerk, gathering.begin(picked, {}))

    assert (done.state, done.found, done.added) == (STATE.DONE, size, size)
    assert chosen(picked) == set(sandbox.store.accounts)
    assert len(sandbox.ledger.calls) == -(-size // 100)


def test_takes_only_what_matches_the_filters_as_they_were(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    gathering.begin(picked, {"status": "settled", "search": "", "page": 3, "per_page": 10})
    drain(clerk)

    settled = {
        id_ for id_, account in sandbox.store.accounts.items() if account["status"].lower() == "settled"
    }
    assert settled
    assert chosen(picked) == settled
    assert sandbox.ledger.calls[0].query == {"status": "settled", "page": "1", "per_page": "100"}


def test_customers_names_that_come_with_them_are_kept_for_files(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    named = sandbox.store.add_account(customer_name="Acme")

    drained(clerk, gathering.begin(picked, {"search": named["invoice_number"]}))

    assert accounts.last_names([named["customer_id"]]) == {named["customer_id"]: "Acme"}


def test_nothing_that_matches_is_no_failure(sandbox: Sandbox, picked: Selection, clerk: Clerk) -> None:
    done = drained(clerk, gathering.begin(picked, {"search": "no such invoice"}))

    assert (done.state, done.found, len(sandbox.ledger.calls)) == (STATE.DONE, 0, 1)


def test_keeps_what_was_selected_before_and_counts_what_is_new(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    selection.change(picked, add=Counter([*list(sandbox.store.accounts)[:10], str(uuid.uuid4())]))

    done = drained(clerk, gathering.begin(picked, {}))

    assert (done.found, done.added, picked.accounts.count()) == (60, 50, 61)


def test_keeps_what_was_read_with_each(sandbox: Sandbox, picked: Selection, clerk: Clerk) -> None:
    gathering.begin(picked, {})
    drain(clerk)

    row = picked.accounts.first()
    assert row
    assert row.snapshot["number"] == sandbox.store.accounts[row.account_id]["invoice_number"]
    assert row.read_at is not None


def test_a_list_that_moves_while_it_is_read_is_told(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    with_accounts(sandbox, 950)
    errand = gathering.begin(picked, {})
    clerk.work()
    clerk.work()
    sandbox.store.add_account()
    sandbox.faults.queue("shift_rows", path="/accounts")

    done = drained(clerk, errand)

    assert (done.first_total, done.last_total, done.has_drifted) == (950, 951, True)
    assert done.repeated > 0
    assert done.found == picked.accounts.count()


def test_cancelled_it_adds_nothing(sandbox: Sandbox, picked: Selection, clerk: Clerk) -> None:
    with_accounts(sandbox, 950)
    selection.change(picked, add=Counter([str(uuid.uuid4())]))
    errand = gathering.begin(picked, {})
    clerk.work()

    assert errands.cancel(errand)

    assert drained(clerk, errand).state == STATE.CANCELLED
    assert picked.accounts.count() == 1


def test_a_failure_is_said_and_empties_nothing(sandbox: Sandbox, picked: Selection, clerk: Clerk) -> None:
    before = str(uuid.uuid4())
    selection.change(picked, add=Counter([before]))
    errand = gathering.begin(picked, {})
    sandbox.stop()

    done = drained(clerk, errand)

    assert done.state == STATE.FAILED
    assert "cannot be reached" in done.message
    assert chosen(picked) == {before}


def test_more_than_can_be_selected_at_once_is_refused_after_one_call(
    sandbox: Sandbox, picked: Selection, clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_accounts(sandbox, 201)
    monkeypatch.setattr(gathering, "MOST_PAGES", 2)

    done = drained(clerk, gathering.begin(picked, {}))

    assert (done.state, done.message) == (STATE.FAILED, gathering.TOO_MANY)
    assert len(sandbox.ledger.calls) == 1


def test_another_worker_goes_on_where_a_killed_one_was(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    with_accounts(sandbox, 950)
    errand = gathering.begin(picked, {})
    clerk.work()
    clerk.work()
    Gathering.objects.update(incarnation=uuid.uuid4())

    done = drained(clerk, errand)

    assert (done.state, done.added, done.tries) == (STATE.DONE, 950, 2)
    assert len(sandbox.ledger.calls) == 10


def test_a_living_workers_errand_is_left_alone(sandbox: Sandbox, picked: Selection, clerk: Clerk) -> None:
    with_accounts(sandbox, 950)
    gathering.begin(picked, {})
    clerk.work()

    with Clerk(vendor.for_workers(), workers.register(name="other", threads=1)) as other:
        assert not other.work()


def test_workers_that_die_of_it_again_and_again_give_up(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    errand = gathering.begin(picked, {})
    Gathering.objects.update(tries=errands.MOST_TRIES)

    assert drained(clerk, errand).message == errands.KILLED


def test_a_selection_that_was_sent_or_cleared_meanwhile_stays_empty(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    with_accounts(sandbox, 950)
    errand = gathering.begin(picked, {})
    clerk.work()
    selection.clear(picked)

    done = drained(clerk, errand)

    assert (done.state, done.message, chosen(picked)) == (STATE.CANCELLED, errands.OVER, set())


def test_a_review_made_before_it_ended_is_stale(sandbox: Sandbox, picked: Selection, clerk: Clerk) -> None:
    gathering.begin(picked, {})
    drain(clerk)

    assert selection.of(picked.user, picked.campaign_id).revision > picked.revision


def test_asked_for_twice_it_is_done_once(picked: Selection) -> None:
    first, second = gathering.begin(picked, {}), gathering.begin(picked, {})

    assert first == second


def test_one_with_other_filters_is_refused_while_it_is_under_way(picked: Selection) -> None:
    first = gathering.begin(picked, {"status": "settled"})

    with pytest.raises(gathering.Busy):
        gathering.begin(picked, {"search": "INV-1"})

    assert gathering.latest(picked) == first


def test_pages_come_in_parallel_as_far_as_calls_are_free(
    sandbox: Sandbox, picked: Selection, clerk: Clerk, settings: Settings
) -> None:
    with_accounts(sandbox, 950)
    errand = gathering.begin(picked, {})

    steps = []
    while clerk.work():
        errand.refresh_from_db()
        steps.append(errand.pages_read)

    assert steps == [1, 5, 9, 10]


def test_one_page_at_a_time_while_a_run_has_something_to_send(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    with_accounts(sandbox, 350)
    queued(3)
    errand = gathering.begin(picked, {})
    clerk.work()

    clerk.work()

    errand.refresh_from_db()
    assert errand.pages_read == 2


def test_a_429_makes_everybody_wait_and_loses_no_page(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    with_accounts(sandbox, 950)
    errand = gathering.begin(picked, {})
    sandbox.faults.queue("rate_limit", method="GET", path="/accounts", retry_after=30)
    clerk.work()
    assert not clerk.work()
    Pace.objects.update(cool_until=None)

    done = drained(clerk, errand)

    assert (done.state, done.added) == (STATE.DONE, 950)


def test_pages_are_put_away_once_they_are_used(sandbox: Sandbox, picked: Selection, clerk: Clerk) -> None:
    gathering.begin(picked, {})
    drain(clerk)

    assert not GatheredPage.objects.exists()
