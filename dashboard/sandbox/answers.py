"""Answers in the vendor's envelope, in each of the shapes its documentation leaves open."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .store import Record

DOCUMENTED_ACCOUNT_FIELDS = (
    "id",
    "customer_id",
    "external_invoice_id",
    "invoice_number",
    "amount",
    "paid_amount",
    "status",
    "currency",
    "issue_date",
    "due_date",
    "campaign_id",
    "created_at",
    "updated_at",
)
MONEY_FIELDS = ("amount", "paid_amount")
CAMPAIGN_ALIASES = {"id": "campaign_id", "name": "title", "type": "campaign_type"}


@dataclass
class Style:
    """How answers look where the documentation disagrees or is silent; may be changed between calls.

    `rows` is where a list's records are, `paging` where its page numbers are, `case` that of status words,
    `detail` the form of an error's `detail`, `single_style` where the enrollment of one account takes its
    campaign from ("absent": there is no such call), `extras` whether accounts show undocumented fields,
    `aliases` whether campaigns use the other names of their fields, `empty_pages` the `total_pages` of an
    empty list. Paging in `data` needs `data` to be an object, so rows move from `data` to `data.items`.
    """

    rows: Literal["data", "items", "plural"] = "data"
    paging: Literal["meta", "data", "absent"] = "meta"
    case: Literal["stored", "upper", "lower"] = "stored"
    detail: Literal["documented", "text", "list"] = "documented"
    money: Literal["number", "text"] = "number"
    single_style: Literal["body", "query", "absent"] = "body"
    envelope: bool = True
    status_code: bool = True
    extras: bool = True
    aliases: bool = False
    empty_pages: int = 0


@dataclass(frozen=True)
class Answer:
    """What is to be written to the wire, and how.

    `body` replaces the JSON of `payload`. The answer waits `delay` seconds; `pace` is seconds per byte of
    body; only `sent_share` of the promised body is sent; a `silent` answer is none at all, the connection is
    closed, or reset where `reset` says so.
    """

    status: int
    payload: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    delay: float = 0.0
    pace: float = 0.0
    sent_share: float = 1.0
    silent: bool = False
    reset: bool = False

    def content(self) -> bytes:
        if self.body is not None:
            return self.body
        return json.dumps(self.payload, separators=(",", ":")).encode()


class Refused(Exception):
    """Raised where a request ends early, with the answer it gets."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def success(style: Style, data: Any, *, message: str, meta: Record | None = None) -> Answer:
    if not style.envelope:
        return Answer(200, data)
    payload: Record = {"success": True, "status_code": 200, "message": message, "data": data}
    if meta is not None:
        payload["meta"] = meta
    if not style.status_code:
        del payload["status_code"]
    return Answer(200, payload)


def listing(style: Style, kind: str, rows: list[Record], *, page: int, per_page: int, total: int) -> Answer:
    """A page of records; `kind` is the plural that may hold the rows."""
    pages = -(-total // per_page) or style.empty_pages
    paging = {"page": page, "per_page": per_page, "total": total, "total_pages": pages}
    in_data = style.paging == "data"
    data: Any = rows
    if style.rows == "plural":
        data = {kind: rows}
    elif style.rows == "items" or in_data:
        data = {"items": rows}
    if in_data:
        data |= paging
    meta = paging if style.paging == "meta" else None
    return success(style, data, message=f"{kind.capitalize()} retrieved", meta=meta)


def error(style: Style, status: int, text: str, headers: Mapping[str, str] | None = None) -> Answer:
    """A refusal whose only word is `detail`, as authentication and routing give."""
    listed = [{"type": "error", "loc": [], "msg": text}]
    return Answer(status, {"detail": listed if style.detail == "list" else text}, headers or {})


def invalid(style: Style, problems: list[Record]) -> Answer:
    """A 422 that names each bad field."""
    text = "; ".join(problem["msg"] for problem in problems)
    return Answer(422, {"detail": text if style.detail == "text" else problems})


def bad_request(message: str, field_name: str | None = None) -> Answer:
    errors = [{"field": field_name, "error": message}] if field_name else []
    payload = {"success": False, "status_code": 400, "message": message, "errors": errors, "meta": {}}
    return Answer(400, payload)


def shown_account(style: Style, account: Record) -> Record:
    shown = account if style.extras else {name: account[name] for name in DOCUMENTED_ACCOUNT_FIELDS}
    money = {name: f"{account[name]:.2f}" for name in MONEY_FIELDS} if style.money == "text" else {}
    return shown | money | {"status": word(style, account["status"])}


def shown_campaign(style: Style, campaign: Record) -> Record:
    shown = campaign | {"status": word(style, campaign["status"])}
    names = CAMPAIGN_ALIASES if style.aliases else {}
    return {names.get(name, name): value for name, value in shown.items()}


def shown_customer(_style: Style, customer: Record) -> Record:
    return {name: value for name, value in customer.items() if name != "is_sandbox"}


def word(style: Style, value: str) -> str:
    """A status word in the style's case."""
    return {"stored": value, "upper": value.upper(), "lower": value.lower()}[style.case]
