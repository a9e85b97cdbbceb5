"""Each documented example and refusal of the vendor's API, over real HTTP."""

import uuid
from typing import Any

import pytest

from dashboard.sandbox import rules
from dashboard.sandbox.api import Key
from dashboard.sandbox.server import Sandbox
from tests.sandbox.conftest import Caller

ABSENT = str(uuid.UUID(int=1))
ACCOUNT_FIELDS = {
    *("id", "customer_id", "external_invoice_id", "invoice_number", "amount", "paid_amount", "status"),
    *("currency", "issue_date", "due_date", "campaign_id", "created_at", "updated_at"),
}


def problems(reply: Any) -> list[tuple[list[Any], str]]:
    return [(problem["loc"], problem["type"]) for problem in reply.json["detail"]]


class TestKeys:
    @pytest.mark.parametrize("key", [None, "sk_wrong"])
    def test_a_missing_or_unknown_key_is_refused(self, caller: Caller, key: str | None) -> None:
        caller.key = key
        reply = caller.get("/campaigns")
        assert (reply.status, reply.json) == (401, {"detail": "Invalid or expired API key"})

    def test_a_revoked_key_is_refused(self, sandbox: Sandbox, caller: Caller) -> None:
        sandbox.keys["sk_sandbox_demo"].valid = False
        assert caller.get("/campaigns").status == 401

    @pytest.mark.parametrize(
        ("method", "path", "scope"),
        [
            ("GET", "/campaigns", "campaigns:read"),
            ("GET", f"/campaigns/{ABSENT}", "campaigns:read"),
            ("GET", "/accounts", "accounts:read"),
            ("GET", f"/accounts/{ABSENT}", "accounts:read"),
            ("GET", f"/accounts/{ABSENT}/status", "accounts:read"),
            ("GET", f"/accounts/{ABSENT}/payment-status", "accounts:read"),
            ("GET", "/customers", "customers:read"),
            ("GET", f"/customers/{ABSENT}", "customers:read"),
            ("POST", "/accounts/campaign/bulk", "accounts:write"),
            ("POST", f"/accounts/{ABSENT}/campaign", "accounts:write"),
        ],
    )
    def test_a_missing_scope_is_named(
        self, sandbox: Sandbox, caller: Caller, method: str, path: str, scope: str
    ) -> None:
        sandbox.keys["sk_limited"] = Key(scopes=["disputes:read"])
        caller.key = "sk_limited"
        reply = caller.call(method, path)
        assert (reply.status, reply.json) == (403, {"detail": f"API key lacks required scope: {scope}"})

    def test_a_scope_that_is_there_is_enough(self, sandbox: Sandbox, caller: Caller) -> None:
        sandbox.keys["sk_limited"] = Key(scopes=["campaigns:read"])
        caller.key = "sk_limited"
        assert caller.get("/campaigns").status == 200

    @pytest.mark.parametrize(("key", "seen"), [("sk_test_1", "INV-S"), ("sk_live_1", "INV-L")])
    def test_test_keys_see_sandbox_records_only_and_live_keys_the_others(
        self, sandbox: Sandbox, caller: Caller, key: str, seen: str
    ) -> None:
        sandbox.keys[key] = Key()
        sandbox.store.add_account(invoice_number="INV-L")
        sandbox.store.add_account(invoice_number="INV-S", is_sandbox=True)
        caller.key = key
        listed = caller.get("/accounts").data
        assert [account["invoice_number"] for account in listed] == [seen]

    def test_a_record_out_of_sight_is_not_found(self, sandbox: Sandbox, caller: Caller) -> None:
        sandbox.keys["sk_live_1"] = Key()
        account = sandbox.store.add_account(is_sandbox=True)
        caller.key = "sk_live_1"
        assert caller.get(f"/accounts/{account['id']}").status == 404

    def test_a_test_key_cannot_enroll(self, sandbox: Sandbox, caller: Caller) -> None:
        sandbox.keys["sk_test_1"] = Key()
        caller.key = "sk_test_1"
        reply = caller.enroll(sandbox.store.add_campaign(), sandbox.store.add_account(is_sandbox=True))
        assert (reply.status, reply.json["message"]) == (400, rules.TEST_KEY)
        assert sandbox.ledger.enrollments == []


