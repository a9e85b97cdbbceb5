"""The rows of an XLSX workbook's sheet, as text. openpyxl reads what is small; rows and strings are read in one
pass without a tree, some ten times faster than it would."""

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime, time
from functools import lru_cache
from itertools import islice
from typing import Any
from xml.parsers import expat

from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.utils import column_index_from_string
from openpyxl.utils.datetime import from_excel

MOST_UNPACKED = 400 * 1024 * 1024
MOST_COLUMNS = 200
MOST_SHEETS = 50
NO_RESULT = "(formula without a result)"
_PART = 256 * 1024
_STRINGS = "xl/sharedStrings.xml"


class Damaged(Exception):
    """This is no workbook, or it cannot be read."""


class TooLarge(Exception):
    """A small file that unpacks to one that would fill the memory."""


def sheets(content: bytes) -> list[str]:
    """The names of the sheets that hold anything, in their order. Raises: Damaged, TooLarge."""
    with _opened(content) as reader:
        return [name for name, file in _files(reader).items() if _holds_anything(reader.archive, file)]


def rows(content: bytes, sheet: str) -> Iterator[tuple[int, list[str]]]:
    """Line numbers of the sheet with their cells; a formula's cell holds its last result, or `NO_RESULT`.

    Raises: Damaged, TooLarge.
    """
    return _rows(content, sheet, _Sheet)


def typed_rows(content: bytes, sheet: str) -> Iterator[tuple[int, list[Any]]]:
    """The same, but numbers, days, moments and truth values are no text. Raises: Damaged, TooLarge."""
    return _rows(content, sheet, _TypedSheet)


def _rows(content: bytes, sheet: str, kind: "type[_Sheet]") -> Iterator[tuple[int, list[Any]]]:
    with _opened(content) as reader:
        strings = _strings(reader.archive)
        target = kind(strings, _dates(reader), reader.wb.epoch)
        yield from _parsed(reader.archive, _files(reader)[sheet], target)


@contextmanager
def _opened(content: bytes) -> Iterator[Any]:
    try:
        with closing(_open(content)) as reader:
            yield reader
    except (
        *(zipfile.BadZipFile, zipfile.LargeZipFile, expat.ExpatError, NotImplementedError, EOFError, OSError),
        *(KeyError, IndexError, ValueError, TypeError, AttributeError, OverflowError, SyntaxError),
    ) as error:
        raise Damaged from error


class _Reader(ExcelReader):  # type: ignore[misc, unused-ignore]
    def close(self) -> None:
        self.archive.close()


def _open(content: bytes) -> Any:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > MOST_UNPACKED:
            raise TooLarge
    reader = _Reader(io.BytesIO(content), read_only=True, data_only=True)
    reader.read_manifest()
    reader.read_workbook()
    return reader


def _files(reader: Any) -> dict[str, str]:
    """Where each sheet's rows are, by its name."""
    found = {
        str(sheet.name): str(relation.target)
        for sheet, relation in reader.parser.find_sheets()
        if relation.target in reader.valid_files and "chartsheet" not in relation.Type
    }
    return dict(islice(found.items(), MOST_SHEETS))


def _holds_anything(archive: zipfile.ZipFile, file: str) -> bool:
    return any(_parsed(archive, file, _Presence()))


def _dates(reader: Any) -> frozenset[str]:
    """The styles that show a number as a date."""
    apply_stylesheet(reader.archive, reader.wb)
    return frozenset(str(style) for style in reader.wb._date_formats)


def _strings(archive: zipfile.ZipFile) -> list[str]:
    if _STRINGS not in archive.namelist():
        return []
    shared = _Strings()
    return list(_parsed(archive, _STRINGS, shared))


