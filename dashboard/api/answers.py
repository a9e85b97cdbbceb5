"""Reading what came back: the envelope in all its shapes, refusals, and the vendor's own words.

An answer is read by its HTTP status; a `status_code` in the body counts only where the body itself says no.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from pydantic import JsonValue, ValidationError

from .cleaning import clean_text, count_of, text_of, whole_number, without_deep_nesting
from .errors import ApiError, Malformed, NotAllowed, NotFound, RateLimited, Refused, Unavailable
from .schema import EnrollmentAnswer, EnrollmentRow, EnrollmentWord, JsonObject, Page, Record

RAW_LIMIT = 64 * 1024
_MESSAGE_LIMIT = 2000
_REFUSALS = frozenset({400, 401, 403, 404, 405, 409, 413, 415, 422, 429})
_ROW_KEYS = ("items", "campaigns", "accounts", "invoices", "customers", "results", "data")
_DECODER = json.JSONDecoder(parse_float=str, parse_int=whole_number, parse_constant=lambda _: None)
_SCOPE = re.compile(r"lacks required scope:\s*(\S+)", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, whole and decoded. `headers` is blind to case; `elapsed` is in seconds."""

    is_write: bool
    status: int
    headers: Mapping[str, str]
    text: str
    elapsed: float

    @property
    def raw(self) -> str:
        """The text as it may be kept: cleaned, at most 64 KB."""
        return clean_text(self.text[:RAW_LIMIT]).encode()[:RAW_LIMIT].decode(errors="ignore")

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def malformed(self, message: str) -> Malformed:
        return Malformed(message, may_have_happened=self.is_write, status=self.status, raw=self.raw)


def read_page(answer: Answer, of: type[Record], *, page: int, per_page: int) -> Page[Record]:
    """The rows and the paging of a list; `page` and `per_page` are what was asked for.

    Raises: Refused, NotAllowed, NotFound, RateLimited, Unavailable; Malformed where no list of rows is found.
    """
    body = _accepted(answer)
    rows = _rows(body)
    if rows is None:
        raise answer.malformed("The vendor's answer holds no list that could be read.")
    items = tuple(_readable(rows, of))
    return Page(
        items=items,
        page=_paging(body, "page", "current_page") or page,
        per_page=_paging(body, "per_page", "size", "page_size") or per_page,
        total=_paging(body, "total", "total_count"),
        total_pages=_paging(body, "total_pages", "pages", "last_page"),
        unreadable=len(rows) - len(items),
    )


def read_one(answer: Answer, of: type[Record]) -> Record:
    """The record in an answer about one, with or without an envelope.

    Raises: as `read_page`; Malformed where no record with an id is found.
    """
    body = _accepted(answer)
    data = _data(body)
    inner = data.get(of.__name__.lower())
    record = next(_readable([inner if isinstance(inner, dict) else data], of), None)
    if record is None or record.id is None:
        raise answer.malformed("The vendor's answer holds no record that could be read.")
    return record


def read_enrollment(answer: Answer, account_id: str | None = None) -> EnrollmentAnswer:
    """Row by row what became of the invoices; also out of a 4xx that carries rows.

    `account_id` is given for the call about one account, whose answer may be the row itself: if its status is a word
    of enrollments, for it may as well be the account.
    Raises: Refused, NotAllowed, NotFound, RateLimited, Unavailable; Malformed where no rows are found.
    """
    body = _parse(answer.text)
    rows = _enrollment_rows(body, account_id)
    if account_id and answer.is_success and _says_both(body, account_id):
        raise answer.malformed("The vendor's answer says that it failed, and that it did not.")
    if rows is None or not (answer.is_success or (rows and 400 <= answer.status < 500)):
        unclear = answer.malformed("The vendor's answer does not say what became of the invoices.")
        raise failure(answer, body) or unclear
    data = _data(body)
    return EnrollmentAnswer(
        rows=rows,
        status=answer.status,
        success=answer.is_success and not _says_no(body),
        message=words_of(body),
        total=count_of(data.get("total_enrollments")),
        successful=count_of(data.get("successful_enrollments")),
        failed=count_of(data.get("failed_enrollments")),
        raw=answer.raw,
        elapsed=answer.elapsed,
    )


def failure(answer: Answer, body: JsonValue) -> ApiError | None:
    """The error that an answer states, or None where it states none."""
    error = _stated(answer, body)
    if isinstance(error, Refused):
        error.fields = frozenset(_fields(body))
    return error


def _stated(answer: Answer, body: JsonValue) -> ApiError | None:
    if not answer.is_success:
        return _error(answer, answer.status, words_of(body))
    if not _says_no(body):
        return None
    code, words = count_of(_object(body).get("status_code")), words_of(body)
    if code in _REFUSALS:
        return _error(answer, code, words)
    if code is not None and code >= 500:
        return _unavailable(answer, words)
    return Refused(words, status=answer.status, raw=answer.raw) if words else None


