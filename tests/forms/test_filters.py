"""Filters that live in the URL."""

import pytest
from django.http import QueryDict

from dashboard.forms.campaigns import CampaignFilter


def read(query: str) -> CampaignFilter:
    return CampaignFilter(QueryDict(query))


def test_nothing_given_means_the_first_page_of_all() -> None:
    filters = read("")

    assert filters.values == {"search": "", "status": "", "type": "", "page": 1, "per_page": 20}
    assert filters.notes == []
    assert not filters.is_narrowed


def test_a_wrong_value_costs_only_itself() -> None:
    filters = read("status=nope&search=abc&page=-1&per_page=50")

    assert filters.values == {"search": "abc", "status": "", "type": "", "page": 1, "per_page": 50}
    assert filters.notes == [
        "Status was ignored: “nope” is not a campaign status.",
        "Page was ignored: Ensure this value is greater than or equal to 1.",
    ]


@pytest.mark.parametrize(("query", "narrowed"), [("page=2&per_page=5", False), ("status=draft", True)])
def test_a_place_in_the_list_is_no_filter(query: str, narrowed: bool) -> None:
    assert read(query).is_narrowed is narrowed


def test_what_is_shown_is_what_was_applied() -> None:
    shown = read("status=nope&search=abc&per_page=7").as_applied()

    assert not shown.is_bound
    assert 'value="abc"' in str(shown["search"])
    assert '<option value="" selected>Any status</option>' in str(shown["status"])
    assert '<option value="7" selected>7</option>' in str(shown["per_page"])


def test_text_that_would_break_out_of_the_page_is_escaped_in_the_note() -> None:
    assert read("status=%3Cscript%3E").notes == ["Status was ignored: “<script>” is not a campaign status."]
