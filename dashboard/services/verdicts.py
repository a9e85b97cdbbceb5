"""What the rules say of a whole selection, counted in the database: they look at a few kinds of rows, not at each."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from django.db.models import Count, Min, Q, QuerySet, Sum

from dashboard.api.schema import Campaign
from dashboard.models import SelectedAccount, Selection
from dashboard.services import ageing, eligibility
from dashboard.services.accounts import Snapshot
from dashboard.services.eligibility import CAMPAIGN_CLOSED, Verdict

SHOWN_PER_GROUP = 20
Rows: TypeAlias = "QuerySet[SelectedAccount]"

_MARKS = ("is_sandbox", "is_statement", "missing", "part_paid")
_FACTS = ("status", *_MARKS)
ORDER = ("no", "unknown", "yes")
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Share:
    """Selected accounts that are alike in all that the rules look at. `due` is a class of `services.ageing`.

    The amount of `valued` of them is known.
    """

    facts: dict[str, str | None]
    due: str
    due_on: str | None
    currency: str | None
    size: int
    outstanding: Decimal | None
    valued: int
    read_at: datetime | None

    @property
    def snapshot(self) -> Snapshot:
        """One of them, as far as rules care."""
        status = {} if self.facts["status"] is None else {"status": self.facts["status"]}
        return {**status, "due_on": self.due_on, **{mark: True for mark in _MARKS if self.facts[mark]}}

    @property
    def like_it(self) -> Q:
        """The rows whose own record is alike; the due date is not asked."""
        lacking = {f"{name}__isnull": True for name, value in self.facts.items() if value is None}
        return Q(**lacking, **{name: value for name, value in self.facts.items() if value is not None})


@dataclass
class Tally:
    """So many invoices, with what is outstanding by currency, how many by age, and the oldest reading among them.

    Sums lack the `unvalued` ones, of which the vendor tells no outstanding amount.
    """

    size: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)
    unvalued: int = 0
    ages: Counter[str] = field(default_factory=Counter)
    read_at: datetime | None = None

    def add(self, share: Share) -> None:
        self.size += share.size
        self.ages[ageing.BUCKET_OF[share.due]] += share.size
        self.unvalued += share.size - (share.valued if share.currency else 0)
        if share.outstanding is not None and share.currency:
            before = self.sums.get(share.currency, Decimal(0))
            self.sums[share.currency] = before + share.outstanding.quantize(_CENT)
        self.read_at = min(filter(None, (self.read_at, share.read_at)), default=None)

    @property
    def by_age(self) -> list[tuple[str, int]]:
        """The label of each bucket that holds any, with how many."""
        return [(ageing.LABELS[name], self.ages[name]) for name in ageing.BUCKETS if self.ages[name]]


@dataclass
class Group(Tally):
    """The accounts with one verdict; `rows` are the first few."""

    verdict: Verdict = eligibility.ENTERS
    shares: list[Share] = field(default_factory=list)
    rows: list[Snapshot] = field(default_factory=list)

    def add(self, share: Share) -> None:
        super().add(share)
        self.shares.append(share)

    @property
    def unshown(self) -> int:
        return self.size - len(self.rows)

    @property
    def is_refused(self) -> bool:
        """Whether each is known to be refused for its own sake, not for the campaign's."""
        return self.verdict.answer == "no" and self.verdict.code != CAMPAIGN_CLOSED


def shares(picked: Selection, today: date) -> list[Share]:
    """The kinds of accounts in a selection: a few dozen, however many are selected."""
    counted = (
        picked.accounts.annotate(due=ageing.class_on(today))
        .values(*_FACTS, "due", "currency")
        .annotate(
            size=Count("pk"),
            sum=Sum("outstanding"),
            valued=Count("outstanding"),
            oldest_reading=Min("read_at"),
            first_due=Min("due_on"),
        )
        .order_by()
    )
    return [_share(row) for row in counted]


def groups(found: Iterable[Share], campaign: Campaign, today: date) -> list[Group]:
    """The shares by verdict, what is refused first, without rows."""
    by_code: dict[str, Group] = {}
    for share in found:
        verdict = eligibility.verdict(share.snapshot, campaign, today)
        by_code.setdefault(verdict.code, Group(verdict=verdict)).add(share)
    return sorted(by_code.values(), key=lambda group: (ORDER.index(group.verdict.answer), -group.size))


def rows_of(picked: Selection, some: Iterable[Share], today: date) -> Rows:
    """The selected accounts that these shares count."""
    kinds = {(share.due, *share.facts.values()): share for share in some}
    wanted = Q(pk=None)
    for share in kinds.values():
        wanted |= share.like_it & ageing.in_class(share.due, today)
    return picked.accounts.filter(wanted)


def first_rows(rows: Rows) -> list[Snapshot]:
    """A few of them for people, amounts as numbers."""
    few = rows.values_list("account_id", "snapshot", "outstanding")[:SHOWN_PER_GROUP]
    return [
        {"currency": "", **snapshot, "id": account_id, "outstanding": outstanding}
        for account_id, snapshot, outstanding in few
    ]


def _share(row: dict[str, Any]) -> Share:
    return Share(
        facts={name: row[name] for name in _FACTS},
        due=row["due"],
        due_on=row["first_due"],
        currency=row["currency"],
        size=row["size"],
        outstanding=row["sum"],
        valued=row["valued"],
        read_at=row["oldest_reading"],
    )
