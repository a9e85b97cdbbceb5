"""The waiting list's page, as a browser without JavaScript uses it."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client as Browser
from django.urls import reverse

from dashboard.models import ParkedAccount
from dashboard.sandbox.server import Sandbox
from dashboard.services import vendor, waiting
from dashboard.services.parts import Part
from tests.every_fate import EveryFate
from tests.pages import text_of

BUSY = ("failed", "active_execution")
LIST = "/waiting/"


@pytest.fixture
def scene(sandbox: Sandbox, collector: User) -> EveryFate:
    """Two on the list: the first is free, the second still busy."""
    scene = EveryFate(sandbox)
    waiting.park(collector, Part(scene.run, *BUSY))
    sandbox.store.complete_campaign(scene.ids[BUSY][0])
    waiting.look_again(client=vendor.for_workers())
    return scene


@pytest.fixture
def web(collector: User, browser_of: Any) -> Browser:
    signed_in: Browser = browser_of(collector)
    return signed_in


def post(web: Browser, address: str = LIST, **fields: Any) -> HttpResponse:
    return web.post(address, fields, follow=True)


def pk_of(account_id: str) -> int:
    return ParkedAccount.objects.get(account_id=account_id).pk


def left() -> set[str]:
    return set(ParkedAccount.objects.values_list("account_id", flat=True))


def test_an_empty_list_says_how_invoices_come_here(sandbox: Sandbox, web: Browser) -> None:
    assert "Nothing waits." in text_of(web.get(LIST))


def test_the_list_says_what_was_seen_when_by_whom_and_from_where(web: Browser, scene: EveryFate) -> None:
    said = text_of(web.get(LIST))

    for words in ("Free since", "Not free yet", "In progress", "Next reading", "by collector", "free 1"):
        assert words in said
    assert f"Run\u00a0{scene.run.pk}".split()[0] in said
    assert "Put the free one in a selection" in said


def test_a_viewer_reads_it_and_can_do_nothing(scene: EveryFate, viewer: User, browser_of: Any) -> None:
    web = browser_of(viewer)

    assert "Not free yet" in text_of(web.get(LIST))
    assert 'name="act"' not in web.get(LIST).content.decode()
    assert post(web, act="take_all").status_code == 403
    assert left() == set(scene.ids[BUSY])


def test_filters_live_in_the_address_and_unknown_ones_are_said(web: Browser, scene: EveryFate) -> None:
    free, busy = scene.ids[BUSY]

    assert free in web.get(LIST, {"state": "free"}).content.decode()
    assert busy not in web.get(LIST, {"state": "free"}).content.decode()
    assert "Nothing on the list matches" in text_of(web.get(LIST, {"search": "nothing like it"}))
    assert "is not a state of this list" in text_of(web.get(LIST, {"state": "sold"}))
    assert "There is nothing on page 9" in text_of(web.get(LIST, {"page": "9"}))
    assert busy in web.get(LIST, {"campaign_id": scene.campaign, "mine": "on"}).content.decode()


def test_a_piece_is_given_to_htmx(web: Browser, scene: EveryFate) -> None:
    piece = web.get(LIST, HTTP_HX_REQUEST="true").content.decode()

    assert piece.lstrip().startswith('<section id="waiting"')


def test_all_free_ones_go_to_the_review_and_leave_the_list(
    web: Browser, scene: EveryFate, collector: User
) -> None:
    before = scene.seen()

    response = post(web, act="take_all")

    assert response.redirect_chain == [(reverse("run-review", args=[scene.campaign]), 303)]
    assert scene.selected(collector) == {scene.campaign: {scene.ids[BUSY][0]}}
    assert left() == {scene.ids[BUSY][1]}
    assert scene.seen() == before


def test_a_ticked_one_that_is_not_free_stays(web: Browser, scene: EveryFate, collector: User) -> None:
    busy = scene.ids[BUSY][1]

    response = post(web, act="take", entries=[pk_of(busy)])

    assert "1 is not free yet and stays on the list." in text_of(response)
    assert scene.selected(collector) == {}
    assert left() == set(scene.ids[BUSY])


def test_all_free_ones_means_those_of_the_filter(web: Browser, scene: EveryFate, collector: User) -> None:
    post(web, f"{LIST}?search=nothing", act="take_all")

    assert scene.selected(collector) == {}


def test_two_campaigns_lead_to_all_reviews(web: Browser, scene: EveryFate, collector: User) -> None:
    ParkedAccount.objects.filter(account_id=scene.ids[BUSY][1]).update(state="free", campaign_id=scene.chase)

    response = post(web, act="take_all")

    assert response.redirect_chain == [(reverse("selection-list"), 303)]
    assert set(scene.selected(collector)) == {scene.campaign, scene.chase}


def test_ticked_ones_are_removed(web: Browser, scene: EveryFate) -> None:
    response = post(web, act="remove", entries=[pk_of(scene.ids[BUSY][1])])

    assert "1 invoice was taken off the list." in text_of(response)
    assert left() == {scene.ids[BUSY][0]}


def test_those_that_will_not_become_free_are_removed_together(web: Browser, scene: EveryFate) -> None:
    ParkedAccount.objects.filter(account_id=scene.ids[BUSY][1]).update(state="closed")

    post(web, act="remove_closed")

    assert left() == {scene.ids[BUSY][0]}


@pytest.mark.parametrize("act", ["read", "read_all"])
def test_reading_soon_is_said(web: Browser, scene: EveryFate, act: str) -> None:
    assert "within the last minute" in text_of(post(web, act=act, entries=[pk_of(scene.ids[BUSY][0])]))

    ParkedAccount.objects.update(read_at="2020-01-01T00:00Z")

    assert "as soon as a worker is free" in text_of(post(web, act=act, entries=[pk_of(scene.ids[BUSY][0])]))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"act": "take"}, "Nothing was ticked."),
        ({"act": "take", "entries": "x"}, "Nothing was ticked."),
        ({"act": "burn"}, "Select a valid choice"),
        ({}, "This field is required"),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    web: Browser, scene: EveryFate, fields: dict[str, str], said: str
) -> None:
    assert said in text_of(post(web, **fields))
    assert left() == set(scene.ids[BUSY])


def test_a_page_without_a_worker_says_that_nothing_is_read(web: Browser, scene: EveryFate) -> None:
    from dashboard.models import Worker

    Worker.objects.update(stopped_at="2020-01-01T00:00Z")

    assert "No worker is running" in text_of(web.get(LIST))
