"""What one person has picked, kept on the server."""

from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User

from dashboard.models import Selection
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
