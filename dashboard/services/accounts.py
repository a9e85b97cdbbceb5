"""Invoices as the vendor has them, and the snapshot of one that we keep."""

import uuid
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypedDict, Unpack

from django.core.cache import cache
from django.db.models import Count

from dashboard.api.client import Client
from dashboard.api.errors import ApiError, NotAllowed, NotFound, Refused
from dashboard.api.schema import Account, Campaign, Customer, Page
from dashboard.models import CustomerName, Outcome
from dashboard.services import campaigns, clock, history, vendor
from dashboard.services.paging import Paging

NAMES_KEPT = 600  # seconds that pages show what was read; files take the last that is known
WRITTEN_EVERY = timedelta(days=1)

Snapshot = dict[str, Any]


class Filters(TypedDict, total=False):
    """The documented query of `GET /accounts`; amounts are in major units."""

    search: str
    status: str
    customer_id: str
    overdue_only: bool
    amount_min: Decimal | None
    amount_max: Decimal | None
    page: int
    per_page: int


@dataclass(frozen=True)
class Detail:
    """An invoice, its campaign if that can be read, our tries, and where it may be enrolled."""

    account: Account
    campaign: Campaign | None
    tries: list[history.Try]
    open_campaigns: list[Campaign]


@dataclass(frozen=True)
class Listing:
    """A page of invoices: `tries` is how often we tried to enroll each, by id; `names` the customers' known names."""

    rows: Page[Account]
    names: dict[str, str]
    tries: dict[str, int]

    @property
    def snapshots(self) -> list[Snapshot]:
        return [snapshot_of(row) for row in self.rows.items]

    @property
    def unnamed(self) -> set[str]:
        """The customers on the page whose names are not known."""
        return {row.customer_id for row in self.rows.items if row.customer_id} - self.names.keys()


def browse(**filters: Unpack[Filters]) -> Listing:
    """One page of invoices with what we know of them. Raises: ApiError."""
    page = _with_uuids(list_page(**filters))
    ids = [row.id for row in page.items if row.id]
    tries = (
        Outcome.objects.filter(account_id__in=ids).values_list("account_id").annotate(Count("pk")).order_by()
    )
    names = known_names({row.customer_id for row in page.items if row.customer_id})
    return Listing(page, names, dict(tries))


def list_page(**filters: Unpack[Filters]) -> Page[Account]:
    """One page of invoices, as `page_of` gives it. Raises: ApiError."""
    page = page_of(vendor.for_pages(), **filters)
    _show_names(keep_names(page.items))
    return page


def page_of(client: Client, **filters: Unpack[Filters]) -> Page[Account]:
    """One page of invoices that fit the filters; past the end, which the vendor may refuse, an empty one.

    Raises: ApiError.
    """
    page = _page(client, filters)
    items = tuple(row for row in page.items if _fits(row, filters))
    return page.model_copy(update={"items": items, "unfit": len(page.items) - len(items)})


def read(account_id: str) -> Account:
    """One invoice. Raises: ApiError."""
    return vendor.for_pages().account(account_id)


def detail(account_id: uuid.UUID) -> Detail:
    """One invoice with all that is known of it here. Raises: ApiError if it cannot be read itself."""
    account = read(str(account_id))
    return Detail(
        account=account,
        campaign=_campaign_of(account),
        tries=history.tries(str(account_id)),
        open_campaigns=_open_campaigns(),
    )


def look_up(account_ids: Collection[str]) -> dict[str, Snapshot]:
    """Snapshots by id of what could be read in a few seconds; one the vendor does not know is `missing`."""
    return vendor.ask_each(account_ids, _look_up)


def snapshot_of(account: Account) -> Snapshot:
    """What we keep of an invoice; shape as in `Batch.accounts`, with what verdicts need beside it.

    Amounts are kept to the cent: rounded once, they are the same on pages, in sums, in files and in either database.
    """
    snapshot: Snapshot = {
        "id": account.id,
        "number": account.invoice_number,
        "status": account.status.value if account.status else "",
        "outstanding": None if account.outstanding is None else f"{account.outstanding:.2f}",
        "currency": account.currency,
        "due_on": account.due_date.isoformat() if account.due_date else None,
        "customer_id": account.customer_id,
        "campaign_id": account.campaign_id,
    }
    marks = {
        "is_sandbox": bool(account.is_sandbox),
        "is_statement": account.is_statement,
        "part_paid": _is_part_paid(account),
    }
    return snapshot | {mark: True for mark, is_set in marks.items() if is_set}


