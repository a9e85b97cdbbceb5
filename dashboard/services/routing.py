"""Sending a part of a pick elsewhere: which campaigns may take it, and moving it to a selection there."""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from dashboard.api.errors import ApiError
from dashboard.api.schema import Campaign, CampaignKind
from dashboard.models import Selection
from dashboard.services import ageing, campaigns, eligibility, selection, uploads, verdicts
from dashboard.services.verdicts import Rows

TAKE_PAST_DUE = (CampaignKind.EARLY_STAGE, CampaignKind.FIRST_PARTY)
OFFERED = 100


@dataclass(frozen=True)
class Offers:
    """Campaigns to send to instead: those that follow in the chain, and all others."""

    chain: list[Campaign]
    others: list[Campaign]

    @property
    def all(self) -> list[Campaign]:
        return [*self.chain, *self.others]


@dataclass(frozen=True)
class Moved:
    """How many were moved, and how many were selected there before: those only left."""

    moved: int
    there_before: int


class NotPossible(Exception):
    """Nothing was moved; the message says why."""


def offers_for_past_due(campaign: Campaign) -> Offers:
    """Campaigns that take invoices past their due date. Those that cannot be read are left out."""
    following = [campaign for campaign in _chain(campaign) if campaign.kind in TAKE_PAST_DUE]
    others = [other for kind in TAKE_PAST_DUE for other in _open(kind) if other.kind == kind]
    return _offers(campaign, following, others)


def offers(campaign: Campaign) -> Offers:
    """All campaigns that may take invoices. Those that cannot be read are left out."""
    return _offers(campaign, list(_chain(campaign)), _open(""))


def move(user: User, campaign_id: uuid.UUID, *, to: uuid.UUID, verdict: str = "", bucket: str = "") -> Moved:
    """Move the accounts with a verdict, of an age, or all, to the person's selection for another campaign, as read.

    Raises: ApiError, NotPossible.
    """
    if to == campaign_id:
        raise NotPossible("They are selected for this campaign already.")
    if eligibility.acceptance(campaigns.read(str(to))).answer == "no":
        raise NotPossible("That campaign takes no invoices now.")
    campaign = campaigns.read(str(campaign_id))
    with transaction.atomic():
        source, target = _lock(selection.of(user, campaign_id), selection.of(user, to))
        return _move(_part(source, campaign, verdict, bucket), source, target)


def _part(source: Selection, campaign: Campaign, verdict: str, bucket: str) -> Rows:
    today = timezone.localdate()
    classes = ageing.BUCKETS.get(bucket, tuple(ageing.BUCKET_OF))
    some = [
        share
        for group in verdicts.groups(verdicts.shares(source, today), campaign, today)
        if verdict in ("", group.verdict.code)
        for share in group.shares
        if share.due in classes
    ]
    return verdicts.rows_of(source, some, today)


def _move(rows: Rows, source: Selection, target: Selection) -> Moved:
    there = rows.filter(account_id__in=target.accounts.values("account_id"))
    there_before = there.delete()[0]
    moved = rows.update(selection=target)
    uploads.follow([source.token], target)
    for changed in (source, target) if moved or there_before else ():
        changed.revision += 1
        changed.save(update_fields=["revision", "changed_at"])
    return Moved(moved, there_before)


def _lock(source: Selection, target: Selection) -> tuple[Selection, Selection]:
    """Both, always in the same order, so that nobody waits for the other."""
    locked = {picked.pk: selection.lock(picked) for picked in sorted((source, target), key=lambda it: it.pk)}
    return locked[source.pk], locked[target.pk]


def _offers(campaign: Campaign, following: list[Campaign], others: Iterable[Campaign]) -> Offers:
    chain = [one for one in following if eligibility.acceptance(one).answer == "yes"]
    known = {campaign.id, *(one.id for one in chain)}
    return Offers(chain, [one for one in others if one.id not in known])


def _chain(campaign: Campaign) -> Iterator[Campaign]:
    return (step.campaign for step in campaigns.chain(campaign).steps[1:] if step.campaign)


def _open(kind: str) -> list[Campaign]:
    with suppress(ApiError):
        rows = campaigns.list_page(type=kind, per_page=OFFERED).rows
        return [row.campaign for row in rows if row.campaign.id and row.acceptance.answer == "yes"]
    return []
