"""Files for spreadsheets: parsed back, and opened and saved by LibreOffice, they hold what was put in."""

import csv
import io
import subprocess
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from dashboard.services import spreadsheets
from dashboard.services.spreadsheets import Cell, Row, as_csv, as_xlsx, defused, restored
from tests.tools import require

HEADING = ["Text", "Number", "Day", "Moment"]
FORMULAS = [
    '=HYPERLINK("http://evil.test";"x")',
    "+1-2",
    "-2+3",
    "@SUM(A1)",
    "=1+1",
    "\uff1d1+1",
    "-cmd|' /C calc'!A0",
]
TRICKY = st.sampled_from("ab \"',;|\t\r\n=-ü")
MOMENT = datetime.fromisoformat("2026-11-22 21:03:05")
TEXTS = [
    "plain",
    "a, b; c",
    'a "quoted" one',
    "über — 漢字 🙂",
    " spaced ",
    "#REF!",
    "TRUE and more",
    *FORMULAS,
]
ROWS: list[Row] = [
    *([text, number, date(2026, 3, 4), MOMENT] for number, text in enumerate(TEXTS, start=1)),
    ["negative", Decimal("-12.50"), None, None],
    ["large", Decimal("99999999.99"), None, None],
    ["none", None, date(1999, 12, 31), datetime.fromisoformat("2000-01-01 00:00:01")],
]


def parsed(pieces: Any, **options: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(pieces).decode("utf-8-sig"), newline=""), **options))


def book_of(pieces: Any) -> Workbook:
    return load_workbook(io.BytesIO(b"".join(pieces)))


def cells_of(book: Workbook) -> list[list[Cell]]:
    """As they were put in: days are days, and an empty cell is None."""
    sheet = book.worksheets[0]
    assert not [cell for row in sheet for cell in row if cell.data_type == "f"]
    return [[_day_or_more(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]


def _day_or_more(value: Any) -> Cell:
    return value.date() if isinstance(value, datetime) and value.strftime("%H%M%S") == "000000" else value


@pytest.mark.parametrize("text", [*FORMULAS, "\t=1", "\r=1", "\n=1", "'=1", "''@x", "+1 555 0100", "--1"])
def test_what_looks_like_a_formula_gets_an_apostrophe_and_loses_it_again(text: str) -> None:
    assert defused(text) == f"'{text}"
    assert restored(defused(text)) == text


@pytest.mark.parametrize("text", ["-12.50", "+5", "-1,234.50", "-0", "INV-1", "a=b", "", "'quoted'", "1-2"])
def test_a_number_and_harmless_text_stay_as_they_are(text: str) -> None:
    assert defused(text) == text
    assert restored(text) == text


def test_a_csv_is_as_the_rfc_has_it_with_the_mark_that_excel_wants() -> None:
    content = b"".join(as_csv([["a", 'b "c"\r\nd'], ["e,f", None]]))

    assert content == b'\xef\xbb\xbfa,"b ""c""\r\nd"\r\n"e,f",\r\n'


@given(
    st.lists(st.lists(st.text(TRICKY), min_size=2, max_size=4), max_size=4),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n"]),
)
def test_a_csv_is_read_back_whatever_it_holds(rows: list[list[str]], delimiter: str, newline: str) -> None:
    content = as_csv(rows, delimiter=delimiter, newline=newline)

    assert parsed(content, delimiter=delimiter) == [[defused(text) for text in row] for row in rows]


def test_cells_that_are_equal_but_not_alike_stay_so() -> None:
    [row] = parsed(as_csv([[1, Decimal("1.00"), True, 1.0, "1", date(2026, 1, 1)]]))

    assert row == ["1", "1.00", "True", "1.0", "1", "2026-01-01"]


def test_numbers_and_times_of_a_csv_are_plain() -> None:
    [row] = parsed(as_csv([[Decimal("-12.50"), 7, date(2026, 3, 4), MOMENT, None]]))

    assert row == ["-12.50", "7", "2026-03-04", "2026-11-22 21:03:05", ""]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "cp1252"])
