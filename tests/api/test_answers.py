import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from dashboard.api.answers import (
    RAW_LIMIT,
    Answer,
    failure,
    read_enrollment,
    read_one,
    read_page,
    retry_after,
    words_of,
)
from dashboard.api.errors import ApiError, Malformed, NotAllowed, NotFound, RateLimited, Refused, Unavailable
from dashboard.api.schema import Account, Campaign, Customer, EnrollmentAnswer, EnrollmentWord

DATE = datetime(2026, 8, 17, 12, tzinfo=UTC)
WHY = "Payment amount cannot exceed outstanding amount"


def answer(
    body: Any = b"", status: int = 200, headers: Mapping[str, str] | None = None, is_write: bool = True
) -> Answer:
    """What is not bytes is sent as JSON."""
    text = body.decode() if isinstance(body, bytes) else json.dumps(body)
    return Answer(is_write=is_write, status=status, headers=headers or {}, text=text, elapsed=0.1)


def campaigns(body: Any, status: int = 200) -> Any:
    return read_page(answer(body, status, is_write=False), Campaign, page=2, per_page=20)


def error_of(body: Any, status: int, headers: Mapping[str, str] | None = None) -> ApiError:
    with pytest.raises(ApiError) as caught:
        read_enrollment(answer(body, status, headers))
    return caught.value


# Lists


@pytest.mark.parametrize(
    "wrap",
    [
        lambda rows: rows,
        lambda rows: {"data": rows},
        lambda rows: {"data": {"items": rows}},
        lambda rows: {"data": {"campaigns": rows, "total": 1}},
        lambda rows: {"data": {"results": rows}, "success": True, "meta": None},
        lambda rows: {"items": rows, "page": 2},
    ],
)
def test_the_rows_of_a_list_are_found_wherever_they_may_be(wrap: Any) -> None:
    assert campaigns(wrap([{"id": "c1", "name": "Spring"}])).items[0].name == "Spring"


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        "text",
        7,
        {"data": None},
        {"data": {}},
        {"data": {"items": None}},
        {"data": {"items": {}}},
        {"success": True},
    ],
)
def test_a_list_without_rows_to_find_is_never_an_empty_list(body: Any) -> None:
    with pytest.raises(Malformed) as caught:
        campaigns(body)

    assert not caught.value.may_have_happened


def test_an_odd_row_spoils_itself_and_not_its_page() -> None:
    page = campaigns({"data": [{"id": "c1"}, None, "odd", [], {"id": {"odd": 1}, "status": ["odd"]}]})

    assert [campaign.id for campaign in page.items] == ["c1", None]
    assert page.unreadable == 3


PAGING = {"page": 3, "per_page": 50, "total": 150, "total_pages": 3}


@pytest.mark.parametrize(
    "body",
    [
        {"data": [], "meta": PAGING},
        {"data": {"items": [], **PAGING}},
        {"items": [], **PAGING},
        {"data": [], "meta": {"current_page": "3", "size": "50", "total_count": "150", "last_page": "3"}},
        {"items": [], "page": 3, "size": 50, "total": 150, "pages": 3},
    ],
)
def test_paging_is_found_wherever_it_may_be(body: Any) -> None:
    page = campaigns(body)

    assert (page.page, page.per_page, page.total, page.total_pages) == (3, 50, 150, 3)


@pytest.mark.parametrize(
    "meta", [None, [], {}, {"page": -1, "per_page": 0, "total": -5, "total_pages": "many"}]
)
def test_without_readable_paging_it_is_as_asked(meta: Any) -> None:
    page = campaigns({"data": [], "meta": meta})

    assert (page.page, page.per_page, page.total, page.total_pages) == (2, 20, None, None)


# Single records


@pytest.mark.parametrize(
    "body", [{"id": "a1"}, {"success": True, "data": {"id": "a1"}}, {"data": {"account": {"id": "a1"}}}]
)
def test_a_record_is_found_with_or_without_an_envelope(body: Any) -> None:
    assert read_one(answer(body), Account).id == "a1"


