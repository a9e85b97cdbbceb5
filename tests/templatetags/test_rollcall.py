"""How values look on screen."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.http import QueryDict

from dashboard.api.schema import CampaignStatus
from dashboard.forms.runs import ResultFilter
from dashboard.models import Outcome
from dashboard.templatetags import rollcall


def test_a_badge_is_word_shape_and_colour() -> None:
    html = rollcall.badge(CampaignStatus("PAUSED"))

    assert 'class="mark mark-warn"' in html
    assert "<svg" in html
    assert "<bdi>Paused</bdi>" in html


def test_a_badge_takes_the_model_s_words_with_their_labels() -> None:
    assert "<bdi>Pending at the vendor</bdi>" in rollcall.badge(Outcome.State.PENDING)


def test_an_unknown_word_is_shown_as_it_came_and_marked_as_odd() -> None:
    html = rollcall.badge(CampaignStatus("<Hibernating>"))

    assert 'class="mark mark-odd"' in html
    assert "<bdi>&lt;Hibernating&gt;</bdi>" in html


def test_no_word_is_said_to_be_not_given() -> None:
    assert "not given" in rollcall.badge(None)


def test_every_outcome_has_its_own_shape_and_tone() -> None:
    marks = [rollcall.MARKS[state] for state in Outcome.State.values]

    assert len(set(marks)) == len(marks)


def test_every_mark_has_an_icon_that_exists() -> None:
    assert {shape for _, shape in rollcall.MARKS.values()} <= set(rollcall.ICONS)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (Decimal("1234.5"), "USD", "1,234.50\N{NO-BREAK SPACE}USD"),
        (Decimal("-0.01"), "", "-0.01"),
        (None, "USD", "—"),
    ],
)
def test_money_has_two_places_and_its_currency(amount: Decimal | None, currency: str, text: str) -> None:
    assert rollcall.money(amount, currency) == text


def test_days_and_times_are_machine_readable() -> None:
    assert rollcall.day(date(2026, 11, 22)) == '<time datetime="2026-11-22">Nov 22, 2026</time>'
    assert "Nov 22, 2026, 12:03:05" in rollcall.when(datetime(2026, 11, 22, 12, 3, 5, tzinfo=UTC))
    assert (rollcall.day(None), rollcall.when(None)) == ("—", "—")


@pytest.mark.parametrize(
    ("number", "words", "text"),
    [(0, "invoice", "0 invoices"), (1, "invoice", "1 invoice"), (1243, "reply,replies", "1,243 replies")],
)
def test_counts_have_the_right_plural(number: int, words: str, text: str) -> None:
    assert rollcall.counted(number, words) == text


def test_a_campaign_is_a_link_only_where_its_id_can_be_in_an_address() -> None:
    campaign_id = "00000000-0000-4000-8000-000000000000"

    assert rollcall.link_to_campaign(campaign_id, "A<") == (
        f'<a href="/campaigns/{campaign_id}/"><bdi>A&lt;</bdi></a>'
    )
    assert rollcall.link_to_campaign(campaign_id, "") == (
        f'<a href="/campaigns/{campaign_id}/"><bdi class="g-{campaign_id}">00000000…</bdi></a>'
    )
    assert rollcall.link_to_campaign("17", "A") == "<bdi>A</bdi>"
    assert rollcall.link_to_campaign(None, "A") == "<bdi>A</bdi>"


def test_a_choice_is_drawn_as_its_form_draws_it_with_the_value_in_use() -> None:
    for sort in ("number", "-amount", "number"):
        form = ResultFilter(QueryDict(f"sort={sort}&per_page=70")).as_applied()

        assert f'<option value="{sort}" selected>' in rollcall.choice(form["sort"])
        for name in ("sort", "per_page", "outcome"):
            assert rollcall.choice(form[name]) == form[name].as_field_group()
