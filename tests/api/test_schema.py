import copy
import pickle
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from dashboard.api.schema import (
    Account,
    AccountStatus,
    Campaign,
    CampaignKind,
    CampaignStatus,
    Customer,
    EnrollmentRow,
    EnrollmentWord,
    Page,
)

ID = "6f0b1f0e-5f0c-4b60-9a52-2f4a86f3c1d7"


@pytest.mark.parametrize("word", ["active", "ACTIVE", " Active\n"])
def test_words_are_read_without_regard_to_case_and_space(word: str) -> None:
    assert CampaignStatus.read(word) is CampaignStatus.ACTIVE


def test_an_unknown_word_is_kept_as_it_came() -> None:
    word = CampaignStatus.read(" On Hold ")

    assert word is not None
    assert (word.known, word.raw, word.label, str(word)) == (False, "On Hold", "On Hold", "On Hold")


def test_an_unknown_word_is_no_known_one() -> None:
    assert CampaignStatus("hold") not in set(CampaignStatus)
    assert CampaignStatus("hold") == CampaignStatus("hold")


def test_an_unknown_word_is_cut_and_cleaned() -> None:
    assert CampaignStatus("x\x00" + "y" * 600) == "x\ufffd" + "y" * 498


def test_an_unknown_word_survives_copying_and_storing() -> None:
    word = AccountStatus("frozen")

    assert copy.deepcopy(word) == pickle.loads(pickle.dumps(word)) == "frozen"
    assert not pickle.loads(pickle.dumps(word)).known


def test_a_word_hashes_like_its_text() -> None:
    assert hash(AccountStatus.SETTLED) == hash("settled")


def test_a_word_has_a_label_for_people() -> None:
    assert CampaignKind.PAYMENT_REMINDER.label == "Payment reminder"


@pytest.mark.parametrize("value", [None, "", "  ", [], {}, True])
def test_no_word_is_none(value: Any) -> None:
    assert EnrollmentWord.read(value) is None


@pytest.mark.parametrize("word", ["SUCCESS", "success", "enrolled", "Enrolled "])
def test_enrolled_means_success(word: str) -> None:
    assert EnrollmentWord.read(word) is EnrollmentWord.SUCCESS


@pytest.mark.parametrize("word", ["successful", "OK", "true", "\u017fuccess", "SUCCESS!", "not enrolled"])
def test_no_other_word_means_success(word: str) -> None:
    read = EnrollmentWord.read(word)

    assert read is not EnrollmentWord.SUCCESS
    assert read != "success"


def test_a_campaign_is_read() -> None:
    campaign = Campaign.read(
        {
            "id": ID.upper(),
            "name": " Spring ",
            "type": "EARLY_STAGE",
            "status": "Running",
            "next_campaign_id": None,
        }
    )

    assert (campaign.id, campaign.name, campaign.kind, campaign.status, campaign.next_campaign_id) == (
        ID,
        "Spring",
        CampaignKind.EARLY_STAGE,
        CampaignStatus.RUNNING,
        None,
    )


@pytest.mark.parametrize("key", ["type", "campaign_type", "category"])
def test_the_kind_of_a_campaign_has_three_names(key: str) -> None:
    assert Campaign.read({key: "first_party"}).kind is CampaignKind.FIRST_PARTY


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"title": "T"}, "T"),
        ({"name": None, "campaign_id": ID}, ID[:8]),
        ({}, "—"),
        ({"name": {"de": "x"}}, "—"),
    ],
)
def test_a_campaign_always_has_a_name(row: Any, name: str) -> None:
    assert Campaign.read(row).name == name


def test_all_fields_of_a_record_are_kept_for_display() -> None:
    fields = Campaign.read({"id": ID, "steps": [{"channel": "sms\x00"}], "rate": "12.50"}).fields

    assert fields == {"id": ID, "steps": [{"channel": "sms\ufffd"}], "rate": "12.50"}


