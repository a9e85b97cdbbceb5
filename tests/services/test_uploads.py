"""Lists that people bring: read, looked up, never guessed, used when a person says so."""

import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from dashboard.models import Entry, Errand, Selection, Upload, UploadFile
from dashboard.sandbox.server import Sandbox
from dashboard.services import errands, lists, selection, uploads, vendor, workers
from dashboard.services.errands import Clerk
from dashboard.services.lists import Unreadable
from tests.services.test_lists import sheets

CAMPAIGN = uuid.UUID(int=7)
STATE = Errand.State


@pytest.fixture
def picked(sandbox: Sandbox, collector: User) -> Selection:
    return selection.of(collector, CAMPAIGN)


@pytest.fixture
def clerk(picked: Selection) -> Iterator[Clerk]:
    with Clerk(vendor.for_workers(), workers.register(name="clerk", threads=1)) as clerk:
        yield clerk


@pytest.fixture
def long_list(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading the vendor's whole list costs more calls than a few searches."""
    monkeypatch.setattr(uploads, "SHORT_LIST", 0)
    for _ in range(1200):
        sandbox.store.add_account()


def bring(picked: Selection, text: str | bytes, name: str = "") -> Upload:
    content = text.encode() if isinstance(text, str) else text
    return uploads.keep(picked.user, CAMPAIGN, content=content, name=name)


def drain(clerk: Clerk, upload: Upload) -> Upload:
    while clerk.work():
        pass
    return Upload.objects.get(pk=upload.pk)


def fates(upload: Upload) -> dict[str, str]:
    return dict(upload.entries.order_by("pk").values_list("value", "state"))


def chosen(picked: Selection) -> set[str]:
    return set(picked.accounts.values_list("account_id", flat=True))


def invoice(sandbox: Sandbox, **fields: Any) -> dict[str, Any]:
    return sandbox.store.add_account(**fields)


@pytest.mark.parametrize("named", ["id", "invoice_number", "external_invoice_id"])
def test_an_invoice_is_found_by_each_of_its_names(
    sandbox: Sandbox, picked: Selection, clerk: Clerk, named: str
) -> None:
    account = invoice(sandbox, invoice_number="INV-X 1", external_invoice_id="erp-77")

    done = drain(clerk, bring(picked, f'"{account[named]}"'))

    entry = done.entries.get()
    assert (done.state, entry.state, entry.account_id) == (STATE.DONE, "found", account["id"])
    assert entry.matches[0]["account"]["number"] == "INV-X 1"


@pytest.mark.usefixtures("long_list")
def test_a_number_is_searched_for_and_matched_exactly(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    account = invoice(sandbox, invoice_number="QX-1")
    invoice(sandbox, invoice_number="QX-10")

    done = drain(clerk, bring(picked, "QX-1 QX-2"))

    assert fates(done) == {"QX-1": "found", "QX-2": "missing"}
    assert done.entries.get(value="QX-1").account_id == account["id"]
    assert {call.query.get("search") for call in sandbox.ledger.calls} == {None, "QX-1", "QX-2"}
    assert len(sandbox.ledger.calls) == 3


@pytest.mark.usefixtures("long_list")
def test_an_account_id_is_read_by_itself(sandbox: Sandbox, picked: Selection, clerk: Clerk) -> None:
    account, unknown = invoice(sandbox), str(uuid.uuid4())

    done = drain(clerk, bring(picked, f"{account['id'].upper()} {unknown}"))

    assert fates(done) == {account["id"]: "found", unknown: "missing"}
    assert done.entries.get(value=unknown).reason == uploads.NO_SUCH_ID


def test_more_than_one_match_is_asked_about(sandbox: Sandbox, picked: Selection, clerk: Clerk) -> None:
    twins = [invoice(sandbox, invoice_number="TWIN") for _ in range(2)]

    done = drain(clerk, bring(picked, "TWIN"))

    entry = done.entries.get()
    assert (entry.state, entry.reason) == ("asked", "2 invoices have exactly this number or id.")
    assert {match["account"]["id"] for match in entry.matches} == {twin["id"] for twin in twins}


def test_one_that_differs_in_case_is_asked_about_never_taken(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    invoice(sandbox, invoice_number="Case-1")

    entry = drain(clerk, bring(picked, "CASE-1")).entries.get()

    assert (entry.state, entry.account_id) == ("asked", "")


def test_an_exact_match_beside_one_that_differs_in_case_is_taken(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    exact = invoice(sandbox, invoice_number="Case-1")
    invoice(sandbox, invoice_number="CASE-1")

    entry = drain(clerk, bring(picked, "Case-1")).entries.get()

    assert (entry.state, entry.account_id) == ("found", exact["id"])


def test_a_choice_decides_and_none_is_a_choice(sandbox: Sandbox, picked: Selection, clerk: Clerk) -> None:
    first, _ = (invoice(sandbox, invoice_number="TWIN") for _ in range(2))
    invoice(sandbox, invoice_number="Case-1")
    done = drain(clerk, bring(picked, "TWIN CASE-1"))
    twin, other = done.entries.order_by("pk")

    assert uploads.choose(done, {twin.pk: first["id"], other.pk: ""}) == 2

    assert fates(done) == {"TWIN": "found", "CASE-1": "missing"}


def test_a_choice_of_what_was_never_offered_is_ignored(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    for _ in range(2):
        invoice(sandbox, invoice_number="TWIN")
    done = drain(clerk, bring(picked, "TWIN"))

    assert uploads.choose(done, {done.entries.get().pk: str(uuid.uuid4())}) == 0
    assert fates(done) == {"TWIN": "asked"}


@pytest.mark.row("O22")
def test_duplicates_and_bad_lines_are_told_by_line(sandbox: Sandbox, picked: Selection, clerk: Clerk) -> None:
    account = invoice(sandbox, invoice_number="INV-1a")
    lines = ["Invoice number,x", "INV-1a,1", "INV-1a,2", ",3", f"{'9' * 201},4", f"{account['id']},5"]

    done = drain(clerk, bring(picked, "\n".join(lines), "list.csv"))

    told = list(done.entries.order_by("pk").values_list("line", "state", "reason"))
    assert told == [
        (2, "found", ""),
        (3, "duplicate", "The same as in line 2."),
        (4, "bad", uploads.NOTHING),
        (5, "bad", uploads.TOO_LONG),
        (6, "duplicate", "The same invoice as in line 2."),
    ]


def test_a_formula_without_a_result_is_told_by_line(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    account = invoice(sandbox, invoice_number="INV-1a")
    book = sheets(March=[["Invoice number"], ["=A9"], ["INV-1a"], ["=A10"]])

    done = drain(clerk, bring(picked, book, "list.xlsx"))

    told = list(done.entries.order_by("pk").values_list("line", "state", "reason", "account_id"))
    assert told == [
        (2, "bad", uploads.NO_RESULT, ""),
        (3, "found", "", account["id"]),
        (4, "bad", uploads.NO_RESULT, ""),
    ]


@pytest.mark.row("O22")
def test_a_list_that_is_too_long_leaves_nothing_behind(
    sandbox: Sandbox, picked: Selection, clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "MOST_LINES", 3)
    monkeypatch.setattr(uploads, "LINES_AT_ONCE", 2)

    done = drain(clerk, bring(picked, "INV-1\nINV-2\nINV-3\nINV-4\nINV-5"))

    assert (done.state, done.message) == (STATE.FAILED, lists.TOO_LONG)
    assert not Entry.objects.exists()
    assert not UploadFile.objects.exists()


def test_a_choice_after_the_list_was_used_is_refused(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    twins = [invoice(sandbox, invoice_number="TWIN") for _ in range(2)]
    done = drain(clerk, bring(picked, f"TWIN {invoice(sandbox)['id']}"))
    uploads.use(done)
    done.refresh_from_db()

    with pytest.raises(uploads.NotPossible):
        uploads.choose(done, {done.entries.get(value="TWIN").pk: twins[0]["id"]})

    assert done.entries.get(value="TWIN").state == "asked"


def test_what_was_chosen_for_one_list_is_asked_again_for_the_next(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    twins = [invoice(sandbox, invoice_number="TWIN") for _ in range(2)]
    first = drain(clerk, bring(picked, "TWIN"))
    uploads.choose(first, {first.entries.get().pk: twins[0]["id"]})

    assert fates(drain(clerk, bring(picked, "TWIN"))) == {"TWIN": "asked"}


def test_characters_that_cannot_be_read_spoil_their_line_alone(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    done = drain(clerk, bring(picked, b"number\nINV-\x81\nINV-1\n" + "Müller\n".encode("cp1252"), "list.csv"))

    assert done.entries.get(line=2).reason == uploads.NOT_READABLE
    assert done.layout["fallback"]


@pytest.mark.row("O22")
def test_nothing_enters_the_selection_before_it_is_said(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    account = invoice(sandbox)
    before = str(uuid.uuid4())
    selection.change(picked, add=Counter([before]))
    done = drain(clerk, bring(picked, f"{account['id']} nonsense"))
    assert chosen(picked) == {before}

    taken = uploads.use(done)

    assert (taken.added, chosen(picked)) == (1, {before, account["id"]})
    assert picked.accounts.get(account_id=account["id"]).snapshot["number"] == account["invoice_number"]


def test_a_list_is_used_once(sandbox: Sandbox, picked: Selection, clerk: Clerk) -> None:
    done = drain(clerk, bring(picked, invoice(sandbox)["id"]))
    uploads.use(done)

    with pytest.raises(uploads.NotPossible):
        uploads.use(done)


def test_a_list_for_a_selection_that_was_sent_is_not_used(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    done = drain(clerk, bring(picked, invoice(sandbox)["id"]))
    selection.clear(picked)

    with pytest.raises(uploads.NotPossible):
        uploads.use(done)
    assert chosen(picked) == set()


def test_the_list_is_kept_as_it_came(picked: Selection) -> None:
    upload = bring(picked, "Invoice number;Note\r\nINV-1;=1+1\r\n;only a note\r\n", "list.csv")

    rows = list(uploads.original_rows(Upload.objects.get(pk=upload.pk)))

    assert [(row.line, row.cells) for row in rows] == [
        (1, ["Invoice number", "Note"]),
        (2, ["INV-1", "=1+1"]),
        (3, ["", "only a note"]),
    ]


def test_a_column_that_is_not_plain_waits_for_the_person(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    account = invoice(sandbox, invoice_number="B-1")
    upload = bring(picked, "Ours,Theirs\nA-1,B-1\n", "list.csv")
    assert drain(clerk, upload).state == STATE.WAITING

    uploads.choose_column(upload, 1, heading=True)

    assert drain(clerk, upload).entries.get().account_id == account["id"]
    with pytest.raises(uploads.NotPossible):
        uploads.choose_column(upload, 0, heading=True)


def test_a_long_list_is_looked_up_in_the_vendors_whole_list_with_fewer_calls(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    ids = [*sandbox.store.accounts, *(invoice(sandbox)["id"] for _ in range(440))]

    done = drain(clerk, bring(picked, "\n".join(ids)))

    assert uploads.counts(done)["found"] == 500
    assert len(sandbox.ledger.calls) == 5


@pytest.mark.usefixtures("long_list")
def test_what_no_search_finds_is_looked_for_in_the_whole_list_if_a_person_says_so(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    account = invoice(sandbox, external_invoice_id="erp-77")
    done = drain(clerk, bring(picked, "erp-77"))
    assert (fates(done), done.entries.get().reason) == ({"erp-77": "missing"}, uploads.NOT_SEARCHED)

    uploads.look_through(done)

    assert drain(clerk, done).entries.get().account_id == account["id"]
    with pytest.raises(uploads.NotPossible):
        uploads.look_through(done)


def test_what_a_moving_list_did_not_show_is_looked_up_by_itself(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    ids = [invoice(sandbox)["id"] for _ in range(140)]
    upload = bring(picked, "\n".join(ids))
    clerk.work()
    clerk.work()
    sandbox.faults.queue("shift_rows", path="/accounts", count=3)

    done = drain(clerk, upload)

    assert uploads.counts(done)["found"] == 140


@pytest.mark.usefixtures("long_list")
def test_what_was_found_a_short_while_ago_is_not_asked_for_again(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    invoice(sandbox, invoice_number="QX-1")
    drain(clerk, bring(picked, "QX-1"))
    calls = len(sandbox.ledger.calls)

    done = drain(clerk, bring(picked, "QX-1"))

    assert fates(done) == {"QX-1": "found"}
    assert len(sandbox.ledger.calls) == calls


def test_a_search_that_finds_too_many_is_no_answer(
    sandbox: Sandbox, picked: Selection, clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "SHORT_LIST", 0)
    monkeypatch.setattr(uploads, "SEARCH_PAGES", 1)
    for _ in range(300):
        invoice(sandbox)

    done = drain(clerk, bring(picked, "INV"))

    assert (fates(done), done.entries.get().reason) == ({"INV": "missing"}, uploads.TOO_COMMON)


def test_a_failure_is_said_and_changes_no_selection(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    upload = bring(picked, "INV-1")
    sandbox.stop()

    done = drain(clerk, upload)

    assert done.state == STATE.FAILED
    assert "cannot be reached" in done.message


def test_a_worker_killed_while_reading_lines_leaves_none_twice(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    upload = bring(picked, "INV-1 INV-2")
    Entry.objects.create(upload=upload, line=1, value="INV-1", folded="inv-1")
    Upload.objects.update(state=STATE.RUNNING, incarnation=uuid.uuid4())

    assert drain(clerk, upload).entries.count() == 2


def test_cancelled_it_looks_nothing_up(sandbox: Sandbox, picked: Selection, clerk: Clerk) -> None:
    upload = bring(picked, "INV-1")

    errands.cancel(upload)

    assert drain(clerk, upload).state == STATE.CANCELLED
    assert not sandbox.ledger.calls


def test_a_file_that_breaks_off_further_down_fails_with_the_reason(picked: Selection, clerk: Clerk) -> None:
    content = b"Invoice number,Note\n" + b"INV-1,x\n" * 200 + b'INV-2,"' + b"x" * 200_000

    done = drain(clerk, bring(picked, content, "list.csv"))

    assert (done.state, done.message.startswith("Line 202 cannot be read")) == (STATE.FAILED, True)


def test_an_unreadable_file_is_not_kept(picked: Selection) -> None:
    with pytest.raises(Unreadable):
        bring(picked, b"\x89PNG\r\n\x1a\n\x00\x00", "picture.csv")

    assert not Upload.objects.exists()


def test_lists_are_the_persons_own(picked: Selection, manager: User) -> None:
    bring(picked, "INV-1")

    assert uploads.of_person(picked.user, CAMPAIGN).count() == 1
    assert uploads.of_person(manager, CAMPAIGN).count() == 0


def test_pasted_entries_are_told_by_line_and_place(sandbox: Sandbox, picked: Selection, clerk: Clerk) -> None:
    account = invoice(sandbox, invoice_number="INV-A")
    upload = drain(clerk, bring(picked, f"NOPE; INV-A\nINV-A, {account['id']}"))

    by_place = {entry.where: entry.reason for entry in upload.entries.all()}

    assert by_place["line 1, entry 1"] in (uploads.NOT_LISTED, uploads.NOT_SEARCHED)
    assert by_place["line 2, entry 1"] == "The same as in line 1, entry 2."
    assert by_place["line 2, entry 2"] == "The same invoice as in line 1, entry 2."


def test_the_sheet_of_a_workbook_is_chosen_until_its_lines_are_read(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    content = sheets(Notes=[["March"]], March=[["Ours", "Invoice number"], ["x", "NOPE-1"]])
    upload = bring(picked, content, "march.xlsx")
    assert (upload.state, upload.sheets) == (Upload.State.WAITING, ["Notes", "March"])

    uploads.choose_sheet(upload, "March")
    upload.refresh_from_db()
    assert (upload.columns, upload.column) == (["Ours", "Invoice number"], 1)
    uploads.choose_column(upload, 1, heading=True)

    assert fates(drain(clerk, upload)) == {"NOPE-1": "missing"}
    with pytest.raises(uploads.NotPossible):
        uploads.choose_sheet(upload, "Notes")
