"""Filters that people name, and find again above the list."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from dashboard.models import SavedView
from dashboard.sandbox.server import Sandbox
from dashboard.services import saved_views

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
UNSETTLED = {"page": "run-list", "query": "needs=unknown", "name": "Unsettled"}


@pytest.fixture
def signed_in(collector: User, browser_of: Browser) -> Client:
    return browser_of(collector)


def test_a_filter_is_offered_for_saving_and_then_stands_above_the_list(signed_in: Client) -> None:
    offer = "/saved-views/?page=run-list&amp;query=needs%3Dunknown%26mine%3Don"
    assert offer in signed_in.get("/runs/?mine=on&needs=unknown&page=1").text
    assert 'value="needs=unknown&amp;mine=on"' in signed_in.get(offer.replace("&amp;", "&")).text

    answer = signed_in.post("/saved-views/", UNSETTLED | {"name": " My   unsettled "})

    assert answer.headers["Location"] == "/runs/?needs=unknown"
    text = signed_in.get("/runs/?needs=unknown").text
    assert (
        '<a class="btn btn-sm paging-here" href="/runs/?needs=unknown" aria-current="true"><bdi>My unsettled'
        in text
    )
    assert "Save these filters" not in text


@pytest.mark.parametrize(
    ("page", "address"),
    [("campaign-list", "/campaigns/?status=draft"), ("account-list", "/accounts/?overdue_only=on")],
)
def test_the_other_lists_have_views_of_their_own(
    signed_in: Client, sandbox: Sandbox, page: str, address: str
) -> None:
    signed_in.post("/saved-views/", {"page": page, "query": address.partition("?")[2], "name": "Mine"})

    assert f'href="{address}" aria-current="true"' in signed_in.get(address).text
    assert "<bdi>Mine" not in signed_in.get("/runs/").text


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"name": "Other"}, 409, "These filters are saved already, as “Unsettled”."),
        ({"name": "UNSETTLED", "query": "state=paused"}, 409, "There is a view named “UNSETTLED” already."),
        ({"name": "  ", "query": "state=paused"}, 422, "Give the view a name."),
        ({"query": "page=3&state=nonsense"}, 422, "Nothing is filtered"),
        ({"page": "audit-list"}, 422, "audit-list"),
    ],
)
def test_a_view_that_will_not_do_is_asked_for_again(
    signed_in: Client, change: dict[str, str], status: int, words: str
) -> None:
    signed_in.post("/saved-views/", UNSETTLED)

    answer = signed_in.post("/saved-views/", UNSETTLED | change)

    assert answer.status_code == status
    assert words in answer.text
    assert SavedView.objects.count() == 1


def test_the_same_filters_in_another_order_are_the_same_view(signed_in: Client) -> None:
    signed_in.post("/saved-views/", UNSETTLED | {"query": "mine=on&page=2&needs=unknown&search="})

    assert SavedView.objects.get().query == "needs=unknown&mine=on"


def test_a_view_is_renamed_and_deleted(signed_in: Client, collector: User) -> None:
    view = saved_views.save(user=collector, page="run-list", name="Old", query="mine=on")
    saved_views.save(user=collector, page="run-list", name="Taken", query="state=paused")

    assert signed_in.post(f"/saved-views/{view.pk}/", {"name": "Taken"}).status_code == 409
    assert signed_in.post(f"/saved-views/{view.pk}/", {"name": "New"}).headers["Location"] == "/runs/?mine=on"
    assert SavedView.objects.get(pk=view.pk).name == "New"
    text = signed_in.post(f"/saved-views/{view.pk}/delete/", follow=True).text

    assert "The view “New” is deleted." in text
    assert not SavedView.objects.filter(pk=view.pk).exists()


def test_views_are_each_persons_own(signed_in: Client, viewer: User) -> None:
    view = saved_views.save(user=viewer, page="run-list", name="Secret", query="mine=on")

    assert "Secret" not in signed_in.get("/runs/").text
    assert signed_in.get(f"/saved-views/{view.pk}/").status_code == 404
    assert signed_in.post(f"/saved-views/{view.pk}/delete/").status_code == 404


def test_there_is_an_end_to_views(signed_in: Client, collector: User) -> None:
    for number in range(saved_views.MOST):
        saved_views.save(user=collector, page="run-list", name=str(number), query=f"search={number}")

    answer = signed_in.post("/saved-views/", UNSETTLED)

    assert answer.status_code == 409
    assert "Delete one first" in answer.text


LISTS = {
    "run-list": "/runs/?needs=unknown",
    "account-list": "/accounts/?overdue_only=on",
    "campaign-list": "/campaigns/?status=draft",
}


@pytest.mark.parametrize("page", LISTS)
def test_a_list_opens_with_the_view_that_is_chosen_for_it(
    signed_in: Client, sandbox: Sandbox, page: str
) -> None:
    bare, _, query = LISTS[page].partition("?")
    view = {"page": page, "query": query, "name": "Mine"}
    signed_in.post("/saved-views/", view)
    assert signed_in.get(bare).status_code == 200

    signed_in.post(f"/saved-views/{SavedView.objects.get().pk}/", {"name": "Mine", "opens_first": "on"})

    opened = signed_in.get(bare, follow=True)
    assert opened.redirect_chain == [(LISTS[page], 302)]
    assert "The list opens with this view." in opened.text
    assert f'<a href="{bare}?page=1">Show all</a>' in opened.text
    assert f'<a class="btn" href="{bare}?page=1">Clear</a>' in opened.text


def test_an_address_with_a_query_and_a_piece_of_a_page_are_taken_as_they_are(
    signed_in: Client, collector: User
) -> None:
    saved_views.save(user=collector, page="run-list", name="Mine", query="mine=on", opens_first=True)

    for query in ("page=1", "per_page=20", "state=paused", "nonsense=1"):
        assert signed_in.get(f"/runs/?{query}").status_code == 200
    assert signed_in.get("/runs/?search=").headers["Location"] == "/runs/?page=1"
    assert signed_in.get("/runs/", headers={"HX-Request": "true"}).status_code == 200
    assert "No run matches" in signed_in.get("/runs/?state=paused").text
    assert '<a href="/runs/?page=1">Show all runs</a>' in signed_in.get("/runs/?state=paused").text
    assert 'href="/runs/?page=1">All runs</a>' in signed_in.get("/waiting/").text


def test_one_view_of_a_list_opens_first_and_only_for_whoever_chose_it(
    signed_in: Client, collector: User, viewer: User, browser_of: Browser
) -> None:
    for name in ("a", "b"):
        saved_views.save(user=collector, page="run-list", name=name, query=f"search={name}", opens_first=True)
    saved_views.save(user=viewer, page="run-list", name="c", query="search=c")

    assert signed_in.get("/runs/").headers["Location"] == "/runs/?search=b"
    assert browser_of(viewer).get("/runs/").status_code == 200
    page = signed_in.get(f"/saved-views/{SavedView.objects.get(name='b').pk}/").text
    assert "checked" in page.partition('name="opens_first"')[2].partition(">")[0]

    signed_in.post(f"/saved-views/{SavedView.objects.get(name='b').pk}/", {"name": "b"})

    assert signed_in.get("/runs/").status_code == 200
    assert "The list opens with this view" not in signed_in.get("/runs/?search=b").text