def test_an_account_is_read_as_documented() -> None:
    account = Account.read(
        {
            "id": ID,
            "customer_id": ID,
            "external_invoice_id": "EXT-1",
            "invoice_number": "INV-1",
            "amount": "1200.00",
            "paid_amount": 200,
            "status": "not_assigned",
            "currency": "eur",
            "issue_date": "2026-07-01",
            "due_date": "2026-07-31",
            "campaign_id": None,
            "created_at": "2026-07-01T10:00:00Z",
        }
    )

    assert account.outstanding == Decimal("1000.00")
    assert account.status is AccountStatus.NOT_ASSIGNED
    assert (account.currency, account.issue_date, account.due_date) == (
        "EUR",
        date(2026, 7, 1),
        date(2026, 7, 31),
    )
    assert (account.campaign_id, account.is_sandbox, account.customer_name) == (None, None, "")


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (True, True),
        ("True", True),
        (1, True),
        ("1", True),
        (False, False),
        ("false", False),
        (0, False),
        (None, None),
        ("perhaps", None),
        ([], None),
    ],
)
def test_a_sandbox_mark_is_read_from_words_and_numbers(sent: Any, read: bool | None) -> None:
    assert Account.read({"is_sandbox": sent}).is_sandbox is read


def test_an_account_of_nulls_is_read() -> None:
    account = Account.read(dict.fromkeys(Account.model_fields))

    assert (account.id, account.amount, account.outstanding, account.status) == (None, None, None, None)


@pytest.mark.parametrize("key", ["outstanding", "outstanding_amount"])
def test_an_outstanding_amount_that_is_sent_goes_first(key: str) -> None:
    assert Account.read({"amount": 10, "paid_amount": 1, key: 0}).outstanding == 0


def test_an_unknown_payment_is_not_guessed() -> None:
    assert Account.read({"amount": 10}).outstanding is None


def test_a_customer_inside_an_account_gives_the_name() -> None:
    account = Account.read({"id": ID, "customer": {"id": ID, "first_name": "Ann", "last_name": "Lee"}})

    assert (account.customer_name, account.customer_id) == ("Ann Lee", ID)


def test_a_customer_without_a_name_leaves_the_accounts_name_empty() -> None:
    assert Account.read({"id": ID, "customer": {"id": ID}}).customer_name == ""


@pytest.mark.parametrize("row", [{"billing_type": "Statement"}, {"invoice_number": "STMT-2026-07-ACME"}])
def test_a_statement_is_recognised(row: Any) -> None:
    assert Account.read(row).is_statement


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"company_name": "Acme", "first_name": "A", "email": "a@b.c"}, "Acme"),
        ({"first_name": "Ann", "last_name": None, "email": "a@b.c"}, "Ann"),
        ({"email": "a@b.c", "external_id": "X"}, "a@b.c"),
        ({"external_id": "X", "id": ID}, "X"),
        ({"id": ID}, ID[:8]),
        ({}, "—"),
    ],
)
def test_a_customer_always_has_a_name(row: Any, name: str) -> None:
    assert Customer.read(row).display_name == name


def test_an_enrollment_row_is_read() -> None:
    row = EnrollmentRow.read(
        {"invoice_id": ID.upper(), "invoice_number": None, "status": "FAILED", "error": " why "}
    )

    assert (row.account_id, row.invoice_number, row.word, row.vendor_status, row.error) == (
        ID,
        "",
        EnrollmentWord.FAILED,
        "FAILED",
        "why",
    )


def page(count: int, **paging: Any) -> Page[int]:
    return Page(items=tuple(range(count)), **({"page": 2, "per_page": 20} | paging))


@pytest.mark.parametrize(
    ("page", "has_next"),
    [
        (page(20, total_pages=3), True),
        (page(20, total_pages=2), False),
        (page(20, total=41), True),
        (page(20, total=40), False),
        (page(20), True),
        (page(19), False),
        (page(19, unreadable=1), True),
        (page(0, total_pages=0, total=0), False),
    ],
)
def test_a_next_page_is_promised_by_the_totals_else_by_a_full_page(page: Page[int], has_next: bool) -> None:
    assert page.has_next is has_next


def test_only_the_first_page_has_none_before_it() -> None:
    assert page(1).has_previous
    assert not page(1, page=1).has_previous