def _parsed(archive: zipfile.ZipFile, name: str, target: "_Target") -> Iterator[Any]:
    """What the target makes of the file, part by part."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = target.start
    parser.EndElementHandler = target.end
    parser.CharacterDataHandler = target.text
    parser.StartDoctypeDeclHandler = _refuse
    with archive.open(name) as file:
        while part := file.read(_PART):
            parser.Parse(part)
            yield from target.take()
    parser.Parse(b"", True)
    yield from target.take()


def _refuse(*_: object) -> None:
    raise Damaged


class _Target:
    """Collects what is read until it is taken. Text counts within `v` and `t`, but not in a reading aid (`rPh`)."""

    def __init__(self) -> None:
        self.ready: list[Any] = []
        self.pieces: list[str] = []
        self.is_text = False
        self.is_aid = False

    def take(self) -> list[Any]:
        taken, self.ready = self.ready, []
        return taken

    def text(self, piece: str) -> None:
        if self.is_text:
            self.pieces.append(piece)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name in ("v", "t"):
            self.is_text = not self.is_aid
        elif name == "rPh":
            self.is_aid = True
        else:
            self.opened(name, attributes)

    def end(self, name: str) -> None:
        name = name.rpartition(":")[2]
        if name in ("v", "t"):
            self.is_text = False
        elif name == "rPh":
            self.is_aid = False
        else:
            self.closed(name)

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        raise NotImplementedError

    def closed(self, name: str) -> None:
        raise NotImplementedError


class _Strings(_Target):
    """The texts that cells refer to by number."""

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        if name == "si":
            self.pieces = []

    def closed(self, name: str) -> None:
        if name == "si":
            self.ready.append("".join(self.pieces))


class _Cells(_Target):
    """The text of each cell, `NO_RESULT` for a formula that was never reckoned: only the result of one may be empty text."""

    def __init__(self) -> None:
        super().__init__()
        self.kind, self._is_formula = "n", False

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self.pieces, self.kind, self._is_formula = [], attributes.get("t", "n"), False
        elif name == "f":
            self._is_formula = True

    @property
    def cell(self) -> str:
        text = "".join(self.pieces)
        return NO_RESULT if self._is_formula and not text and self.kind != "str" else text


class _Presence(_Cells):
    """True for each cell with something in it."""

    def closed(self, name: str) -> None:
        if name == "c" and self.cell:
            self.ready.append(True)


class _Sheet(_Cells):
    """Rows: their line and their cells as text."""

    def __init__(self, strings: list[str], dates: frozenset[str], epoch: datetime) -> None:
        super().__init__()
        self._kinds: dict[str, Callable[[str], Any]] = {
            "n": _number,
            "s": lambda text: strings[int(text)],
            "b": lambda text: "TRUE" if text == "1" else "FALSE",
        }
        self._dates, self._epoch = dates, epoch
        self._line, self._column, self._cells = 0, 0, list[Any]()
        self._style = ""

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        super().opened(name, attributes)
        if name == "c":
            self._style = attributes.get("s", "")
            place = attributes.get("r")
            self._column = _column(place.rstrip("0123456789")) if place else self._column + 1
        elif name == "row":
            self._line = int(attributes.get("r", self._line + 1))
            self._column, self._cells = 0, []

    def closed(self, name: str) -> None:
        if name == "c":
            self._put(self.cell)
        elif name == "row":
            self.ready.append((self._line, self._cells))

    def _put(self, text: str) -> None:
        if not text or not 1 <= self._column <= MOST_COLUMNS:
            return
        read = self._kinds.get(self.kind, str)
        if text == NO_RESULT:
            read = str
        elif self.kind == "n" and self._style in self._dates:
            read = self._date
        missing = self._column - 1 - len(self._cells)
        self._cells += [""] * missing
        self._cells.append(read(text))

    def _date(self, text: str) -> Any:
        moment = self._moment(text)
        return moment.isoformat(" ") if isinstance(moment, datetime) else str(moment)

    def _moment(self, text: str) -> Any:
        """A day, a moment, or what is neither: a time of day."""
        moment = from_excel(float(text), self._epoch)
        if isinstance(moment, datetime) and moment.time() == time.min:
            return moment.date()
        return moment


class _TypedSheet(_Sheet):
    """Rows whose cells are what they were in the sheet."""

    def __init__(self, strings: list[str], dates: frozenset[str], epoch: datetime) -> None:
        super().__init__(strings, dates, epoch)
        self._kinds |= {"n": _exact, "b": lambda text: text == "1"}

    def _date(self, text: str) -> Any:
        moment = self._moment(text)
        return moment if isinstance(moment, date) else str(moment)


@lru_cache(maxsize=1000)
def _column(letters: str) -> int:
    return column_index_from_string(letters)


def _exact(text: str) -> int | float:
    number = float(text)
    return int(text) if text.lstrip("-").isdecimal() else int(number) if number.is_integer() else number


def _number(text: str) -> str:
    """As it is shown without a format: 20001.0 is 20001."""
    if text.isdigit():
        return text
    number = float(text)
    return str(int(number)) if number.is_integer() else repr(number)
