"""Lists that people bring: kept as they came, looked up by a worker, used only when a person says so."""

import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, Exists, F, Min, OuterRef, Q, QuerySet

from dashboard.models import Entry, Errand, Run, Selection, Upload, UploadFile, UploadUse
from dashboard.services import clock, lists, selection
from dashboard.services.accounts import Snapshot
from dashboard.services.chunks import in_chunks
from dashboard.services.lists import Layout, Row
from dashboard.services.paging import Paging

STATE = Entry.State
METHOD = Upload.Method
SEARCHES = (METHOD.SEARCH, METHOD.CHECK)
CHUNK = 500
LATE = 50  # lists in which a chosen column is remembered
NOT_ALL_SEEN = "No search found it, and the vendor's whole list was not looked through to its end."
NONE_CHOSEN = "You chose none of those that are like it."


@dataclass(frozen=True)
class Entries:
    """Lines of a list, and where they stand in it."""

    rows: list[Entry]
    paging: Paging


class NotPossible(Exception):
    """It cannot be done as the list is now; its text says why, for people."""


def keep(user: User, campaign_id: Any, *, content: bytes, name: str = "") -> Upload:
    """Keep a file, or pasted text where it has no name, for the person's selection. Raises: lists.Unreadable."""
    if name:
        glance = lists.look_at(content)
        layout, columns, column = glance.layout, glance.columns, glance.column
        if column is None and (before := _chosen_before(user, columns)):
            layout, column = replace(layout, heading=True), before.column
        sheets = glance.sheets if len(glance.sheets) > 1 else []
    else:
        layout, columns, column, sheets = Layout("text"), [], 0, []
    picked = selection.of(user, campaign_id)
    with transaction.atomic():
        upload = Upload.objects.create(
            selection=picked,
            token=picked.token,
            name=name[-255:],
            layout=layout.as_json(),
            sheets=sheets,
            columns=columns,
            column=column,
            state=Errand.State.WAITING if column is None or sheets else Errand.State.QUEUED,
        )
        UploadFile.objects.create(upload=upload, content=zlib.compress(content, 1))
    return upload


def _chosen_before(user: User, columns: Sequence[str]) -> Upload | None:
    """A late list of the person's with these headings, perhaps fewer of them, whose column was chosen."""
    late = Upload.objects.filter(selection__user=user, column__isnull=False, layout__heading=True)
    alike = (before for before in late.order_by("-pk")[:LATE] if before.columns)
    return next((before for before in alike if before.columns == columns[: len(before.columns)]), None)


def of_person(user: User, campaign_id: Any) -> QuerySet[Upload]:
    """The person's lists for the campaign that still belong to the selection, the last one first."""
    picked = selection.of(user, campaign_id)
    return Upload.objects.filter(selection=picked, token=picked.token).order_by("-pk")


def content_of(upload: Upload) -> bytes:
    """The file's bytes, or the pasted text. Raises: UploadFile.DoesNotExist where it is not kept any more."""
    return zlib.decompress(UploadFile.objects.values_list("content", flat=True).get(pk=upload.pk))


def unused(picked: Selection) -> QuerySet[Upload]:
    """The lists for the selection that are on their way, or wait for a person."""
    ended = (Errand.State.CANCELLED, Errand.State.FAILED)
    fresh = picked.uploads.filter(token=picked.token, used_at=None, removed_at=None)
    return fresh.exclude(state__in=ended).order_by("pk")


def original_rows(upload: Upload) -> Iterator[Row]:
    """The list as it came, row by row. Raises: lists.Unreadable."""
    return lists.rows(content_of(upload), Layout(**upload.layout))


def first_rows(upload: Upload, number: int = 6) -> list[Row]:
    """Enough to choose a column by."""
    return [row for row, _ in zip(original_rows(upload), range(number), strict=False)]


def choose_sheet(upload: Upload, sheet: str) -> None:
    """Say which sheet of a workbook is meant; its columns are to be chosen from then. Raises: NotPossible."""
    glance = lists.look_at(content_of(upload), sheet)
    waiting = Upload.objects.filter(pk=upload.pk, state=Errand.State.WAITING, removed_at=None)
    if not waiting.update(layout=glance.layout.as_json(), columns=glance.columns, column=glance.column):
        raise NotPossible("This list is being looked up already.")


def choose_column(upload: Upload, column: int, *, heading: bool) -> None:
    """Say which column names the invoice, and whether the first row is a heading; then the list is read.

    Raises: NotPossible.
    """
    waiting = Upload.objects.filter(pk=upload.pk, state=Errand.State.WAITING, removed_at=None)
    changed = waiting.update(
        column=column, layout=upload.layout | {"heading": heading}, state=Errand.State.QUEUED
    )
    if not changed:
        raise NotPossible("The column was chosen before.")


def choose(upload: Upload, choices: Mapping[int, str]) -> int:
    """Say which invoice is meant, by entry, "" for none of them. Gives how many were decided. Raises: NotPossible."""
    if not may_use(upload):
        raise NotPossible("This list was used before, or its selection was sent or cleared meanwhile.")
    entries = upload.entries.filter(pk__in=choices.keys(), state=STATE.ASKED)
    decided = [entry for entry in entries if _decide(entry, choices[entry.pk])]
    Entry.objects.bulk_update(decided, ["state", "account_id", "reason"], batch_size=100)
    mark_same_invoices(upload)
    return len(decided)


