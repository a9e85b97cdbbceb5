"""Where a page stands in its list."""

import pytest
from django.core.paginator import Paginator

from dashboard.api.schema import Page
from dashboard.services.paging import Paging


@pytest.mark.parametrize(
    ("number", "last", "window"),
    [
        (1, 1, [1]),
        (1, 3, [1, 2, 3]),
        (5, 10, [1, None, 3, 4, 5, 6, 7, None, 10]),
        (10, 10, [1, None, 8, 9, 10]),
        (3, None, [3]),
        (12, 10, [12]),
    ],
)
def test_the_window_offers_the_ends_and_the_neighbours(
    number: int, last: int | None, window: list[int | None]
) -> None:
    assert Paging(number, 20, has_next=False, last=last).window == window


@pytest.mark.parametrize(("number", "previous"), [(1, None), (2, 1), (10, 9), (14, 10)])
def test_previous_leads_back_into_the_list(number: int, previous: int | None) -> None:
    assert Paging(number, 20, has_next=False, last=10).previous == previous


@pytest.mark.parametrize(
    ("total", "total_pages", "last"),
    [(41, None, 3), (0, None, 1), (0, 0, 1), (None, 4, 4), (None, None, None)],
)
def test_the_last_page_is_taken_from_whatever_total_the_vendor_gives(
    total: int | None, total_pages: int | None, last: int | None
) -> None:
    page = Page[str](items=(), page=1, per_page=20, total=total, total_pages=total_pages)

    assert Paging.of_api(page).last == last


def test_a_page_of_our_own_rows_knows_its_totals() -> None:
    page = Paginator(range(45), 20).page(2)

    assert Paging.of_rows(page) == Paging(2, 20, has_next=True, total=45, last=3)