def snapshots_of(rows: Iterable[Account]) -> dict[str, Snapshot]:
    """Snapshots by id, of those whose id the vendor documents: a UUID."""
    return {row.id: snapshot_of(row) for row in rows if row.id and has_uuid(row.id)}


def has_uuid(account_id: str | None) -> bool:
    """Whether the account can have a page and a box: the vendor documents no ids but UUIDs."""
    try:
        return str(uuid.UUID(account_id)) == account_id
    except (TypeError, ValueError):
        return False


def known_names(customer_ids: Collection[str]) -> dict[str, str]:
    """Customers' names by id, as far as they were seen a short while ago; asks nobody."""
    keys = {_name_key(customer_id): customer_id for customer_id in customer_ids}
    return {keys[key]: name for key, name in cache.get_many(keys).items()}


def customer_names(customer_ids: Collection[str]) -> dict[str, str]:
    """Customers' names by id, without those that the key may not see or that take too long."""
    known = known_names(customer_ids)
    asked = vendor.ask_each(
        [customer_id for customer_id in customer_ids if customer_id not in known], _customer
    )
    _write_names({customer_id: one.given_name for customer_id, one in asked.items() if one.given_name})
    shown = {customer_id: one.display_name for customer_id, one in asked.items()}
    _show_names(shown)
    return known | shown


def keep_names(rows: Iterable[Account]) -> dict[str, str]:
    """Write down the customers' names that came with these, if any did, for the files of runs."""
    names = {row.customer_id: row.customer_name for row in rows if row.customer_id and row.customer_name}
    _write_names(names)
    return names


def last_names(customer_ids: Collection[str]) -> dict[str, str]:
    """Customers' names by id as they were last seen, as far as they were; asks nobody."""
    return dict(CustomerName.objects.filter(pk__in=customer_ids).values_list("pk", "name"))


def _campaign_of(account: Account) -> Campaign | None:
    with suppress(ApiError):
        return campaigns.read(account.campaign_id) if account.campaign_id else None
    return None


def _open_campaigns() -> list[Campaign]:
    """What there is to choose from, without the closed ones; none where campaigns cannot be read."""
    with suppress(ApiError):
        rows = campaigns.list_page(per_page=100).rows
        return [row.campaign for row in rows if row.campaign.id and row.acceptance.answer != "no"]
    return []


def _page(client: Client, filters: Filters) -> Page[Account]:
    number = filters.get("page", 1)
    try:
        return client.accounts(**filters)
    except NotAllowed:
        raise
    except Refused:
        first = client.accounts(**filters | {"page": 1}) if number > 1 else None
        if first is None or number <= (Paging.of_api(first).last or 0):
            raise
        return first.model_copy(update={"page": number, "items": (), "unreadable": 0})


def _with_uuids(page: Page[Account]) -> Page[Account]:
    """The page's accounts that can have a page of their own; the others count as unreadable."""
    items = tuple(row for row in page.items if has_uuid(row.id))
    return page.model_copy(
        update={"items": items, "unreadable": page.unreadable + len(page.items) - len(items)}
    )


def _fits(account: Account, filters: Filters) -> bool:
    """False where a filter that names an exact value was ignored."""
    asked = ((filters.get("status"), account.status), (filters.get("customer_id"), account.customer_id))
    return all(not wanted or given in (None, wanted) for wanted, given in asked)


def _look_up(account_id: str) -> Snapshot:
    try:
        return snapshot_of(read(account_id)) | {"id": account_id}
    except NotFound:
        return {"id": account_id, "missing": True}


def _customer(customer_id: str) -> Customer:
    return vendor.for_pages().customer(customer_id)


def _write_names(names: Mapping[str, str]) -> None:
    """What is new, or was written a day ago: pages seldom write. In one order, so that no two writers wait for each other."""
    if not names:
        return
    now = clock.now()
    fresh = CustomerName.objects.filter(pk__in=list(names), seen_at__gt=now - WRITTEN_EVERY)
    known = dict(fresh.values_list("pk", "name"))
    rows = [
        CustomerName(pk=customer_id, name=name[:500], seen_at=now)
        for customer_id, name in sorted(names.items())
        if known.get(customer_id) != name[:500]
    ]
    CustomerName.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["customer_id"], update_fields=["name", "seen_at"]
    )


def _show_names(names: Mapping[str, str]) -> None:
    cache.set_many({_name_key(customer_id): name for customer_id, name in names.items()}, NAMES_KEPT)


def _is_part_paid(account: Account) -> bool:
    return bool(account.paid_amount and account.amount and 0 < account.paid_amount < account.amount)


def _name_key(customer_id: str) -> str:
    return f"customer-name:{customer_id}"
