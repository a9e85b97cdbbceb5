"""A request as the API sees it, and the checks of its fields."""

import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .answers import Refused, Style, bad_request, invalid
from .store import Record

BASE_PATH = "/api/v1/external"
TRUE_WORDS = frozenset({"1", "true", "t", "yes", "y", "on"})
FALSE_WORDS = frozenset({"0", "false", "f", "no", "n", "off"})


@dataclass(frozen=True)
class Request:
    """One call; `path` is relative to the API's base, `commit` tells whether an enrollment really happens.

    `shift` moves the rows of a list on by so many places, as new records at its head would.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes = b""
    key: str | None = None
    content_type: str = ""
    call: int = 0
    commit: bool = True
    shift: int = 0

    def parsed_body(self) -> Any:
        """The JSON of the body, the text of one that is not JSON, None for an empty one."""
        try:
            return json.loads(self.body) if self.body else None
        except (ValueError, RecursionError):
            return self.body.decode("utf-8", "replace")


class Fields:
    """Reads the named fields of a query, a path or a body, and refuses them all at once where any is bad.

    An absent field is None or the default. `check` raises `Refused` with a 422 naming each bad field.
    """

    def __init__(self, where: str, values: Mapping[str, Any], style: Style) -> None:
        self.where = where
        self.values = values
        self.style = style
        self.problems: list[Record] = []

    def check(self) -> None:
        if self.problems:
            raise Refused(invalid(self.style, self.problems))

    def integer(self, name: str, default: int, maximum: int | None = None) -> int:
        try:
            number = int(self.values.get(name, default))
        except ValueError:
            self._refuse(name, "int_parsing", "Input should be a valid integer")
            return default
        if number < 1:
            self._refuse(name, "greater_than_equal", "Input should be greater than or equal to 1")
        elif maximum and number > maximum:
            self._refuse(name, "less_than_equal", f"Input should be less than or equal to {maximum}")
        return number

    def number(self, name: str) -> float | None:
        try:
            number = float(self.values.get(name, 0))
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            self._refuse(name, "float_parsing", "Input should be a valid number")
        return number if name in self.values else None

    def boolean(self, name: str) -> bool:
        word = str(self.values.get(name, "false")).lower()
        if word not in TRUE_WORDS | FALSE_WORDS:
            self._refuse(name, "bool_parsing", "Input should be a valid boolean")
        return word in TRUE_WORDS

    def choice(self, name: str, words: tuple[str, ...]) -> str | None:
        """One of the words, in lower case, however it was written."""
        if name not in self.values:
            return None
        word = str(self.values[name]).lower()
        if word not in words:
            self._refuse(name, "enum", f"Input should be {', '.join(map(repr, words))}")
        return word

    def record_id(self, name: str, *, required: bool = False) -> str | None:
        """A UUID in its usual form."""
        if self.values.get(name) is None:
            if required:
                self._refuse(name, "missing", "Field required")
            return None
        found = canonical_id(self.values[name])
        if found is None:
            self._refuse(name, "uuid_parsing", "Input should be a valid UUID")
        return found

    def record_ids(self, name: str, most: int) -> list[str]:
        """A list of 1 to `most` different UUIDs."""
        values = self.values.get(name)
        if values is None:
            self._refuse(name, "missing", "Field required")
        elif not isinstance(values, list):
            self._refuse(name, "list_type", "Input should be a valid list")
        else:
            return self._checked_ids(name, values, most)
        return []

    def _checked_ids(self, name: str, values: list[Any], most: int) -> list[str]:
        self._refuse_size(name, len(values), most)
        found = [canonical_id(value) for value in values]
        for place in (place for place, value in enumerate(found) if value is None):
            self._refuse(name, "uuid_parsing", "Input should be a valid UUID", place)
        known = [value for value in found if value]
        if len(set(known)) < len(known):
            self._refuse(name, "value_error", f"Value error, {name} must not repeat")
        return known

    def _refuse_size(self, name: str, size: int, most: int) -> None:
        after = f"after validation, not {size}"
        if size > most:
            self._refuse(name, "too_long", f"List should have at most {most} items {after}")
        elif not size:
            self._refuse(name, "too_short", f"List should have at least 1 item {after}")

    def _refuse(self, name: str, kind: str, text: str, *place: int) -> None:
        self.problems.append({"type": kind, "loc": [self.where, name, *place], "msg": text})


def canonical_id(value: object) -> str | None:
    """The UUID in lower case with hyphens, or None when it is none."""
    try:
        return str(uuid.UUID(value)) if isinstance(value, str) else None
    except ValueError:
        return None


def json_fields(request: Request, style: Style) -> Fields:
    """The fields of a JSON body. Raises: Refused with 400 where it is no JSON, 422 where it is no object."""
    try:
        values = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise Refused(bad_request("Request body is not valid JSON")) from error
    if not isinstance(values, dict) or "json" not in request.content_type:
        text = "Input should be a valid dictionary or object to extract fields from"
        raise Refused(invalid(style, [{"type": "model_attributes_type", "loc": ["body"], "msg": text}]))
    return Fields("body", values, style)