class TestRouting:
    @pytest.mark.parametrize("path", ["/nothing", "/campaigns/a/b", "/accounts/campaign/bulk/more"])
    def test_an_unknown_path_is_not_found(self, caller: Caller, path: str) -> None:
        reply = caller.get(path)
        assert (reply.status, reply.json) == (404, {"detail": "Not Found"})

    def test_a_path_under_another_method_names_the_methods_it_has(self, caller: Caller) -> None:
        reply = caller.call("DELETE", "/campaigns")
        assert (reply.status, reply.headers["Allow"]) == (405, "GET")

    def test_a_trailing_slash_is_redirected(self, caller: Caller) -> None:
        reply = caller.get("/accounts/")
        assert (reply.status, reply.headers["Location"]) == (307, "/api/v1/external/accounts")

    def test_a_path_outside_the_api_is_not_found(self, caller: Caller) -> None:
        assert caller.get("/_elsewhere").status == 404


class TestPaging:
    def test_the_envelope_carries_the_documented_page_numbers(self, sandbox: Sandbox, caller: Caller) -> None:
        for _ in range(150):
            sandbox.store.add_campaign()
        reply = caller.get("/campaigns").json
        assert reply["meta"] == {"page": 1, "per_page": 20, "total": 150, "total_pages": 8}
        assert (reply["success"], reply["status_code"], len(reply["data"])) == (True, 200, 20)

    @pytest.mark.parametrize("count", [0, 1, 100, 101, 250])
    def test_walking_the_pages_meets_every_record_once(
        self, sandbox: Sandbox, caller: Caller, count: int
    ) -> None:
        ids = [sandbox.store.add_account()["id"] for _ in range(count)]
        pages = [caller.get("/accounts", page=page, per_page=100).data for page in (1, 2, 3, 4)]
        assert [account["id"] for page in pages for account in page] == ids

    def test_a_page_past_the_end_is_empty(self, caller: Caller) -> None:
        reply = caller.get("/customers", page=9)
        assert (reply.status, reply.data, reply.json["meta"]["total"]) == (200, [], 0)

    @pytest.mark.parametrize(
        ("name", "value", "kind"),
        [
            ("per_page", 101, "less_than_equal"),
            ("per_page", 0, "greater_than_equal"),
            ("page", 0, "greater_than_equal"),
            ("page", "two", "int_parsing"),
        ],
    )
    def test_page_numbers_out_of_range_are_refused(
        self, caller: Caller, name: str, value: object, kind: str
    ) -> None:
        reply = caller.get("/campaigns", **{name: value})
        assert (reply.status, problems(reply)) == (422, [(["query", name], kind)])


class TestCampaigns:
    def test_search_looks_in_names_without_regard_to_case(self, sandbox: Sandbox, caller: Caller) -> None:
        sandbox.store.add_campaign(name="Euro Zone")
        sandbox.store.add_campaign(name="Canada")
        assert [campaign["name"] for campaign in caller.get("/campaigns", search="zone").data] == [
            "Euro Zone"
        ]

    def test_filters_by_status_and_type(self, sandbox: Sandbox, caller: Caller) -> None:
        wanted = sandbox.store.add_campaign(status="ACTIVE", type="first_party")
        sandbox.store.add_campaign(status="ACTIVE", type="early_stage")
        sandbox.store.add_campaign(status="DRAFT", type="first_party")
        found = caller.get("/campaigns", status="active", type="first_party").data
        assert [campaign["id"] for campaign in found] == [wanted["id"]]

    @pytest.mark.parametrize("status", ["scheduled", "running", "completed", "cancelled", "zonk"])
    def test_refuses_status_filters_that_are_not_documented(self, caller: Caller, status: str) -> None:
        assert problems(caller.get("/campaigns", status=status)) == [(["query", "status"], "enum")]

    def test_shows_one_campaign(self, sandbox: Sandbox, caller: Caller) -> None:
        campaign = sandbox.store.add_campaign(name="Euro Zone")
        assert caller.get(f"/campaigns/{campaign['id']}").data == campaign

    def test_an_unknown_campaign_is_not_found(self, caller: Caller) -> None:
        assert caller.get(f"/campaigns/{ABSENT}").status == 404

    def test_a_malformed_id_is_refused(self, caller: Caller) -> None:
        assert problems(caller.get("/campaigns/abc")) == [(["path", "id"], "uuid_parsing")]


