"""Every kind of fault, met by a real call."""

import datetime as dt
import gzip
import json
import zlib
from concurrent.futures import ThreadPoolExecutor
from http.client import IncompleteRead, RemoteDisconnected
from typing import Any

import pytest

from dashboard.sandbox import fault_kinds, rules
from dashboard.sandbox.answers import Answer
from dashboard.sandbox.server import Sandbox
from dashboard.sandbox.store import Record
from tests.patience import PATIENCE, wait_for
from tests.sandbox.conftest import Caller, Reply


class Vendor:
    """A sandbox with a campaign and three accounts, whose bulk call meets the fault."""

    def __init__(self, sandbox: Sandbox, caller: Caller) -> None:
        self.sandbox = sandbox
        self.caller = caller
        self.campaign = sandbox.store.add_campaign(name="Canada")
        self.accounts = [sandbox.store.add_account() for _ in range(3)]

    def enroll(self, kind: str, **options: Any) -> Reply:
        self.sandbox.faults.queue(kind, **options)
        return self.caller.enroll(self.campaign, *self.accounts)

    def rows(self, kind: str, **options: Any) -> list[Record]:
        return list(self.enroll(kind, **options).data["results"])

    def get(self, path: str, kind: str, query: dict[str, Any] | None = None, **options: Any) -> Reply:
        self.sandbox.faults.queue(kind, method="GET", **options)
        return self.caller.get(path, **query or {})

    @property
    def ids(self) -> list[str]:
        return [account["id"] for account in self.accounts]

    @property
    def enrolled(self) -> list[str]:
        return [entry.account_id for entry in self.sandbox.ledger.enrollments]


@pytest.fixture
def vendor(sandbox: Sandbox, caller: Caller) -> Vendor:
    return Vendor(sandbox, caller)


def ids_of(rows: list[Record]) -> list[str]:
    return [row["invoice_id"] for row in rows]


@pytest.mark.parametrize("kind", sorted(fault_kinds.KINDS))
@pytest.mark.parametrize("path", ["/campaigns", "/accounts", "/customers"])
def test_every_kind_can_meet_every_list(vendor: Vendor, kind: str, path: str) -> None:
    options = {"seconds": 0.0} if kind in ("hang", "slow") else {}
    options |= {"seconds_per_byte": 0.0} if kind == "drip" else {}
    silent = kind in ("close", "reset", "hang", "truncate")
    try:
        vendor.get(path, kind, **options)
        answered = True
    except (ConnectionError, IncompleteRead):
        answered = False
    assert answered is not silent
    assert vendor.sandbox.ledger.calls[-1].fault == kind


class TestNoAnswer:
    @pytest.mark.parametrize("process", [False, True])
    @pytest.mark.parametrize(
        ("kind", "options", "error"),
        [
            ("close", {}, RemoteDisconnected),
            ("hang", {"seconds": 0.0}, RemoteDisconnected),
            ("reset", {}, ConnectionResetError),
        ],
    )
    def test_the_connection_ends_whether_or_not_it_was_done(
        self, vendor: Vendor, kind: str, options: dict[str, Any], error: type[Exception], process: bool
    ) -> None:
        with pytest.raises(error) as met:
            vendor.enroll(kind, process=process, **options)
        assert met.type is error
        assert vendor.enrolled == (vendor.ids if process else [])
        assert vendor.sandbox.ledger.posts[0].answered_status is None

    def test_stopping_ends_a_call_that_hangs(self, vendor: Vendor) -> None:
        with ThreadPoolExecutor() as pool:
            call = pool.submit(vendor.enroll, "hang")
            wait_for(lambda: vendor.sandbox.ledger.posts)
            vendor.sandbox.stop()
            assert isinstance(call.exception(timeout=PATIENCE), ConnectionError)
        assert vendor.sandbox.ledger.posts[0].answered_status is None

    def test_a_slow_answer_waits_its_seconds(self) -> None:
        assert fault_kinds.slow(Answer(200), seconds=9).delay == 9

    def test_a_dripping_answer_comes_whole_in_the_end(self, vendor: Vendor) -> None:
        assert ids_of(vendor.rows("drip", seconds_per_byte=0.0)) == vendor.ids
        assert fault_kinds.drip(Answer(200), seconds_per_byte=2).pace == 2

    def test_a_truncated_answer_is_shorter_than_it_promised(self, vendor: Vendor) -> None:
        with pytest.raises(IncompleteRead):
            vendor.enroll("truncate")
        assert vendor.enrolled == vendor.ids


