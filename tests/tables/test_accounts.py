"""Invoices as rows."""

from typing import Any

from dashboard.tables.accounts import AccountTable

ID = "11111111-2222-4333-8444-555555555555"


def rendered(row: dict[str, Any], *, chosen: set[str] | None = None, may_pick: bool = True) -> dict[str, str]:
    table = AccountTable(
        [{"id": ID} | row], chosen=chosen or set(), names={"c1": "Ann & Co"}, may_pick=may_pick
    )
    return {column.name: str(cell) for column, cell in next(iter(table.rows)).items()}


def test_a_box_is_named_after_its_invoice() -> None:
    assert 'aria-label="Select INV-1"' in rendered({"number": "INV-1"})["pick"]


def test_a_selected_invoice_is_ticked() -> None:
    assert "checked" in rendered({}, chosen={ID})["pick"]
    assert "checked" not in rendered({})["pick"]


def test_there_are_no_boxes_for_those_who_may_not_pick() -> None:
    assert "pick" not in rendered({}, may_pick=False)


def test_what_the_vendor_sends_is_text_and_never_markup() -> None:
    row = rendered({"number": "<script>", "customer_id": "c1", "outstanding": "1234.5", "currency": "<b>"})

    assert "&lt;script&gt;" in row["number"]
    assert "Ann &amp; Co" in row["customer_id"]
    assert row["outstanding"] == "1,234.50\N{NO-BREAK SPACE}<b>"


def test_what_is_missing_is_said() -> None:
    row = rendered({"number": "", "customer_id": None, "outstanding": None, "due_on": None, "status": ""})

    assert "11111111" in row["number"]
    assert [row[name] for name in ("customer_id", "outstanding", "due_on")] == ["—"] * 3
    assert "not given" in row["status"]
