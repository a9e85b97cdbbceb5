"""Everything that may go wrong with a call, each kind under the name that `Faults.queue` takes.

The docstring of a kind says what the caller meets; its keywords are its options. A kind changes either the
request before the API sees it, or the answer before the caller meets it.
"""

import datetime as dt
import gzip
import inspect
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import format_datetime
from http import HTTPStatus
from itertools import cycle
from typing import Any, Literal, TypeVar

from .answers import Answer
from .request import Request
from .rules import ACTIVE_EXECUTION
from .store import Record, Store, made_id

Change = TypeVar("Change", bound=Callable[..., Answer] | Callable[..., Request])
Processes = Callable[[Mapping[str, Any]], bool]

MEGABYTE = 1_000_000
HTML = {"Content-Type": "text/html; charset=utf-8"}
HTML_PAGE = b"<!doctype html><title>Bad Gateway</title><script>document.title='owned'</script><h1>502</h1>"
YES_WORDS = frozenset({"success", "enrolled", "pending"})
PAGING_FIELDS = ("page", "per_page", "total", "total_pages")
IDENTITY_FIELDS = frozenset({"id", "invoice_id", "customer_id", "campaign_id", "status"})
TEXT_FIELDS = (
    *(
        "name",
        "description",
        "invoice_number",
        "error",
        "company_name",
        "first_name",
        "last_name",
        "external_id",
    ),
)
HOSTILE_STRINGS = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    '<div hx-get="/owned" hx-trigger="load" data-hx-get="/owned" data-hx-trigger="load">owned</div>',
    '"><b>bold</b>&amp;{{ 7 * 7 }}{% now "Y" %}',
    "\u202egnp.exe\u202c \u2066isolated",
    "bell\x07 escape\x1b[31m tab\t line\nbreak delete\x7f separator\u2028 end",
    '=HYPERLINK("http://127.0.0.1/","owned")',
)


@dataclass(frozen=True)
class Kind:
    """What a fault changes, which method it is for, and whether the enrollment happens by default."""

    change: Callable[..., Any]
    stage: Literal["request", "answer"]
    method: str
    processes: Processes

    @property
    def options(self) -> frozenset[str]:
        parameters = inspect.signature(self.change).parameters.values()
        return frozenset(each.name for each in parameters if each.kind is each.KEYWORD_ONLY)


KINDS: dict[str, Kind] = {}


def never(_options: Mapping[str, Any]) -> bool:
    return False


def always(_options: Mapping[str, Any]) -> bool:
    return True


def alters(
    stage: Literal["request", "answer"], *, method: str = "POST", processes: Processes = always
) -> Callable[[Change], Change]:
    """Register the function under its own name."""

    def register(change: Change) -> Change:
        KINDS[change.__name__] = Kind(change, stage, method, processes)
        return change

    return register


# Answers that never come, come late or end early.


@alters("answer", processes=never)
def close(answer: Answer) -> Answer:
    """The connection is closed without an answer."""
    return replace(answer, silent=True)


@alters("answer", processes=never)
def reset(answer: Answer) -> Answer:
    """The connection is reset without an answer."""
    return replace(answer, silent=True, reset=True)


@alters("answer", processes=never)
def hang(answer: Answer, *, seconds: float = 3600.0) -> Answer:
    """Nothing for so many seconds, then the connection is closed without an answer."""
    return replace(answer, silent=True, delay=seconds)


@alters("answer")
def slow(answer: Answer, *, seconds: float = 1.0) -> Answer:
    """The right answer, after so many seconds."""
    return replace(answer, delay=seconds)


@alters("answer")
def drip(answer: Answer, *, seconds_per_byte: float = 0.1) -> Answer:
    """The right answer, its body byte by byte."""
    return replace(answer, pace=seconds_per_byte)


@alters("answer")
def truncate(answer: Answer, *, share: float = 0.5) -> Answer:
    """The right answer, cut off after that share of the length it promised."""
    return replace(answer, sent_share=share)


# Answers that say no, or that something else is in the way.