class TestAccounts:
    def test_shows_every_documented_field(self, sandbox: Sandbox, caller: Caller) -> None:
        account = sandbox.store.add_account(amount=1200.5)
        shown = caller.get(f"/accounts/{account['id']}").data
        assert shown.keys() >= ACCOUNT_FIELDS
        assert (shown["amount"], shown["campaign_id"]) == (1200.5, None)

    def test_an_unknown_account_is_not_found(self, caller: Caller) -> None:
        reply = caller.get(f"/accounts/{ABSENT}")
        assert (reply.status, reply.json) == (404, {"detail": rules.NOT_FOUND})

    @pytest.mark.parametrize(
        ("query", "numbers"),
        [
            ({"search": "inv-2"}, ["INV-2"]),
            ({"search": "bolt"}, ["INV-1", "INV-3"]),
            ({"search": "ada love"}, ["INV-2"]),
            ({"status": "disputed"}, ["INV-3"]),
            ({"overdue_only": "true"}, ["INV-1"]),
            ({"overdue_only": "false"}, ["INV-1", "INV-2", "INV-3"]),
            ({"amount_min": "50"}, ["INV-2", "INV-3"]),
            ({"amount_max": "50"}, ["INV-1", "INV-2"]),
            ({"amount_min": "50.01", "amount_max": "99.99"}, []),
            ({"search": "bolt", "status": "not_assigned"}, ["INV-1"]),
        ],
    )
    def test_filters(
        self, sandbox: Sandbox, caller: Caller, query: dict[str, str], numbers: list[str]
    ) -> None:
        bolt = sandbox.store.add_customer(company_name="Bolt & Sons")
        ada = sandbox.store.add_customer(company_name=None, first_name="Ada", last_name="Lovelace")
        sandbox.store.add_account(
            invoice_number="INV-1", customer_id=bolt["id"], amount=10, due_date="2020-01-31"
        )
        sandbox.store.add_account(invoice_number="INV-2", customer_id=ada["id"], amount=50)
        sandbox.store.add_account(
            invoice_number="INV-3", customer_id=bolt["id"], amount=100, status="disputed"
        )
        assert [account["invoice_number"] for account in caller.get("/accounts", **query).data] == numbers

    def test_filters_by_customer(self, sandbox: Sandbox, caller: Caller) -> None:
        customers = [sandbox.store.add_customer() for _ in range(2)]
        accounts = [sandbox.store.add_account(customer_id=customer["id"]) for customer in customers]
        found = caller.get("/accounts", customer_id=customers[1]["id"]).data
        assert [account["id"] for account in found] == [accounts[1]["id"]]

    def test_names_every_bad_filter_at_once(self, caller: Caller) -> None:
        bad = {"status": "zonk", "customer_id": "x", "amount_min": "nan", "overdue_only": "maybe", "page": 0}
        reply = caller.get("/accounts", **bad)
        assert reply.status == 422
        assert {loc[1] for loc, _ in problems(reply)} == set(bad)

    def test_the_status_call_tells_campaign_and_overdue_state(self, sandbox: Sandbox, caller: Caller) -> None:
        account = sandbox.store.add_account(due_date="2020-01-31", campaign_id=ABSENT)
        shown = caller.get(f"/accounts/{account['id']}/status").data
        assert (shown["status"], shown["campaign_id"], shown["is_overdue"]) == ("not_assigned", ABSENT, True)

    def test_the_payment_status_call_tells_the_balance(self, sandbox: Sandbox, caller: Caller) -> None:
        account = sandbox.store.add_account(amount=100.3, paid_amount=40.1)
        assert caller.get(f"/accounts/{account['id']}/payment-status").data["outstanding_amount"] == 60.2


class TestCustomers:
    def test_shows_one_customer_in_snake_case(self, sandbox: Sandbox, caller: Caller) -> None:
        customer = sandbox.store.add_customer(company_name="Bolt & Sons", tags=["vip"])
        shown = caller.get(f"/customers/{customer['id']}").data
        assert set(shown) == {
            *("id", "email", "phone", "first_name", "last_name", "company_name", "external_id"),
            *("tags", "custom_fields"),
        }

    @pytest.mark.parametrize("query", [{"search": "bolt"}, {"tags": "vip"}, {"tags": "new,VIP"}])
    def test_filters_by_name_and_tags(self, sandbox: Sandbox, caller: Caller, query: dict[str, str]) -> None:
        sandbox.store.add_customer(company_name="Bolt & Sons", tags=["vip"])
        sandbox.store.add_customer(company_name="Other", tags=[])
        found = caller.get("/customers", **query).data
        assert [customer["company_name"] for customer in found] == ["Bolt & Sons"]

    def test_an_unknown_customer_is_not_found(self, caller: Caller) -> None:
        assert caller.get(f"/customers/{ABSENT}").status == 404