class TestRefusals:
    @pytest.mark.parametrize("status", [400, 401, 404, 409, 413, 429, 599])
    def test_any_status_can_be_given(self, vendor: Vendor, status: int) -> None:
        reply = vendor.enroll("status", status=status, body={"detail": "No"}, headers={"X-Why": "test"})
        assert (reply.status, reply.json, reply.headers["X-Why"]) == (status, {"detail": "No"}, "test")
        assert vendor.enrolled == []

    @pytest.mark.parametrize(
        ("status", "kind"), [(404, "application/json"), (503, "text/html; charset=utf-8")]
    )
    def test_a_server_error_is_a_page_by_itself_and_a_refusal_json(
        self, vendor: Vendor, status: int, kind: str
    ) -> None:
        assert vendor.enroll("status", status=status).headers["Content-Type"] == kind

    def test_a_server_error_may_come_after_the_deed(self, vendor: Vendor) -> None:
        reply = vendor.enroll("status", status=502, process=True)
        assert (reply.status, vendor.enrolled) == (502, vendor.ids)

    @pytest.mark.parametrize(
        ("retry_after", "header"),
        [
            (7, "7"),
            (-1, "-1"),
            ("soon", "soon"),
            (None, None),
            (dt.datetime(2026, 8, 17, 12, tzinfo=dt.UTC), "Mon, 17 Aug 2026 12:00:00 GMT"),
        ],
    )
    def test_a_rate_limit_says_when_in_any_form(
        self, vendor: Vendor, retry_after: Any, header: str | None
    ) -> None:
        reply = vendor.enroll("rate_limit", retry_after=retry_after)
        assert (reply.status, reply.headers["Retry-After"]) == (429, header)

    def test_a_rate_limit_may_name_its_window(self, vendor: Vendor) -> None:
        assert vendor.enroll("rate_limit", window=60).headers["X-RateLimit-Window"] == "60"

    def test_a_redirect_leads_elsewhere(self, vendor: Vendor) -> None:
        reply = vendor.enroll("redirect", location="http://localhost:9/", status=307)
        assert (reply.status, reply.headers["Location"]) == (307, "http://localhost:9/")

    def test_not_success_is_a_200_that_says_no(self, vendor: Vendor) -> None:
        reply = vendor.enroll("not_success", message="No way")
        assert (reply.status, reply.json["success"], reply.json["message"]) == (200, False, "No way")
        assert "data" not in reply.json

    def test_not_success_may_keep_its_rows(self, vendor: Vendor) -> None:
        reply = vendor.enroll("not_success_with_results")
        assert (reply.json["success"], ids_of(reply.data["results"])) == (False, vendor.ids)
        assert vendor.enrolled == vendor.ids

    def test_a_400_may_carry_rows_that_all_failed(self, vendor: Vendor) -> None:
        reply = vendor.enroll("all_failed_400")
        assert (reply.status, {row["status"] for row in reply.data["results"]}) == (400, {"FAILED"})
        assert (reply.data["failed_enrollments"], vendor.enrolled) == (3, [])

    def test_a_campaign_may_close_as_the_call_arrives(self, vendor: Vendor) -> None:
        rows = vendor.rows("close_campaign")
        assert {row["error"] for row in rows} == {rules.NOT_ACCEPTING}
        assert vendor.campaign["status"] == "COMPLETED"


