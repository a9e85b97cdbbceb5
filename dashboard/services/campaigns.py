"""Campaigns as the vendor has them: a page of them, one of them, and the chain it leads into."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.core.cache import cache

from dashboard.api.errors import ApiError, NotAllowed, Refused
from dashboard.api.schema import Campaign, CampaignStatus, Page
from dashboard.services import faults, vendor
from dashboard.services.eligibility import Acceptance, acceptance
from dashboard.services.paging import Paging

# The only values that the vendor documents for its status filter; the others are filtered here.
SENT_STATUSES = frozenset(
    {CampaignStatus.ACTIVE, CampaignStatus.DRAFT, CampaignStatus.PAUSED, CampaignStatus.ARCHIVED}
)
# The vendor names the same state in two ways.
_ALSO_MEANS = {CampaignStatus.ACTIVE: (CampaignStatus.ACTIVE, CampaignStatus.RUNNING)}
WALK_PER_PAGE = 100
WALK_PAGES = 20
CHAIN_LIMIT = 8
NAMES_KEPT = timedelta(minutes=10)


@dataclass(frozen=True)
class CampaignRow:
    """A campaign as a list shows it; `next_name` is "" where it leads nowhere, or is not known yet."""

    campaign: Campaign
    acceptance: Acceptance
    next_name: str


@dataclass(frozen=True)
class CampaignList:
    """One page of a list. `looked_through`: how many were read to filter here, 0 if the vendor filtered."""

    rows: tuple[CampaignRow, ...]
    paging: Paging
    unreadable: int = 0
    looked_through: int = 0
    is_cut: bool = False


@dataclass(frozen=True)
class Step:
    """A link of a chain. `campaign` is None where it could not be read, and `problem` says why."""

    campaign_id: str
    campaign: Campaign | None = None
    problem: str = ""


@dataclass(frozen=True)
class Chain:
    """Where a campaign leads, itself first. `note` says why the chain ends early, if it does."""

    steps: tuple[Step, ...]
    note: str = ""


@dataclass
class _Walk:
    """Campaigns read page after page, each once."""

    found: dict[str, Campaign]
    unreadable: int = 0
    is_cut: bool = False


def list_page(
    *, search: str = "", status: str = "", type: str = "", page: int = 1, per_page: int = 20
) -> CampaignList:
    """One page of campaigns. Raises: ApiError.

    The vendor's filters are used where it has them, and checked; else, or where it ignores them, we filter.
    """
    if not status or status in SENT_STATUSES:
        answer = _page(search=search, status=status, type=type, page=page, per_page=per_page)
        if all(_matches(campaign, status, type) for campaign in answer.items):
            return CampaignList(_rows(answer.items), Paging.of_api(answer), unreadable=answer.unreadable)
    return _filtered_here(search, status, type, page, per_page)


def read(campaign_id: str) -> Campaign:
    """One campaign. Raises: ApiError."""
    campaign = vendor.for_pages().campaign(campaign_id)
    _keep_names([campaign])
    return campaign


def chain(campaign: Campaign) -> Chain:
    """The campaigns that follow, read one by one. What cannot be read, or leads back, ends it with a note."""
    steps = [Step(campaign.id or "", campaign)]
    following = campaign.next_campaign_id
    while following:
        if following in {step.campaign_id for step in steps}:
            return Chain(tuple(steps), "It leads back to a campaign that came before.")
        if len(steps) > CHAIN_LIMIT:
            return Chain(tuple(steps), f"Only the first {CHAIN_LIMIT} campaigns that follow are shown.")
        try:
            campaign = read(following)
        except ApiError as error:
            steps.append(Step(following, problem=faults.explain(error).title))
            return Chain(tuple(steps), "The rest of the chain could not be read.")
        steps.append(Step(following, campaign))
        following = campaign.next_campaign_id
    return Chain(tuple(steps))


def known_names(campaign_ids: Iterable[str]) -> dict[str, str]:
    """Names by id, as far as they were seen a short while ago. Asks nobody."""
    keys = {_name_key(campaign_id): campaign_id for campaign_id in campaign_ids}
    return {keys[key]: name for key, name in cache.get_many(keys).items()}


def names(campaign_ids: Collection[str]) -> dict[str, str]:
    """Names by id, without those that the key may not see or that take too long."""
    known = known_names(campaign_ids)
    missing = [campaign_id for campaign_id in campaign_ids if campaign_id not in known]
    return known | vendor.ask_each(missing, lambda campaign_id: read(campaign_id).name)


def _page(*, page: int, per_page: int, **filters: str) -> Page[Campaign]:
    """A page as asked for; past the end, which the vendor may refuse, an empty one with page 1's totals."""
    client = vendor.for_pages()
    try:
        return client.campaigns(page=page, per_page=per_page, **filters)
    except NotAllowed:
        raise
    except Refused:
        if page == 1:
            raise
        first = client.campaigns(page=1, per_page=per_page, **filters)
        return first.model_copy(update={"page": page, "items": (), "unreadable": 0})


def _filtered_here(search: str, status: str, kind: str, page: int, per_page: int) -> CampaignList:
    walk = _walk(search, kind)
    matching = [campaign for campaign in walk.found.values() if _matches(campaign, status, kind)]
    start = (page - 1) * per_page
    last = max(-(-len(matching) // per_page), 1)
    return CampaignList(
        _rows(matching[start : start + per_page]),
        Paging(page, per_page, page < last, len(matching), last),
        unreadable=walk.unreadable,
        looked_through=len(walk.found),
        is_cut=walk.is_cut,
    )


def _walk(search: str, kind: str) -> _Walk:
    """Reads on until an empty, an already seen or the last page, or until `WALK_PAGES` are read."""
    client, walk = vendor.for_pages(), _Walk({})
    for number in range(1, WALK_PAGES + 1):
        answer = client.campaigns(search=search, type=kind, page=number, per_page=WALK_PER_PAGE)
        known = len(walk.found)
        for place, campaign in enumerate(answer.items):
            walk.found.setdefault(campaign.id or f"{number}/{place}", campaign)
        walk.unreadable += answer.unreadable
        more = answer.has_next if answer.total is None else len(walk.found) + walk.unreadable < answer.total
        if len(walk.found) == known or not more:
            return walk
    walk.is_cut = True
    return walk


def _matches(campaign: Campaign, status: str, kind: str) -> bool:
    """A campaign whose type the vendor does not tell passes any type."""
    wanted = _ALSO_MEANS.get(CampaignStatus(status), (status,)) if status else ()
    return (not status or campaign.status in wanted) and (not kind or campaign.kind in (None, kind))


def _rows(campaigns: Iterable[Campaign]) -> tuple[CampaignRow, ...]:
    campaigns = tuple(campaigns)
    _keep_names(campaigns)
    names = known_names([campaign.next_campaign_id for campaign in campaigns if campaign.next_campaign_id])
    return tuple(
        CampaignRow(campaign, acceptance(campaign), names.get(campaign.next_campaign_id or "", ""))
        for campaign in campaigns
    )


def _keep_names(campaigns: Iterable[Campaign]) -> None:
    names = {_name_key(campaign.id): campaign.name for campaign in campaigns if campaign.id}
    cache.set_many(names, NAMES_KEPT.total_seconds())


def _name_key(campaign_id: str) -> str:
    return f"campaign-name:{campaign_id}"
