"""Writing files that spreadsheets open, piece by piece: text can never become a formula, numbers and dates stay what they are.

XLSX is written directly: openpyxl takes some six times as long, and gives nothing before all is written.
"""

import codecs
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import chain, islice
from typing import Any
from xml.sax.saxutils import escape

from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.utils.datetime import to_excel

from dashboard.services.chunks import in_chunks

Cell = str | int | float | Decimal | date | datetime | None
Row = Sequence[Cell]

CHUNK = 500
MOST_ROWS, MOST_TEXT = 1_048_576, 32_767  # of a sheet, of a cell

# What spreadsheets take for the beginning of a formula, also in the wide forms that some of them know.
_RISKY = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_TO_CHECK = _RISKY | {"'"}
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*")
_NOT_IN_XML = re.compile(f"{ILLEGAL_CHARACTERS_RE.pattern}|[\ud800-\udfff\ufffe\uffff]")


def defused(text: str) -> str:
    """Text that no spreadsheet runs: an apostrophe goes before what looks like a formula and is no number."""
    is_risky = text.lstrip("'")[:1] in _RISKY and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_risky else text


def restored(text: str) -> str:
    """The text that was defused."""
    return text[1:] if text[:1] == "'" and text.lstrip("'")[:1] in _RISKY else text


# -------------------------------------------------------------------------------------------------------------------- CSV


def as_csv(
    rows: Iterable[Row], *, encoding: str = "utf-8-sig", delimiter: str = ",", newline: str = "\r\n"
) -> Iterator[bytes]:
    """The file, with what its encoding needs at the start; a character that it lacks becomes "?".

    Rows have several cells. Before Python 3.13 `csv` leaves a lone carriage return bare where lines end otherwise; it also looks
    at every character of what most rows repeat.
    """
    encoder = codecs.getincrementalencoder(encoding)("replace")
    for chunk in in_chunks(rows, CHUNK):
        fields = _Fields(delimiter)
        lines = [
            delimiter.join([fields[cell] if type(cell) is str else _plain(cell) for cell in row])
            for row in chunk
        ]
        yield encoder.encode(newline.join([*lines, ""]))


class _Fields(dict[str, str]):
    """Texts as they stand in the file, each made once."""

    def __init__(self, delimiter: str) -> None:
        self._is_special = re.compile(f'[{re.escape(delimiter)}"\r\n]').search

    def __missing__(self, text: str) -> str:
        field = defused(text) if text[:1] in _TO_CHECK else text
        if self._is_special(field):
            field = '"{}"'.format(field.replace('"', '""'))
        self[text] = field
        return field


def _plain(cell: Cell) -> str:
    return "" if cell is None else str(cell)


# ------------------------------------------------------------------------------------------------------------------- XLSX

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_TYPES = (
    f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
    f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Default Extension="xml" ContentType="{_TYPE}.worksheet+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/></Types>'
)
_RELATIONS = f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">%s</Relationships>'
_RELATION = f'<Relationship Id="rId%s" Type="{_OFFICE}/%s" Target="%s"/>'
# Styles by place: plain, text that looks like a formula, day, moment, heading.
_PLAIN, _QUOTED, _DAY, _MOMENT, _BOLD = range(5)
_STYLES = (
    f'{_HEAD}<styleSheet xmlns="{_MAIN}">'
    '<numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border/></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="5"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
_SHEET = (
    f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
    '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>'
)


def as_xlsx(heading: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
    """A workbook with typed cells; where a sheet is full, another begins with the same heading."""
    sink, sheets = _Sink(), 0
    archive = zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    archive.writestr("[Content_Types].xml", _TYPES)
    top, rest = _row_of(_heading(text) for text in heading), iter(rows)
    for first in chain([()], rest):
        sheets += 1
        with archive.open(f"xl/worksheets/sheet{sheets}.xml", "w") as part:
            part.write(f"{_SHEET}{top}{_row(first) if first else ''}".encode())
            for chunk in in_chunks(islice(rest, MOST_ROWS - 1 - bool(first)), CHUNK):
                part.write("".join(map(_row, chunk)).encode())
                yield sink.taken()
            part.write(b"</sheetData></worksheet>")
    _finish(archive, sheets)
    yield sink.taken()


class _Sink:
    """What a `ZipFile` writes to when nothing can be written over any more."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None: ...

    def close(self) -> None: ...

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _finish(archive: zipfile.ZipFile, sheets: int) -> None:
    """The parts that tell how many sheets there are."""
    numbers = range(1, sheets + 1)
    names = "".join(f'<sheet name="Rollcall {each}" sheetId="{each}" r:id="rId{each}"/>' for each in numbers)
    parts = "".join(_RELATION % (each, "worksheet", f"worksheets/sheet{each}.xml") for each in numbers)
    archive.writestr(
        "xl/workbook.xml",
        f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{names}</sheets></workbook>',
    )
    styles = _RELATION % (sheets + 1, "styles", "styles.xml")
    archive.writestr("xl/_rels/workbook.xml.rels", _RELATIONS % (parts + styles))
    archive.writestr("_rels/.rels", _RELATIONS % (_RELATION % (1, "officeDocument", "xl/workbook.xml")))
    archive.writestr("xl/styles.xml", _STYLES)
    archive.close()


def _row(cells: Row) -> str:
    return _row_of(_XLSX.get(type(cell), _number)(cell) for cell in cells)


def _row_of(cells: Iterable[str]) -> str:
    return f"<row>{''.join(cells)}</row>"


@lru_cache(maxsize=2000)
def _text(text: str) -> str:
    if not text:
        return "<c/>"
    style = f' s="{_QUOTED}"' if text[0] in _RISKY else ""
    return f'<c t="inlineStr"{style}><is><t xml:space="preserve">{_in_xml(text)}</t></is></c>'


def _heading(text: str) -> str:
    return f'<c t="inlineStr" s="{_BOLD}"><is><t xml:space="preserve">{_in_xml(text)}</t></is></c>'


def _in_xml(text: str) -> str:
    """What XML cannot hold is shown as such; a line's end is written so that a reader cannot change it."""
    return escape(_NOT_IN_XML.sub("\ufffd", text[:MOST_TEXT])).replace("\r", "&#13;")


def _number(value: Any) -> str:
    return f"<c><v>{value}</v></c>"


_serial: Callable[[date], float] = to_excel


@lru_cache(maxsize=1000)
def _day(value: date) -> str:
    return f'<c s="{_DAY}"><v>{_serial(value)}</v></c>'


@lru_cache(maxsize=1000)
def _time(value: datetime) -> str:
    return f'<c s="{_MOMENT}"><v>{_serial(value)}</v></c>'


_XLSX: dict[type, Callable[[Any], str]] = {
    str: _text,
    type(None): lambda _: "<c/>",
    bool: lambda value: f'<c t="b"><v>{value:d}</v></c>',
    Decimal: lambda value: f"<c><v>{value:f}</v></c>",
    date: _day,
    datetime: _time,
}