class TestUnreadable:
    def test_a_page_may_come_instead(self, vendor: Vendor) -> None:
        reply = vendor.enroll("html200")
        assert (reply.status, reply.body[:15]) == (200, b"<!doctype html>")

    @pytest.mark.parametrize(("kind", "status"), [("empty200", 200), ("no_content", 204)])
    def test_the_body_may_be_empty(self, vendor: Vendor, kind: str, status: int) -> None:
        reply = vendor.enroll(kind)
        assert (reply.status, reply.body) == (status, b"")

    def test_the_connection_survives_an_empty_answer(self, vendor: Vendor) -> None:
        vendor.enroll("no_content")
        assert vendor.caller.get("/campaigns").status == 200

    def test_gzip_may_be_broken(self, vendor: Vendor) -> None:
        reply = vendor.enroll("bad_gzip")
        assert reply.headers["Content-Encoding"] == "gzip"
        with pytest.raises(zlib.error):
            gzip.decompress(reply.body)

    def test_gzip_may_be_a_bomb(self, vendor: Vendor) -> None:
        reply = vendor.enroll("gzip_bomb", megabytes=2)
        unpacked = gzip.decompress(reply.body)
        assert len(reply.body) < 10_000 < 2_000_000 < len(unpacked)
        assert json.loads(unpacked)["success"] is True

    def test_the_body_may_be_huge(self, vendor: Vendor) -> None:
        assert len(vendor.enroll("huge_body", megabytes=2).body) > 2_000_000

    def test_rows_may_be_missing_from_the_envelope(self, vendor: Vendor) -> None:
        assert "results" not in vendor.enroll("no_results").data
        assert "data" not in vendor.get("/campaigns", "no_results").json

    def test_a_lone_record_may_be_missing_and_tells_nothing_of_what_was_not_done(
        self, vendor: Vendor
    ) -> None:
        vendor.sandbox.faults.queue("no_results", process=False)
        reply = vendor.caller.post(
            f"/accounts/{vendor.ids[0]}/campaign", {"campaign_id": vendor.campaign["id"]}
        )

        assert "data" not in reply.json
        assert vendor.enrolled == []

    def test_data_may_be_null(self, vendor: Vendor) -> None:
        assert vendor.enroll("null_data").data is None

    def test_nesting_may_be_too_deep_to_parse(self, vendor: Vendor) -> None:
        assert b"[" * 100_000 in vendor.enroll("deep_nesting").body

    def test_a_row_may_hold_what_no_database_takes(self, vendor: Vendor) -> None:
        body = vendor.enroll("hostile_json").body
        rows = json.loads(body, parse_int=len)["data"]["results"]
        assert "\ud800" in rows[0]["error"]
        assert "\x00" in rows[0]["error"]
        assert rows[0]["score"] != rows[0]["score"]  # NaN
        assert rows[0]["extra"] == 5_000  # digits
        assert set(rows[1]) == {"invoice_id", "invoice_number", "status"}


class TestWrapping:
    def test_the_content_type_may_be_wrong(self, vendor: Vendor) -> None:
        reply = vendor.enroll("wrong_content_type")
        assert (reply.headers["Content-Type"], ids_of(reply.data["results"])) == ("text/html", vendor.ids)

    def test_a_cookie_may_be_set(self, vendor: Vendor) -> None:
        assert "vendor_session" in vendor.enroll("cookies").headers["Set-Cookie"]

    def test_the_clock_may_be_off(self, vendor: Vendor) -> None:
        right = vendor.caller.get("/campaigns").headers["Date"]
        assert vendor.enroll("skewed_date", seconds=-86_400).headers["Date"] != right


