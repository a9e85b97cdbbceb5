import json
import uuid
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.api.cleaning import (
    canonical_id,
    clean_json,
    clean_text,
    count_of,
    day_of,
    id_of,
    money_of,
    text_of,
    whole_number,
    without_deep_nesting,
)

ANY_TEXT = st.text(alphabet=st.characters(codec=None, exclude_categories=()))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | ANY_TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner),
)


def nested(depth: int) -> Any:
    value: Any = "bottom"
    for _ in range(depth):
        value = [value]
    return value


def test_what_cannot_be_stored_is_replaced() -> None:
    assert clean_text("a\x00b\ud800c\x1bd\x9fe") == "a�b�c�d�e"


def test_line_breaks_tabs_and_all_writing_systems_stay() -> None:
    assert clean_text("a\r\nb\tc é 漢 😀") == "a\nb\tc é 漢 😀"


@given(JSON)
def test_clean_json_can_be_stored(value: Any) -> None:
    stored = json.dumps(clean_json(value), ensure_ascii=False, allow_nan=False)

    assert "\x00" not in stored
    assert stored.encode().decode() == stored


def test_deep_nesting_is_cut() -> None:
    assert clean_json(nested(900)) == nested_ending_in_dots(20)


def nested_ending_in_dots(depth: int) -> Any:
    value: Any = "…"
    for _ in range(depth):
        value = [value]
    return value


def test_deep_nesting_in_json_text_spoils_only_itself() -> None:
    text = '{"deep": ' + "[" * 100_000 + "]" * 100_000 + ', "next": "]]\\"{"}'

    read = json.loads(without_deep_nesting(text))

    assert read["next"] == ']]"{'


@given(JSON)
def test_flat_json_text_is_left_alone(value: Any) -> None:
    text = json.dumps(value)

    assert without_deep_nesting(text) == text


@pytest.mark.parametrize("text", ['"' + '\\"' * 100_000, "[" * 100_000, "]" * 1000, '{"a'])
def test_broken_json_text_stays_broken(text: str) -> None:
    with pytest.raises(ValueError, match="line 1"):
        json.loads(without_deep_nesting(text))


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (True, ""), ([], ""), ({}, ""), (12, "12"), ("  a b \n", "a b"), ("x" * 600, "x" * 500)],
)
def test_text_is_trimmed_and_cut(value: Any, text: str) -> None:
    assert text_of(value) == text


def test_a_uuid_has_one_form() -> None:
    expected = "6f0b1f0e-5f0c-4b60-9a52-2f4a86f3c1d7"

    forms = (expected, expected.upper(), f" {expected}\n", expected.replace("-", ""))

    assert {canonical_id(form) for form in forms} == {expected}


@given(st.uuids())
def test_every_uuid_is_its_own_canonical_id(value: uuid.UUID) -> None:
    assert canonical_id(str(value)) == canonical_id(value.hex.upper()) == str(value)


@pytest.mark.parametrize(
    "text", ["INV-1", "inv-1", "{6f0b1f0e-5f0c-4b60-9a52-2f4a86f3c1d7}", "6f0b_f0e5f0c4b609a522f4a86f3c1d7"]
)
def test_what_is_no_uuid_is_kept_as_it_is(text: str) -> None:
    assert canonical_id(text) == text


@given(ANY_TEXT)
def test_a_canonical_id_stays_the_same(text: str) -> None:
    assert canonical_id(canonical_id(text)) == canonical_id(text)


@pytest.mark.parametrize("value", [None, True, "", "  ", [], {}, "x" * 201])
def test_what_cannot_be_an_id_is_none(value: Any) -> None:
    assert id_of(value) is None


def test_a_number_may_be_an_id() -> None:
    assert id_of(42) == "42"


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (100, "100"),
        ("100.50", "100.50"),
        (" 0.1 ", "0.1"),
        ("-3", "-3"),
        ("1E+3", "1000"),
        ("1e-999999", "0.000000"),
        ("0e999999", "0"),
        ("99999999999.99", "99999999999.99"),
    ],
)
def test_money_is_read_from_the_numbers_text(value: Any, amount: str) -> None:
    assert str(money_of(value)) == amount


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        "",
        "ten",
        "1,000.00",
        "NaN",
        "Infinity",
        "1e11",
        "-1e11",
        "999999999999.999",
        "-1e9999999",
        "9" * 400,
        [1],
        {},
    ],
)
def test_what_is_no_plausible_amount_is_none(value: Any) -> None:
    assert money_of(value) is None


@given(ANY_TEXT | st.from_regex(r"-?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,9})?"))
def test_an_amount_has_few_digits_or_is_none(text: str) -> None:
    amount = money_of(text)

    assert amount is None or (isinstance(amount, Decimal) and len(f"{amount:f}") < 30)


@pytest.mark.parametrize("text", ["2026-08-17", "2026-08-17T23:59:59Z", " 2026-08-17 10:00 "])
def test_a_date_may_have_a_time_behind_it(text: str) -> None:
    assert day_of(text) == date(2026, 8, 17)


@pytest.mark.parametrize("value", [None, 20260817, "2026-02-30", "17.08.2026", "2026-08-177", "²026-08-17"])
def test_what_is_no_date_is_none(value: Any) -> None:
    assert day_of(value) is None


@pytest.mark.parametrize(
    ("value", "count"),
    [(0, 0), ("150", 150), (-1, None), ("-1", None), ("1.5", None), (True, None), (None, None), ("²", None)],
)
def test_a_count_is_a_whole_number_from_zero(value: Any, count: int | None) -> None:
    assert count_of(value) == count


def test_a_huge_whole_number_stays_text() -> None:
    assert whole_number("9" * 5000) == "9" * 5000
    assert whole_number("-17") == -17