@pytest.mark.parametrize(
    "body", [None, [], {}, {"data": None}, {"data": []}, {"data": {"name": "no id"}}, {"success": True}]
)
def test_a_record_without_an_id_is_malformed(body: Any) -> None:
    with pytest.raises(Malformed):
        read_one(answer(body), Account)


# Refusals and failures


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"message": "Not now", "detail": "x", "error": "y"}, "Not now"),
        ({"message": "", "detail": "Not Found"}, "Not Found"),
        (
            {"detail": [{"loc": ["body", "account_ids", 3], "msg": "bad id"}, {"msg": "worse"}]},
            "account_ids.3: bad id; worse",
        ),
        ({"message": "Invalid", "errors": [{"field": "amount", "error": WHY}]}, f"Invalid (amount: {WHY})"),
        ({"message": WHY, "errors": [{"field": "amount", "error": WHY}]}, WHY),
        ({"errors": [{"field": "amount", "error": WHY}, "plain", None]}, f"amount: {WHY}; plain"),
        ({"error": "Rate limit exceeded"}, "Rate limit exceeded"),
        ({"error": {"message": "inner"}}, "inner"),
        ({"detail": {"message": "inner"}}, "inner"),
        ({"message": ["odd"], "detail": None, "errors": {}, "error": 0.5}, "0.5"),
        ("text", ""),
        (None, ""),
        ({}, ""),
    ],
)
def test_the_vendors_words_are_taken_in_the_order_of_the_contract(body: Any, words: str) -> None:
    assert words_of(body) == words


def test_a_page_of_html_is_never_quoted() -> None:
    error = error_of(b"<html><script>alert(1)</script></html>", 502)

    assert "<" not in error.message
    assert "502" in error.message
    assert error.raw.startswith("<html>")


def test_the_raw_answer_is_kept_up_to_its_limit() -> None:
    error = error_of(("é" * RAW_LIMIT).encode(), 500)

    assert len(error.raw.encode()) == RAW_LIMIT


def test_a_redirect_is_called_one() -> None:
    assert "HTTP 302 and points to another address" in error_of("", 302).message


@pytest.mark.parametrize("status", [300, 301, 302, 304, 307, 400, 405, 409, 413, 415, 422])
def test_a_refusal_has_changed_nothing(status: int) -> None:
    error = error_of({"message": "No"}, status)

    assert type(error) is Refused
    assert (error.message, error.status, error.may_have_happened) == ("No", status, False)


@pytest.mark.parametrize(
    "status", [402, 406, 408, 410, 418, 425, 431, 451, 499, 500, 501, 502, 503, 504, 520, 599]
)
def test_any_other_failure_of_a_write_may_have_happened(status: int) -> None:
    error = error_of({"message": "Oops"}, status)

    assert type(error) is Unavailable
    assert error.may_have_happened


@pytest.mark.parametrize("status", [101, 600, 999])
def test_a_status_that_means_nothing_is_malformed(status: int) -> None:
    error = error_of({}, status)

    assert error.may_have_happened
    assert isinstance(error, Malformed | Unavailable)


def test_a_missing_scope_is_named() -> None:
    error = error_of({"detail": "API key lacks required scope: accounts:write"}, 403)

    assert isinstance(error, NotAllowed)
    assert (error.scope, error.key_rejected) == ("accounts:write", False)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, {"detail": "Invalid or expired API key"}),
        (403, {"detail": "Not authenticated"}),
        (403, b"<html>"),
        (401, b""),
    ],
)
def test_any_other_401_or_403_is_about_the_key(status: int, body: Any) -> None:
    error = error_of(body, status)

    assert isinstance(error, NotAllowed)
    assert (error.scope, error.key_rejected) == (None, True)


def test_a_404_is_not_found() -> None:
    assert isinstance(error_of({"detail": "Not Found"}, 404), NotFound)


