"""Reading the selected accounts again: by the vendor's list where that costs fewer calls than one for each."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet

from dashboard.api.client import Client
from dashboard.api.errors import NotAllowed, NotFound, Refused
from dashboard.models import Errand, Refreshing, SelectedAccount, Selection
from dashboard.services import accounts, clock, selection
from dashboard.services.accounts import Snapshot
from dashboard.services.gathering import NOTED, PER_PAGE, Ask, next_pages, note

METHOD = Refreshing.Method
FEW = 4  # so few are read one by one, without a look at how long the list is


def begin(picked: Selection) -> Refreshing:
    """Ask for all that is selected to be read again; what is under way is asked for once."""
    with transaction.atomic():
        locked = selection.lock(picked)
        if under_way := locked.refreshings.filter(state__in=Errand.ACTIVE).first():
            return under_way
        locked.refreshings.all().delete()
        return Refreshing.objects.create(
            selection=locked, token=locked.token, since=clock.now(), size=locked.accounts.count()
        )


def latest(picked: Selection) -> Refreshing | None:
    """The one under way, or the last one as long as its result was not put away and its selection was not sent."""
    return picked.refreshings.filter(token=picked.token).last()


def progress(refreshing: Refreshing) -> tuple[int, int]:
    """How many were read, of how many."""
    return min(refreshing.read + refreshing.unreadable, refreshing.size), refreshing.size


def step(refreshing: Refreshing, client: Client, ask: Ask, at_once: int) -> None:
    """The next calls. Raises: ApiError."""
    if not refreshing.method:
        _plan(refreshing, client)
    elif refreshing.method == METHOD.WALK:
        _walk(refreshing, client, ask, at_once)
    else:
        _read_each(refreshing, client, ask, at_once)


def _plan(refreshing: Refreshing, client: Client) -> None:
    """The way with fewer calls. The list's first page tells how long it is."""
    waiting = _older(refreshing).count()
    refreshing.method = METHOD.EACH
    if waiting <= FEW:
        _save(refreshing, method=METHOD.EACH)
        return
    page = client.accounts(page=1, per_page=PER_PAGE)
    is_over = note(refreshing, [page])
    if refreshing.pages is not None and refreshing.pages <= waiting and not is_over:
        refreshing.method = METHOD.WALK
    _keep(refreshing, accounts.snapshots_of(page.items))


def _walk(refreshing: Refreshing, client: Client, ask: Ask, at_once: int) -> None:
    """Rows move between pages: those that none showed are read by a call of their own afterwards."""
    pages = ask(
        lambda number: accounts.page_of(client, page=number, per_page=PER_PAGE),
        next_pages(refreshing, at_once),
    )
    if note(refreshing, pages):
        refreshing.method = METHOD.EACH
    _keep(refreshing, accounts.snapshots_of(row for page in pages for row in page.items))


def _read_each(refreshing: Refreshing, client: Client, ask: Ask, at_once: int) -> None:
    left = _older(refreshing).filter(pk__gt=refreshing.place).order_by("pk")
    some = list(left.values_list("pk", "account_id")[:at_once])
    answers = ask(partial(_read, client), [account_id for _, account_id in some])
    found = {account_id: row for (_, account_id), row in zip(some, answers, strict=True) if row}
    refreshing.unreadable += len(some) - len(found)
    refreshing.place = some[-1][0] if some else refreshing.place
    _keep(refreshing, found)
    if len(some) < at_once:
        _save(refreshing, state=Errand.State.DONE, finished_at=clock.now())


def _read(client: Client, account_id: str) -> Snapshot | None:
    """None where the vendor refuses to give this one. Raises: ApiError."""
    try:
        return accounts.snapshot_of(client.account(account_id)) | {"id": account_id}
    except NotFound:
        return {"id": account_id, "missing": True}
    except NotAllowed:
        raise
    except Refused:
        return None


def _older(refreshing: Refreshing) -> QuerySet[SelectedAccount]:
    before = Q(read_at=None) | Q(read_at__lt=refreshing.since)
    return SelectedAccount.objects.filter(before, selection=refreshing.selection_id)


@transaction.atomic
def _keep(refreshing: Refreshing, found: Mapping[str, Snapshot]) -> None:
    """Write down what was read. A review that showed something else cannot be confirmed any more."""
    kept = selection.keep(_older(refreshing), found)
    refreshing.read += kept.read
    refreshing.changed += kept.changed
    if kept.changed:
        Selection.objects.filter(pk=refreshing.selection_id).update(revision=F("revision") + 1)
    fields = ("method", *NOTED, "place", "read", "changed", "unreadable")
    values = {name: getattr(refreshing, name) for name in fields}
    _save(refreshing, **values)


def _save(refreshing: Refreshing, **values: Any) -> bool:
    mine = Refreshing.objects.filter(
        pk=refreshing.pk, state=Errand.State.RUNNING, incarnation=refreshing.incarnation
    )
    return bool(mine.update(**values))
