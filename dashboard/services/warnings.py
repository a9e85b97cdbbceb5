"""What a person should know before sending, beside the verdicts: who else is about to send, and to whom."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from django.contrib.auth.models import User
from django.db.models import Count, Q, QuerySet

from dashboard.api.schema import AccountStatus, Campaign
from dashboard.models import Batch, Outcome, Run, RunCustomer, SelectedAccount, Selection
from dashboard.services import campaigns, clock, eligibility

SHOWN = 20
RECENT = timedelta(days=90)
ACTIVE = "active there when last read"
CHOSEN = "selected by you"
SENT = "sent by run %d"
Chosen: TypeAlias = "QuerySet[SelectedAccount, str] | Collection[str]"  # ids, or a query that gives them


@dataclass(frozen=True)
class Taken:
    """So many of the accounts are selected by this person for this campaign, too."""

    username: str
    campaign_id: str
    campaign_name: str
    size: int


@dataclass(frozen=True)
class Elsewhere:
    """A customer of whom other invoices are in other campaigns, or about to be: ids, names, and how that is known."""

    customer_id: str
    places: list[tuple[str, str, str]]


@dataclass(frozen=True)
class Warnings:
    """`in_flight` maps accounts to run numbers; `changes` says how the campaign has changed since it was opened."""

    in_flight: dict[str, int]
    taken: list[Taken]
    elsewhere: list[Elsewhere]
    changes: list[str]

    @property
    def in_flight_shown(self) -> list[tuple[str, int]]:
        """The first few accounts in flight, each with its run's number."""
        return list(self.in_flight.items())[:SHOWN]

    @property
    def in_flight_unshown(self) -> int:
        return len(self.in_flight) - len(self.in_flight_shown)

    @property
    def elsewhere_shown(self) -> list[Elsewhere]:
        return self.elsewhere[:SHOWN]

    @property
    def elsewhere_unshown(self) -> int:
        return len(self.elsewhere) - len(self.elsewhere_shown)


def of_selection(picked: Selection, campaign: Campaign) -> Warnings:
    """Everything known here that speaks against sending a selection as it is. Asks nobody."""
    chosen = picked.accounts.values_list("account_id", flat=True)
    return Warnings(
        in_flight=in_flight(chosen),
        taken=taken(chosen, besides=picked),
        elsewhere=_elsewhere(picked),
        changes=eligibility.sentences(eligibility.differences(picked.opened, campaign)),
    )


def of_account(account_id: str, customer_id: str | None, user: User, campaign: Campaign) -> Warnings:
    """The same of one account that is in no selection."""
    elsewhere = _elsewhere_of(customer_id, user, campaign.id or "") if customer_id else []
    return Warnings(
        in_flight=in_flight([account_id]), taken=taken([account_id]), elsewhere=elsewhere, changes=[]
    )


def in_flight(chosen: Chosen) -> dict[str, int]:
    """Accounts that an unfinished run holds, or whose fate is unknown, with that run's number."""
    held = _held()
    return {account_id: held[account_id] for account_id in chosen if account_id in held} if held else {}


def _held() -> dict[str, int]:
    unsettled = Run.objects.filter(unknown__gt=0).values_list("pk", flat=True)
    unknown = Outcome.objects.filter(state=Outcome.State.UNKNOWN, run__in=list(unsettled))
    waiting = Batch.objects.filter(state__in=Batch.OPEN).exclude(run__state__in=Run.ENDED)
    batches = waiting.values_list("run_id", "accounts").iterator(chunk_size=100)
    return dict(unknown.values_list("account_id", "run_id")) | {
        row["id"]: run_id for run_id, rows in batches for row in rows
    }


def taken(chosen: Chosen, *, besides: Selection | None = None) -> list[Taken]:
    """Who has selected them for what, without the selection that is looked at."""
    selections = Selection.objects.exclude(pk=besides.pk) if besides else Selection.objects.all()
    others = list(selections.values_list("pk", flat=True))
    found = (
        SelectedAccount.objects.filter(selection__in=others, account_id__in=chosen)
        .values_list("selection__user__username", "selection__campaign_id")
        .annotate(size=Count("pk"))
        .order_by("-size")
    )
    names = campaigns.known_names(campaign_id for _, campaign_id, _ in found)
    return [Taken(name, campaign_id, names.get(campaign_id, ""), size) for name, campaign_id, size in found]


