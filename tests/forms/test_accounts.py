"""The filters of the picker."""

from decimal import Decimal

from django.http import QueryDict

from dashboard.forms.accounts import AccountFilter


def test_asks_for_everything_where_nothing_is_given() -> None:
    query = AccountFilter(QueryDict("")).query

    assert query == {
        "search": "",
        "status": "",
        "customer_id": "",
        "amount_min": None,
        "amount_max": None,
        "overdue_only": False,
        "page": 1,
        "per_page": 20,
    }


def test_reads_each_value_as_what_it_is() -> None:
    query = AccountFilter(
        QueryDict("amount_min=1.50&overdue_only=true&page=3&per_page=50&status=settled")
    ).query

    assert (query["amount_min"], query["overdue_only"]) == (Decimal("1.50"), True)
    assert (query["page"], query["per_page"], query["status"]) == (3, 50, "settled")


def test_leaves_out_an_upper_amount_below_the_lower_one_and_says_so() -> None:
    filters = AccountFilter(QueryDict("amount_min=9&amount_max=1"))

    assert (filters.query["amount_min"], filters.query["amount_max"]) == (Decimal(9), None)
    assert filters.notes == ["Amount to was ignored: It is below “Amount from”."]


def test_the_view_of_the_selected_is_no_filter_of_the_vendors() -> None:
    filters = AccountFilter(QueryDict("selected=on"))

    assert filters.only_selected
    assert "selected" not in filters.query