def words_of(body: JsonValue) -> str:
    """The vendor's own words in a body, "" when there are none. Text that is not JSON is never quoted."""
    parts = _object(body)
    said = _sentence(parts.get("message")) or _detail(parts.get("detail"))
    problems = "; ".join(_problems(parts.get("errors"), "field", "error", known=said))
    if said and problems:
        return f"{said} ({problems})"[:_MESSAGE_LIMIT]
    if said or problems:
        return (said or problems)[:_MESSAGE_LIMIT]
    return _sentence(parts.get("error"))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds we are asked to wait: `Retry-After` in either form, else `X-RateLimit-Window`, else None."""
    asked = headers.get("Retry-After", "")
    if (seconds := _seconds(asked)) is None:
        seconds = _seconds_until(asked, headers.get("Date", ""))
    return _seconds(headers.get("X-RateLimit-Window", "")) if seconds is None else seconds


def _accepted(answer: Answer) -> JsonValue:
    body = _parse(answer.text)
    if error := failure(answer, body):
        raise error
    if body is None or _says_no(body):
        raise answer.malformed("The vendor's answer could not be read.")
    return body


def _parse(text: str) -> JsonValue:
    """The JSON value, fractions as the number's text; None for what cannot be read."""
    try:
        try:
            body: JsonValue = _DECODER.decode(text)
        except RecursionError:
            body = _DECODER.decode(without_deep_nesting(text))
    except (ValueError, RecursionError):
        return None
    return body


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _data(body: JsonValue) -> JsonObject:
    """What is inside the envelope, or the body where there is none."""
    whole = _object(body)
    return _object(whole["data"]) if "data" in whole else whole


def _says_no(body: JsonValue) -> bool:
    success = _object(body).get("success")
    return success is False or text_of(success).lower() == "false"


def _error(answer: Answer, status: int, words: str) -> ApiError:
    said = "points to another address" if 300 <= status < 400 else "gave no reason"
    message = words or f"The vendor's API answered with HTTP {answer.status} and {said}."
    if status in (401, 403):
        scope = _SCOPE.search(words) if status == 403 else None
        return NotAllowed(message, scope=scope and scope[1], status=answer.status, raw=answer.raw)
    if status == 429:
        asked_wait = retry_after(answer.headers)
        return RateLimited(message, asked_wait=asked_wait, status=answer.status, raw=answer.raw)
    if status == 404:
        return NotFound(message, status=answer.status, raw=answer.raw)
    if status in _REFUSALS or 300 <= status < 400:
        return Refused(message, status=answer.status, raw=answer.raw)
    return _unavailable(answer, words) if status >= 400 else answer.malformed(message)


def _unavailable(answer: Answer, words: str) -> Unavailable:
    message = words or f"The vendor's API is in trouble (HTTP {answer.status})."
    return Unavailable(message, may_have_happened=answer.is_write, status=answer.status, raw=answer.raw)


def _sentence(value: JsonValue) -> str:
    """A text, or the message of an object that stands in its place."""
    return text_of(value.get("message") if isinstance(value, dict) else value, _MESSAGE_LIMIT)


def _detail(detail: JsonValue) -> str:
    return _sentence(detail) or "; ".join(_problems(detail, "loc", "msg"))


def _problems(items: JsonValue, place: str, reason: str, known: str = "") -> Iterator[str]:
    """ "field: what is wrong with it", one by one; what only repeats the `known` sentence is left out."""
    for item in items if isinstance(items, list) else []:
        problem = _object(item)
        where, what = _place(problem.get(place)), text_of(problem.get(reason)) or text_of(item)
        if (where or what) and what != known:
            yield ": ".join(filter(None, (where, what)))


def _fields(body: JsonValue) -> Iterator[str]:
    """The first name of each place in the request that something is said to be wrong with."""
    parts = _object(body)
    for items, place in ((parts.get("detail"), "loc"), (parts.get("errors"), "field")):
        for item in items if isinstance(items, list) else []:
            yield _place(_object(item).get(place)).split(".")[0]


def _place(place: JsonValue) -> str:
    """A field's name; FastAPI gives a path that begins with the part of the request."""
    if not isinstance(place, list):
        return text_of(place)
    return ".".join(text_of(part) for part in place if part not in ("body", "query", "path"))


def _rows(body: JsonValue) -> list[JsonValue] | None:
    data = body.get("data", body) if isinstance(body, dict) else body
    if isinstance(data, list):
        return data
    return next((rows for key in _ROW_KEYS if isinstance(rows := _object(data).get(key), list)), None)


def _readable(rows: list[JsonValue], of: type[Record]) -> Iterator[Record]:
    for row in rows:
        try:
            if isinstance(row, dict):
                yield of.read(row)
        except ValidationError:
            continue


def _paging(body: JsonValue, *keys: str) -> int | None:
    """The first of `keys` that holds a count, in `meta`, in `data` or beside the rows."""
    whole = _object(body)
    for place in (_object(whole.get("meta")), _object(whole.get("data")), whole):
        for key in keys:
            if (count := count_of(place.get(key))) is not None:
                return count
    return None


def _enrollment_rows(body: JsonValue, account_id: str | None) -> tuple[EnrollmentRow, ...] | None:
    for place in (_data(body), _object(body)):
        results = place.get("results")
        if isinstance(results, list):
            return tuple(EnrollmentRow.read(row) for row in results if isinstance(row, dict))
    if account_id is None or _says_no(body):
        return None
    record = next((place for place in (_data(body), _object(body)) if text_of(place.get("status"))), {})
    row = EnrollmentRow.read(record, account_id)
    return (row,) if row.word and row.word.known else None  # else it is the invoice's status, or another's


def _says_both(body: JsonValue, account_id: str) -> bool:
    """Whether an answer about one account says no, and the record in it yes."""
    record = _object(_object(body).get("data"))
    word = EnrollmentRow.read(record, account_id).word if text_of(record.get("status")) else None
    return _says_no(body) and word in (EnrollmentWord.SUCCESS, EnrollmentWord.PENDING)


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None


def _seconds_until(moment: str, now: str) -> float | None:
    """From `now` (the answer's own date, so a wrong clock does no harm) to `moment`."""
    until = _moment(moment)
    return (until - (_moment(now) or datetime.now(UTC))).total_seconds() if until else None


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