def _elsewhere(picked: Selection) -> list[Elsewhere]:
    """Customers of what may enter, of whom another invoice is known in another campaign."""
    may_enter = picked.accounts.exclude(status=AccountStatus.IN_PROGRESS).filter(customer_id__isnull=False)
    customers = may_enter.values_list("customer_id", flat=True).distinct()
    places = _places(picked.user, picked.campaign_id, SelectedAccount.objects.all(), customers)
    for snapshot in (seen["snapshot"] for seen in picked.shown.values()):
        if snapshot.get("status") == AccountStatus.IN_PROGRESS:
            places.note(snapshot.get("customer_id"), snapshot.get("campaign_id"), ACTIVE)
    return places.named(set(customers) if places.found else set())


def _elsewhere_of(customer_id: str, user: User, campaign_id: str) -> list[Elsewhere]:
    rows = SelectedAccount.objects.filter(customer_id=customer_id)
    return _places(user, campaign_id, rows, [customer_id]).named({customer_id})


class _Places:
    """By customer: the other campaigns that write to them, or may soon, with how that is known."""

    def __init__(self, campaign_id: str) -> None:
        self.found: dict[str, dict[str, str]] = {}
        self._campaign_id = campaign_id

    def note(self, customer_id: str | None, campaign_id: str | None, how: str) -> None:
        """What is noted later is the stronger reason."""
        if customer_id and campaign_id and campaign_id != self._campaign_id:
            self.found.setdefault(customer_id, {})[campaign_id] = how

    def named(self, concerned: Collection[str]) -> list[Elsewhere]:
        kept = {customer: where for customer, where in self.found.items() if customer in concerned}
        names = campaigns.known_names({place for where in kept.values() for place in where})
        return [
            Elsewhere(customer, [(place, names.get(place, ""), how) for place, how in sorted(where.items())])
            for customer, where in kept.items()
        ]


def _places(user: User, campaign_id: str, rows: "QuerySet[SelectedAccount]", customers: Chosen) -> _Places:
    """Looks in what this person has selected, in what was read for anybody's selection, and in our runs."""
    places = _Places(campaign_id)
    mine = dict(
        Selection.objects.filter(user=user).exclude(campaign_id=campaign_id).values_list("pk", "campaign_id")
    )
    chosen = rows.filter(selection__in=list(mine)).exclude(status=AccountStatus.IN_PROGRESS)
    for customer, selection_id in chosen.values_list("customer_id", "selection_id").distinct():
        places.note(customer, mine[selection_id], CHOSEN)
    everywhere = list(Selection.objects.values_list("pk", flat=True))
    active = rows.filter(selection__in=everywhere, status=AccountStatus.IN_PROGRESS)
    for customer, active_in in active.values_list("customer_id", "active_in").distinct():
        places.note(customer, active_in, ACTIVE)
    for customer, into, run_id in _sent(campaign_id, customers):
        places.note(customer, into, SENT % run_id)
    return places


def _sent(campaign_id: str, customers: Chosen) -> list[tuple[str, str, int]]:
    """Customers of our runs into other campaigns that are not over, or got somewhere, the last run last."""
    recent = Run.objects.filter(created_at__gt=clock.now() - RECENT).exclude(campaign_id=campaign_id)
    reached = Q(enrolled__gt=0) | Q(pending__gt=0) | Q(unknown__gt=0) | Q(already_active__gt=0)
    into = dict(recent.filter(reached | ~Q(state__in=Run.ENDED)).values_list("pk", "campaign_id"))
    if not into:
        return []
    held = RunCustomer.objects.filter(run__in=list(into), customer_id__in=customers).order_by("run_id")
    return [
        (customer, into[run_id], run_id) for customer, run_id in held.values_list("customer_id", "run_id")
    ]
