"""Looking up what a list names: read line by line, matched exactly, never guessed."""

import uuid

import pytest

from dashboard.models import Entry, Errand, Selection, Upload, UploadFile
from dashboard.sandbox.server import Sandbox
from dashboard.services import accounts, errands, lists, lookup, uploads
from dashboard.services.errands import Clerk
from tests.drive import drain, drained
from tests.services.test_lists import sheets
from tests.services.test_uploads import bring, fates

STATE = Errand.State


@pytest.mark.parametrize("named", ["id", "invoice_number", "external_invoice_id"])
def test_an_invoice_is_found_by_each_of_its_names(
    sandbox: Sandbox, picked: Selection, clerk: Clerk, named: str
) -> None:
    account = sandbox.store.add_account(invoice_number="INV-X 1", external_invoice_id="erp-77")

    done = drained(clerk, bring(picked, f'"{account[named]}"'))

    entry = done.entries.get()
    assert (done.state, entry.state, entry.account_id) == (STATE.DONE, "found", account["id"])
    assert entry.matches[0]["account"]["number"] == "INV-X 1"


@pytest.mark.usefixtures("long_list")
def test_a_number_is_searched_for_and_matched_exactly(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    account = sandbox.store.add_account(invoice_number="QX-1")
    sandbox.store.add_account(invoice_number="QX-10")

    done = drained(clerk, bring(picked, "QX-1 QX-2"))

    assert fates(done) == {"QX-1": "found", "QX-2": "missing"}
    assert done.entries.get(value="QX-1").account_id == account["id"]
    assert {call.query.get("search") for call in sandbox.ledger.calls} == {None, "QX-1", "QX-2"}
    assert len(sandbox.ledger.calls) == 3


@pytest.mark.usefixtures("long_list")
def test_an_account_id_is_read_by_itself(sandbox: Sandbox, picked: Selection, clerk: Clerk) -> None:
    account, unknown = sandbox.store.add_account(), str(uuid.uuid4())

    done = drained(clerk, bring(picked, f"{account['id'].upper()} {unknown}"))

    assert fates(done) == {account["id"]: "found", unknown: "missing"}
    assert done.entries.get(value=unknown).reason == lookup.NO_SUCH_ID


@pytest.mark.parametrize("long", [False, True])
def test_a_customers_name_that_comes_with_what_is_found_is_kept_and_no_other(
    sandbox: Sandbox, picked: Selection, clerk: Clerk, request: pytest.FixtureRequest, long: bool
) -> None:
    if long:
        request.getfixturevalue("long_list")
    ours, other = list(sandbox.store.customers)[:2]
    sandbox.store.add_account(invoice_number="QX-1", customer_id=ours, customer_name="Acme")
    sandbox.store.add_account(invoice_number="QX-10", customer_id=other, customer_name="Another")

    drained(clerk, bring(picked, "QX-1"))

    assert accounts.last_names([ours, other]) == {ours: "Acme"}


def test_more_than_one_match_is_asked_about(sandbox: Sandbox, picked: Selection, clerk: Clerk) -> None:
    twins = [sandbox.store.add_account(invoice_number="TWIN") for _ in range(2)]

    done = drained(clerk, bring(picked, "TWIN"))

    entry = done.entries.get()
    assert (entry.state, entry.reason) == ("asked", "2 invoices have exactly this number or id.")
    assert {match["account"]["id"] for match in entry.matches} == {twin["id"] for twin in twins}


def test_one_that_differs_in_case_is_asked_about_never_taken(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    sandbox.store.add_account(invoice_number="Case-1")

    entry = drained(clerk, bring(picked, "CASE-1")).entries.get()

    assert (entry.state, entry.account_id) == ("asked", "")


def test_an_exact_match_beside_one_that_differs_in_case_is_taken(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    exact = sandbox.store.add_account(invoice_number="Case-1")
    sandbox.store.add_account(invoice_number="CASE-1")

    entry = drained(clerk, bring(picked, "Case-1")).entries.get()

    assert (entry.state, entry.account_id) == ("found", exact["id"])


@pytest.mark.row("O22")
def test_duplicates_and_bad_lines_are_told_by_line(sandbox: Sandbox, picked: Selection, clerk: Clerk) -> None:
    account = sandbox.store.add_account(invoice_number="INV-1a")
    lines = ["Invoice number,x", "INV-1a,1", "INV-1a,2", ",3", f"{'9' * 201},4", f"{account['id']},5"]

    done = drained(clerk, bring(picked, "\n".join(lines), "list.csv"))

    told = list(done.entries.order_by("pk").values_list("line", "state", "reason"))
    assert told == [
        (2, "found", ""),
        (3, "duplicate", "The same as in line 2."),
        (4, "bad", lookup.NOTHING),
        (5, "bad", lookup.TOO_LONG),
        (6, "duplicate", "The same invoice as in line 2."),
    ]


def test_a_formula_without_a_result_is_told_by_line(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    account = sandbox.store.add_account(invoice_number="INV-1a")
    book = sheets(March=[["Invoice number"], ["=A9"], ["INV-1a"], ["=A10"]])

    done = drained(clerk, bring(picked, book, "list.xlsx"))

    told = list(done.entries.order_by("pk").values_list("line", "state", "reason", "account_id"))
    assert told == [
        (2, "bad", lookup.NO_RESULT, ""),
        (3, "found", "", account["id"]),
        (4, "bad", lookup.NO_RESULT, ""),
    ]


@pytest.mark.row("O22")
def test_a_list_that_is_too_long_leaves_nothing_behind(
    sandbox: Sandbox, picked: Selection, clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "MOST_LINES", 3)
    monkeypatch.setattr(lookup, "LINES_AT_ONCE", 2)

    done = drained(clerk, bring(picked, "INV-1\nINV-2\nINV-3\nINV-4\nINV-5"))

    assert (done.state, done.message) == (STATE.FAILED, lists.TOO_LONG)
    assert not Entry.objects.exists()
    assert not UploadFile.objects.exists()


def test_a_choice_after_the_list_was_used_is_refused(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    twins = [sandbox.store.add_account(invoice_number="TWIN") for _ in range(2)]
    done = drained(clerk, bring(picked, f"TWIN {sandbox.store.add_account()['id']}"))
    uploads.use(done)
    done.refresh_from_db()

    with pytest.raises(uploads.NotPossible):
        uploads.choose(done, {done.entries.get(value="TWIN").pk: twins[0]["id"]})

    assert done.entries.get(value="TWIN").state == "asked"


def test_what_was_chosen_for_one_list_is_asked_again_for_the_next(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    twins = [sandbox.store.add_account(invoice_number="TWIN") for _ in range(2)]
    first = drained(clerk, bring(picked, "TWIN"))
    uploads.choose(first, {first.entries.get().pk: twins[0]["id"]})

    assert fates(drained(clerk, bring(picked, "TWIN"))) == {"TWIN": "asked"}


def test_characters_that_cannot_be_read_spoil_their_line_alone(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    done = drained(
        clerk, bring(picked, b"number\nINV-\x81\nINV-1\n" + "Müller\n".encode("cp1252"), "list.csv")
    )

    assert done.entries.get(line=2).reason == lookup.NOT_READABLE
    assert done.layout["fallback"]


def test_a_long_list_is_looked_up_in_the_vendors_whole_list_with_fewer_calls(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    ids = [*sandbox.store.accounts, *(sandbox.store.add_account()["id"] for _ in range(440))]

    done = drained(clerk, bring(picked, "\n".join(ids)))

    assert uploads.counts(done)["found"] == 500
    assert len(sandbox.ledger.calls) == 5


def test_what_a_moving_list_did_not_show_is_looked_up_by_itself(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    ids = [sandbox.store.add_account()["id"] for _ in range(140)]
    upload = bring(picked, "\n".join(ids))
    clerk.work()
    clerk.work()
    sandbox.faults.queue("shift_rows", path="/accounts", count=3)

    done = drained(clerk, upload)

    assert uploads.counts(done)["found"] == 140


@pytest.mark.usefixtures("long_list")
def test_what_was_found_a_short_while_ago_is_not_asked_for_again(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    sandbox.store.add_account(invoice_number="QX-1")
    bring(picked, "QX-1")
    drain(clerk)
    calls = len(sandbox.ledger.calls)

    done = drained(clerk, bring(picked, "QX-1"))

    assert fates(done) == {"QX-1": "found"}
    assert len(sandbox.ledger.calls) == calls


def test_a_search_that_finds_too_many_is_no_answer(
    sandbox: Sandbox, picked: Selection, clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "SHORT_LIST", 0)
    monkeypatch.setattr(lookup, "SEARCH_PAGES", 1)
    for _ in range(300):
        sandbox.store.add_account()

    done = drained(clerk, bring(picked, "INV"))

    assert (fates(done), done.entries.get().reason) == ({"INV": "missing"}, lookup.TOO_COMMON)


def test_a_failure_is_said_and_changes_no_selection(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    upload = bring(picked, "INV-1")
    sandbox.stop()

    done = drained(clerk, upload)

    assert done.state == STATE.FAILED
    assert "cannot be reached" in done.message


def test_a_worker_killed_while_reading_lines_leaves_none_twice(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    upload = bring(picked, "INV-1 INV-2")
    Entry.objects.create(upload=upload, line=1, value="INV-1", folded="inv-1")
    Upload.objects.update(state=STATE.RUNNING, incarnation=uuid.uuid4())

    assert drained(clerk, upload).entries.count() == 2


def test_cancelled_it_looks_nothing_up(sandbox: Sandbox, picked: Selection, clerk: Clerk) -> None:
    upload = bring(picked, "INV-1")

    errands.cancel(upload)

    assert drained(clerk, upload).state == STATE.CANCELLED
    assert not sandbox.ledger.calls


def test_a_file_that_breaks_off_further_down_fails_with_the_reason(picked: Selection, clerk: Clerk) -> None:
    content = b"Invoice number,Note\n" + b"INV-1,x\n" * 200 + b'INV-2,"' + b"x" * 200_000

    done = drained(clerk, bring(picked, content, "list.csv"))

    assert (done.state, done.message.startswith("Line 202 cannot be read")) == (STATE.FAILED, True)


def test_pasted_entries_are_told_by_line_and_place(sandbox: Sandbox, picked: Selection, clerk: Clerk) -> None:
    account = sandbox.store.add_account(invoice_number="INV-A")
    upload = drained(clerk, bring(picked, f"NOPE; INV-A\nINV-A, {account['id']}"))

    by_place = {entry.where: entry.reason for entry in upload.entries.all()}

    assert by_place["line 1, entry 1"] in (lookup.NOT_LISTED, lookup.NOT_SEARCHED)
    assert by_place["line 2, entry 1"] == "The same as in line 1, entry 2."
    assert by_place["line 2, entry 2"] == "The same invoice as in line 1, entry 2."