class TestBulkEnrollment:
    def test_answers_as_documented_when_one_of_three_fails(self, sandbox: Sandbox, caller: Caller) -> None:
        campaign = sandbox.store.add_campaign()
        accounts = [sandbox.store.add_account(status=status) for status in ("not_assigned", "in_progress")]
        accounts.append(sandbox.store.add_account(status="pending_collection"))
        reply = caller.enroll(campaign, *accounts)
        rows = [
            {"invoice_id": account["id"], "invoice_number": account["invoice_number"], "status": status}
            for account, status in zip(accounts, ["SUCCESS", "FAILED", "SUCCESS"], strict=True)
        ]
        rows[1]["error"] = rules.ACTIVE_EXECUTION
        assert reply.status == 200
        assert reply.json == {
            "success": True,
            "status_code": 200,
            "message": "Campaign assignment processed",
            "data": {
                "campaign_id": campaign["id"],
                "total_enrollments": 3,
                "successful_enrollments": 2,
                "failed_enrollments": 1,
                "results": rows,
            },
        }

    def test_an_enrolled_account_is_in_progress_in_its_campaign(
        self, sandbox: Sandbox, caller: Caller
    ) -> None:
        campaign, account = sandbox.store.add_campaign(), sandbox.store.add_account()
        caller.enroll(campaign, account)
        shown = caller.get(f"/accounts/{account['id']}").data
        assert (shown["status"], shown["campaign_id"]) == ("in_progress", campaign["id"])
        assert [entry[:2] for entry in sandbox.ledger.enrollments] == [(account["id"], campaign["id"])]

    def test_a_second_try_meets_the_active_execution(self, sandbox: Sandbox, caller: Caller) -> None:
        campaign, account = sandbox.store.add_campaign(), sandbox.store.add_account()
        caller.enroll(campaign, account)
        row = caller.enroll(campaign, account).data["results"][0]
        assert (row["status"], row["error"]) == ("FAILED", rules.ACTIVE_EXECUTION)
        assert len(sandbox.ledger.enrollments) == 1

    def test_an_unknown_account_fails_alone(self, sandbox: Sandbox, caller: Caller) -> None:
        campaign, account = sandbox.store.add_campaign(), sandbox.store.add_account()
        rows = caller.enroll(campaign, {"id": ABSENT}, account).data["results"]
        assert rows[0] == {
            "invoice_id": ABSENT,
            "invoice_number": None,
            "status": "FAILED",
            "error": rules.NOT_FOUND,
        }
        assert rows[1]["status"] == "SUCCESS"

    def test_an_account_without_its_customer_is_not_found(self, sandbox: Sandbox, caller: Caller) -> None:
        campaign, account = sandbox.store.add_campaign(), sandbox.store.add_account(customer_id=ABSENT)
        assert caller.enroll(campaign, account).data["results"][0]["error"] == rules.NOT_FOUND

    def test_past_due_accounts_cannot_enter_a_payment_reminder(
        self, sandbox: Sandbox, caller: Caller
    ) -> None:
        campaign = sandbox.store.add_campaign(type="payment_reminder")
        account = sandbox.store.add_account(due_date="2020-01-31")
        assert caller.enroll(campaign, account).data["results"][0]["error"] == rules.PAST_DUE

    def test_any_refusal_can_be_forced(self, sandbox: Sandbox, caller: Caller) -> None:
        campaign, account = sandbox.store.add_campaign(), sandbox.store.add_account()
        sandbox.store.refusals[account["id"]] = rules.OTHER_CUSTOMER
        assert caller.enroll(campaign, account).data["results"][0]["error"] == rules.OTHER_CUSTOMER

    def test_an_unknown_campaign_refuses_the_whole_call(self, sandbox: Sandbox, caller: Caller) -> None:
        reply = caller.enroll({"id": ABSENT}, sandbox.store.add_account())
        assert (reply.status, reply.json) == (404, {"detail": "Campaign not found"})

    @pytest.mark.parametrize(("count", "status"), [(0, 422), (1, 200), (100, 200), (101, 422)])
    def test_takes_from_1_to_100_accounts(
        self, sandbox: Sandbox, caller: Caller, count: int, status: int
    ) -> None:
        accounts = [sandbox.store.add_account() for _ in range(count)]
        assert caller.enroll(sandbox.store.add_campaign(), *accounts).status == status
        assert len(sandbox.ledger.enrollments) == (count if status == 200 else 0)

    def test_refuses_an_account_given_twice(self, sandbox: Sandbox, caller: Caller) -> None:
        account = sandbox.store.add_account()
        reply = caller.enroll(sandbox.store.add_campaign(), account, {"id": account["id"].upper()})
        assert problems(reply) == [(["body", "account_ids"], "value_error")]
        assert sandbox.ledger.enrollments == []

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ({}, [(["body", "campaign_id"], "missing"), (["body", "account_ids"], "missing")]),
            ({"campaign_id": ABSENT, "account_ids": "x"}, [(["body", "account_ids"], "list_type")]),
            ({"campaign_id": 7, "account_ids": [ABSENT]}, [(["body", "campaign_id"], "uuid_parsing")]),
            (
                {"campaign_id": ABSENT, "account_ids": [ABSENT, "x"]},
                [(["body", "account_ids", 1], "uuid_parsing")],
            ),
            ([], [(["body"], "model_attributes_type")]),
        ],
    )
    def test_names_the_bad_fields(self, caller: Caller, body: object, expected: list[Any]) -> None:
        reply = caller.post("/accounts/campaign/bulk", body)
        assert (reply.status, problems(reply)) == (422, expected)

    def test_a_body_that_is_no_json_is_a_bad_request(self, caller: Caller) -> None:
        reply = caller.call("POST", "/accounts/campaign/bulk", b"{")
        assert (reply.status, reply.json["success"], reply.json["errors"]) == (400, False, [])

    def test_json_under_another_content_type_is_refused(self, caller: Caller) -> None:
        assert caller.call("POST", "/accounts/campaign/bulk", b"{}", "text/plain").status == 422