def test_a_csv_in_another_encoding_begins_as_that_one_does(encoding: str) -> None:
    rows = [["ü", "x"]] * (spreadsheets.CHUNK + 1)

    content = b"".join(as_csv(rows, encoding=encoding, delimiter=";", newline="\n"))

    assert content == ("ü;x\n" * (spreadsheets.CHUNK + 1)).encode(encoding)


def test_a_character_that_an_encoding_lacks_is_a_question_mark() -> None:
    assert b"".join(as_csv([["ł"]], encoding="cp1252", newline="\n")) == b"?\n"


def test_a_workbook_holds_typed_cells_and_no_formula() -> None:
    cells = cells_of(book_of(as_xlsx(HEADING, ROWS)))

    assert list(map(same, cells)) == [HEADING, *map(same, ROWS)]


def test_a_text_that_looks_like_a_formula_stays_text_when_it_is_edited() -> None:
    sheet = book_of(as_xlsx(["Text"], [["=1+1"], ["1+1"]])).worksheets[0]

    assert [cell.quotePrefix for cell in sheet["A"]] == [False, True, False]


def test_what_a_workbook_cannot_hold_is_shown_as_such() -> None:
    [_, [shown, long]] = cells_of(book_of(as_xlsx(["a", "b"], [["a\x00b\x0bc\ud800d\uffffe", "x" * 40_000]])))

    assert shown == "a\ufffdb\ufffdc\ufffdd\ufffde"
    assert long == "x" * 32_767


def test_an_empty_workbook_has_its_heading() -> None:
    assert cells_of(book_of(as_xlsx(HEADING, []))) == [HEADING]


def test_a_full_sheet_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheets, "MOST_ROWS", 3)

    sheets = book_of(as_xlsx(["n"], [[number] for number in range(5)])).worksheets

    assert [[cell.value for cell in sheet["A"]] for sheet in sheets] == [["n", 0, 1], ["n", 2, 3], ["n", 4]]


def test_the_pieces_come_as_the_rows_do() -> None:
    asked: list[int] = []

    def rows() -> Any:
        for number in range(10 * spreadsheets.CHUNK):
            asked.append(number)
            yield [number]

    for pieces in (as_csv(rows()), as_xlsx(["n"], rows())):
        asked.clear()
        assert next(iter(pieces))
        assert len(asked) <= spreadsheets.CHUNK


Office = Callable[..., Path]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """`office(file, "xlsx")` gives what LibreOffice saves after opening the file."""
    program = require("LibreOffice", "soffice", "libreoffice")

    def convert(file: Path, ending: str, *options: str) -> Path:
        folder = tmp_path / "converted"
        profile = f"-env:UserInstallation=file://{tmp_path}/profile"
        command = [program, profile, "--headless", *options, "--convert-to", ending, "--outdir", str(folder)]
        subprocess.run([*command, str(file)], check=True, capture_output=True, timeout=120)
        return folder / f"{file.stem}.{ending.partition(':')[0]}"

    return convert


def saved(tmp_path: Path, name: str, pieces: Any) -> Path:
    path = tmp_path / name
    path.write_bytes(b"".join(pieces))
    return path


def same(cells: Sequence[Cell]) -> list[Cell]:
    """LibreOffice knows one kind of number."""
    return [float(cell) if isinstance(cell, int | Decimal) else cell for cell in cells]


def test_libreoffice_reads_every_cell_of_a_workbook(office: Office, tmp_path: Path) -> None:
    file = saved(tmp_path, "typed.xlsx", as_xlsx(HEADING, [*ROWS, ["0012", 1, None, None]]))

    book = load_workbook(office(file, "xlsx"))

    assert [same(row) for row in cells_of(book)] == [
        HEADING,
        *map(same, ROWS),
        ["0012", 1.0, None, None],
    ]


def test_libreoffice_reads_every_cell_of_a_csv(office: Office, tmp_path: Path) -> None:
    file = saved(tmp_path, "plain.csv", as_csv([HEADING, *ROWS]))

    book = load_workbook(office(file, "xlsx", "--infilter=CSV:44,34,76,1"))

    expected = [[defused(cell) if isinstance(cell, str) else cell for cell in row] for row in ROWS]
    assert [same(row) for row in cells_of(book)] == [HEADING, *map(same, expected)]