@pytest.mark.parametrize("status", [200, 422])
@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({"detail": [{"loc": ["body", "campaign_id"], "msg": "No"}]}, {"campaign_id"}),
        ({"detail": [{"loc": ["body", "account_ids", 3], "msg": "No"}]}, {"account_ids"}),
        ({"message": "No", "errors": [{"field": "campaign_id", "error": "No"}]}, {"campaign_id"}),
        ({"message": "No", "errors": ["campaign_id"]}, {""}),
        ({"detail": "campaign_id is closed"}, set()),
    ],
)
def test_a_refusal_names_the_fields_that_it_finds_fault_with(
    said: dict[str, Any], fields: set[str], status: int
) -> None:
    error = error_of({"success": False, "status_code": 422} | said, status)

    assert isinstance(error, Refused)
    assert error.fields == fields


def test_a_429_carries_the_wait() -> None:
    error = error_of({"detail": "Slow down"}, 429, {"Retry-After": "1e9"})

    assert isinstance(error, RateLimited)
    assert (error.retry_after, error.asked_wait) == (300, 1e9)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"success": False, "status_code": 400, "message": "No"}, Refused),
        ({"success": False, "message": "No"}, Refused),
        ({"success": False, "status_code": 404}, NotFound),
        ({"success": False, "status_code": 429, "message": "Slow"}, RateLimited),
        ({"success": "False", "detail": "No"}, Refused),
    ],
)
def test_success_false_with_a_refusal_is_a_refusal(body: Any, kind: type[ApiError]) -> None:
    error = error_of(body, 200)

    assert type(error) is kind
    assert error.status == 200


@pytest.mark.parametrize(
    "body",
    [
        {"success": False},
        {"success": False, "data": {}},
        {"success": False, "status_code": 500, "message": "Crashed half-way"},
    ],
)
def test_success_false_without_a_refusal_may_have_happened(body: Any) -> None:
    assert error_of(body, 200).may_have_happened


def test_success_false_is_a_failure_of_a_list_too() -> None:
    with pytest.raises(Refused, match="Not today"):
        campaigns({"success": False, "message": "Not today", "data": []})


def test_the_status_code_in_the_body_does_not_overrule_http() -> None:
    assert (
        failure(answer({"status_code": 500, "message": "fine"}), {"status_code": 500, "message": "fine"})
        is None
    )


# How long to wait


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "17"}, 17),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "-3"}, -3),
        (
            {
                "Retry-After": format_datetime(DATE + timedelta(seconds=90), True),
                "Date": format_datetime(DATE, True),
            },
            90,
        ),
        ({"Retry-After": "soon", "X-RateLimit-Window": "60"}, 60),
        ({"X-RateLimit-Window": "60"}, 60),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "nan", "X-RateLimit-Window": "a while"}, None),
        ({}, None),
    ],
)
def test_the_wait_is_read_from_the_headers(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_a_date_without_the_answers_own_date_is_reckoned_from_now() -> None:
    until = datetime.now(UTC) + timedelta(hours=1)

    seconds = retry_after({"Retry-After": format_datetime(until, usegmt=True)})

    assert seconds is not None
    assert 3500 < seconds <= 3600


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=10))
def test_no_header_is_too_odd(asked: str, now: str, window: str) -> None:
    seconds = retry_after({"Retry-After": asked, "Date": now, "X-RateLimit-Window": window})

    assert seconds is None or isinstance(seconds, float)


# Enrollment


def results(*rows: Any, **envelope: Any) -> dict[str, Any]:
    return {"success": True, "data": {"results": list(rows)}} | envelope


def test_a_documented_bulk_answer_is_read_row_by_row() -> None:
    body = {
        "success": True,
        "status_code": 200,
        "message": "Campaign assignment processed",
        "data": {
            "campaign_id": "c1",
            "total_enrollments": 2,
            "successful_enrollments": 1,
            "failed_enrollments": 1,
            "results": [
                {"invoice_id": "a1", "invoice_number": "INV-1", "status": "SUCCESS"},
                {"invoice_id": "a2", "invoice_number": "INV-2", "status": "FAILED", "error": "why"},
            ],
        },
    }

    read = read_enrollment(answer(body))

    assert [(row.account_id, row.word, row.error) for row in read.rows] == [
        ("a1", EnrollmentWord.SUCCESS, ""),
        ("a2", EnrollmentWord.FAILED, "why"),
    ]
    assert (read.total, read.successful, read.failed, read.success) == (2, 1, 1, True)
    assert (read.message, read.status, read.elapsed) == ("Campaign assignment processed", 200, 0.1)
    assert json.loads(read.raw) == body


