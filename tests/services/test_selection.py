"""What one person has picked, kept on the server."""

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from dashboard.models import Selection
from dashboard.sandbox.server import Sandbox
from dashboard.services import selection

CAMPAIGN = UUID(int=7)


def ids(count: int, start: int = 1) -> list[str]:
    return [str(UUID(int=number)) for number in range(start, start + count)]


@pytest.fixture
def picked(collector: User) -> Selection:
    return selection.of(collector, CAMPAIGN)


def chosen(picked: Selection) -> list[str]:
    return list(picked.accounts.order_by("pk").values_list("account_id", flat=True))


@pytest.mark.parametrize("size", [0, 1, 100, 101, 250, 1001])
def test_any_number_goes_in_and_out(picked: Selection, size: int) -> None:
    added = selection.change(picked, add=Counter(ids(size)))
    assert (added.added, chosen(picked)) == (size, ids(size))

    removed = selection.change(picked, add=Counter(), remove=ids(size))
    assert (removed.removed, chosen(picked)) == (size, [])


def test_each_person_and_campaign_has_its_own(picked: Selection, manager: User) -> None:
    selection.change(picked, add=Counter(ids(3)))

    assert selection.tally(selection.of(manager, CAMPAIGN)).selected == 0
    assert selection.tally(selection.of(picked.user, UUID(int=8))).selected == 0
    assert selection.tally(selection.of(picked.user, CAMPAIGN)).selected == 3


def test_adding_again_changes_nothing(picked: Selection) -> None:
    selection.change(picked, add=Counter(ids(3)))
    revision = selection.of(picked.user, CAMPAIGN).revision

    again = selection.change(picked, add=Counter(ids(3) + ids(3)))

    assert (again.added, again.repeated) == (0, 0)
    assert selection.of(picked.user, CAMPAIGN).revision == revision


def test_further_mentions_are_counted_once_for_what_is_new(picked: Selection) -> None:
    selection.change(picked, add=Counter(ids(2) + ids(1)))
    selection.change(picked, add=Counter(ids(2) + ids(1)))

    assert selection.of(picked.user, CAMPAIGN).duplicates == 1


def test_the_tally_tells_what_is_not_on_the_page(picked: Selection) -> None:
    selection.change(picked, add=Counter(ids(30)))

    tally = selection.tally(picked, ids(20, start=21))

    assert (tally.selected, len(tally.on_page), tally.elsewhere) == (30, 10, 20)


def test_clearing_takes_the_token_along(picked: Selection) -> None:
    selection.change(picked, add=Counter(ids(3) + ids(1)))

    assert selection.clear(picked) == 3

    cleared = selection.of(picked.user, CAMPAIGN)
    assert (chosen(cleared), cleared.duplicates) == ([], 0)
    assert cleared.token != picked.token


def test_what_was_read_is_kept_for_selected_accounts_only(picked: Selection) -> None:
    selection.change(picked, add=Counter(ids(2)))

    selection.keep(picked.accounts.all(), {account_id: {"number": account_id[-1]} for account_id in ids(3)})

    assert [row.snapshot for row in picked.accounts.order_by("pk")] == [{"number": "1"}, {"number": "2"}]


def test_changing_a_page_takes_few_queries_however_many_are_selected(
    picked: Selection, django_assert_max_num_queries: Any
) -> None:
    selection.change(picked, add=Counter(ids(5000)))

    with django_assert_max_num_queries(8):
        selection.change(picked, add=Counter(ids(100, start=9001)), remove=ids(100))


def test_an_older_reading_does_not_take_the_place_of_a_newer_one(picked: Selection) -> None:
    [one, two] = ids(2)
    earlier, later = timezone.now() - timedelta(hours=2), timezone.now()
    selection.take_in(picked, [(later, [{"id": one, "status": "settled"}])])

    taken = selection.take_in(
        picked, [(earlier, [{"id": id_, "status": "not_assigned"} for id_ in (one, two)])]
    )

    assert (taken.given, taken.repeated, taken.added) == (2, 0, 1)
    assert dict(picked.accounts.values_list("account_id", "snapshot__status")) == {
        one: "settled",
        two: "not_assigned",
    }


def test_a_page_that_reads_a_selected_invoice_otherwise_makes_the_review_stale(
    sandbox: Sandbox, collector: User
) -> None:
    campaign_id = UUID(sandbox.store.add_campaign(status="active")["id"])
    account = sandbox.store.add_account(status="not_assigned")
    selection.change(selection.of(collector, campaign_id), add=Counter([account["id"]]))
    selection.browse(collector, campaign_id, per_page=100)
    before = selection.of(collector, campaign_id).revision

    selection.browse(collector, campaign_id, per_page=100)
    assert selection.of(collector, campaign_id).revision == before

    account["status"] = "settled"
    selection.browse(collector, campaign_id, per_page=100)
    assert selection.of(collector, campaign_id).revision == before + 1
