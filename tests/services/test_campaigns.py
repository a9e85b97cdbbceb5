"""Browsing campaigns, whatever the vendor does with its filters and pages. Real HTTP to the sandbox."""

from unittest.mock import patch

import pytest

from dashboard.api.errors import NotFound, Refused, Unreachable
from dashboard.sandbox.server import Sandbox
from dashboard.services import campaigns


@pytest.fixture(autouse=True)
def empty(sandbox: Sandbox) -> Sandbox:
    sandbox.store.clear()
    return sandbox


def add(sandbox: Sandbox, count: int, **fields: object) -> None:
    for _ in range(count):
        sandbox.store.add_campaign(**fields)


def names(found: campaigns.CampaignList) -> list[str]:
    return [row.campaign.name for row in found.rows]


def test_a_documented_status_is_left_to_the_vendor(empty: Sandbox) -> None:
    add(empty, 3, status="PAUSED")
    add(empty, 3, status="DRAFT")

    found = campaigns.list_page(status="draft")

    assert names(found) == ["Campaign 4", "Campaign 5", "Campaign 6"]
    assert found.looked_through == 0
    assert empty.ledger.calls[0].query["status"] == "draft"


@pytest.mark.parametrize("status", ["scheduled", "running", "completed", "cancelled"])
def test_an_undocumented_status_is_never_sent_but_filtered_here(empty: Sandbox, status: str) -> None:
    add(empty, 2, status="DRAFT")
    add(empty, 1, status=status.upper())

    found = campaigns.list_page(status=status)

    assert names(found) == ["Campaign 3"]
    assert (found.looked_through, found.paging.total) == (3, 1)
    assert all("status" not in call.query for call in empty.ledger.calls)


def test_filtering_here_pages_through_what_matches(empty: Sandbox) -> None:
    add(empty, 130, status="RUNNING")
    add(empty, 130, status="DRAFT")

    found = campaigns.list_page(status="running", page=7, per_page=20)

    assert names(found) == [f"Campaign {number}" for number in range(121, 131)]
    assert (found.paging.total, found.paging.last, found.paging.has_next) == (130, 7, False)
    assert len(empty.ledger.calls) == 3


def test_filtering_here_stops_at_a_bound_and_says_so(empty: Sandbox) -> None:
    add(empty, 5, status="RUNNING")

    with patch.object(campaigns, "WALK_PER_PAGE", 2), patch.object(campaigns, "WALK_PAGES", 2):
        found = campaigns.list_page(status="running")

    assert found.is_cut
    assert found.looked_through == 4


def test_a_vendor_that_ignores_the_status_filter_is_noticed_and_corrected(empty: Sandbox) -> None:
    add(empty, 2, status="DRAFT")
    add(empty, 2, status="PAUSED")
    empty.faults.queue("ignore_filter", times=None)

    found = campaigns.list_page(status="paused")

    assert names(found) == ["Campaign 3", "Campaign 4"]
    assert found.looked_through == 4


def test_a_vendor_that_ignores_the_type_filter_is_noticed_and_corrected(empty: Sandbox) -> None:
    add(empty, 2, type="early_stage")
    add(empty, 1, type="first_party")
    empty.faults.queue("ignore_filter", times=None)

    assert names(campaigns.list_page(type="first_party")) == ["Campaign 3"]


def test_a_campaign_whose_type_is_not_told_passes_the_vendor_s_own_filter(empty: Sandbox) -> None:
    add(empty, 1, type=None)
    empty.faults.queue("ignore_filter", times=None)

    assert names(campaigns.list_page(type="first_party")) == ["Campaign 1"]


def test_active_takes_running_too_as_both_name_one_state(empty: Sandbox) -> None:
    add(empty, 1, status="RUNNING")
    empty.faults.queue("ignore_filter", times=None)

    found = campaigns.list_page(status="active")

    assert (names(found), found.looked_through) == (["Campaign 1"], 0)


def test_a_vendor_that_ignores_per_page_is_walked_to_the_end(empty: Sandbox) -> None:
    add(empty, 45, status="RUNNING")
    empty.faults.queue("ignore_per_page", times=None, per_page=20)

    assert campaigns.list_page(status="running").looked_through == 45


