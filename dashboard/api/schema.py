"""What the vendor's API speaks of, as frozen values. Only this package knows the vendor's key names.

Each `read` takes one JSON object as sent and never fails on a missing, null or odd field.
"""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue

from .cleaning import TEXT_LIMIT, canonical_id, clean_json, clean_text, day_of, id_of, money_of, text_of

__all__ = [
    "Account",
    "AccountStatus",
    "Campaign",
    "CampaignKind",
    "CampaignStatus",
    "Customer",
    "EnrollmentAnswer",
    "EnrollmentRow",
    "EnrollmentWord",
    "JsonObject",
    "Page",
    "Record",
    "canonical_id",
]

T = TypeVar("T")
JsonObject = dict[str, JsonValue]

NO_NAME = "—"
_ERROR_LIMIT = 2000


class Word(StrEnum):
    """A word of the vendor's, read without regard to case; an unknown one is kept as it came."""

    __hash__ = str.__hash__  # equal to its text, so it must hash like it

    @classmethod
    def _missing_(cls, value: object) -> Self:
        text = clean_text(str(value).strip())[:TEXT_LIMIT]
        for word in cls:
            if word.value == text.lower():
                return word
        unknown = str.__new__(cls, text)
        unknown._name_, unknown._value_ = "UNKNOWN", text
        return unknown

    @classmethod
    def read(cls, value: JsonValue) -> Self | None:
        """The word, or None where there is none."""
        text = text_of(value)
        return cls(text) if text else None

    @property
    def known(self) -> bool:
        return self.name in type(self).__members__

    @property
    def raw(self) -> str:
        return str(self.value)

    @property
    def label(self) -> str:
        """For people: "Payment reminder"; an unknown word as it came."""
        return self.value.replace("_", " ").capitalize() if self.known else self.raw


class CampaignStatus(Word):
    DRAFT = "draft"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    ARCHIVED = "archived"


class CampaignKind(Word):
    PAYMENT_REMINDER = "payment_reminder"
    EARLY_STAGE = "early_stage"
    FIRST_PARTY = "first_party"
    STATEMENT_ACKNOWLEDGEMENT = "statement_acknowledgement"


class AccountStatus(Word):
    NOT_ASSIGNED = "not_assigned"
    PENDING_COLLECTION = "pending_collection"
    IN_PROGRESS = "in_progress"
    DISPUTED = "disputed"
    SUSPENDED = "suspended"
    SETTLED = "settled"
    UNCOLLECTIBLE = "uncollectible"
    PAID_IN_FULL = "paid_in_full"


class EnrollmentWord(Word):
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"
    PENDING = "pending"

    @classmethod
    def _missing_(cls, value: object) -> Self:
        word = super()._missing_(value)
        return cls("success") if word.lower() == "enrolled" else word


class Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Campaign(Value):
    """`fields` is the whole record as sent, cleaned, numbers with a fraction as text."""

    id: str | None = None
    name: str = NO_NAME
    kind: CampaignKind | None = None
    status: CampaignStatus | None = None
    next_campaign_id: str | None = None
    fields: JsonObject = {}

    @classmethod
    def read(cls, row: JsonObject) -> Self:
        campaign_id = id_of(row.get("id")) or id_of(row.get("campaign_id"))
        return cls(
            id=campaign_id,
            name=_first_text(row, "name", "title") or _short(campaign_id) or NO_NAME,
            kind=CampaignKind.read(_first_text(row, "type", "campaign_type", "category")),
            status=CampaignStatus.read(row.get("status")),
            next_campaign_id=id_of(row.get("next_campaign_id")),
            fields=_fields(row),
        )


class Account(Value):
    """An invoice. Amounts are in major units; `outstanding` is as sent, else amount less paid."""

    id: str | None = None
    invoice_number: str = ""
    external_invoice_id: str = ""
    customer_id: str | None = None
    customer_name: str = ""
    amount: Decimal | None = None
    paid_amount: Decimal | None = None
    outstanding: Decimal | None = None
    currency: str = "USD"
    status: AccountStatus | None = None
    issue_date: date | None = None
    due_date: date | None = None
    campaign_id: str | None = None
    is_sandbox: bool | None = None
    billing_type: str = ""
    enrollment_status: str = ""
    fields: JsonObject = {}

    @classmethod
    def read(cls, row: JsonObject) -> Self:
        customer = row.get("customer")
        embedded = Customer.read(customer) if isinstance(customer, dict) else None
        amount, paid_amount = money_of(row.get("amount")), money_of(row.get("paid_amount"))
        return cls(
            id=id_of(row.get("id")) or id_of(row.get("account_id")) or id_of(row.get("invoice_id")),
            invoice_number=text_of(row.get("invoice_number")),
            external_invoice_id=text_of(row.get("external_invoice_id")),
            customer_id=id_of(row.get("customer_id")) or (embedded.id if embedded else None),
            customer_name=text_of(row.get("customer_name")) or (embedded.given_name if embedded else ""),
            amount=amount,
            paid_amount=paid_amount,
            outstanding=_outstanding(row, amount, paid_amount),
            currency=text_of(row.get("currency"), limit=10).upper() or "USD",
            status=AccountStatus.read(row.get("status")),
            issue_date=day_of(row.get("issue_date")),
            due_date=day_of(row.get("due_date")),
            campaign_id=id_of(row.get("campaign_id")),
            is_sandbox=_flag(row.get("is_sandbox")),
            billing_type=text_of(row.get("billing_type")),
            enrollment_status=text_of(row.get("enrollment_status")),
            fields=_fields(row),
        )

    @property
    def is_statement(self) -> bool:
        """Statements are enrolled elsewhere, not through the account calls."""
        return self.billing_type.lower() == "statement" or self.invoice_number.upper().startswith("STMT-")


