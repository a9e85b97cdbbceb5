"""“Select all matching” and “Read them again”, as a browser without JavaScript does it and as htmx asks for it."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import reverse

from dashboard.models import Gathering, SelectedAccount, Worker
from dashboard.sandbox.server import Sandbox
from dashboard.sandbox.store import made_id
from dashboard.services.errands import Clerk
from tests.drive import drain
from tests.pages import text_of

OPEN = made_id("campaign", 1, 1)
PICKER = reverse("run-create", args=[OPEN])
PANEL = reverse("gathering-detail", args=[OPEN])
REVIEW = reverse("run-review", args=[OPEN])
AGAIN = reverse("refreshing-detail", args=[OPEN])
HTMX = {"HTTP_HX_REQUEST": "true"}


def test_is_offered_with_the_number_where_there_are_more_pages(web: Browser) -> None:
    assert "Select all 60 matching" in text_of(web.get(PICKER))
    assert "Select all" not in text_of(web.get(f"{PICKER}?per_page=100"))
    assert "Select all" not in text_of(web.get(f"{PICKER}?selected=on"))


def test_takes_all_that_match_the_filter_in_the_background(web: Browser, clerk: Clerk) -> None:
    asked = web.post(f"{PICKER}?status=settled&per_page=1&amount_min=1", {"then": "gather"}, follow=True)
    assert "Selecting all that match" in text_of(asked)
    assert not SelectedAccount.objects.exists()

    drain(clerk)

    done, selected = web.get(PICKER), SelectedAccount.objects.count()
    assert selected > 0
    assert f"All {selected} invoices that matched are selected, {selected} of them new." in text_of(done)
    assert {row.snapshot["status"] for row in SelectedAccount.objects.all()} == {"settled"}


def test_says_where_fewer_came_than_the_vendor_counts(web: Browser, clerk: Clerk) -> None:
    web.post(PICKER, {"then": "gather"})
    drain(clerk)
    Gathering.objects.update(last_total=75)

    assert (
        "60 invoices came and are selected, 60 of them new. The vendor counts 75: select all again"
        in text_of(web.get(PICKER))
    )


def test_another_one_while_one_is_under_way_is_said_not_to_be_done(web: Browser) -> None:
    web.post(f"{PICKER}?status=settled", {"then": "gather"})

    response = web.post(f"{PICKER}?search=INV", {"then": "gather"}, follow=True)

    assert "These were not selected: “Select all matching” is still under way" in text_of(response)


def test_keeps_the_filters_and_the_ticks_of_the_page(web: Browser) -> None:
    account = made_id("account", 3, 1)

    response = web.post(f"{PICKER}?search=INV", {"then": "gather", "account_ids": account})

    assert (response.status_code, response["Location"]) == (303, f"{PICKER}?search=INV")
    assert SelectedAccount.objects.get().account_id == account


def test_the_panel_is_asked_for_again_until_it_is_over_and_then_the_list_reloads(
    web: Browser, clerk: Clerk
) -> None:
    web.post(PICKER, {"then": "gather"})
    running = web.get(PANEL, **HTMX)
    assert 'data-poll="1"' in running.content.decode()
    assert len(running.content) <= 2048

    drain(clerk)
    over = web.get(PANEL, **HTMX)

    assert "data-poll" not in over.content.decode()
    assert "gathered" in over["HX-Trigger-After-Settle"]


def test_a_poll_writes_nothing(web: Browser, django_assert_max_num_queries: Any) -> None:
    web.post(PICKER, {"then": "gather"})

    with django_assert_max_num_queries(9) as asked:
        web.get(PANEL, **HTMX)

    assert not [query for query in asked.captured_queries if query["sql"].startswith(("INSERT", "UPDATE"))]


def test_cancelled_nothing_is_added_and_the_result_can_be_put_away(web: Browser, clerk: Clerk) -> None:
    web.post(PICKER, {"then": "gather"})

    cancelled = web.post(PANEL, follow=True)
    drain(clerk)
    assert "Cancelled. Nothing was added." in text_of(cancelled)
    assert not SelectedAccount.objects.exists()

    assert "Cancelled" not in text_of(web.post(PANEL, follow=True))


def test_a_failure_is_said_with_its_reason(web: Browser, clerk: Clerk, sandbox: Sandbox) -> None:
    web.post(PICKER, {"then": "gather"})
    sandbox.faults.queue("status", method="GET", path="/accounts", status=403)

    drain(clerk)

    assert "Select all failed. Nothing was added" in text_of(web.get(PICKER))


def test_a_list_that_changed_is_told(web: Browser, clerk: Clerk) -> None:
    web.post(PICKER, {"then": "gather"})
    drain(clerk)
    Gathering.objects.update(first_total=60, last_total=62, repeated=1)

    words = text_of(web.get(PICKER))

    assert "the vendor counted 60 at first and 62 at the end" in words
    assert "1 row came twice" in words


def test_without_a_worker_it_is_said_to_wait(web: Browser) -> None:
    Worker.objects.all().delete()

    assert "No worker is running" in text_of(web.post(PICKER, {"then": "gather"}, follow=True))


def test_without_htmx_the_panels_address_is_the_picker(web: Browser) -> None:
    assert web.get(PANEL)["Location"] == PICKER


def test_cancelling_and_putting_away_keep_the_filters_of_the_page(web: Browser) -> None:
    page = web.post(f"{PICKER}?search=INV&per_page=10", {"then": "gather"}, follow=True)
    assert f'action="{PANEL}?search=INV&amp;per_page=10"' in page.content.decode()

    cancelled = web.post(f"{PANEL}?search=INV&per_page=10")
    put_away = web.post(f"{PANEL}?search=INV&per_page=10")

    assert cancelled["Location"] == put_away["Location"] == f"{PICKER}?search=INV&per_page=10"


def test_by_htmx_the_panel_alone_changes(web: Browser) -> None:
    web.post(PICKER, {"then": "gather"})

    cancelled, put_away = web.post(PANEL, **HTMX), web.post(PANEL, **HTMX)

    assert "Cancelled. Nothing was added." in text_of(cancelled)
    assert (put_away.status_code, put_away.content) == (200, b"")
    assert not Gathering.objects.exists()


def test_on_the_review_its_end_reloads_the_page(web: Browser, clerk: Clerk) -> None:
    web.post(PICKER, {"then": "gather"})
    assert f'action="{PANEL}?at=review"' in web.get(REVIEW).content.decode()
    assert f'action="{PANEL}?at=review"' in web.get(f"{PANEL}?at=review", **HTMX).content.decode()

    drain(clerk)

    assert web.get(f"{PANEL}?at=review", **HTMX)["HX-Refresh"] == "true"
    assert web.post(f"{PANEL}?at=review")["Location"] == REVIEW


class TestReadingAgain:
    """Of what is selected, from the review."""

    @pytest.fixture
    def account(self, web: Browser, sandbox: Sandbox) -> str:
        account_id = str(sandbox.store.add_account(status="not_assigned", campaign_id=None)["id"])
        web.post(PICKER, {"account_ids": account_id}, follow=True)
        sandbox.store.accounts[account_id]["status"] = "settled"
        return account_id

    def test_shows_the_new_verdict(self, web: Browser, clerk: Clerk, account: str) -> None:
        web.get(REVIEW)
        begun = web.post(AGAIN, {"begin": ""}, follow=True)
        assert "Reading them again : 0 of 1 read" in text_of(begun)

        drain(clerk)

        words = text_of(web.get(REVIEW))
        assert "1 invoice read again," in words
        assert "Will be refused 1 invoice Settled" in words

    def test_its_panel_polls_until_the_review_is_to_be_read_anew(
        self, web: Browser, clerk: Clerk, account: str
    ) -> None:
        web.post(AGAIN, {"begin": ""})
        running = web.get(AGAIN, **HTMX)
        assert 'data-poll="1"' in running.content.decode()
        assert len(running.content) <= 2048

        drain(clerk)

        assert web.get(AGAIN, **HTMX)["HX-Refresh"] == "true"
        assert web.get(AGAIN)["Location"] == REVIEW

    def test_it_is_stopped_and_its_result_put_away(self, web: Browser, clerk: Clerk, account: str) -> None:
        web.post(AGAIN, {"begin": ""})

        stopped = web.post(AGAIN, follow=True)
        drain(clerk)
        assert "Stopped. 0 of 1 were read again and are kept." in text_of(stopped)

        assert "Stopped" not in text_of(web.post(AGAIN, follow=True))

    def test_a_failure_is_said_with_its_reason(
        self, web: Browser, clerk: Clerk, sandbox: Sandbox, account: str
    ) -> None:
        web.post(AGAIN, {"begin": ""})
        sandbox.faults.queue("status", method="GET", path=f"/accounts/{account}", status=403)

        drain(clerk)

        assert "Reading again failed. 0 of 1 were read again and are kept." in text_of(web.get(REVIEW))


def test_a_viewer_selects_nothing(sandbox: Sandbox, viewer: User, browser_of: Any) -> None:
    web = browser_of(viewer)

    assert web.post(PICKER, {"then": "gather"}).status_code == 403
    assert web.post(PANEL).status_code == 403
    assert not Gathering.objects.exists()
