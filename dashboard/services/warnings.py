"""What a person should know before sending, beside the verdicts: who else is about to send, and to whom."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias

from django.contrib.auth.models import User
from django.db.models import Count, Q, QuerySet

from dashboard.api.schema import AccountStatus, Campaign
from dashboard.models import Batch, Outcome, Run, SelectedAccount, Selection
from dashboard.services import campaigns, eligibility

SHOWN = 20
Chosen: TypeAlias = (
    "QuerySet[SelectedAccount, str] | Collection[str]"  # account ids, or a query that gives them
)


@dataclass(frozen=True)
class Taken:
    """So many of the accounts are selected by this person for this campaign, too."""

    username: str
    campaign_id: str
    campaign_name: str
    size: int


@dataclass(frozen=True)
class Elsewhere:
    """A customer of whom other invoices are in other campaigns, or about to be."""

    customer_id: str
    campaign_names: list[str]


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
    where = _where(_selections_of(user), campaign.id or "", customer_id) if customer_id else {}
    return Warnings(
        in_flight=in_flight([account_id]), taken=taken([account_id]), elsewhere=_named(where), changes=[]
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
    return [Taken(name, campaign_id, names[campaign_id], size) for name, campaign_id, size in found]


def _elsewhere(picked: Selection) -> list[Elsewhere]:
    """Customers of what may enter, of whom another invoice is known in another campaign."""
    places = _where(_selections_of(picked.user), picked.campaign_id)
    for seen in picked.shown.values():
        _note(places, picked.campaign_id, **_place_of(seen["snapshot"]))
    may_enter = picked.accounts.exclude(status=AccountStatus.IN_PROGRESS).filter(customer_id__isnull=False)
    concerned = set(may_enter.values_list("customer_id", flat=True).distinct()) if places else set()
    return _named({customer: where for customer, where in places.items() if customer in concerned})


def _selections_of(user: User) -> dict[int, str]:
    return dict(Selection.objects.filter(user=user).values_list("pk", "campaign_id"))


def _where(selections: dict[int, str], campaign_id: str, customer_id: str = "") -> dict[str, set[str]]:
    """Customer -> other campaigns that an account of theirs is active in, or is selected for."""
    rows = SelectedAccount.objects.filter(**{"customer_id": customer_id} if customer_id else {})
    is_active = Q(status=AccountStatus.IN_PROGRESS)
    others = [pk for pk, into in selections.items() if into != campaign_id]
    active = rows.filter(is_active, selection__in=selections).values_list("customer_id", "active_in")
    chosen = rows.filter(~is_active, selection__in=others).values_list("customer_id", "selection_id")
    places: dict[str, set[str]] = {}
    for customer, place in active.distinct():
        _note(places, campaign_id, customer=customer, place=place)
    for customer, selection_id in chosen.distinct():
        _note(places, campaign_id, customer=customer, place=selections[selection_id])
    return places


def _place_of(snapshot: dict[str, str | None]) -> dict[str, str | None]:
    is_active = snapshot.get("status") == AccountStatus.IN_PROGRESS
    return {
        "customer": snapshot.get("customer_id"),
        "place": snapshot.get("campaign_id") if is_active else None,
    }


def _note(places: dict[str, set[str]], campaign_id: str, *, customer: str | None, place: str | None) -> None:
    if customer and place and place != campaign_id:
        places.setdefault(customer, set()).add(place)


def _named(places: dict[str, set[str]]) -> list[Elsewhere]:
    names = campaigns.known_names({place for where in places.values() for place in where})
    return [
        Elsewhere(customer, sorted(names[place] for place in where)) for customer, where in places.items()
    ]