class TestRows:
    def test_rows_may_be_missing(self, vendor: Vendor) -> None:
        assert ids_of(vendor.rows("drop_rows", count=2)) == vendor.ids[:1]
        assert vendor.enrolled == vendor.ids

    def test_rows_may_be_for_strangers(self, vendor: Vendor) -> None:
        found = ids_of(vendor.rows("extra_rows", count=2))
        assert found[:3] == vendor.ids
        assert len(set(found)) == 5

    def test_rows_may_come_twice(self, vendor: Vendor) -> None:
        assert sorted(ids_of(vendor.rows("duplicate_rows"))) == sorted(vendor.ids * 2)

    def test_rows_may_contradict_each_other(self, vendor: Vendor) -> None:
        rows = vendor.rows("conflicting_rows")
        same = [row["status"] for row in rows if row["invoice_id"] == vendor.ids[0]]
        assert same == ["SUCCESS", "FAILED"]

    def test_rows_may_come_in_another_order(self, vendor: Vendor) -> None:
        assert ids_of(vendor.rows("shuffle")) == vendor.ids[::-1]

    @pytest.mark.parametrize("words", ["SKIPPED", ["PENDING", " success ", "Zonk"]])
    def test_status_words_are_given_in_turn(self, vendor: Vendor, words: Any) -> None:
        expected = [words] * 3 if isinstance(words, str) else words
        assert [row["status"] for row in vendor.rows("words", words=words)] == expected

    def test_totals_may_differ_from_the_rows(self, vendor: Vendor) -> None:
        assert vendor.enroll("wrong_totals").data["total_enrollments"] == 10
        assert vendor.get("/accounts", "wrong_totals").json["meta"]["total"] == 10

    def test_fields_may_be_null(self, vendor: Vendor) -> None:
        assert vendor.rows("null_fields")[0] == {
            "invoice_id": vendor.ids[0],
            "invoice_number": None,
            "status": "SUCCESS",
        }

    def test_strings_may_be_huge(self, vendor: Vendor) -> None:
        first, second, _ = vendor.rows("huge_strings", characters=1_000)
        assert (len(first["error"]), "error" in second) == (1_000, False)

    def test_strings_may_be_hostile(self, vendor: Vendor) -> None:
        rows = vendor.rows("hostile_strings")
        texts = " ".join(row["invoice_number"] + row["error"] for row in rows)
        assert all(text in texts for text in ("<script>", "hx-get=", "\u202e", "\x1b"))

    def test_one_record_may_be_hostile_too(self, vendor: Vendor) -> None:
        shown = vendor.get(f"/campaigns/{vendor.campaign['id']}", "hostile_strings").data
        assert shown["name"] in fault_kinds.HOSTILE_STRINGS


class TestLists:
    def test_the_page_size_may_be_ignored(self, vendor: Vendor) -> None:
        reply = vendor.get("/accounts", "ignore_per_page", {"per_page": 3}, per_page=2)
        assert len(reply.data) == 2

    def test_the_page_may_be_ignored(self, vendor: Vendor) -> None:
        first = vendor.caller.get("/accounts", per_page=2).data
        assert vendor.get("/accounts", "ignore_page", {"page": 2, "per_page": 2}).data == first

    def test_the_filter_may_be_ignored(self, vendor: Vendor) -> None:
        assert len(vendor.get("/accounts", "ignore_filter", {"status": "disputed"}).data) == 3

    def test_rows_may_move_between_pages(self, vendor: Vendor) -> None:
        first = vendor.caller.get("/accounts", per_page=2).data
        second = vendor.get("/accounts", "shift_rows", {"per_page": 2, "page": 2}).data
        assert second[0]["id"] == first[1]["id"]

    @pytest.mark.parametrize("paging", ["meta", "data"])
    def test_page_numbers_may_be_missing(self, vendor: Vendor, paging: Any) -> None:
        vendor.sandbox.style.paging = paging
        reply = vendor.get("/accounts", "no_meta")
        assert b'"total"' not in reply.body
        assert b'"invoice_number"' in reply.body

    @pytest.mark.parametrize(
        ("kind", "meta"),
        [
            ("string_meta", {"page": "1", "per_page": "20", "total": "3", "total_pages": "1"}),
            ("negative_meta", {"page": -2, "per_page": -21, "total": -4, "total_pages": -2}),
        ],
    )
    def test_page_numbers_may_be_odd(self, vendor: Vendor, kind: str, meta: dict[str, Any]) -> None:
        assert vendor.get("/accounts", kind).json["meta"] == meta

    def test_campaigns_may_come_twice(self, vendor: Vendor) -> None:
        assert [row["id"] for row in vendor.get("/campaigns", "duplicate_campaigns").data] == [
            vendor.campaign["id"]
        ] * 2

    def test_a_campaign_may_lack_its_id(self, vendor: Vendor) -> None:
        assert "id" not in vendor.get("/campaigns", "campaign_without_id").data[0]
