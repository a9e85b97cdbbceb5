"""The records the sandbox serves, and the changes enrollment makes to them."""

import datetime as dt
import hashlib
import threading
import uuid
from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from . import rules
from .journal import Event, Journal
from .ledger import Enrollment, Ledger

Record = dict[str, Any]
Test = Callable[[Record], bool]

# Smaller collections are searched anew each time, so that a test may change a record in place.
REMEMBERED_FROM = 5_000
REMEMBERED_SEARCHES = 16


@dataclass(frozen=True)
class Row:
    """What enrolling one account came to; `error` is None where it was let in."""

    account_id: str
    invoice_number: str | None
    status: str
    error: str | None = None


@dataclass
class PendingStart:
    """An execution accepted but not begun; it begins after the account has been read `reads_left` times."""

    campaign_id: str
    reads_left: int


class Store:
    """Campaigns, accounts and customers by id, in the order they were added.

    `pending_rate` is the share of accounts, 0 to 1, that are answered PENDING and begin after `pending_reads`
    reads. `refusals` holds, by account id, sentences with which accounts are refused whatever the rules say.
    Added records are not written to the journal; every change made through a method is, before it shows.
    """

    def __init__(
        self,
        *,
        ledger: Ledger | None = None,
        journal: Journal | None = None,
        today: dt.date | None = None,
        pending_rate: float = 0.0,
        pending_reads: int = 2,
    ) -> None:
        self.lock = threading.RLock()
        self.ledger = ledger or Ledger()
        self.journal = journal
        self.fixed_today = today
        self.pending_rate = pending_rate
        self.pending_reads = pending_reads
        self.clear()

    def clear(self) -> None:
        """Forget every record; the journal is left as it is."""
        with self.lock:
            self.campaigns: dict[str, Record] = {}
            self.accounts: dict[str, Record] = {}
            self.customers: dict[str, Record] = {}
            self.pending: dict[str, PendingStart] = {}
            self.refusals: dict[str, str] = {}
            self._version = 0
            self._searches: dict[Hashable, list[Record]] = {}

    @property
    def today(self) -> dt.date:
        """The vendor's day, in UTC unless one was fixed."""
        return self.fixed_today or dt.datetime.now(dt.UTC).date()

    def add_campaign(self, **fields: Any) -> Record:
        number = len(self.campaigns) + 1
        defaults = {
            "id": made_id("campaign", number),
            "name": f"Campaign {number}",
            "type": "early_stage",
            "status": "ACTIVE",
            "next_campaign_id": None,
            "description": None,
            "created_at": now_text(),
            "updated_at": now_text(),
        }
        return self._add(self.campaigns, defaults | fields)

    def add_customer(self, **fields: Any) -> Record:
        number = len(self.customers) + 1
        defaults: Record = {
            "id": made_id("customer", number),
            "email": f"ap{number}@example.com",
            "phone": None,
            "first_name": None,
            "last_name": None,
            "company_name": f"Customer {number}",
            "external_id": f"CUST-{number:05}",
            "tags": [],
            "custom_fields": {},
            "is_sandbox": False,
        }
        return self._add(self.customers, defaults | fields)

    def add_account(self, **fields: Any) -> Record:
        """Add an account; without a `customer_id` it is the first customer's, who is made when missing."""
        number = len(self.accounts) + 1
        issued, due = self.today - dt.timedelta(days=20), self.today + dt.timedelta(days=10)
        defaults = {
            "id": made_id("account", number),
            "customer_id": fields.get("customer_id") or self._first_customer_id(),
            "external_invoice_id": f"EXT-{number:06}",
            "invoice_number": f"INV-{number:06}",
            "amount": 100.0,
            "paid_amount": 0.0,
            "status": "not_assigned",
            "currency": "USD",
            "issue_date": issued.isoformat(),
            "due_date": due.isoformat(),
            "campaign_id": None,
            "created_at": now_text(),
            "updated_at": now_text(),
            "source": "api",
            "payment_terms": 30,
            "billing_type": "invoice",
            "is_written_off": False,
            "is_sandbox": False,
        }
        return self._add(self.accounts, defaults | fields)

    def find(self, kind: str, record_id: str) -> Record | None:
        """A copy of one record of "campaigns", "accounts" or "customers"; reading an account may begin it."""
        with self.lock:
            record: Record | None = getattr(self, kind).get(record_id)
            if record is None:
                return None
            if record_id in self.pending:
                self._begin_when_read([record_id])
            return dict(record)

    def page(
        self, kind: str, *, start: int, count: int, matches: Test | None = None, name: Hashable = None
    ) -> tuple[list[Record], int]:
        """Copies of `count` matching records from `start` on, and how many match in all.

        `name` tells one test from another, so that a large collection is not searched for every page.
        """
        with self.lock:
            found = self._matching(kind, matches, name)
            page = list(islice(found, start, start + count))
            if self.pending and kind == "accounts":
                self._begin_when_read([record["id"] for record in page])
            return [dict(record) for record in page], len(found)

    def enroll(
        self,
        campaign_id: str,
        account_ids: Iterable[str],
        *,
        call: int = 0,
        commit: bool = True,
        sees: Test | None = None,
    ) -> list[Row]:
        """Try each account against the rules and start those let in, all or nothing of it when not `commit`.

        An account that `sees` denies is as good as absent. Raises: KeyError for an unknown campaign.
        """
        with self.lock:
            campaign = self.campaigns[campaign_id]
            rows = [self._try(campaign, account_id, sees) for account_id in account_ids]
            if commit:
                self._record([enrolled(row, campaign_id, call) for row in rows if row.error is None])
        return rows

    def advance(self) -> int:
        """Begin every pending execution; gives how many began."""
        with self.lock:
            waiting = list(self.pending)
            self._begin(waiting)
        return len(waiting)

    def complete_campaign(self, account_id: str, *, keep_campaign_id: bool = True) -> Record:
        """End the account's campaign: on to the next of the chain, or else to pending_collection.

        Raises: KeyError for an unknown account.
        """
        with self.lock:
            account = self.accounts[account_id]
            campaign = self.campaigns.get(account["campaign_id"], {})
            next_id = campaign.get("next_campaign_id")
            if next_id in self.campaigns:
                return self.change_account(account_id, status="in_progress", campaign_id=next_id)
            kept = account["campaign_id"] if keep_campaign_id else None
            return self.change_account(account_id, status="pending_collection", campaign_id=kept)

    def change_account(self, account_id: str, **fields: Any) -> Record:
        """Set fields of an account. Raises: KeyError for an unknown account."""
        return self._change("accounts", account_id, fields)

    def change_campaign(self, campaign_id: str, **fields: Any) -> Record:
        """Set fields of a campaign. Raises: KeyError for an unknown campaign."""
        return self._change("campaigns", campaign_id, fields)

    def replay(self) -> None:
        """Make the changes of the journal again, over the records there are."""
        with self.lock:
            for event in self.journal.replay() if self.journal else ():
                self._apply(event)

    def _add(self, records: dict[str, Record], record: Record) -> Record:
        with self.lock:
            records[record["id"]] = record
            self._version += 1
        return record

    def _first_customer_id(self) -> str:
        first = next(iter(self.customers), None)
        return first or str(self.add_customer()["id"])

    def _matching(self, kind: str, matches: Test | None, name: Hashable) -> Collection[Record]:
        records: Collection[Record] = getattr(self, kind).values()
        if matches is None:
            return records
        search = (kind, name, self._version)
        if search in self._searches:
            return self._searches[search]
        found = [record for record in records if matches(record)]
        if len(records) >= REMEMBERED_FROM and name is not None:
            self._remember(search, found)
        return found

    def _remember(self, search: Hashable, found: list[Record]) -> None:
        if len(self._searches) >= REMEMBERED_SEARCHES:
            self._searches.clear()
        self._searches[search] = found

    def _try(self, campaign: Record, account_id: str, sees: Test | None) -> Row:
        account = self.accounts.get(account_id)
        if account is None or (sees and not sees(account)) or account["customer_id"] not in self.customers:
            return Row(account_id, None, "FAILED", rules.NOT_FOUND)
        error = self._refusal(account, campaign)
        status = "FAILED" if error else self._first_status(account_id)
        return Row(account_id, account["invoice_number"], status, error)

    def _refusal(self, account: Record, campaign: Record) -> str | None:
        if account["id"] in self.pending:
            return rules.ACTIVE_EXECUTION
        return self.refusals.get(account["id"]) or rules.refusal(account, campaign, today=self.today)

    def _first_status(self, account_id: str) -> str:
        share = uuid.UUID(account_id).int % 10_000 / 10_000
        return "PENDING" if share < self.pending_rate else "SUCCESS"

    def _begin_when_read(self, account_ids: Iterable[str]) -> None:
        waiting = [account_id for account_id in account_ids if account_id in self.pending]
        for account_id in waiting:
            self.pending[account_id].reads_left -= 1
        self._begin([account_id for account_id in waiting if self.pending[account_id].reads_left <= 0])

    def _begin(self, account_ids: list[str]) -> None:
        for account_id in account_ids:
            start = self.pending.pop(account_id)
            self.change_account(account_id, status="in_progress", campaign_id=start.campaign_id)

    def _change(self, kind: str, record_id: str, fields: Record) -> Record:
        with self.lock:
            record: Record = getattr(self, kind)[record_id]
            change = fields | {"updated_at": now_text()}
            self._record([{"event": "changed", "kind": kind, "id": record_id, "fields": change}])
            return dict(record)

    def _record(self, events: list[Event]) -> None:
        if self.journal and events:
            self.journal.append(events)
        for event in events:
            self._apply(event)

    def _apply(self, event: Event) -> None:
        self._version += 1
        if event["event"] == "enrolled":
            self._apply_enrollment(event)
        elif record := getattr(self, event["kind"]).get(event["id"]):
            record.update(event["fields"])
            if "status" in event["fields"]:
                self.pending.pop(event["id"], None)

    def _apply_enrollment(self, event: Event) -> None:
        account_id, campaign_id = event["account_id"], event["campaign_id"]
        at = dt.datetime.fromisoformat(event["at"])
        self.ledger.add_enrollment(Enrollment(account_id, campaign_id, at, event["call"]))
        if account_id not in self.accounts:
            return
        if event["pending"]:
            self.pending[account_id] = PendingStart(campaign_id, self.pending_reads)
        else:
            fields = {"status": "in_progress", "campaign_id": campaign_id, "updated_at": event["at"]}
            self.accounts[account_id].update(fields)


def enrolled(row: Row, campaign_id: str, call: int) -> Event:
    """The journal's event for an account that was let in."""
    return {
        "event": "enrolled",
        "account_id": row.account_id,
        "campaign_id": campaign_id,
        "at": now_text(),
        "call": call,
        "pending": row.status == "PENDING",
    }


def made_id(kind: str, number: int, seed: int = 0) -> str:
    """The UUID of the record of that kind with that number: the same at every start."""
    digits = hashlib.sha256(f"{seed}/{kind}/{number}".encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}"


def now_text() -> str:
    """This moment as the API writes it, in UTC."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds").removesuffix("+00:00") + "Z"
