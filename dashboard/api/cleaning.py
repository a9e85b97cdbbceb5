"""Making single values safe at the border: what passes can be stored in text and JSON columns, and shown."""

import re
from datetime import date
from decimal import Decimal, InvalidOperation

from pydantic import JsonValue

TEXT_LIMIT = 500
_ID_LIMIT = 200
_DEPTH_LIMIT = 20
_NESTING_LIMIT = 50
_WHOLE_NUMBER_DIGITS = 18
# The difference of two amounts fits the ledger's column; PostgreSQL refuses a whole batch for one that does not.
_MONEY_LIMIT = Decimal(10) ** 11
_MONEY_STEP = Decimal("0.000001")

_UNSTORABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_BRACKET_OR_STRING = re.compile(r'[\[\]{}]|"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ].*)?", re.ASCII | re.DOTALL)


def clean_text(text: str) -> str:
    """`text` without control characters and lone surrogates; line breaks and tabs stay."""
    return _UNSTORABLE.sub("\ufffd", text.replace("\r\n", "\n"))


def clean_json(value: JsonValue, depth: int = 0) -> JsonValue:
    """`value` with every text cleaned; what is nested deeper than 20 levels becomes "…"."""
    if isinstance(value, str):
        return clean_text(value)
    if not isinstance(value, dict | list):
        return value
    if depth == _DEPTH_LIMIT:
        return "…"
    if isinstance(value, list):
        return [clean_json(item, depth + 1) for item in value]
    return {clean_text(key): clean_json(item, depth + 1) for key, item in value.items()}


def without_deep_nesting(json_text: str) -> str:
    """The JSON with null for what is nested deeper than 50 levels, so that the rest of it can be read."""
    kept, start, depth = [], 0, 0
    for token in _BRACKET_OR_STRING.finditer(json_text):
        if token[0] in "[{":
            depth += 1
            if depth == _NESTING_LIMIT + 1:
                kept.append(json_text[start : token.start()])
        elif token[0] in "]}":
            if depth == _NESTING_LIMIT + 1:
                kept.append("null")
                start = token.end()
            depth -= 1
    return "".join(kept) + json_text[start:] if depth <= _NESTING_LIMIT else "".join(kept)


def text_of(value: JsonValue, limit: int = TEXT_LIMIT) -> str:
    """A trimmed, cleaned text of at most `limit` characters; "" for what is neither text nor number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return clean_text(str(value)[: 2 * limit].strip())[:limit]


def canonical_id(text: str) -> str:
    """The form ids are compared in: a UUID in lower case with hyphens, anything else trimmed and cleaned."""
    trimmed = clean_text(text).strip()
    if not _UUID.fullmatch(trimmed.lower()):
        return trimmed
    digits = trimmed.lower().replace("-", "")
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def id_of(value: JsonValue) -> str | None:
    """The canonical id, or None where there is none that could be one."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value)
    return canonical_id(text) or None if len(text) <= _ID_LIMIT else None


def money_of(value: JsonValue) -> Decimal | None:
    """The amount in major units, from the number's own text. None for what is no finite, plausible number."""
    try:
        amount = Decimal(text_of(value))
    except InvalidOperation:
        return None
    if not amount.is_finite() or amount.copy_abs() >= _MONEY_LIMIT:
        return None
    exponent = int(amount.as_tuple().exponent)
    if exponent > 0:
        return amount.quantize(Decimal(1))
    return amount.quantize(_MONEY_STEP) if exponent < -6 else amount


def day_of(value: JsonValue) -> date | None:
    """The date of a `YYYY-MM-DD`, with or without a time behind it."""
    match = _DAY.fullmatch(text_of(value))
    try:
        return date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None


def count_of(value: JsonValue) -> int | None:
    """A whole number from 0, also out of a text; else None."""
    text = text_of(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _WHOLE_NUMBER_DIGITS else None


def whole_number(digits: str) -> int | str:
    """A JSON integer; one too long for a database column stays text."""
    return int(digits) if len(digits) <= _WHOLE_NUMBER_DIGITS else digits