def test_rows_count_even_when_the_envelope_says_no() -> None:
    read = read_enrollment(
        answer(results({"invoice_id": "a1", "status": "SUCCESS"}, success=False, message="Partly"))
    )

    assert read.rows[0].word is EnrollmentWord.SUCCESS
    assert (read.success, read.message) == (False, "Partly")


@pytest.mark.parametrize("status", [400, 404, 409, 422, 429])
def test_rows_inside_a_refusal_are_an_answer(status: int) -> None:
    read = read_enrollment(answer(results({"invoice_id": "a1", "status": "FAILED"}, success=False), status))

    assert read.rows[0].word is EnrollmentWord.FAILED
    assert (read.status, read.success) == (status, False)


def test_no_rows_inside_a_refusal_leave_it_a_refusal() -> None:
    assert isinstance(error_of(results(message="No valid account"), 400), Refused)


@pytest.mark.parametrize("status", [500, 503])
def test_rows_inside_a_failure_prove_nothing(status: int) -> None:
    assert error_of(results({"invoice_id": "a1", "status": "SUCCESS"}), status).may_have_happened


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>fine</html>",
        None,
        {},
        [],
        {"data": None},
        {"data": {"results": None}},
        {"data": {"results": {}}},
        b'{"data"',
    ],
)
def test_an_answer_without_rows_may_have_happened(body: Any) -> None:
    error = error_of(body, 200)

    assert isinstance(error, Malformed)
    assert error.may_have_happened


def test_one_odd_row_does_not_lose_the_others() -> None:
    good = {"invoice_id": "a1", "status": "SUCCESS"}

    read = read_enrollment(answer(results(None, "odd", [], {"status": {}}, good)))

    assert [(row.account_id, row.word) for row in read.rows] == [("", None), ("a1", EnrollmentWord.SUCCESS)]


def test_hostile_json_in_one_row_does_not_lose_the_others() -> None:
    text = json.dumps(results("HOSTILE", {"invoice_id": "a2", "status": "SUCCESS"}))
    huge, deep = "9" * 5000, "[" * 100_000 + "]" * 100_000
    hostile = (
        '{"invoice_id": "a1", "status": "FAILED", "error": "\\ud800\\u0000",'
        f' "x": NaN, "y": {huge}, "z": {deep}}}'
    )

    read = read_enrollment(answer(text.replace('"HOSTILE"', hostile).encode()))

    assert [(row.account_id, row.error) for row in read.rows] == [("a1", "��"), ("a2", "")]


# The answer about one account


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"customer_id": "k1", "invoice_id": "a1", "execution_id": "e1", "status": "enrolled"}},
        {"invoice_id": "a1", "status": "SUCCESS"},
        {"data": {"status": "success"}},
        {"status": "enrolled", "data": {"execution_id": "e1"}},
        results({"invoice_id": "a1", "status": "SUCCESS"}),
    ],
)
def test_an_answer_about_one_account_may_be_the_row_itself(body: Any) -> None:
    (row,) = read_enrollment(answer(body, 201), account_id="a1").rows

    assert (row.account_id, row.word) == ("a1", EnrollmentWord.SUCCESS)


def test_an_answer_about_another_account_is_not_taken_for_ours() -> None:
    (row,) = read_enrollment(
        answer({"data": {"invoice_id": "a2", "status": "enrolled"}}), account_id="a1"
    ).rows

    assert row.account_id == "a2"


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"success": True, "message": "done"},
        {"data": {"id": "e1"}},
        {"data": {"status": None}},
        {"success": True, "data": {"id": "a1", "status": "in_progress", "campaign_id": "c1"}},
        {"invoice_id": "a1", "execution_id": "e1", "status": "running"},
        {"success": True, "status": 200, "message": "done"},
    ],
)
def test_an_answer_about_one_account_without_a_word_of_enrollments_may_have_happened(body: Any) -> None:
    with pytest.raises(Malformed) as caught:
        read_enrollment(answer(body), account_id="a1")

    assert caught.value.may_have_happened


