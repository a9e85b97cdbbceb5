"""A list given back: every line as it came with what became of it, and good to be brought again."""

import codecs
import csv
import importlib
import io
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from openpyxl import Workbook, load_workbook

from dashboard.models import ParkedAccount, Run, Selection, Upload, UploadFile, UploadUse
from dashboard.sandbox.server import Sandbox
from dashboard.sandbox.store import made_id
from dashboard.services import (
    accounts,
    errands,
    lookup,
    parts,
    retention,
    returns,
    routing,
    runs,
    selection,
    spreadsheets,
    uploads,
    vendor,
    waiting,
    workbooks,
)
from dashboard.services.errands import Clerk
from dashboard.services.parts import Part
from tests import ledger
from tests.drive import drained

CAMPAIGN = uuid.UUID(int=7)
REMINDER, EARLY, PAUSED = (uuid.UUID(made_id("campaign", number, 1)) for number in (0, 1, 4))


@pytest.fixture
def invoices(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [sandbox.store.add_account(invoice_number=f"R-{number}") for number in range(1, 5)]


def brought(user: User, clerk: Clerk, content: bytes, name: str = "my list.csv") -> Upload:
    return drained(clerk, uploads.keep(user, CAMPAIGN, content=content, name=name))


def confirmed(upload: Upload) -> Run:
    """A run of what was found, with the last invoice taken out before."""
    uploads.use(upload)
    picked = Selection.objects.get(pk=upload.selection_id)
    rows = [{**row.snapshot, "id": row.account_id} for row in picked.accounts.order_by("pk")]
    campaign = ledger.Campaign(id=str(CAMPAIGN), name="Chase")
    run = runs.queue(starter=picked.user, campaign=campaign, accounts=rows[:-1], token=picked.token)
    selection.clear(picked)
    return ledger.answered(run, "SUCCESS", "FAILED", error=ledger.ACTIVE)


def content(run: Run) -> bytes:
    [upload] = run.lists
    return b"".join(returns.file_of(run, upload).pieces)


def found(upload: Upload) -> list[str]:
    return list(upload.entries.filter(state="found").order_by("line").values_list("account_id", flat=True))


ACTIVE = "Already active in a campaign"
LEFT_OUT = ["not in this run", "It was not selected when the run was confirmed.", ""]
ADDED = ["Outcome", "Reason", "Error"]


def test_every_line_is_given_back_in_order_with_what_became_of_it(
    clerk: Clerk, collector: User, invoices: list[dict[str, Any]]
) -> None:
    text = (
        "Invoice number,Amount,Note\r\nR-1,-12.50,=1+1\r\nR-2,7,\r\nnowhere,1,\r\n\r\nR-1,1,again\r\n,5,x,wide\r\n"
        f'{invoices[2]["id"]},3,"a ""b"""\r\nR-4,4,left\r\n'
    )
    run = confirmed(brought(collector, clerk, text.encode()))

    rows = list(csv.reader(io.StringIO(content(run).decode(), newline="")))

    assert rows[0] == ["Invoice number", "Amount", "Note", "", *ADDED]
    assert rows[1] == ["R-1", "-12.50", "'=1+1", "", "enrolled", "", ""]
    assert rows[2] == ["R-2", "7", "", "", "failed", ACTIVE, ledger.ACTIVE]
    assert [row[4] for row in rows[3:7]] == ["not found", "", "given before", "not readable"]
    assert rows[3][5] == lookup.NOT_LISTED
    assert rows[4] == [""] * 7
    assert rows[5] == ["R-1", "1", "again", "", "given before", "The same as in line 2.", ""]
    assert rows[6] == ["", "5", "x", "wide", "not readable", lookup.NOTHING, ""]
    assert rows[7] == [invoices[2]["id"], "3", 'a "b"', "", "enrolled", "", ""]
    assert rows[8] == ["R-4", "4", "left", "", *LEFT_OUT]
    assert len(rows) == 9


FILES = {
    "commas": ("utf-8-sig", "Invoice number,Ref\r\n{0},ü\r\n{1},\r\n{2},x\r\n"),
    "semicolons in another encoding": ("cp1252", "Nummer;Invoice\n5;{0}\nü;{1}\n;{2}\n"),
    "tabs in UTF-16": ("utf-16", "invoice\tx\r\n{0}\tü\r\n{1}\t\r\n{2}\t\r\n"),
    "no heading": ("utf-8", "{0}\n{1}\n{2}\n"),
    "a name that looks like a formula": ("utf-8", "Note,invoice no\n=1,{0}\n@x,{1}\n-1-1,{2}\n"),
}


@pytest.mark.parametrize("kind", FILES)
def test_it_can_be_brought_again_as_it_is(
    clerk: Clerk, collector: User, invoices: list[dict[str, Any]], kind: str
) -> None:
    encoding, text = FILES[kind]
    first = brought(
        collector, clerk, text.format(*(row["invoice_number"] for row in invoices)).encode(encoding)
    )
    given_back = content(confirmed(first))

    again = brought(collector, clerk, given_back)

    assert again.state == errands.Errand.State.DONE
    assert found(again) == found(first) == [row["id"] for row in invoices[:3]]
    assert (again.layout["encoding"], again.layout["delimiter"]) == (
        first.layout["encoding"],
        first.layout["delimiter"],
    )


def test_a_second_time_the_columns_are_told_apart(
    clerk: Clerk, collector: User, invoices: list[dict[str, Any]]
) -> None:
    given_back = content(confirmed(brought(collector, clerk, b"invoice\nR-1\nR-2\n")))

    run = confirmed(brought(collector, clerk, given_back))

    heading = content(run).decode().splitlines()[0]
    assert (
        heading
        == f"invoice,Outcome,Reason,Error,Outcome (run {run.pk}),Reason (run {run.pk}),Error (run {run.pk})"
    )


def test_a_column_that_a_person_chose_is_remembered(
    clerk: Clerk, collector: User, invoices: list[dict[str, Any]]
) -> None:
    asked = uploads.keep(collector, CAMPAIGN, content=b"Ours,Theirs\nx,R-1\ny,R-2\n", name="a.csv")
    assert asked.column is None
    uploads.choose_column(asked, 1, heading=True)
    run = confirmed(drained(clerk, asked))

    again = brought(collector, clerk, content(run))

    assert found(again) == [row["id"] for row in invoices[:2]]


def test_pasted_text_is_given_back_as_a_csv_with_a_line_for_each(
    clerk: Clerk, collector: User, invoices: list[dict[str, Any]]
) -> None:
    run = confirmed(brought(collector, clerk, b"R-1, R-2\nnowhere R-3", name=""))

    given_back = content(run)

    assert given_back.startswith(codecs.BOM_UTF8)
    assert [line.split(",")[:2] for line in given_back.decode("utf-8-sig").splitlines()] == [
        ["Invoice", "Outcome"],
        ["R-1", "enrolled"],
        ["R-2", "failed"],
        ["nowhere", "not found"],
        ["R-3", "not in this run"],
    ]
    assert found(brought(collector, clerk, given_back)) == [row["id"] for row in invoices[:3]]


def workbook(rows: list[list[Any]]) -> bytes:
    book, file = Workbook(), io.BytesIO()
    assert book.active
    for row in rows:
        book.active.append(row)
    book.save(file)
    return file.getvalue()


def test_a_workbook_stays_one_and_its_cells_stay_what_they_are(
    clerk: Clerk, collector: User, sandbox: Sandbox, invoices: list[dict[str, Any]]
) -> None:
    sandbox.store.add_account(invoice_number="20001")
    day, moment = datetime.fromisoformat("2026-03-04"), datetime.fromisoformat("2026-03-04 05:06:07")
    lines = [
        ["R-1", -12.5, day, "'=1+1", True],
        [20001, 7, moment, None, None],
        [None, 0, None, "=1+1", 1],
        ["R-2", 1e20, None, "0012", None],
    ]
    upload = brought(collector, clerk, workbook([["Invoice", "a", "b", "c", "d"], *lines]), "my.xlsx")
    run = confirmed(upload)

    given_back = content(run)

    rows = [list(row) for row in load_workbook(io.BytesIO(given_back)).worksheets[0].values]
    assert rows[0] == ["Invoice", "a", "b", "c", "d", *ADDED]
    lines[2][3] = workbooks.NO_RESULT
    assert [row[:5] for row in rows[1:]] == lines
    assert [row[5] for row in rows[1:]] == ["enrolled", "failed", "not readable", "not in this run"]
    assert found(brought(collector, clerk, given_back, "again.xlsx")) == found(upload)


def test_while_the_run_goes_on_what_waits_is_said_to_wait(
    clerk: Clerk, collector: User, invoices: list[dict[str, Any]]
) -> None:
    upload = brought(collector, clerk, b"invoice\nR-1\nR-2\n")
    uploads.use(upload)
    picked = Selection.objects.get(pk=upload.selection_id)
    rows = [accounts.snapshot_of(vendor.for_pages().account(row["id"])) for row in invoices[:2]]
    run = runs.queue(
        starter=collector,
        campaign=ledger.Campaign(id=str(CAMPAIGN), name="Chase"),
        accounts=rows,
        token=picked.token,
    )

    assert content(run).decode().splitlines()[1:] == [
        "R-1,waiting,Not sent yet,",
        "R-2,waiting,Not sent yet,",
    ]


def test_a_file_that_is_not_kept_any_more_is_said(
    clerk: Clerk, collector: User, invoices: list[dict[str, Any]]
) -> None:
    run = confirmed(brought(collector, clerk, b"invoice\nR-1\nR-2\n"))
    assert [upload.is_kept for upload in run.lists] == [True]

    UploadFile.objects.all().delete()

    assert [upload.is_kept for upload in run.lists] == [False]
    with pytest.raises(UploadFile.DoesNotExist):
        content(run)


def test_lists_that_were_not_used_belong_to_no_run(
    clerk: Clerk, collector: User, invoices: list[dict[str, Any]]
) -> None:
    brought(collector, clerk, b"invoice\nR-3\n")

    run = confirmed(brought(collector, clerk, b"invoice\nR-1\nR-2\n", "used.csv"))

    assert [upload.name for upload in run.lists] == ["used.csv"]


def sent(user: User, campaign_id: Any, name: str, *words: str) -> Run:
    """A run of all that is selected for the campaign, answered so."""
    picked = selection.of(user, campaign_id)
    rows = [{**row.snapshot, "id": row.account_id} for row in picked.accounts.order_by("pk")]
    campaign = ledger.Campaign(id=str(campaign_id), name=name)
    run = runs.queue(starter=user, campaign=campaign, accounts=rows, token=picked.token)
    selection.clear(picked)
    return ledger.answered(run, *words)


def outcomes(run: Run) -> list[list[str]]:
    return [line.split(",") for line in content(run).decode().splitlines()[1:]]


@pytest.fixture
def late(sandbox: Sandbox) -> list[dict[str, Any]]:
    """One that is past due, and one that is not."""
    return [
        sandbox.store.add_account(
            invoice_number=number, due_date=str(sandbox.store.today + timedelta(days=days))
        )
        for number, days in (("LATE", -9), ("IN TIME", 30))
    ]


def test_a_list_goes_along_with_those_moved_to_another_campaign_before_the_run(
    clerk: Clerk, collector: User, late: list[dict[str, Any]]
) -> None:
    upload = drained(
        clerk, uploads.keep(collector, REMINDER, content=b"invoice\nLATE\nIN TIME\n", name="a.csv")
    )
    uploads.use(upload)

    routing.move(collector, REMINDER, to=EARLY, verdict="past_due")
    chased = sent(collector, EARLY, "Chase", "SUCCESS")
    reminded = sent(collector, REMINDER, "Reminder", "SUCCESS")

    assert [list(run.lists) for run in (chased, reminded)] == [[upload], [upload]]
    assert outcomes(chased) == [
        ["LATE", "enrolled", "", ""],
        ["IN TIME", "not in this run", f"It is in run {reminded.pk}.", ""],
    ]
    assert outcomes(reminded) == [
        ["LATE", "not in this run", f"It is in run {chased.pk}.", ""],
        ["IN TIME", "enrolled", "", ""],
    ]
    assert list(uploads.runs_of(upload)) == [reminded, chased]


def test_a_list_of_which_nothing_moved_stays_behind(
    clerk: Clerk, collector: User, late: list[dict[str, Any]]
) -> None:
    uploads.use(drained(clerk, uploads.keep(collector, REMINDER, content=b"IN TIME", name="")))
    picked = selection.of(collector, REMINDER)
    selection.take_in_unread(
        picked, [{"id": late[0]["id"], "status": "not_assigned", "due_on": "2020-01-01"}]
    )

    routing.move(collector, REMINDER, to=EARLY, verdict="past_due")

    assert not list(sent(collector, EARLY, "Chase", "SUCCESS").lists)


def test_a_list_goes_along_with_a_part_of_its_run_and_by_way_of_the_waiting_list(
    clerk: Clerk, collector: User, sandbox: Sandbox
) -> None:
    for number in ("A", "B", "C"):
        sandbox.store.add_account(invoice_number=number)
    upload = drained(clerk, uploads.keep(collector, REMINDER, content=b"A B C"))
    uploads.use(upload)
    first = sent(collector, REMINDER, "Reminder", "SKIPPED", "FAILED", "SUCCESS")
    first.outcomes.filter(state="failed").update(reason="active_execution")

    parts.move(collector, Part(first, outcome="skipped"), str(EARLY))
    second = sent(collector, EARLY, "Chase", "SKIPPED")
    parts.move(collector, Part(second, outcome="skipped"), str(PAUSED))
    third = sent(collector, PAUSED, "Again", "SUCCESS")
    waiting.park(collector, Part(first, outcome="failed", reason="active_execution"))
    ParkedAccount.objects.update(state=ParkedAccount.State.FREE)
    waiting.take(collector, ParkedAccount.objects.all())
    fourth = sent(collector, REMINDER, "Reminder", "SUCCESS")

    assert [list(run.lists) for run in (second, third, fourth)] == [[upload]] * 3
    assert [row[1:3] for row in outcomes(third)] == [
        ["enrolled", ""],
        ["not in this run", f"It is in run {fourth.pk}."],
        ["not in this run", f"It is in run {first.pk}."],
    ]


def test_what_waits_here_is_said_to_wait_also_if_another_run_had_it(
    clerk: Clerk, collector: User, sandbox: Sandbox
) -> None:
    sandbox.store.add_account(invoice_number="A")
    uploads.use(drained(clerk, uploads.keep(collector, REMINDER, content=b"A")))
    first = sent(collector, REMINDER, "Reminder", "SKIPPED")
    parts.move(collector, Part(first, outcome="skipped"), str(EARLY))
    picked = selection.of(collector, EARLY)
    rows = [{**row.snapshot, "id": row.account_id} for row in picked.accounts.all()]
    campaign = ledger.Campaign(id=str(EARLY), name="Chase")

    run = runs.queue(starter=collector, campaign=campaign, accounts=rows, token=picked.token)

    assert outcomes(run) == [["A", "waiting", "Not sent yet", ""]]


@pytest.mark.parametrize("begun", [False, True])
def test_one_that_is_removed_while_it_is_given_back_breaks_off_instead_of_losing_what_became_of_its_lines(
    clerk: Clerk,
    collector: User,
    invoices: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    begun: bool,
) -> None:
    monkeypatch.setattr(returns, "CHUNK", 1)
    monkeypatch.setattr(spreadsheets, "CHUNK", 2)
    upload = brought(collector, clerk, b"invoice\nR-1\nR-2\nR-3\n")
    run = confirmed(upload)
    pieces = returns.file_of(run, upload).pieces
    first = next(pieces) if begun else b""

    Run.objects.update(finished_at="2020-01-01T00:00Z")
    Upload.objects.update(created_at="2020-01-01T00:00Z", used_at="2020-01-01T00:00Z")
    assert retention.remove_old_lists() == 1

    with pytest.raises(UploadFile.DoesNotExist):
        next(pieces)
    assert first in (b"", b"invoice,Outcome,Reason,Error\nR-1,enrolled,,\n")


def test_lists_that_were_used_before_this_was_written_down_keep_their_runs(
    clerk: Clerk, collector: User, invoices: list[dict[str, Any]]
) -> None:
    brought(collector, clerk, b"invoice\nR-3\n")
    run = confirmed(brought(collector, clerk, b"invoice\nR-1\nR-2\n", "used.csv"))
    UploadUse.objects.all().delete()

    with connection.cursor() as cursor:
        cursor.execute(importlib.import_module("dashboard.migrations.0014_list_uses").FILL)

    assert [upload.name for upload in run.lists] == ["used.csv"]