class Customer(Value):
    """`display_name` is never empty; `given_name` is "" when the record holds none."""

    id: str | None = None
    display_name: str = NO_NAME
    given_name: str = ""
    fields: JsonObject = {}

    @classmethod
    def read(cls, row: JsonObject) -> Self:
        customer_id = id_of(row.get("id")) or id_of(row.get("customer_id"))
        person = " ".join(filter(None, (text_of(row.get("first_name")), text_of(row.get("last_name")))))
        given_name = _first_text(row, "company_name") or person or _first_text(row, "email", "external_id")
        return cls(
            id=customer_id,
            display_name=given_name or _short(customer_id) or NO_NAME,
            given_name=given_name,
            fields=_fields(row),
        )


class Page(Value, Generic[T]):
    """One page of a list, counted from 1.

    `unreadable` counts rows left out because they were no objects, `unfit` those that are not what was asked for.
    """

    items: tuple[T, ...]
    page: int
    per_page: int
    total: int | None = None
    total_pages: int | None = None
    unreadable: int = 0
    unfit: int = 0

    @property
    def size(self) -> int:
        """How many rows came."""
        return len(self.items) + self.unreadable + self.unfit

    @property
    def has_next(self) -> bool:
        """By the totals; where the vendor gives none, a full page may have a next one."""
        if self.total_pages is not None:
            return self.page < self.total_pages
        if self.total is not None:
            return self.page * self.per_page < self.total
        return self.size >= self.per_page

    @property
    def has_previous(self) -> bool:
        return self.page > 1


Record = TypeVar("Record", Campaign, Account, Customer)


class EnrollmentRow(Value):
    """What the vendor says became of one invoice. `account_id` is "" when the row names none."""

    account_id: str
    invoice_number: str = ""
    word: EnrollmentWord | None = None
    vendor_status: str = ""
    error: str = ""

    @classmethod
    def read(cls, row: JsonObject, account_id: str = "") -> Self:
        """`account_id` stands in where the row names none: only for a call about one account."""
        return cls(
            account_id=id_of(row.get("invoice_id")) or id_of(row.get("account_id")) or account_id,
            invoice_number=text_of(row.get("invoice_number")),
            word=EnrollmentWord.read(row.get("status")),
            vendor_status=text_of(row.get("status")),
            error=text_of(row.get("error"), _ERROR_LIMIT) or text_of(row.get("reason"), _ERROR_LIMIT),
        )


class EnrollmentAnswer(Value):
    """A readable answer to an enrollment. The rows are the truth; the totals are what the vendor counted.

    `status` is the HTTP status, `elapsed` is in seconds, `raw` the answer's text (cleaned, at most 64 KB).
    """

    rows: tuple[EnrollmentRow, ...]
    status: int = 200
    success: bool = True
    message: str = ""
    total: int | None = None
    successful: int | None = None
    failed: int | None = None
    raw: str = ""
    elapsed: float = 0.0


def _first_text(row: JsonObject, *keys: str) -> str:
    return next(filter(None, (text_of(row.get(key)) for key in keys)), "")


def _flag(value: JsonValue) -> bool | None:
    """Also out of a number or a text; None for what is neither yes nor no."""
    words = {"true": True, "1": True, "false": False, "0": False}
    return value if isinstance(value, bool) else words.get(text_of(value).lower())


def _short(id_: str | None) -> str:
    return id_[:8] if id_ else ""


def _fields(row: JsonObject) -> JsonObject:
    return {clean_text(key): clean_json(value) for key, value in row.items()}


def _outstanding(row: JsonObject, amount: Decimal | None, paid_amount: Decimal | None) -> Decimal | None:
    sent = money_of(row.get("outstanding"))
    if sent is None:
        sent = money_of(row.get("outstanding_amount"))
    if sent is None and amount is not None and paid_amount is not None:
        return amount - paid_amount
    return sent
