"""A person's own list given back: every line as it came, with what became of its invoice. It can be brought again as it is."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from dashboard.models import Batch, Entry, Outcome, Run, Upload, UploadFile
from dashboard.services import exports, lists, spreadsheets, unsent, uploads
from dashboard.services.chunks import in_chunks
from dashboard.services.lists import Layout
from dashboard.services.spreadsheets import Cell

CHUNK = 500
ADDED = ("Outcome", "Reason", "Error")
WITHOUT_RUN = {
    Entry.State.MISSING: "not found",
    Entry.State.ASKED: "not chosen",
    Entry.State.DUPLICATE: "given before",
    Entry.State.BAD: "not readable",
}
NOT_HERE = "not in this run"
LEFT_OUT = (NOT_HERE, "It was not selected when the run was confirmed.", "")
BLANK = ("", "", "")
Fate = tuple[str, str, str]


@dataclass(frozen=True)
class File:
    """`kind` is its ending."""

    name: str
    kind: str
    pieces: Iterator[bytes]


def file_of(run: Run, upload: Upload) -> File:
    """The list in its own format; pasted text as CSV. What is in another run says in which.

    Raises: UploadFile.DoesNotExist where it is not kept any more; its pieces do, too, where it goes meanwhile.
    """
    content, layout = uploads.content_of(upload), Layout(**upload.layout)
    stem = PurePath(upload.name).stem or "pasted"
    heading, lines = _heading_and_lines(upload, content, layout)
    heading = [*heading, *(_free(word, heading, run) for word in ADDED)]
    rows = _with_fates(run, upload, lines, len(heading) - len(ADDED))
    if layout.kind == "xlsx":
        return File(f"{stem}-run-{run.pk}.xlsx", "xlsx", spreadsheets.as_xlsx(heading, rows))
    options = {} if layout.kind == "text" else _dialect(content, layout)
    pieces = spreadsheets.as_csv(_below(heading, rows), **options)
    return File(f"{stem}-run-{run.pk}.csv", "csv", pieces)


def _dialect(content: bytes, layout: Layout) -> dict[str, str]:
    return {
        "encoding": layout.encoding,
        "delimiter": layout.delimiter,
        "newline": lists.newline_of(content, layout),
    }


def _below(heading: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[Sequence[Cell]]:
    yield heading
    yield from rows


def _free(word: str, heading: Sequence[str], run: Run) -> str:
    """A list that is given back a second time has these columns already."""
    return f"{word} (run {run.pk})" if word in heading else word


Line = tuple[Sequence[Cell], tuple[str, str, str]]  # the cells; the entry's state, reason and account


def _heading_and_lines(upload: Upload, content: bytes, layout: Layout) -> tuple[list[str], Iterator[Line]]:
    """The headings, as wide as the widest line, made where there were none; then what each entry says of its line."""
    entries = upload.entries.order_by("pk").values_list("line", "value", "state", "reason", "account_id")
    told = entries.iterator(chunk_size=CHUNK)
    if layout.kind == "text":
        return ["Invoice"], (([value], (state, reason, id_)) for _, value, state, reason, id_ in told)
    width = max((len(cells) for _, cells in lists.typed_rows(content, layout)), default=0)
    heading = [*upload.columns] if layout.heading else _made_up(width, upload.column or 0)
    heading += [""] * (width - len(heading))
    rows = lists.typed_rows(content, layout)
    if layout.heading:
        next(rows, None)
    return heading, _told(rows, told)


def _told(
    rows: Iterable[tuple[int, list[Any]]], entries: Iterator[tuple[int, str, str, str, str]]
) -> Iterator[Line]:
    """Each row with what the entry of its line says; a blank one has none."""
    entry = next(entries, None)
    for line, cells in rows:
        if entry and entry[0] == line:
            yield cells, entry[2:]
            entry = next(entries, None)
        else:
            yield cells, BLANK


def _made_up(width: int, column: int) -> list[str]:
    return ["Invoice" if place == column else f"Column {place + 1}" for place in range(width)]


def _with_fates(run: Run, upload: Upload, lines: Iterable[Line], width: int) -> Iterator[list[Cell]]:
    others = [*uploads.runs_of(upload).exclude(pk=run.pk).values_list("pk", flat=True)]
    waiting = {
        account["id"]: (state, exports.UNSENT[Batch.State(state)][0], "")
        for state, accounts in unsent.batches(run).values_list("state", "accounts").iterator(chunk_size=20)
        for account in accounts
    }
    for chunk in in_chunks(lines, CHUNK):
        UploadFile.objects.only("pk").get(pk=upload.pk)  # goes before its lines: these were all there
        ids = [account_id for _, (_, _, account_id) in chunk if account_id]
        here = {id_: waiting[id_] for id_ in ids if id_ in waiting} | _fates_of(run, ids)
        known = (_elsewhere(others, ids) if others else {}) | here
        for cells, (state, reason, account_id) in chunk:
            fate = _fate(state, reason, known.get(account_id, LEFT_OUT))
            yield [*cells, *[""] * (width - len(cells)), *fate]


def _elsewhere(runs: Sequence[int], account_ids: Sequence[str]) -> dict[str, Fate]:
    """The last of these runs that each is in, as far as it has a fate there."""
    found = Outcome.objects.filter(run__in=runs, account_id__in=account_ids).order_by("run")
    return {
        id_: (NOT_HERE, f"It is in run {run}.", "") for id_, run in found.values_list("account_id", "run")
    }


def _fates_of(run: Run, account_ids: Sequence[str]) -> dict[str, Fate]:
    found = run.outcomes.filter(account_id__in=account_ids)
    return {
        account_id: (state, exports.explained(state, reason)[0], error)
        for account_id, state, reason, error in found.values_list("account_id", "state", "reason", "error")
    }


def _fate(state: str, reason: str, fate: Fate) -> Fate:
    if not state:
        return BLANK
    if state != Entry.State.FOUND:
        return WITHOUT_RUN[Entry.State(state)], reason, ""
    return fate
