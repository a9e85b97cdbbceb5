"""Select all that match: every page of the vendor's list is read, then all of it enters the selection in one step."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Protocol, TypeVar

from django.db import transaction

from dashboard.api.client import Client
from dashboard.api.errors import Malformed
from dashboard.api.schema import Account, Page
from dashboard.models import Errand, GatheredPage, Gathering, Selection
from dashboard.services import accounts, clock, selection
from dashboard.services.accounts import Snapshot
from dashboard.services.paging import Paging

PER_PAGE = 100
MOST_PAGES = 1000
NOTED = ("pages", "pages_read", "first_total", "last_total", "rows_read", "last_page")
SAME_PAGE = (
    "The vendor gives the same page of its list again and again, so that it cannot be read to its end. "
    "Try again later, or narrow the filters."
)
TOO_MANY = "More than 100,000 invoices match: narrow the filters and select in parts. Nothing was added."

OTHER_FILTERS = (
    "These were not selected: “Select all matching” is still under way with other filters. "
    "Wait until it has ended or cancel it, then select all again."
)

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


class Busy(Exception):
    """Another set is on its way into the selection; its text says what to do."""


class Ask(Protocol):
    """Makes calls at the same time, and gives what they give in order. Raises: ApiError."""

    def __call__(
        self, call: Callable[[Asked], Answered], things: Iterable[Asked], /
    ) -> Sequence[Answered]: ...


def begin(picked: Selection, filters: Mapping[str, Any]) -> Gathering:
    """Ask for all that match the filters (as `accounts.Filters`) now; a gathering under way is asked for once.

    Raises: Busy where one with other filters is under way.
    """
    asked = {
        name: value if isinstance(value, bool) else str(value)
        for name, value in filters.items()
        if name not in ("page", "per_page") and value not in (None, "", False)
    }
    with transaction.atomic():
        locked = selection.lock(picked)
        if under_way := locked.gatherings.filter(state__in=Errand.ACTIVE).first():
            if under_way.filters != asked:
                raise Busy(OTHER_FILTERS)
            return under_way
        locked.gatherings.all().delete()
        return Gathering.objects.create(selection=locked, token=locked.token, filters=asked)


def latest(picked: Selection) -> Gathering | None:
    """The one under way, or the last one as long as its result was not put away."""
    return picked.gatherings.order_by("pk").last()


def progress(gathering: Gathering) -> tuple[int, int | None]:
    """How many invoices were read, of how many."""
    read, total = gathering.pages_read * PER_PAGE, gathering.last_total
    return (read if total is None else min(read, total)), total


def next_pages(errand: Errand, at_once: int) -> range:
    """The numbers of the pages to read now: one where it is not known whether there are more."""
    first = errand.pages_read + 1
    return range(first, min(first + at_once, max(errand.pages or first, first) + 1))


def note(errand: Errand, pages: Sequence[Page[Account]]) -> bool:
    """Keep in the errand what these pages say of the list; gives whether it has come to its end.

    Pages may hold fewer rows than asked for: it ends where all came that are counted, or an empty page.
    Raises: Malformed.
    """
    for page in pages:
        _note_page(errand, page)
    if errand.pages is None or errand.pages_read < errand.pages:
        return errand.pages is None and not pages[-1].size
    return errand.last_total is None or errand.rows_read >= errand.last_total or not pages[-1].size


def _note_page(errand: Errand, page: Page[Account]) -> None:
    ids = " ".join(row.id or "" for row in page.items).strip()
    mark = blake2b(ids.encode(), digest_size=16).hexdigest() if ids else ""
    if mark and mark == errand.last_page:
        raise Malformed(SAME_PAGE)
    errand.last_page = mark
    errand.pages_read += 1
    errand.rows_read += page.size
    errand.pages = Paging.of_api(page).last or errand.pages
    errand.first_total = page.total if errand.first_total is None else errand.first_total
    errand.last_total = errand.last_total if page.total is None else page.total


def step(gathering: Gathering, client: Client, ask: Ask, at_once: int) -> None:
    """Read the next pages; after the last one, put all into the selection. Raises: ApiError."""
    filters = _filters_of(gathering)
    pages = ask(
        lambda number: accounts.page_of(client, **filters, page=number, per_page=PER_PAGE),
        next_pages(gathering, at_once),
    )
    is_over = note(gathering, pages)
    if max(gathering.last_total or 0, gathering.rows_read) > MOST_PAGES * PER_PAGE:
        _save(gathering, state=Errand.State.FAILED, message=TOO_MANY, finished_at=clock.now())
        return
    with transaction.atomic():
        if _keep(gathering, pages) and is_over:
            _finish(gathering)


def _filters_of(gathering: Gathering) -> dict[str, Any]:
    asked: dict[str, Any] = gathering.filters
    amounts = {name: Decimal(value) for name, value in asked.items() if name.startswith("amount_")}
    return asked | amounts


def _keep(gathering: Gathering, pages: Sequence[Page[Account]]) -> bool:
    """Write the pages down; False where it was cancelled meanwhile, or another worker holds it."""
    first, read_at = gathering.pages_read - len(pages) + 1, clock.now()
    snapshots = [[accounts.snapshot_of(row) for row in page.items] for page in pages]
    kept = [[row for row in rows if accounts.has_uuid(row["id"])] for rows in snapshots]
    gathering.unreadable += sum(page.unreadable + len(page.items) for page in pages) - sum(map(len, kept))
    GatheredPage.objects.bulk_create(
        [
            GatheredPage(gathering=gathering, number=number, rows=rows, read_at=read_at)
            for number, rows in enumerate(kept, start=first)
        ],
        ignore_conflicts=True,
    )
    accounts.keep_names(row for page in pages for row in page.items)
    values = {name: getattr(gathering, name) for name in (*NOTED, "unreadable")}
    return _save(gathering, **values)


def _finish(gathering: Gathering) -> None:
    """All or nothing: the selection as it was asked for takes all that was read."""
    picked = selection.lock(gathering.selection)
    if picked.token != gathering.token or not _save(
        gathering, state=Errand.State.DONE, finished_at=clock.now()
    ):
        return
    taken = selection.take_in(picked, _pages_of(gathering))
    gathering.gathered_pages.all().delete()
    Gathering.objects.filter(pk=gathering.pk).update(
        found=taken.given - taken.repeated, added=taken.added, repeated=taken.repeated
    )


def _pages_of(gathering: Gathering) -> Iterator[tuple[Any, list[Snapshot]]]:
    pages = gathering.gathered_pages.order_by("number").values_list("read_at", "rows")
    return pages.iterator(chunk_size=20)


def _save(gathering: Gathering, **values: Any) -> bool:
    mine = Gathering.objects.filter(
        pk=gathering.pk, state=Errand.State.RUNNING, incarnation=gathering.incarnation
    )
    return bool(mine.update(**values))
