"""Reading a list that a person brings, whatever its form."""

import csv
import io
import zipfile
from datetime import date, datetime
from typing import Any
from uuid import UUID

import openpyxl
import pytest

from dashboard.services import lists, workbooks
from dashboard.services.lists import Layout, Unreadable

ONE, TWO = str(UUID(int=1)), str(UUID(int=2))


def cells(content: bytes) -> list[list[str]]:
    return [row.cells for row in lists.rows(content, lists.look_at(content).layout)]


def workbook(*rows: Any) -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    book.save(file)
    return file.getvalue()


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_any_usual_encoding_is_read(encoding: str) -> None:
    content = "Invoice number,Customer\nINV-1,Müller\n".encode(encoding)

    assert cells(content) == [["Invoice number", "Customer"], ["INV-1", "Müller"]]


@pytest.mark.parametrize("bom", [b"\xff\xfe", b"\xfe\xff"])
def test_utf_16_with_a_byte_order_mark_is_read(bom: bytes) -> None:
    encoding = "utf-16-le" if bom == b"\xff\xfe" else "utf-16-be"

    assert cells(bom + "INV-1,Ü\n".encode(encoding)) == [["INV-1", "Ü"]]


def test_an_encoding_that_was_a_last_resort_is_told() -> None:
    assert lists.look_at("number\nMüller\n".encode("cp1252")).layout.fallback
    assert not lists.look_at("number\nMüller\n".encode()).layout.fallback


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_usual_separator_and_line_end_is_read(delimiter: str, end: str) -> None:
    content = end.join(delimiter.join(row) for row in (["Invoice", "Name"], ["INV-1", "A"])).encode()

    assert cells(content) == [["Invoice", "Name"], ["INV-1", "A"]]


def test_excels_own_first_line_is_no_row() -> None:
    assert cells(b"sep=;\nInvoice;Name\nINV-1;A\n") == [["Invoice", "Name"], ["INV-1", "A"]]


def test_lines_are_numbered_as_in_the_file() -> None:
    content = b'Invoice,Note\n\nINV-1,"two\nlines"\nINV-2,x\n'

    assert [row.line for row in lists.rows(content, lists.look_at(content).layout)] == [1, 3, 5]


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("Name,Account ID", 1),
        ("account_id,invoice_number", 0),
        ("Customer;Invoice No.", 1),
        ("external-id|name", 0),
        ("Date\tINVOICE NUMBER\tid", 1),
    ],
)
def test_a_heading_names_the_column(header: str, column: int) -> None:
    glance = lists.look_at(f"{header}\na,b,c\n".encode())

    assert (glance.column, glance.layout.heading) == (column, True)


def test_without_a_heading_the_column_of_account_ids_is_taken() -> None:
    glance = lists.look_at(f"Smith,{ONE}\nMiller,{TWO}\n".encode())

    assert (glance.column, glance.layout.heading) == (1, False)


def test_a_column_that_is_not_plain_is_left_to_the_person() -> None:
    glance = lists.look_at(b"Ours,Theirs\nA-1,B-1\nA-2,B-2\n")

    assert glance.column is None
    assert glance.columns == ["Ours", "Theirs"]


def test_a_single_column_needs_no_choice() -> None:
    glance = lists.look_at(b"INV-1\nINV-2\n")

    assert (glance.column, glance.layout.heading) == (0, False)


@pytest.mark.parametrize("text", ['=HYPERLINK("http://127.0.0.1")', "+1+1", "@SUM(A1)", "-2"])
def test_what_looks_like_a_formula_is_text(text: str) -> None:
    file = io.StringIO()
    csv.writer(file).writerow([text, "x"])

    assert cells(file.getvalue().encode()) == [[text, "x"]]


def test_a_workbook_is_read_as_a_person_sees_it() -> None:
    content = workbook(
        ["Invoice number", "Amount", "Due", "At"],
        ["INV-1", 12.0, date(2026, 3, 1), datetime(2026, 3, 1, 8, 30)],  # noqa: DTZ001
        [None, None],
        [20001, 1.5, None, True],
    )

    read = list(lists.rows(content, lists.look_at(content).layout))

    assert [row.line for row in read] == [1, 2, 4]
    assert read[1].cells == ["INV-1", "12", "2026-03-01", "2026-03-01 08:30:00"]
    assert read[2].cells == ["20001", "1.5", "", "TRUE"]


def sheets(**named: list[list[object]]) -> bytes:
    """A workbook with these sheets in this order."""
    book, file = openpyxl.Workbook(), io.BytesIO()
    book.remove(book.worksheets[0])
    for name, rows in named.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(file)
    return file.getvalue()