def mark_same_invoices(upload: Upload) -> None:
    """Two entries that name one invoice, as by its number and by its id, count once."""
    found = upload.entries.filter(state=STATE.FOUND)
    same = found.values("account_id").annotate(size=Count("pk"), first=Min("pk"))
    for group in same.filter(size__gt=1).order_by():
        reason = f"The same invoice as in {found.get(pk=group['first']).where}."
        again = found.filter(account_id=group["account_id"]).exclude(pk=group["first"])
        again.update(state=STATE.DUPLICATE, reason=reason)


def look_through(upload: Upload) -> None:
    """Look for what no search found in the vendor's whole list. Raises: NotPossible."""
    with transaction.atomic():
        changed = Upload.objects.filter(
            pk=upload.pk, state=Errand.State.DONE, method=METHOD.SEARCH, used_at=None, removed_at=None
        ).update(
            state=Errand.State.QUEUED,
            message="",
            method=METHOD.REST,
            pages_read=0,
            rows_read=0,
            last_page="",
            first_total=None,
            last_total=None,
        )
        if not changed:
            raise NotPossible("The whole list was looked through before.")
        upload.entries.filter(state=STATE.MISSING).update(state=STATE.WAITING, reason="")


@transaction.atomic
def fall_back(upload: Upload, message: str) -> bool:
    """Back to what the searches found: half of the vendor's list cannot tell that a name is borne by one invoice alone.

    False where the looking through had ended.
    """
    held = Upload.objects.filter(pk=upload.pk, state__in=Errand.ACTIVE)
    if not held.update(state=Errand.State.DONE, method=METHOD.SEARCH, message=message[:500]):
        return False
    since = Q(state__in=(STATE.FOUND, STATE.ASKED), read_at__gt=upload.finished_at)
    changed = upload.entries.filter(Q(state=STATE.WAITING) | since)
    changed.update(state=STATE.MISSING, reason=NOT_ALL_SEEN, account_id="", matches=[])
    return True


@transaction.atomic
def use(upload: Upload) -> selection.Taken:
    """Put what was found into the selection, and nothing else; once. Raises: NotPossible."""
    picked = selection.lock(upload.selection)
    fresh = Upload.objects.filter(pk=upload.pk, state=Errand.State.DONE, used_at=None, removed_at=None)
    if not fresh.filter(token=picked.token).update(used_at=clock.now()):
        raise NotPossible("This list was used before, or its selection was sent or cleared meanwhile.")
    taken = selection.take_in(picked, _found(upload))
    UploadUse.objects.create(upload=upload, token=picked.token)
    duplicates = upload.entries.filter(state=STATE.DUPLICATE).count()
    Selection.objects.filter(pk=picked.pk).update(duplicates=F("duplicates") + duplicates)
    return taken


def follow(tokens: Collection[UUID], picked: Selection) -> None:
    """Invoices of the selections or runs with these tokens went into a selection: so did the lists that name them there.

    For the holder of its lock, who has put them in.
    """
    there = picked.accounts.values("account_id")
    named = Entry.objects.filter(upload=OuterRef("upload"), state=STATE.FOUND, account_id__in=there)
    used = UploadUse.objects.filter(Exists(named), token__in=tokens).values_list("upload", flat=True)
    UploadUse.objects.bulk_create(
        [UploadUse(upload_id=upload_id, token=picked.token) for upload_id in {*used}], ignore_conflicts=True
    )


def runs_of(upload: Upload) -> QuerySet[Run]:
    """The runs that its invoices went into, the last one first."""
    return Run.objects.filter(token__in=upload.uses.values("token")).defer("campaign")


def progress(upload: Upload) -> tuple[int, int | None]:
    """How far the looking up is: pages of the vendor's list, or entries; the size is None while lines are read."""
    if not upload.is_read:
        return 0, None
    if upload.method and upload.method not in SEARCHES:
        return upload.pages_read, upload.pages
    size = upload.entries.count()
    return size - upload.entries.filter(state=STATE.WAITING).count(), size


def may_use(upload: Upload) -> bool:
    """Whether it is looked up, was not used yet, and the selection it was brought for is still the same."""
    is_current = upload.token == upload.selection.token
    is_fresh = upload.used_at is None and upload.removed_at is None
    return upload.state == Errand.State.DONE and is_fresh and is_current


def entries(upload: Upload, *, state: str = "", page: int = 1, per_page: int = 20) -> Entries:
    """A page of the list's lines, those in one state or all."""
    found = upload.entries.filter(state=state) if state else upload.entries.all()
    rows = Paginator(found.order_by("pk"), per_page).get_page(page)
    return Entries(list(rows), Paging.of_rows(rows))


def counts(upload: Upload) -> dict[str, int]:
    """How many entries are in each state."""
    found = dict(upload.entries.values_list("state").annotate(Count("pk")).order_by())
    return {state: found.get(state, 0) for state in STATE.values}


def _decide(entry: Entry, account_id: str) -> bool:
    if not account_id:
        entry.state, entry.reason = STATE.MISSING, NONE_CHOSEN
        return True
    if account_id not in {match["account"]["id"] for match in entry.matches}:
        return False
    entry.state, entry.account_id, entry.reason = STATE.FOUND, account_id, ""
    return True


def _found(upload: Upload) -> Iterator[tuple[datetime, list[Snapshot]]]:
    """What was found, with the oldest reading of each part."""
    found = upload.entries.filter(state=STATE.FOUND).order_by("pk").only("account_id", "matches", "read_at")
    for entries in in_chunks(found.iterator(chunk_size=CHUNK), CHUNK):
        yield min(entry.read_at for entry in entries if entry.read_at), [_chosen(entry) for entry in entries]


def _chosen(entry: Entry) -> Snapshot:
    accounts_alike = (match["account"] for match in entry.matches)
    return next(account for account in accounts_alike if account["id"] == entry.account_id)