class TestSingleEnrollment:
    def test_enrolls_with_the_campaign_in_the_body(self, sandbox: Sandbox, caller: Caller) -> None:
        campaign, account = sandbox.store.add_campaign(), sandbox.store.add_account()
        reply = caller.post(f"/accounts/{account['id']}/campaign", {"campaign_id": campaign["id"]})
        assert set(reply.data) == {"customer_id", "invoice_id", "execution_id", "status"}
        assert (reply.data["invoice_id"], reply.data["status"]) == (account["id"], "enrolled")
        assert len(sandbox.ledger.enrollments) == 1

    def test_a_refusal_is_a_bad_request_with_the_sentence(self, sandbox: Sandbox, caller: Caller) -> None:
        campaign, account = sandbox.store.add_campaign(), sandbox.store.add_account(status="in_progress")
        reply = caller.post(f"/accounts/{account['id']}/campaign", {"campaign_id": campaign["id"]})
        assert (reply.status, reply.json["message"]) == (400, rules.ACTIVE_EXECUTION)
        assert reply.json["errors"] == [{"field": "account_id", "error": rules.ACTIVE_EXECUTION}]

    def test_the_query_style_does_not_read_the_body(self, sandbox: Sandbox, caller: Caller) -> None:
        sandbox.style.single_style = "query"
        campaign, account = sandbox.store.add_campaign(), sandbox.store.add_account()
        path = f"/accounts/{account['id']}/campaign"
        in_body = caller.post(path, {"campaign_id": campaign["id"]})
        in_query = caller.call("POST", f"{path}?campaign_id={campaign['id']}")
        assert problems(in_body) == [(["query", "campaign_id"], "missing")]
        assert in_query.data["status"] == "enrolled"

    def test_the_absent_style_has_no_such_call(self, sandbox: Sandbox, caller: Caller) -> None:
        sandbox.style.single_style = "absent"
        account = sandbox.store.add_account()
        assert caller.post(f"/accounts/{account['id']}/campaign", {}).status == 405
        assert sandbox.ledger.enrollments == []
