"""Looking up what the lists that people bring name: a worker reads them line by line and finds the invoices at the vendor."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction

from dashboard.api.client import Client
from dashboard.api.errors import NotAllowed, NotFound, Refused
from dashboard.api.schema import Account
from dashboard.models import Entry, Errand, Upload, UploadFile
from dashboard.services import accounts, clock, lists, uploads, workbooks
from dashboard.services.chunks import in_chunks
from dashboard.services.gathering import NOTED, PER_PAGE, Ask, next_pages, note

STATE = Entry.State
METHOD = Upload.Method
CHUNK = 500
LINES_AT_ONCE = 5000
LONGEST_VALUE = 200
SHORT_LIST = 20  # pages: so few are read whole, also for one number
FEW = 100  # entries that a walk did not show and that are looked up one by one to be sure
SEARCH_PAGES = 10
MATCHES_KEPT = 20
REMEMBERED = timedelta(minutes=10)

NOTHING = "Nothing stands in this column."
TOO_LONG = "It is longer than 200 characters."
NOT_READABLE = "It holds characters that cannot be read."
NO_RESULT = "A formula whose result the file does not hold. Open the file in a spreadsheet, save it and bring it again."
NOT_SEARCHED = (
    "The vendor's search finds no invoice with exactly this number; it does not look at external ids."
)
NOT_LISTED = "No invoice in the vendor's list has exactly this number or id."
NOT_SHOWN = (
    "Not among the rows that came, but the vendor counts more than its pages held: look for it there, "
    "or bring its account id."
)
NO_SUCH_ID = "Not found in this workspace: deleted, mistyped, or out of this API key's sight."
TOO_COMMON = "The vendor's search finds more than 1,000 invoices for it: too many to look through."


def read_lines(upload: Upload) -> None:
    """Make an entry of every line; begins anew where another worker was stopped at it."""
    upload.entries.all().delete()
    try:
        for chunk in in_chunks(_entries(upload), LINES_AT_ONCE):
            with transaction.atomic():
                if not _save(upload, served_at=clock.now()):
                    return
                _insert(upload, chunk)
    except lists.Unreadable as error:
        if _save(upload, state=Errand.State.FAILED, message=str(error), finished_at=clock.now()):
            upload.entries.all().delete()
            UploadFile.objects.filter(pk=upload.pk).delete()
        return
    _save(upload, is_read=True)


def step(upload: Upload, client: Client, ask: Ask, at_once: int) -> None:
    """The next calls for a list that is read. Raises: ApiError."""
    if not upload.method:
        _plan(upload, client)
    elif upload.method in uploads.SEARCHES:
        _search(upload, client, ask, at_once)
    else:
        _walk(upload, client, ask, at_once)


def _plan(upload: Upload, client: Client) -> None:
    """The way with fewer calls: the whole list, or a search for each. Its first page tells how long the list is."""
    _remember(upload)
    waiting = upload.entries.filter(state=STATE.WAITING).count()
    if not waiting:
        _conclude(upload)
        return
    page = client.accounts(page=1, per_page=PER_PAGE)
    is_over = note(upload, [page])
    is_short = upload.pages is not None and upload.pages <= max(waiting, SHORT_LIST)
    upload.method = METHOD.WALK if is_short else METHOD.SEARCH
    _write(upload, page.items, is_over=is_over and is_short)


def _walk(upload: Upload, client: Client, ask: Ask, at_once: int) -> None:
    pages = ask(
        lambda number: accounts.page_of(client, page=number, per_page=PER_PAGE), next_pages(upload, at_once)
    )
    is_over = note(upload, pages)
    _write(upload, [account for page in pages for account in page.items], is_over=is_over)


def _write(upload: Upload, seen: Collection[Account], *, is_over: bool) -> None:
    """Keep what pages of the list say. Rows move between pages, so the few that no page showed are looked up, too."""
    with transaction.atomic():
        if not _save(upload, **{name: getattr(upload, name) for name in ("method", *NOTED)}):
            return
        if upload.method not in uploads.SEARCHES:
            _match(upload, seen)
        if is_over and upload.method == METHOD.WALK and _has_few_left(upload):
            _save(upload, method=METHOD.CHECK)
        elif is_over:
            _conclude(upload)


def _has_few_left(upload: Upload) -> bool:
    left = upload.entries.filter(state=STATE.WAITING).count()
    return upload.has_drifted or upload.is_short or left <= max(upload.pages_read, FEW)


def _match(upload: Upload, seen: Collection[Account]) -> None:
    """Give each entry the accounts that are like it."""
    alike: dict[str, list[Account]] = defaultdict(list)
    for account in seen:
        for name in {name.casefold() for name in _names_of(account)}:
            alike[name].append(account)
    matched: list[Account] = []
    open_ones = upload.entries.filter(state__in=[STATE.WAITING, STATE.FOUND, STATE.ASKED])
    for names in in_chunks(alike, CHUNK):
        entries = list(open_ones.filter(folded__in=names))
        for entry in entries:
            _take(entry, alike[entry.folded])
            matched += alike[entry.folded]
        _save_entries(entries)
    accounts.keep_names(matched)


def _search(upload: Upload, client: Client, ask: Ask, at_once: int) -> None:
    waiting = list(upload.entries.filter(state=STATE.WAITING).order_by("pk")[:at_once])
    answers = ask(lambda entry: _find(client, entry.value), waiting)
    for entry, (found, reason) in zip(waiting, answers, strict=True):
        _take(entry, found)
        if not entry.matches:
            is_listed_nowhere = upload.method == METHOD.CHECK and reason == NOT_SEARCHED
            entry.state, entry.reason = STATE.MISSING, _not_listed(upload) if is_listed_nowhere else reason
    with transaction.atomic():
        if _save(upload, served_at=clock.now()):
            _save_entries(waiting)
            accounts.keep_names(account for found, _ in answers for account in found)
            if len(waiting) < at_once:
                _conclude(upload)


def _find(client: Client, value: str) -> tuple[list[Account], str]:
    """The accounts that are named so but for case, and why there are none. Raises: ApiError."""
    try:
        if lists.named_id(value):
            return [client.account(value)], ""
        walk, found = Upload(), list[Account]()  # the walk counts and is not saved
        while walk.pages_read < SEARCH_PAGES:
            page = accounts.page_of(client, search=value, page=walk.pages_read + 1, per_page=PER_PAGE)
            found += [row for row in page.items if value.casefold() in map(str.casefold, _names_of(row))]
            if note(walk, [page]):
                return found, NOT_SEARCHED
    except NotFound:
        return [], NO_SUCH_ID
    except NotAllowed:
        raise
    except Refused as error:
        return [], error.message[:LONGEST_VALUE]
    return [], TOO_COMMON


def _remember(upload: Upload) -> None:
    """What was found a short while ago for a list of the same selection is not asked for again."""
    known = Entry.objects.filter(
        upload__selection=upload.selection_id, state=STATE.FOUND, read_at__gt=clock.now() - REMEMBERED
    ).exclude(upload=upload)
    if not known.exists():
        return
    waiting = upload.entries.filter(state=STATE.WAITING)
    for chunk in in_chunks(list(waiting.values_list("value", flat=True)), CHUNK):
        before = {entry.value: entry for entry in known.filter(folded__in=[v.casefold() for v in chunk])}
        entries = list(waiting.filter(value__in=set(chunk) & before.keys()))
        for entry in entries:
            seen = before[entry.value]
            if sum(match["exact"] for match in seen.matches) != 1:
                continue  # a person chose it; what is meant now is asked again
            entry.state, entry.account_id = STATE.FOUND, seen.account_id
            entry.matches, entry.read_at = seen.matches, seen.read_at
        _save_entries(entries)


def _not_listed(upload: Upload) -> str:
    return NOT_SHOWN if upload.is_short else NOT_LISTED


def _conclude(upload: Upload) -> None:
    """Nothing is left to ask the vendor."""
    upload.entries.filter(state=STATE.WAITING).update(state=STATE.MISSING, reason=_not_listed(upload))
    uploads.mark_same_invoices(upload)
    _save(upload, state=Errand.State.DONE, finished_at=clock.now())


class _Line(NamedTuple):
    """An entry on its way into the database, where it is one of up to 200,000."""

    line: int
    place: int
    value: str
    folded: str = ""
    state: str = STATE.WAITING.value
    reason: str = ""


def _entries(upload: Upload) -> Iterator[_Line]:
    """One for each value, whether it is good or not; what was given before is said with its place."""
    places: dict[str, tuple[int, int]] = {}
    for line, place, text in _values(upload):
        value = lists.named_id(text) or text
        shown = value[:LONGEST_VALUE]
        if problem := _problem(value):
            yield _Line(line, place, shown, state=STATE.BAD.value, reason=problem)
        elif value in places:
            first = Entry(line=places[value][0], place=places[value][1])
            yield _Line(
                line, place, shown, state=STATE.DUPLICATE.value, reason=f"The same as in {first.where}."
            )
        else:
            places[value] = line, place
            yield _Line(line, place, shown, value.casefold()[:LONGEST_VALUE])


def _insert(upload: Upload, entries: Sequence[_Line]) -> None:
    """Plain SQL: some five times faster than `bulk_create`."""
    names = ", ".join(["upload_id", *_Line._fields, "account_id", "matches"])
    marks = ", ".join(["%s"] * (len(_Line._fields) + 1))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {Entry._meta.db_table} ({names}) VALUES ({marks}, '', '[]')",  # noqa: S608
            [(upload.pk, *entry) for entry in entries],
        )


def _values(upload: Upload) -> Iterator[tuple[int, int, str]]:
    """The line, the place in it (0 in a file) and the text of each entry."""
    column, skip = upload.column or 0, upload.layout.get("heading", False)
    for row in uploads.original_rows(upload):
        if skip:
            skip = False
        elif upload.layout["kind"] == "text":
            yield from ((row.line, place, cell) for place, cell in enumerate(row.cells, start=1))
        else:
            yield row.line, 0, row.cells[column] if column < len(row.cells) else ""


def _problem(value: str) -> str:
    if not value:
        return NOTHING
    if value == workbooks.NO_RESULT:
        return NO_RESULT
    if len(value) > LONGEST_VALUE:
        return TOO_LONG
    return NOT_READABLE if "\ufffd" in value or not value.isprintable() else ""


def _names_of(account: Account) -> list[str]:
    names = (account.id or "", account.invoice_number.strip(), account.external_invoice_id.strip())
    return [name for name in names if name]


def _take(entry: Entry, found: Sequence[Account]) -> None:
    """One that is named exactly so is found; several, or one that differs in case, are for a person to choose from."""
    known = {match["account"]["id"] for match in entry.matches}
    new = [row for row in found if row.id not in known and accounts.has_uuid(row.id)]
    if not new:
        return
    entry.matches = [*entry.matches, *(_match_of(entry, row) for row in new)][:MATCHES_KEPT]
    exact = [match["account"]["id"] for match in entry.matches if match["exact"]]
    entry.read_at = clock.now()
    entry.state = STATE.FOUND if len(exact) == 1 else STATE.ASKED
    entry.account_id = exact[0] if len(exact) == 1 else ""
    entry.reason = "" if len(exact) == 1 else _question(len(exact))


def _match_of(entry: Entry, account: Account) -> dict[str, Any]:
    exact = entry.value in _names_of(account)
    return {
        "exact": exact,
        "external_id": account.external_invoice_id,
        "account": accounts.snapshot_of(account),
    }


def _question(exact: int) -> str:
    return (
        f"{exact} invoices have exactly this number or id." if exact else "Only upper and lower case differ."
    )


def _save_entries(entries: Sequence[Entry]) -> None:
    fields = ["state", "reason", "account_id", "matches", "read_at"]
    Entry.objects.bulk_update(entries, fields, batch_size=100)


def _save(upload: Upload, **values: Any) -> bool:
    """Write these; False where it was cancelled meanwhile, or another worker holds it."""
    mine = Upload.objects.filter(pk=upload.pk, state=Errand.State.RUNNING, incarnation=upload.incarnation)
    return bool(mine.update(**values))
