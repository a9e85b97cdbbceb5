"""Reading a list that a person brings: pasted text, CSV or XLSX, row by row, whatever its encoding."""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice, repeat
from typing import Any, Literal

from dashboard.api.schema import canonical_id
from dashboard.services import workbooks
from dashboard.services.spreadsheets import restored

MOST_BYTES = 20 * 1024 * 1024
MOST_LINES = 200_000
SAMPLE = 100
ODD_SHARE = 0.1  # of characters that no text holds: more, and it is none
_HEAD = 64 * 1024
BLANK: tuple[int, list[Any]] = 0, []

TOO_LARGE = "This file is larger than 20 MB. Nothing was taken: bring it in parts."
TOO_LONG = "This list has more than 200,000 lines. Nothing was taken: bring it in parts."
EMPTY = "There is nothing in it. Nothing was taken."
NOT_TEXT = "This is neither text nor an XLSX workbook. Save it as CSV or XLSX and bring it again."
OLD_EXCEL = "This is an old or a locked Excel file. Save it as XLSX without a password, or as CSV."
BAD_WORKBOOK = "This workbook cannot be read: it is damaged, or no XLSX. Save it again as XLSX or CSV."
BAD_CSV = "Line %d cannot be read: a quotation mark may be missing there. Nothing was taken."

# Headings without case, spaces and punctuation; the first that is there names the invoice.
HEADINGS = (
    *("accountid", "accountuuid", "invoiceid", "invoiceuuid"),
    *("invoicenumber", "invoiceno", "invoicenr", "invoice", "number"),
    *("externalinvoiceid", "externalid", "externalreference"),
    *("account", "id"),
)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_PIECE = re.compile(r'"([^"]*)"|([^\s,;|"\ufeff\u200b]+)')
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Unreadable(Exception):
    """The list cannot be taken; its text says why, for people."""


@dataclass(frozen=True)
class Layout:
    """How a file is read. `heading`: its first row names the columns. `fallback`: the encoding was a last resort.

    `sheet` is the name of a workbook's.
    """

    kind: Literal["text", "csv", "xlsx"]
    encoding: str = "utf-8"
    delimiter: str = ","
    heading: bool = False
    fallback: bool = False
    sheet: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Row:
    """`line` counts from 1: of the text, or of the sheet."""

    line: int
    cells: list[str]


@dataclass(frozen=True)
class Glance:
    """The first look at a file: its first rows, and the column that names the invoice, None where a person has to say.

    `sheets` are those of a workbook that hold anything.
    """

    layout: Layout
    rows: list[Row]
    column: int | None
    sheets: list[str]

    @property
    def columns(self) -> list[str]:
        """What the columns are called, or their first values."""
        return self.rows[0].cells


def look_at(content: bytes, sheet: str = "") -> Glance:
    """How a file is to be read; of a workbook this sheet, or the first that holds anything. Raises: Unreadable."""
    if len(content) > MOST_BYTES:
        raise Unreadable(TOO_LARGE)
    layout, sheets = _layout_of(content), list[str]()
    if layout.kind == "xlsx":
        with _readable():
            sheets = workbooks.sheets(content)
        if not sheets:
            raise Unreadable(EMPTY)
        layout = Layout("xlsx", sheet=sheet or sheets[0])
    sample = list(islice(rows(content, layout), SAMPLE))
    if not sample:
        raise Unreadable(EMPTY)
    column = _named_column(sample[0].cells)
    heading = column is not None or _looks_like_heading(sample)
    if column is None:
        column = _obvious_column(sample[int(heading) :])
    return Glance(Layout(**layout.as_json() | {"heading": heading}), sample, column, sheets)


def rows(content: bytes, layout: Layout) -> Iterator[Row]:
    """All rows with something in them, the heading too. Raises: Unreadable."""
    read = {"text": _text_rows, "csv": _csv_rows, "xlsx": _sheet_rows}[layout.kind]
    for number, row in enumerate(read(content, layout)):
        if number > MOST_LINES:
            raise Unreadable(TOO_LONG)
        if any(row.cells):
            yield row


def typed_rows(content: bytes, layout: Layout) -> Iterator[tuple[int, list[Any]]]:
    """The same rows with their lines, but a workbook's numbers and days are no text; blank ones between are `BLANK`.

    Raises: Unreadable.
    """
    read, has_begun, blanks = _typed_sheet_rows if layout.kind == "xlsx" else _csv_rows, False, 0
    for row in read(content, layout):
        if any(cell != "" for cell in row.cells):
            yield from repeat(BLANK, blanks)
            yield row.line, row.cells
            has_begun, blanks = True, 0
        else:
            blanks += has_begun


def newline_of(content: bytes, layout: Layout) -> str:
    """How the first line of a CSV ends."""
    first = _text_of(content, layout).readline()
    return "\r\n" if first.endswith("\r\n") or not first.endswith("\n") else "\n"


def named_id(value: str) -> str | None:
    """The account id that a value is, in its canonical form, or None for a number or an external id."""
    account_id = canonical_id(value)
    return account_id if _UUID.fullmatch(account_id) else None