def test_of_several_sheets_the_first_that_holds_anything_is_looked_at() -> None:
    content = sheets(Cover=[], Notes=[["as of March"]], March=[["Invoice number"], ["INV-1"]])

    glance = lists.look_at(content)

    assert glance.sheets == ["Notes", "March"]
    assert glance.layout.sheet == "Notes"


def test_another_sheet_is_looked_at_where_it_is_asked_for() -> None:
    content = sheets(Notes=[["as of March"]], March=[["Ours", "Invoice number"], ["x", "INV-1"]])

    glance = lists.look_at(content, "March")

    assert (glance.column, glance.layout.heading) == (1, True)
    assert [row.cells for row in lists.rows(content, glance.layout)][1] == ["x", "INV-1"]


def test_a_workbook_without_anything_in_it_is_empty() -> None:
    with pytest.raises(Unreadable, match="nothing in it"):
        lists.look_at(sheets(One=[], Two=[[None]]))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", lists.EMPTY),
        (b"\n\n  \n", lists.EMPTY),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", lists.OLD_EXCEL),
        (b"PK\x03\x04 no archive", lists.BAD_WORKBOOK),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, lists.NOT_TEXT),
        (bytes(range(128, 160)) * 50, lists.NOT_TEXT),
        (b"x" * (lists.MOST_BYTES + 1), lists.TOO_LARGE),
        (b'Invoice,Note\nINV-1,"' + b"x" * 200_000, lists.BAD_CSV % 2),
        (b'Invoice,Note\nINV-1,"never closed\nINV-2,fine\nINV-3,fine\n', lists.BAD_CSV % 2),
        (b'Invoice,Note\nINV-1,fine\nINV-2,"', lists.BAD_CSV % 3),
    ],
)
def test_what_cannot_be_read_is_said_plainly(content: bytes, said: str) -> None:
    with pytest.raises(Unreadable) as refused:
        list(lists.rows(content, lists.look_at(content).layout))

    assert str(refused.value) == said


def test_quotation_marks_that_are_closed_may_hold_lines_up_to_the_end_of_the_file() -> None:
    assert cells(b'Invoice,Note\nINV-1,"two\nlines"') == [["Invoice", "Note"], ["INV-1", "two\nlines"]]


def test_what_no_database_takes_stands_as_a_character_that_cannot_be_read() -> None:
    assert cells(b"Invoice\0,Note\nINV-1,fi\0ne\n") == [["Invoice\ufffd", "Note"], ["INV-1", "fi\ufffdne"]]


def test_an_archive_that_is_no_workbook_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")

    with pytest.raises(Unreadable, match="cannot be read"):
        lists.look_at(file.getvalue())


def test_a_workbook_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MOST_UNPACKED", 100)

    with pytest.raises(Unreadable, match="larger"):
        lists.look_at(workbook(["INV-1"]))


def test_more_lines_than_the_limit_are_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MOST_LINES", 3)

    assert len(list(lists.rows(b"h\n1\n2\n3\n", Layout("csv")))) == 4
    with pytest.raises(Unreadable, match="more than 200,000 lines"):
        list(lists.rows(b"h\n1\n2\n3\n4\n", Layout("csv")))


def test_pasted_text_takes_any_separator_and_keeps_quoted_pieces_whole() -> None:
    text = f'INV-1, INV-2;INV-3\tINV-4|{ONE}\n"INV 5"  INV-6\n'

    read = list(lists.rows(text.encode(), Layout("text")))

    assert [(row.line, row.cells) for row in read] == [
        (1, ["INV-1", "INV-2", "INV-3", "INV-4", ONE]),
        (2, ["INV 5", "INV-6"]),
    ]


def test_a_formula_that_was_never_reckoned_is_a_cell_of_its_own() -> None:
    content = sheets(Sums=[["=A9"]], March=[["Invoice number", "Note"], ["=B9", "x"], ["INV-1", '=""']])

    glance = lists.look_at(content, "March")

    assert glance.sheets == ["Sums", "March"]
    assert [row.cells for row in glance.rows[1:]] == [
        [workbooks.NO_RESULT, "x"],
        ["INV-1", workbooks.NO_RESULT],
    ]


def test_blank_lines_between_rows_are_kept_with_the_typed_cells() -> None:
    text = b'\nInvoice,Note\n\nINV-1,"two\nlines"\n,\nINV-2,x\n\n'
    book = sheets(March=[[], ["Invoice"], [], [], ["INV-1"], [7], []])

    assert [
        [cells for _, cells in lists.typed_rows(content, lists.look_at(content).layout)]
        for content in (text, book)
    ] == [
        [["Invoice", "Note"], [], ["INV-1", "two\nlines"], [], ["INV-2", "x"]],
        [["Invoice"], [], [], ["INV-1"], [7]],
    ]
