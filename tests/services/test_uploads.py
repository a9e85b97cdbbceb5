"""Lists that people bring: kept as they came, used when a person says so, and once."""

import uuid
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
from django.contrib.auth.models import User

from dashboard.models import Errand, Selection, Upload
from dashboard.sandbox.server import Sandbox
from dashboard.services import errands, lookup, selection, uploads
from dashboard.services.errands import Clerk
from dashboard.services.lists import Unreadable
from tests.drive import drained
from tests.services.test_lists import sheets

STATE = Errand.State


def bring(picked: Selection, text: str | bytes, name: str = "") -> Upload:
    content = text.encode() if isinstance(text, str) else text
    return uploads.keep(picked.user, picked.campaign_id, content=content, name=name)


def fates(upload: Upload) -> dict[str, str]:
    return dict(upload.entries.order_by("pk").values_list("value", "state"))


def chosen(picked: Selection) -> set[str]:
    return set(picked.accounts.values_list("account_id", flat=True))


def test_a_choice_decides_and_none_is_a_choice(sandbox: Sandbox, picked: Selection, clerk: Clerk) -> None:
    first, _ = (sandbox.store.add_account(invoice_number="TWIN") for _ in range(2))
    sandbox.store.add_account(invoice_number="Case-1")
    done = drained(clerk, bring(picked, "TWIN CASE-1"))
    twin, other = done.entries.order_by("pk")

    assert uploads.choose(done, {twin.pk: first["id"], other.pk: ""}) == 2

    assert fates(done) == {"TWIN": "found", "CASE-1": "missing"}


def test_a_choice_of_what_was_never_offered_is_ignored(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    for _ in range(2):
        sandbox.store.add_account(invoice_number="TWIN")
    done = drained(clerk, bring(picked, "TWIN"))

    assert uploads.choose(done, {done.entries.get().pk: str(uuid.uuid4())}) == 0
    assert fates(done) == {"TWIN": "asked"}


@pytest.mark.row("O22")
def test_nothing_enters_the_selection_before_it_is_said(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    account = sandbox.store.add_account()
    before = str(uuid.uuid4())
    selection.change(picked, add=Counter([before]))
    done = drained(clerk, bring(picked, f"{account['id']} nonsense"))
    assert chosen(picked) == {before}

    taken = uploads.use(done)

    assert (taken.added, chosen(picked)) == (1, {before, account["id"]})
    assert picked.accounts.get(account_id=account["id"]).snapshot["number"] == account["invoice_number"]


def test_a_list_is_used_once(sandbox: Sandbox, picked: Selection, clerk: Clerk) -> None:
    done = drained(clerk, bring(picked, sandbox.store.add_account()["id"]))
    uploads.use(done)

    with pytest.raises(uploads.NotPossible):
        uploads.use(done)


def test_a_list_for_a_selection_that_was_sent_is_not_used(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    done = drained(clerk, bring(picked, sandbox.store.add_account()["id"]))
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
    account = sandbox.store.add_account(invoice_number="B-1")
    upload = bring(picked, "Ours,Theirs\nA-1,B-1\n", "list.csv")
    assert drained(clerk, upload).state == STATE.WAITING

    uploads.choose_column(upload, 1, heading=True)

    assert drained(clerk, upload).entries.get().account_id == account["id"]
    with pytest.raises(uploads.NotPossible):
        uploads.choose_column(upload, 0, heading=True)


@pytest.mark.usefixtures("long_list")
def test_what_no_search_finds_is_looked_for_in_the_whole_list_if_a_person_says_so(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    account = sandbox.store.add_account(external_invoice_id="erp-77")
    done = drained(clerk, bring(picked, "erp-77"))
    assert (fates(done), done.entries.get().reason) == ({"erp-77": "missing"}, lookup.NOT_SEARCHED)

    uploads.look_through(done)

    assert drained(clerk, done).entries.get().account_id == account["id"]
    with pytest.raises(uploads.NotPossible):
        uploads.look_through(done)


@pytest.mark.usefixtures("long_list")
@pytest.mark.parametrize("end", [errands.cancel, partial(errands.fail, message="The vendor is away.")])
def test_the_whole_list_looked_through_in_part_leaves_what_was_found_before_and_proves_nothing(
    sandbox: Sandbox, picked: Selection, clerk: Clerk, end: Callable[[Upload], object]
) -> None:
    first = next(iter(sandbox.store.accounts.values()))
    first["external_invoice_id"] = "erp-77"
    found = sandbox.store.add_account(invoice_number="LAST-1")
    done = drained(clerk, bring(picked, "erp-77 LAST-1 erp-78"))
    uploads.look_through(done)
    clerk.work()
    assert fates(done) == {"erp-77": "found", "LAST-1": "found", "erp-78": "waiting"}
    done.refresh_from_db()

    end(done)

    assert fates(drained(clerk, done)) == {"erp-77": "missing", "LAST-1": "found", "erp-78": "missing"}
    assert uploads.use(done).added == 1
    assert chosen(picked) == {found["id"]}


@pytest.mark.usefixtures("long_list")
def test_the_whole_list_can_be_looked_through_again_after_a_cancel(
    sandbox: Sandbox, picked: Selection, clerk: Clerk
) -> None:
    account = sandbox.store.add_account(external_invoice_id="erp-77")
    done = drained(clerk, bring(picked, "erp-77"))
    uploads.look_through(done)
    done.refresh_from_db()
    errands.cancel(done)

    uploads.look_through(done)

    assert drained(clerk, done).entries.get().account_id == account["id"]


def test_an_unreadable_file_is_not_kept(picked: Selection) -> None:
    with pytest.raises(Unreadable):
        bring(picked, b"\x89PNG\r\n\x1a\n\x00\x00", "picture.csv")

    assert not Upload.objects.exists()


def test_lists_are_the_persons_own(picked: Selection, manager: User) -> None:
    bring(picked, "INV-1")

    assert uploads.of_person(picked.user, picked.campaign_id).count() == 1
    assert uploads.of_person(manager, picked.campaign_id).count() == 0


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

    assert fates(drained(clerk, upload)) == {"NOPE-1": "missing"}
    with pytest.raises(uploads.NotPossible):
        uploads.choose_sheet(upload, "Notes")