def _layout_of(content: bytes) -> Layout:
    if content.startswith(b"PK\x03\x04"):
        return Layout("xlsx")
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable(OLD_EXCEL)
    encoding, fallback = _encoding_of(content)
    head = content[:_HEAD].decode(encoding, errors="replace")
    if sum(map(_is_odd, head)) > len(head) * ODD_SHARE:
        raise Unreadable(NOT_TEXT)
    return Layout("csv", encoding, _delimiter_of(head), fallback=fallback)


def _encoding_of(content: bytes) -> tuple[str, bool]:
    """The encoding, and whether it is the one that is taken when no other fits."""
    for bom, name in _BOMS:
        if content.startswith(bom):
            return name, False
    evens, odds = content[:_HEAD:2].count(0), content[1:_HEAD:2].count(0)
    if evens + odds > len(content[:_HEAD]) / 5:
        return ("utf-16-be" if evens > odds else "utf-16-le"), False
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(content), _HEAD):
            decoder.decode(content[start : start + _HEAD])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252", True
    return "utf-8", False


def _is_odd(character: str) -> bool:
    return character == "\ufffd" or not (
        character.isprintable() or character.isspace() or character == "\ufeff"
    )


def _delimiter_of(head: str) -> str:
    """The separator that the first line has most of, outside of quotation marks."""
    first = next((line for line in head.splitlines() if line.strip()), "")
    if first.lower().startswith("sep=") and len(first) == 5:
        return first[4]
    bare = re.sub(r'"[^"]*"', "", first)
    return max(",;\t|", key=bare.count)


def _text_of(content: bytes, layout: Layout) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), encoding=layout.encoding, errors="replace", newline="")


def _text_rows(content: bytes, layout: Layout) -> Iterator[Row]:
    """Pasted text: each line a row, each piece between separators a cell; what stands in quotation marks stays whole."""
    for number, line in enumerate(_text_of(content, layout).read().splitlines(), start=1):
        pieces = ((match[1] if match[1] is not None else match[2]).strip() for match in _PIECE.finditer(line))
        yield Row(number, [piece for piece in pieces if piece])


def _csv_rows(content: bytes, layout: Layout) -> Iterator[Row]:
    """A quotation mark that is never closed would take all further lines into its cell: that file is not read."""
    ended: list[bool] = []
    reader = csv.reader(_noting_end(_text_of(content, layout), ended), delimiter=layout.delimiter)
    line = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error:
            raise Unreadable(BAD_CSV % line) from None
        if cells is None:
            return
        if ended:  # only within quotation marks does a row ask for a line beyond the last
            raise Unreadable(BAD_CSV % line)
        if not (line == 1 and len(cells) == 2 and cells[0].lower() == "sep=" and not cells[1]):
            yield Row(line, [_cell(cell) for cell in cells[: workbooks.MOST_COLUMNS]])
        line = reader.line_num + 1


def _noting_end(lines: Iterable[str], ended: list[bool]) -> Iterator[str]:
    yield from lines
    ended.append(True)


def _cell(text: str) -> str:
    """What no database takes stands as a character that cannot be read."""
    return _trimmed(restored(text.replace("\0", "\ufffd")))


def _sheet_rows(content: bytes, layout: Layout) -> Iterator[Row]:
    with _readable():
        for line, cells in workbooks.rows(content, layout.sheet):
            yield Row(line, [_trimmed(cell) for cell in cells])


def _typed_sheet_rows(content: bytes, layout: Layout) -> Iterator[Row]:
    """With an empty row for each line that the sheet passes over."""
    before = 0
    with _readable():
        for line, cells in workbooks.typed_rows(content, layout.sheet):
            yield from repeat(Row(0, []), line - before - 1)
            yield Row(line, [_trimmed(cell) if isinstance(cell, str) else cell for cell in cells])
            before = line


@contextmanager
def _readable() -> Iterator[None]:
    """What is wrong with a workbook, for people."""
    try:
        yield
    except workbooks.Damaged as error:
        raise Unreadable(BAD_WORKBOOK) from error
    except workbooks.TooLarge as error:
        raise Unreadable(TOO_LARGE) from error


def _trimmed(text: str) -> str:
    return text.strip().strip("\ufeff\u200b").strip()


def _named_column(cells: Sequence[str]) -> int | None:
    names = [re.sub(r"[\W_]+", "", cell).lower() for cell in cells]
    return next((names.index(heading) for heading in HEADINGS if heading in names), None)


def _looks_like_heading(sample: Sequence[Row]) -> bool:
    """A first row of words alone, above rows with figures."""
    first, later = sample[0].cells, sample[1:]
    has_figures = any(any(map(str.isdigit, cell)) for cell in first)
    return bool(later) and len(first) > 1 and not has_figures and all(first)


def _obvious_column(sample: Sequence[Row]) -> int | None:
    """The only column, or the only one that holds account ids."""
    width = max((len(row.cells) for row in sample), default=0)
    if width == 1:
        return 0
    holding = [
        column
        for column in range(width)
        if sum(column < len(row.cells) and named_id(row.cells[column]) is not None for row in sample)
        > len(sample) * 0.8
    ]
    return holding[0] if len(holding) == 1 else None