def test_a_vendor_that_gives_the_same_page_for_ever_is_not_walked_for_ever(empty: Sandbox) -> None:
    add(empty, 3, status="RUNNING")
    empty.style.paging = "absent"

    with patch.object(campaigns, "WALK_PER_PAGE", 3):
        found = campaigns.list_page(status="running")

    assert found.looked_through == 3
    assert len(empty.ledger.calls) == 2


def test_campaigns_that_come_twice_count_once(empty: Sandbox) -> None:
    add(empty, 4, status="RUNNING")
    empty.faults.queue("duplicate_campaigns", times=None)

    assert campaigns.list_page(status="running").looked_through == 4


def test_a_vendor_that_refuses_a_page_past_the_end_gives_an_empty_one_with_totals(empty: Sandbox) -> None:
    add(empty, 5)
    empty.faults.queue("status", method="GET", status=404)

    found = campaigns.list_page(page=3, per_page=2)

    assert found.rows == ()
    assert (found.paging.number, found.paging.last, found.paging.is_past_end) == (3, 3, False)


def test_a_refused_first_page_is_an_error(empty: Sandbox) -> None:
    empty.faults.queue("status", method="GET", status=400, times=None)

    with pytest.raises(Refused):
        campaigns.list_page()


def test_the_name_of_the_next_campaign_is_remembered_from_another_page(empty: Sandbox) -> None:
    last = empty.store.add_campaign(name="Seen before")
    add(empty, 1, next_campaign_id=last["id"])

    campaigns.list_page(page=1, per_page=1)
    found = campaigns.list_page(page=2, per_page=1)

    assert found.rows[0].next_name == "Seen before"


def test_the_next_campaign_has_no_name_when_it_was_never_seen(empty: Sandbox) -> None:
    add(empty, 1, next_campaign_id="abcdef01-0000-4000-8000-000000000000")

    assert campaigns.list_page().rows[0].next_name == ""


def test_names_are_asked_for_once_and_a_campaign_that_is_gone_stops_none(empty: Sandbox) -> None:
    ids = ["abcdef01-0000-4000-8000-000000000000", *(empty.store.add_campaign()["id"] for _ in range(9))]

    found = campaigns.names(ids)

    assert found == {id_: empty.store.campaigns[id_]["name"] for id_ in ids[1:]}
    empty.faults.queue("status", method="GET", status=500, times=None)
    assert campaigns.names(ids) == campaigns.known_names(ids) == found


def test_a_chain_names_each_campaign_in_order(empty: Sandbox) -> None:
    last = empty.store.add_campaign(name="B")
    first = empty.store.add_campaign(name="A", next_campaign_id=last["id"])

    chain = campaigns.chain(campaigns.read(first["id"]))

    assert [step.campaign.name for step in chain.steps if step.campaign] == ["A", "B"]
    assert chain.note == ""


def test_a_chain_that_leads_back_ends_with_a_note(empty: Sandbox) -> None:
    first = empty.store.add_campaign()
    second = empty.store.add_campaign(next_campaign_id=first["id"])
    empty.store.change_campaign(first["id"], next_campaign_id=second["id"])

    chain = campaigns.chain(campaigns.read(first["id"]))

    assert [step.campaign_id for step in chain.steps] == [first["id"], second["id"]]
    assert chain.note == "It leads back to a campaign that came before."


def test_a_chain_without_end_is_cut(empty: Sandbox) -> None:
    following = None
    for _ in range(campaigns.CHAIN_LIMIT + 3):
        following = empty.store.add_campaign(next_campaign_id=following)["id"]

    chain = campaigns.chain(campaigns.read(following or ""))

    assert len(chain.steps) == campaigns.CHAIN_LIMIT + 1
    assert "Only the first 8" in chain.note


def test_a_chain_ends_at_a_campaign_that_cannot_be_read(empty: Sandbox) -> None:
    gone = "00000000-0000-4000-8000-000000000000"
    campaign = campaigns.read(empty.store.add_campaign(next_campaign_id=gone)["id"])

    chain = campaigns.chain(campaign)

    assert chain.steps[-1] == campaigns.Step(gone, problem="Not found in this workspace")


def test_a_campaign_of_another_workspace_is_not_found() -> None:
    with pytest.raises(NotFound):
        campaigns.read("00000000-0000-4000-8000-000000000000")


def test_a_vendor_that_is_gone_is_an_error_not_an_empty_list(empty: Sandbox) -> None:
    empty.stop()

    with pytest.raises(Unreachable):
        campaigns.list_page()