@alters("answer", processes=never)
def status(
    answer: Answer,
    *,
    status: int = 500,
    body: str | bytes | Record | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """That HTTP status; a text body is sent as HTML, an object as JSON, and none is made up."""
    if body is None:
        body = HTML_PAGE if status >= 500 else {"detail": HTTPStatus(status).phrase}
    if isinstance(body, dict):
        return Answer(status, body, headers=headers or {})
    content = body.encode() if isinstance(body, str) else body
    return Answer(status, body=content, headers=HTML | dict(headers or {}))


@alters("answer", processes=never)
def rate_limit(
    answer: Answer, *, retry_after: int | str | dt.datetime | None = None, window: int | None = None
) -> Answer:
    """A 429; `retry_after` as seconds, as any text, as a moment (sent as an HTTP date), or not at all."""
    headers = {}
    if isinstance(retry_after, dt.datetime):
        headers["Retry-After"] = format_datetime(retry_after.astimezone(dt.UTC), usegmt=True)
    elif retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    if window is not None:
        headers |= {"X-RateLimit-Limit": "100", "X-RateLimit-Window": str(window)}
    return Answer(429, {"detail": "Rate limit exceeded"}, headers=headers)


@alters("answer", processes=never)
def redirect(answer: Answer, *, location: str = "http://localhost:9/", status: int = 302) -> Answer:
    """A redirect to elsewhere, where the key must not go."""
    return Answer(status, body=b"", headers={"Location": location})


@alters("answer", processes=never)
def not_success(
    answer: Answer, *, message: str = "Campaign assignment failed", status_code: int | None = 400
) -> Answer:
    """HTTP 200 whose envelope says `success: false`, and no rows."""
    payload = {"success": False, "message": message, "errors": [], "meta": {}}
    return Answer(200, payload if status_code is None else payload | {"status_code": status_code})


@alters("answer")
def not_success_with_results(
    answer: Answer, *, message: str = "Some accounts could not be enrolled"
) -> Answer:
    """The right rows in an envelope that says `success: false`."""
    return with_payload(answer, success=False, message=message)


@alters("answer", processes=never)
def all_failed_400(answer: Answer, *, error: str = ACTIVE_EXECUTION) -> Answer:
    """HTTP 400 that carries rows, all of them failed."""
    rows = rows_of(answer)
    for row in rows:
        row.update(status="FAILED", error=row.get("error") or error)
    if isinstance(answer.payload, dict) and isinstance(answer.payload.get("data"), dict):
        answer.payload["data"] |= {"successful_enrollments": 0, "failed_enrollments": len(rows)}
    refused = with_payload(answer, success=False, status_code=400, message="No account could be enrolled")
    return replace(refused, status=400)


@alters("request")
def close_campaign(request: Request, store: Store) -> Request:
    """The campaign is completed as the call arrives, so its rows are refused."""
    body = request.parsed_body()
    campaign_id = body.get("campaign_id") if isinstance(body, dict) else request.query.get("campaign_id")
    if campaign_id in store.campaigns:
        store.change_campaign(campaign_id, status="COMPLETED")
    return request


# Answers that cannot be read.


@alters("answer", processes=never)
def html200(answer: Answer) -> Answer:
    """A page in place of JSON, with HTTP 200."""
    return Answer(200, body=HTML_PAGE, headers=HTML)


@alters("answer", processes=never)
def empty200(answer: Answer) -> Answer:
    """HTTP 200 with an empty body."""
    return Answer(200, body=b"")


@alters("answer", processes=never)
def no_content(answer: Answer) -> Answer:
    """HTTP 204."""
    return Answer(204, body=b"")


@alters("answer", processes=never)
def bad_gzip(answer: Answer) -> Answer:
    """A body said to be gzip that is none after its header."""
    return compressed(answer, gzip.compress(answer.content())[:10] + b"\xff" * 40)


@alters("answer", processes=never)
def gzip_bomb(answer: Answer, *, megabytes: int = 50) -> Answer:
    """A small gzip body that unpacks to the right answer and so many megabytes of blanks."""
    packer = zlib.compressobj(wbits=31)
    parts = [packer.compress(answer.content())]
    parts += [packer.compress(b" " * MEGABYTE) for _ in range(megabytes)]
    return compressed(answer, b"".join([*parts, packer.flush()]))


@alters("answer", processes=never)
def huge_body(answer: Answer, *, megabytes: int = 12) -> Answer:
    """The right answer with so many megabytes of padding beside it."""
    return with_payload(answer, padding="x" * (megabytes * MEGABYTE))


@alters("answer", processes=never)
def no_results(answer: Answer) -> Answer:
    """The envelope without its rows, or without the one record that it holds."""
    data = answer.payload.get("data") if isinstance(answer.payload, dict) else None
    if isinstance(data, dict) and any(isinstance(value, list) for value in data.values()):
        rest = {name: value for name, value in data.items() if not isinstance(value, list)}
        return with_payload(answer, data=rest)
    return without_payload_field(answer, "data")


@alters("answer", processes=never)
def null_data(answer: Answer) -> Answer:
    """The envelope with `data: null`."""
    return with_payload(answer, data=None)


@alters("answer")
def deep_nesting(answer: Answer, *, depth: int = 100_000) -> Answer:
    """The right answer, one row of which holds lists in lists."""
    return with_raw_field(answer, b"[" * depth + b"]" * depth)


@alters("answer")
def hostile_json(answer: Answer, *, digits: int = 5_000) -> Answer:
    """The right answer, one row of which holds a lone surrogate, a NUL, NaN and a huge integer."""
    for row in objects_of(answer)[:1]:
        row.update(dict.fromkeys(present_texts(row), "lone \ud800 and \x00 nul"), score=float("nan"))
    return with_raw_field(answer, b"9" * digits)


# Right answers in odd wrapping.


@alters("answer")
def wrong_content_type(answer: Answer, *, content_type: str = "text/html") -> Answer:
    """The right JSON under another content type."""
    return with_headers(answer, {"Content-Type": content_type})


@alters("answer")
def cookies(answer: Answer) -> Answer:
    """The right answer, which sets a cookie."""
    return with_headers(answer, {"Set-Cookie": "vendor_session=sandbox; Path=/; HttpOnly"})


@alters("answer")
def skewed_date(answer: Answer, *, seconds: float = 86_400.0) -> Answer:
    """The right answer from a clock that is off by so many seconds."""
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
    return with_headers(answer, {"Date": format_datetime(moment, usegmt=True)})


# Answers whose rows are not what was asked for.


@alters("answer")
def drop_rows(answer: Answer, *, count: int = 1) -> Answer:
    """The last rows are missing."""
    rows = rows_of(answer)
    del rows[max(0, len(rows) - count) :]
    return answer


@alters("answer")
def extra_rows(answer: Answer, *, count: int = 1) -> Answer:
    """Rows for ids that were never sent."""
    rows = rows_of(answer)
    pattern = rows[-1] if rows else {"invoice_id": None, "invoice_number": None, "status": "SUCCESS"}
    name = "invoice_id" if "invoice_id" in pattern else "id"
    rows += [pattern | {name: made_id("stranger", number)} for number in range(count)]
    return answer


@alters("answer")
def duplicate_rows(answer: Answer) -> Answer:
    """Every row twice."""
    rows = rows_of(answer)
    rows[:] = [dict(row) for row in rows for _ in range(2)]
    return answer


@alters("answer")
def conflicting_rows(answer: Answer, *, count: int = 1) -> Answer:
    """The first rows come again with the opposite status."""
    opposite = {"SUCCESS": "FAILED"}
    rows = rows_of(answer)
    rows += [row | {"status": opposite.get(row.get("status", ""), "SUCCESS")} for row in rows[:count]]
    return answer


@alters("answer")
def shuffle(answer: Answer) -> Answer:
    """The rows in another order."""
    rows_of(answer).reverse()
    return answer


@alters("answer", processes=lambda options: says_yes(options.get("words", "PENDING")))
def words(answer: Answer, *, words: str | list[str] = "PENDING") -> Answer:
    """The rows' status words, given in turn; by default the enrollment happens when all of them mean yes."""
    given = cycle([words] if isinstance(words, str) else words)
    for row in objects_of(answer):
        row["status"] = next(given)
    return answer


@alters("answer")
def wrong_totals(answer: Answer, *, off_by: int = 7) -> Answer:
    """Totals that differ from the rows."""
    for holder in holders_of(answer):
        names = [name for name in holder if name.endswith("_enrollments") or name.startswith("total")]
        holder.update({name: holder[name] + off_by for name in names})
    return answer


@alters("answer")
def null_fields(answer: Answer) -> Answer:
    """Every field of the rows null but their ids and statuses."""
    for row in objects_of(answer):
        row.update({name: None for name in row if name not in IDENTITY_FIELDS})
    return answer


@alters("answer")
def huge_strings(answer: Answer, *, characters: int = MEGABYTE) -> Answer:
    """The first row's texts so many characters long."""
    for row in objects_of(answer)[:1]:
        row.update(dict.fromkeys(present_texts(row), "W" * characters))
    return answer


@alters("answer")
def hostile_strings(answer: Answer) -> Answer:
    """Markup, scripts, direction overrides and control characters in the rows' texts, in turn."""
    texts = cycle(HOSTILE_STRINGS)
    for row in objects_of(answer):
        row.update({name: next(texts) for name in present_texts(row)})
    return answer


# Lists that do not do as they are told.


@alters("request", method="GET")
def ignore_per_page(request: Request, _store: Store, *, per_page: int = 20) -> Request:
    """Pages of another size than asked for."""
    return replace(request, query={**request.query, "per_page": str(per_page)})


@alters("request", method="GET")
def ignore_page(request: Request, _store: Store) -> Request:
    """The first page, whichever was asked for."""
    return replace(request, query={**request.query, "page": "1"})


@alters("request", method="GET")
def ignore_filter(request: Request, _store: Store) -> Request:
    """The whole list, whatever was searched for."""
    kept = {name: value for name, value in request.query.items() if name in PAGING_FIELDS}
    return replace(request, query=kept)


@alters("request", method="GET")
def shift_rows(request: Request, _store: Store, *, count: int = 1) -> Request:
    """Rows move on by so many places, so that the last ones of the page before come again."""
    return replace(request, shift=count)


@alters("answer", method="GET")
def no_meta(answer: Answer) -> Answer:
    """No page numbers at all."""
    for holder in holders_of(answer):
        for name in PAGING_FIELDS:
            holder.pop(name, None)
    return answer if rows_of(answer) is answer.payload else without_payload_field(answer, "meta")


@alters("answer", method="GET")
def string_meta(answer: Answer) -> Answer:
    """Page numbers as strings."""
    return with_paging(answer, str)


@alters("answer", method="GET")
def negative_meta(answer: Answer) -> Answer:
    """Page numbers below zero."""
    return with_paging(answer, lambda number: -number - 1)


@alters("answer", method="GET")
def duplicate_campaigns(answer: Answer) -> Answer:
    """Every row of the list twice."""
    return duplicate_rows(answer)


@alters("answer", method="GET")
def campaign_without_id(answer: Answer) -> Answer:
    """The first row of the list has no id."""
    for row in objects_of(answer)[:1]:
        row.pop("id", None)
        row.pop("campaign_id", None)
    return answer


def says_yes(status_words: str | list[str]) -> bool:
    given = [status_words] if isinstance(status_words, str) else status_words
    return all(word.strip().lower() in YES_WORDS for word in given)


def holders_of(answer: Answer) -> list[Record]:
    """The objects of the answer that may carry totals: `data` and `meta`."""
    payload = answer.payload if isinstance(answer.payload, dict) else {}
    return [payload[name] for name in ("data", "meta") if isinstance(payload.get(name), dict)]


def rows_of(answer: Answer) -> list[Record]:
    """The answer's own list of rows, wherever it is; an empty list when it has none."""
    payload = answer.payload
    data = payload.get("data") if isinstance(payload, dict) and "data" in payload else payload
    places = [data, *(data.values() if isinstance(data, dict) else ())]
    lists = (place for place in places if isinstance(place, list))
    return next((rows for rows in lists if all(isinstance(row, dict) for row in rows)), [])


def objects_of(answer: Answer) -> list[Record]:
    """The rows, or else the one record that the answer shows."""
    payload = answer.payload
    data = payload.get("data") if isinstance(payload, dict) and "data" in payload else payload
    single = [data] if isinstance(data, dict) and IDENTITY_FIELDS & data.keys() else []
    return rows_of(answer) or single


def present_texts(row: Record) -> list[str]:
    """The names of the row's texts; a row of an enrollment may always bear an error."""
    names = [name for name in TEXT_FIELDS if name in row]
    return [*names, "error"] if "invoice_id" in row and "error" not in row else names


def with_payload(answer: Answer, **fields: Any) -> Answer:
    payload = answer.payload if isinstance(answer.payload, dict) else {"data": answer.payload}
    return replace(answer, payload=payload | fields)


def without_payload_field(answer: Answer, name: str) -> Answer:
    payload = answer.payload if isinstance(answer.payload, dict) else {}
    return replace(answer, payload={key: value for key, value in payload.items() if key != name})


def with_headers(answer: Answer, headers: Mapping[str, str]) -> Answer:
    return replace(answer, headers={**answer.headers, **headers})


def with_paging(answer: Answer, change: Callable[[int], Any]) -> Answer:
    for holder in holders_of(answer):
        holder.update({name: change(holder[name]) for name in PAGING_FIELDS if name in holder})
    return answer


def with_raw_field(answer: Answer, raw: bytes) -> Answer:
    """The first row gets a field whose JSON is written as given, since no encoder would write it."""
    for row in objects_of(answer)[:1]:
        row["extra"] = "@raw@"
    return replace(answer, body=answer.content().replace(json.dumps("@raw@").encode(), raw))


def compressed(answer: Answer, body: bytes) -> Answer:
    return replace(with_headers(answer, {"Content-Encoding": "gzip"}), body=body)
