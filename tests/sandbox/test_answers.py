"""The shapes that the documentation leaves open, each as a caller meets it."""

from typing import Any

import pytest

from dashboard.sandbox.answers import Style
from dashboard.sandbox.server import Sandbox
from tests.sandbox.conftest import Caller

PAGING = {"page": 1, "per_page": 20, "total": 1, "total_pages": 1}


@pytest.mark.parametrize(
    ("rows", "paging", "places"),
    [
        ("data", "meta", {"data": [], "meta": PAGING}),
        ("items", "meta", {"data": {"items": []}, "meta": PAGING}),
        ("plural", "meta", {"data": {"campaigns": []}, "meta": PAGING}),
        ("plural", "data", {"data": {"campaigns": [], **PAGING}}),
        ("data", "data", {"data": {"items": [], **PAGING}}),
        ("data", "absent", {"data": []}),
    ],
)
def test_rows_and_paging_move(
    sandbox: Sandbox, caller: Caller, rows: Any, paging: Any, places: dict[str, Any]
) -> None:
    campaign = sandbox.store.add_campaign()
    sandbox.style.rows, sandbox.style.paging = rows, paging
    reply = caller.get("/campaigns").json
    shown = {name: reply[name] for name in ("data", "meta") if name in reply}
    assert shown == filled(places, campaign)


def filled(places: Any, campaign: dict[str, Any]) -> Any:
    """The places with the campaign in their empty list."""
    if places == []:
        return [campaign]
    return {k: filled(v, campaign) for k, v in places.items()} if isinstance(places, dict) else places


@pytest.mark.parametrize("case", ["upper", "lower"])
def test_status_words_change_case(sandbox: Sandbox, caller: Caller, case: Any) -> None:
    sandbox.style.case = case
    campaign, account = sandbox.store.add_campaign(status="Active"), sandbox.store.add_account()
    row = caller.enroll(campaign, account).data["results"][0]
    shown = caller.get(f"/accounts/{account['id']}").data
    words = [caller.get("/campaigns").data[0]["status"], row["status"], shown["status"]]
    assert words == [getattr(word, case)() for word in words]


@pytest.mark.parametrize(("detail", "kind"), [("documented", str), ("text", str), ("list", list)])
def test_a_refusal_comes_as_text_or_as_a_list(
    sandbox: Sandbox, caller: Caller, detail: Any, kind: type
) -> None:
    sandbox.style.detail = detail
    assert isinstance(caller.get("/nothing").json["detail"], kind)


@pytest.mark.parametrize(("detail", "kind"), [("documented", list), ("text", str), ("list", list)])
def test_bad_fields_come_as_a_list_or_as_text(
    sandbox: Sandbox, caller: Caller, detail: Any, kind: type
) -> None:
    sandbox.style.detail = detail
    assert isinstance(caller.get("/campaigns", page=0).json["detail"], kind)


def test_money_comes_as_a_number_or_as_text(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.store.add_account(amount=1200.5)
    as_number = caller.get("/accounts").data[0]["amount"]
    sandbox.style.money = "text"
    as_text = caller.get("/accounts").data[0]["amount"]
    assert (as_number, as_text) == (1200.5, "1200.50")


def test_accounts_can_do_without_undocumented_fields(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.store.add_account()
    sandbox.style.extras = False
    assert len(caller.get("/accounts").data[0]) == 13


def test_campaign_fields_can_go_by_their_other_names(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.store.add_campaign(name="Canada", type="first_party")
    sandbox.style.aliases = True
    shown = caller.get("/campaigns").data[0]
    assert (shown["title"], shown["campaign_type"]) == ("Canada", "first_party")
    assert not {"id", "name", "type"} & set(shown)


def test_the_envelope_can_be_left_off(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.style.envelope = False
    assert caller.get("/campaigns").json == []


def test_the_status_code_can_be_left_off(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.style.status_code = False
    assert "status_code" not in caller.get("/campaigns").json


@pytest.mark.parametrize("pages", [0, 1])
def test_an_empty_list_has_no_page_or_one(sandbox: Sandbox, caller: Caller, pages: int) -> None:
    sandbox.style.empty_pages = pages
    assert caller.get("/campaigns").json["meta"]["total_pages"] == pages


def test_the_default_style_is_the_documented_one() -> None:
    assert (Style().rows, Style().paging, Style().case, Style().money) == ("data", "meta", "stored", "number")