def test_a_bulk_answer_is_not_read_as_one_row() -> None:
    assert isinstance(error_of({"status": "success"}, 200), Malformed)


# Anything at all

KEYS = st.sampled_from(
    [
        *(
            "success",
            "status_code",
            "message",
            "detail",
            "errors",
            "error",
            "meta",
            "data",
            "results",
            "items",
        ),
        *("id", "invoice_id", "status", "name", "type", "amount", "due_date", "customer", "page", "total"),
        *("field", "loc", "msg"),
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(alphabet=st.characters(codec=None, exclude_categories=()), max_size=8)
    | st.sampled_from(["SUCCESS", "enrolled", "failed", "a1", "a2", "false", "2026-08-17", "12.50"])
)
BODIES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=30,
)
STATUSES = st.sampled_from([200, 200, 200, 201, 204, 302, 400, 401, 403, 404, 409, 418, 422, 429, 500, 503])
ROWS = st.lists(
    st.fixed_dictionaries({}, optional={"invoice_id": LEAVES, "status": LEAVES, "error": LEAVES}) | LEAVES
)


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from texts([*value.keys(), *value.values()])
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts(item)


def storable(value: Any) -> bool:
    """Whether a text column takes every text in it, and a JSON column the whole."""
    dumped = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    json.dumps(dumped, allow_nan=False)
    return not any("\x00" in text or text != text.encode(errors="replace").decode() for text in texts(dumped))


def attempt(call: Callable[[], Any]) -> Any:
    """What the call gives, or the error of ours that it raises; any other error is a failure."""
    try:
        return call()
    except ApiError as error:
        return error


@given(BODIES, STATUSES, st.sampled_from([Campaign, Account, Customer]))
def test_any_answer_gives_a_page_or_an_api_error(body: Any, status: int, record: Any) -> None:
    came = answer(body, status, is_write=False)

    read = attempt(lambda: read_page(came, record, page=1, per_page=20))

    assert isinstance(read, ApiError) or all(storable(item) for item in read.items)
    assert not getattr(read, "may_have_happened", False)


@given(BODIES, STATUSES, st.sampled_from([None, "a1"]))
def test_any_answer_gives_an_enrollment_or_an_api_error(
    body: Any, status: int, account_id: str | None
) -> None:
    read = attempt(lambda: read_enrollment(answer(body, status), account_id))

    if isinstance(read, ApiError):
        assert read.may_have_happened is isinstance(read, Unavailable | Malformed)
        assert storable(read.message + read.raw)
    else:
        assert storable(read)


@given(st.binary(max_size=200), STATUSES)
def test_any_bytes_give_an_enrollment_or_an_api_error(body: bytes, status: int) -> None:
    text = body.decode(json.detect_encoding(body), "replace")
    came = Answer(is_write=True, status=status, headers={}, text=text, elapsed=0)

    read = attempt(lambda: read_enrollment(came))

    assert isinstance(read, ApiError | EnrollmentAnswer)


@given(ROWS, STATUSES)
def test_success_is_never_invented(rows: list[Any], status: int) -> None:
    said = {
        str(row.get("invoice_id")).strip()
        for row in rows
        if isinstance(row, dict) and str(row.get("status")).strip().lower() in ("success", "enrolled")
    }

    read = attempt(lambda: read_enrollment(answer({"data": {"results": rows}}, status)))

    read_rows = [] if isinstance(read, ApiError) else read.rows
    enrolled = {row.account_id for row in read_rows if row.word is EnrollmentWord.SUCCESS}
    assert {account_id for account_id in enrolled if account_id in ("a1", "a2")} <= said
