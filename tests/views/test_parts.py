"""Acting on a part of a run over HTTP, as a browser without JavaScript does it."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client as Browser
from django.urls import reverse

from dashboard.models import ParkedAccount, SelectedAccount
from dashboard.sandbox.server import Sandbox
from tests import every_fate
from tests.every_fate import EveryFate, Fate
from tests.pages import text_of

BUSY, OTHER, PAST_DUE = (("failed", reason) for reason in ("active_execution", "other", "past_due"))
ACTS = ["part-move", "part-retry", "part-park"]


@pytest.fixture
def scene(sandbox: Sandbox, db: None) -> EveryFate:
    return EveryFate(sandbox)


@pytest.fixture
def web(scene: EveryFate, collector: User, browser_of: Any) -> Browser:
    signed_in: Browser = browser_of(collector)
    return signed_in


def send(web: Browser, act: str, scene: EveryFate, fate: Fate = ("", ""), **fields: Any) -> HttpResponse:
    group = {"outcome": fate[0], "reason": fate[1]} if fate[0] else {}
    return web.post(reverse(act, args=[scene.run.pk]), group | fields, follow=True)


def page(web: Browser, scene: EveryFate) -> str:
    return web.get(scene.run.get_absolute_url()).content.decode()


def forms_of(html: str) -> set[tuple[str, str, str]]:
    """The address, outcome and reason of each form of a group."""
    found = re.findall(
        r'action="([^"]+/part/[^"]+)".*?name="outcome" value="([^"]*)".*?name="reason" value="([^"]*)"', html
    )
    return {(address.rsplit("/", 2)[1], outcome, reason) for address, outcome, reason in found}


def test_the_page_offers_for_each_group_what_helps_and_nothing_else(web: Browser, scene: EveryFate) -> None:
    html = page(web, scene)

    retried = {reason for act, _, reason in forms_of(html) if act == "retry"}
    parked = {reason for act, _, reason in forms_of(html) if act == "park"}
    moved = set(re.findall(r'/part/\?outcome=(\w+)(?:&amp;reason=(\w+))?"', html))
    assert parked == {"active_execution", "not_enrolled_when_read"}
    assert retried == parked | {"other", "no_reason_given", "call_refused", "pending_then_not"}
    assert {outcome for outcome, _ in moved} == {"failed", "skipped", "unrecognised", "not_sent"}
    assert len(moved) == 13


def test_a_viewer_is_offered_nothing_and_may_do_nothing(
    scene: EveryFate, viewer: User, browser_of: Any
) -> None:
    web = browser_of(viewer)

    assert "/part/" not in page(web, scene)
    assert 'name="account_ids"' not in page(web, scene)
    assert [send(web, act, scene, OTHER).status_code for act in ACTS] == [403, 403, 403]
    assert not SelectedAccount.objects.exists()


@pytest.mark.parametrize("act", ["part-retry", "part-park"])
def test_nothing_is_done_by_following_a_link(web: Browser, scene: EveryFate, act: str) -> None:
    assert web.get(reverse(act, args=[scene.run.pk])).status_code == 405


def test_a_retry_leads_to_the_review_of_exactly_the_group(
    web: Browser, scene: EveryFate, collector: User
) -> None:
    before = scene.seen()

    response = send(web, "part-retry", scene, OTHER)

    assert response.redirect_chain == [(reverse("run-review", args=[scene.campaign]), 303)]
    assert "2 invoices are in your selection for this campaign now. Nothing was sent." in text_of(response)
    assert scene.selected(collector) == {scene.campaign: set(scene.ids[OTHER])}
    assert scene.seen() == before


def test_those_still_busy_are_said_to_stay_out(web: Browser, scene: EveryFate) -> None:
    response = send(web, "part-retry", scene, BUSY)

    assert "2 were left out. Active in a campaign" in text_of(response)
    assert "Nothing was put in a selection." in text_of(response)
    assert response.redirect_chain[0][0].startswith(scene.run.get_absolute_url())


def test_those_past_due_are_offered_the_chain_and_switch_by_one_click(
    web: Browser, scene: EveryFate, collector: User
) -> None:
    asked = web.get(reverse("part-move", args=[scene.run.pk]), {"outcome": "failed", "reason": "past_due"})
    offered = re.findall(r'name="campaign_id" value="([^"]+)"', asked.content.decode())

    response = send(web, "part-move", scene, PAST_DUE, campaign_id=offered[0])

    assert offered[0] == scene.chase
    assert scene.campaign not in offered
    assert response.redirect_chain == [(reverse("run-review", args=[scene.chase]), 303)]
    assert scene.selected(collector) == {scene.chase: set(scene.ids[PAST_DUE])}


def test_ticked_rows_ask_for_the_campaign_and_go_there_alone(
    web: Browser, scene: EveryFate, collector: User
) -> None:
    ticked = [scene.ids[OTHER][0], scene.ids["skipped", ""][1]]
    asked = send(web, "part-move", scene, account_ids=ticked)
    kept = re.search(r'name="account_ids" value="([^"]+)"', asked.content.decode())
    assert kept

    send(web, "part-move", scene, account_ids=kept[1], campaign_id=scene.campaign)

    assert scene.selected(collector) == {scene.campaign: set(ticked)}


def test_rows_that_are_enrolled_stay_out_even_when_ticked(
    web: Browser, scene: EveryFate, collector: User
) -> None:
    ticked = [scene.ids[OTHER][0], *scene.ids["enrolled", ""]]

    response = send(web, "part-move", scene, account_ids=ticked, campaign_id=scene.chase)

    assert "2 were left out." in text_of(response)
    assert scene.selected(collector) == {scene.chase: {ticked[0]}}


def test_a_second_click_doubles_nothing(web: Browser, scene: EveryFate) -> None:
    send(web, "part-retry", scene, OTHER)

    response = send(web, "part-retry", scene, OTHER)

    assert "2 of them were selected already." in text_of(response)
    assert SelectedAccount.objects.count() == 2


def test_parking_leads_to_the_list(web: Browser, scene: EveryFate) -> None:
    response = send(web, "part-park", scene, BUSY)

    assert response.redirect_chain == [(reverse("waiting-list"), 303)]
    assert "2 invoices are on the waiting list." in text_of(response)
    assert set(ParkedAccount.objects.values_list("account_id", flat=True)) == set(scene.ids[BUSY])


def test_parking_what_does_not_wait_says_so(web: Browser, scene: EveryFate) -> None:
    response = send(web, "part-park", scene, OTHER)

    assert "Nothing was put on the list." in text_of(response)
    assert not ParkedAccount.objects.exists()


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "No invoice was ticked"),
        ({"account_ids": "nonsense"}, "No invoice was ticked"),
        ({"outcome": "lost"}, "“lost” is not an outcome."),
        ({"outcome": "failed", "reason": "a reason"}, "Enter a valid"),
    ],
)
def test_what_makes_no_sense_is_said_and_changes_nothing(
    web: Browser, scene: EveryFate, act: str, fields: dict[str, str], said: str
) -> None:
    response = send(web, act, scene, **fields)

    assert said in text_of(response)
    assert not SelectedAccount.objects.exists()
    assert not ParkedAccount.objects.exists()


def test_a_campaign_that_is_none_keeps_what_was_ticked(web: Browser, scene: EveryFate) -> None:
    response = send(web, "part-move", scene, account_ids=scene.ids[OTHER], campaign_id="none")

    assert response.status_code == 422
    assert "That is no campaign." in text_of(response)
    assert " ".join(scene.ids[OTHER]) in response.content.decode()


def test_a_closed_campaign_keeps_what_was_ticked_and_offers_others(web: Browser, scene: EveryFate) -> None:
    scene.sandbox.store.change_campaign(scene.campaign, status="completed")

    response = send(web, "part-retry", scene, account_ids=scene.ids[OTHER])

    assert response.status_code == 409
    assert "That campaign takes no invoices now. Nothing was changed." in text_of(response)
    assert " ".join(scene.ids[OTHER]) in response.content.decode()
    assert scene.chase in response.content.decode()
    assert not SelectedAccount.objects.exists()


def test_a_vendor_that_cannot_be_reached_changes_nothing(web: Browser, scene: EveryFate) -> None:
    scene.sandbox.faults.queue("close", method="GET", path="/", times=None)

    response = send(web, "part-retry", scene, OTHER)

    assert response.status_code in (502, 503, 504)
    assert not SelectedAccount.objects.exists()


@pytest.mark.parametrize("fate", every_fate.ALL, ids="-".join)
def test_whatever_is_sent_for_a_group_only_its_rows_are_ever_selected(
    web: Browser, scene: EveryFate, collector: User, fate: Fate
) -> None:
    before = scene.seen()
    for act in ACTS:
        send(web, act, scene, fate, campaign_id=scene.chase)

    for ids in scene.selected(collector).values():
        assert ids <= set(scene.ids[fate])
    assert set(ParkedAccount.objects.values_list("account_id", flat=True)) <= set(scene.ids[fate])
    assert scene.seen() == before


@pytest.mark.parametrize("act", ACTS)
def test_a_run_that_does_not_exist_is_not_found(web: Browser, act: str) -> None:
    assert web.post(reverse(act, args=[10**6]), {"outcome": "failed"}).status_code == 404
