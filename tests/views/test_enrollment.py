"""Picking and checking, as a browser without JavaScript does it, over a real sandbox."""

import re
import uuid
from datetime import timedelta
from typing import Any
from uuid import UUID

import brotli
import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client as Browser
from django.urls import reverse

from dashboard.models import Batch, Run, SelectedAccount, Selection, Upload
from dashboard.sandbox.server import Sandbox
from dashboard.sandbox.store import made_id
from dashboard.services import campaigns, uploads
from dashboard.services import review as review_service
from tests.pages import text_of

OPEN = made_id("campaign", 1, 1)
REMINDER = made_id("campaign", 0, 1)
PAUSED = made_id("campaign", 4, 1)
DRAFT = made_id("campaign", 7, 1)
ACCOUNTS = [made_id("account", number, 1) for number in range(60)]
UNKNOWN_ID = "11111111-2222-4333-8444-555555555555"
HTMX = {"HTTP_HX_REQUEST": "true"}


def picker(query: str = "", campaign_id: str = OPEN) -> str:
    return reverse("run-create", args=[campaign_id]) + query


def review(campaign_id: str = OPEN) -> str:
    return reverse("run-review", args=[campaign_id])


def selected(campaign_id: str = OPEN) -> set[str]:
    return set(
        SelectedAccount.objects.filter(selection__campaign_id=campaign_id).values_list(
            "account_id", flat=True
        )
    )


def marks(campaign_id: str = OPEN) -> dict[str, str]:
    """What the review page's form carries."""
    selection = Selection.objects.get(campaign_id=campaign_id)
    mark = review_service.mark_of(campaigns.read(campaign_id))
    return {"token": str(selection.token), "revision": str(selection.revision), "mark": mark}


def made_up(count: int) -> list[str]:
    return [str(UUID(int=number)) for number in range(1, count + 1)]


def shown_on(response: HttpResponse) -> str:
    found = re.search(r'name="shown" value="([^"]*)"', response.content.decode())
    assert found
    return found[1]


class TestPicker:
    def test_shows_a_page_of_the_vendors_invoices_with_boxes(self, web: Browser) -> None:
        response = web.get(picker())

        page = response.content.decode()
        assert response.status_code == 200
        assert page.count('name="account_ids" value=') == 20
        assert "60 invoices" in text_of(response)
        assert "0 selected" in text_of(response)

    def test_sends_every_documented_filter_to_the_vendor(self, web: Browser, sandbox: Sandbox) -> None:
        customer_id = str(uuid.uuid4())
        query = f"?search=INV&status=settled&customer_id={customer_id}&overdue_only=true"
        query += "&amount_min=1.5&amount_max=9&page=1&per_page=50"

        web.get(picker(query))

        asked = sandbox.ledger.calls[-1].query
        assert asked == {
            "search": "INV",
            "status": "settled",
            "customer_id": customer_id,
            "overdue_only": "true",
            "amount_min": "1.5",
            "amount_max": "9",
            "page": "1",
            "per_page": "50",
        }

    @pytest.mark.parametrize(
        "query", ["page=0", "status=odd", "customer_id=x", "amount_min=9&amount_max=1", "per_page=1000"]
    )
    def test_ignores_a_bad_filter_and_says_so(self, web: Browser, query: str) -> None:
        response = web.get(picker(f"?{query}"))

        assert response.status_code == 200
        assert "was ignored" in text_of(response)

    def test_says_where_the_last_page_is_when_asked_past_the_end(self, web: Browser) -> None:
        response = web.get(picker("?page=9"))

        assert "There is nothing on page 9. Go to the last page, 3" in text_of(response)

    def test_gives_htmx_the_list_alone(self, web: Browser) -> None:
        response = web.get(picker(), **HTMX)

        assert response.content.decode().lstrip().startswith('<div id="accounts"')
        assert response["Cache-Control"].startswith("max-age=0") or "no-store" in response["Cache-Control"]

    def test_a_fragment_of_20_rows_takes_at_most_2_kb(self, web: Browser) -> None:
        response = web.get(picker(), **HTMX)

        assert response.content.count(b"Select INV-") == 20
        assert len(brotli.compress(response.content)) <= 2 * 1024


class TestPicking:
    def test_ticks_lead_to_the_review(self, web: Browser) -> None:
        response = web.post(picker(), {"account_ids": ACCOUNTS[:2]})

        assert (response.status_code, response["Location"]) == (303, review())
        assert selected() == set(ACCOUNTS[:2])

    def test_turning_the_page_saves_the_ticks_and_keeps_the_filters(self, web: Browser) -> None:
        shown = shown_on(web.get(picker("?per_page=20")))

        response = web.post(
            picker("?per_page=20"), {"account_ids": ACCOUNTS[:2], "shown": shown, "page": "2"}
        )

        assert (response.status_code, response["Location"]) == (303, picker("?per_page=20&page=2"))
        assert "2 selected , 2 not on this page" in text_of(web.get(response["Location"]))

    def test_filtering_without_javascript_saves_the_ticks(self, web: Browser) -> None:
        sent = {"account_ids": ACCOUNTS[:2], "shown": " ".join(ACCOUNTS[:20]), "then": "filter"}

        response = web.post(
            picker("?status=settled&page=2"), sent | {"search": "INV-2", "status": "", "amount_min": "x"}
        )

        assert (response.status_code, response["Location"]) == (303, picker("?search=INV-2&amount_min=x"))
        assert selected() == set(ACCOUNTS[:2])

    def test_a_box_without_its_tick_takes_the_invoice_out(self, web: Browser) -> None:
        web.post(picker(), {"account_ids": [ACCOUNTS[0], ACCOUNTS[1], ACCOUNTS[59]]})

        web.post(picker(), {"account_ids": ACCOUNTS[0], "before": " ".join(ACCOUNTS[:2]), "then": "stay"})

        assert selected() == {ACCOUNTS[0], ACCOUNTS[59]}

    def test_a_tick_by_htmx_is_saved_at_once_and_answered_with_the_counts(self, web: Browser) -> None:
        web.post(picker(), {"account_ids": ACCOUNTS[50]})
        shown = " ".join(ACCOUNTS[:20])

        response = web.post(
            picker(), {"account_ids": [ACCOUNTS[0], "pasted so far"], "shown": shown, "then": "tick"}, **HTMX
        )

        assert "2 selected , 1 not on this page" in text_of(response)
        assert len(response.content) <= 2048
        assert selected() == {ACCOUNTS[0], ACCOUNTS[50]}

    def test_ticks_in_an_older_tab_undo_nothing(self, web: Browser) -> None:
        shown = " ".join(ACCOUNTS[:20])
        web.post(picker(), {"account_ids": ACCOUNTS[0], "shown": shown, "then": "tick"}, **HTMX)

        answer = web.post(picker(), {"account_ids": ACCOUNTS[1], "shown": shown, "then": "tick"}, **HTMX)
        before = re.findall(r'name="before" value="([^"]*)"', answer.content.decode())
        web.post(picker(), {"shown": shown, "before": before, "then": "tick"}, **HTMX)

        assert selected() == {ACCOUNTS[0]}

    @pytest.mark.parametrize(("then", "expected"), [("all", set(ACCOUNTS[:20])), ("none", set())])
    def test_this_page_can_be_taken_or_left_as_a_whole(
        self, web: Browser, then: str, expected: set[str]
    ) -> None:
        web.post(picker(), {"account_ids": ACCOUNTS[3]})

        web.post(
            picker(),
            {
                "account_ids": ACCOUNTS[3],
                "before": ACCOUNTS[3],
                "shown": " ".join(ACCOUNTS[:20]),
                "then": then,
            },
        )

        assert selected() == expected

    def test_what_was_seen_is_kept_with_a_tick(self, web: Browser, sandbox: Sandbox) -> None:
        web.get(picker())
        calls = len(sandbox.ledger.calls)

        web.post(picker(), {"account_ids": ACCOUNTS[0]})

        row = SelectedAccount.objects.get()
        assert row.snapshot["number"] == sandbox.store.accounts[ACCOUNTS[0]]["invoice_number"]
        assert row.read_at is not None
        assert len(sandbox.ledger.calls) == calls

    def test_no_account_chosen_is_said_and_the_filters_stay(self, web: Browser) -> None:
        response = web.post(picker("?search=INV-20"), {"account_ids": ""})

        assert response.status_code == 422
        assert "No invoice is chosen" in text_of(response)
        assert 'value="INV-20"' in response.content.decode()

    def test_selecting_survives_a_vendor_that_is_down(self, web: Browser, sandbox: Sandbox) -> None:
        sandbox.stop()

        web.post(picker(), {"account_ids": ACCOUNTS[:3], "then": "stay"})

        assert selected() == set(ACCOUNTS[:3])

    def test_clearing_asks_first(self, web: Browser) -> None:
        web.post(picker(), {"account_ids": ACCOUNTS[:3]})

        asked = web.post(picker(), {"account_ids": ACCOUNTS[:3], "then": "clear"})
        assert "All 3 invoices will be taken out" in text_of(asked)
        assert len(selected()) == 3

        web.post(picker(), {"then": "cleared"})
        assert selected() == set()

    def test_the_selected_can_be_seen_alone(self, web: Browser) -> None:
        web.get(picker("?per_page=100"))
        web.post(picker(), {"account_ids": [ACCOUNTS[0], ACCOUNTS[40]]})

        response = web.get(picker("?selected=on"))

        assert shown_on(response).split() == [ACCOUNTS[0], ACCOUNTS[40]]

    def test_a_viewer_looks_and_cannot_pick(self, sandbox: Sandbox, viewer: User, browser_of: Any) -> None:
        web = browser_of(viewer)

        page = web.get(picker())
        response = web.post(picker(), {"account_ids": ACCOUNTS[0]})

        assert 'name="account_ids"' not in page.content.decode()
        assert response.status_code == 403
        assert not SelectedAccount.objects.exists()


class TestPasting:
    @pytest.mark.parametrize("pasted", ["INV-2 INV-3", ACCOUNTS[40]])
    def test_a_list_to_look_up_leaves_the_ticks_saved_and_takes_nothing_itself(
        self, web: Browser, pasted: str
    ) -> None:
        sent = {"account_ids": [ACCOUNTS[0], pasted], "shown": " ".join(ACCOUNTS[:20]), "then": "look_up"}

        response = web.post(picker(), sent)

        upload = Upload.objects.get()
        assert response["Location"] == upload.get_absolute_url()
        assert uploads.content_of(upload).decode() == pasted
        assert selected() == {ACCOUNTS[0]}

    @pytest.mark.parametrize("size", [1, 100, 101, 250])
    def test_any_number_of_ids_in_one_field(self, web: Browser, size: int) -> None:
        response = web.post(picker(), {"account_ids": ";\n".join(made_up(size))})

        assert response["Location"] == review()
        assert selected() == set(made_up(size))

    def test_a_malformed_id_is_named_with_its_place_and_the_rest_kept(self, web: Browser) -> None:
        ids = made_up(499)
        pasted = "\n".join([*ids[:16], "not-an-id", *ids[16:]])

        response = web.post(picker(), {"account_ids": pasted})

        assert response.status_code == 422
        assert "line 17, entry 1: not-an-id" in text_of(response)
        assert "The good ones (499) were added" in text_of(response)
        assert "not-an-id" in response.content.decode().split("<textarea")[1]
        assert selected() == set(ids)

    def test_names_the_first_20_malformed_ids_and_counts_the_rest(self, web: Browser) -> None:
        response = web.post(picker(), {"account_ids": " ".join(f"bad{number}" for number in range(25))})

        words = text_of(response)
        assert "entry 20: bad19" in words
        assert "and 5 more" in words

    def test_an_id_given_twice_counts_once_and_that_is_said(self, web: Browser) -> None:
        response = web.post(
            picker(), {"account_ids": f"{ACCOUNTS[0]} {ACCOUNTS[0].upper()} {ACCOUNTS[1]}"}, follow=True
        )

        assert selected() == set(ACCOUNTS[:2])
        assert "1 id given more than once: dropped as duplicates." in text_of(response)

    def test_too_much_text_is_refused_whole_with_the_limit(self, web: Browser) -> None:
        response = web.post(picker(), {"account_ids": "x" * (8 * 1024 * 1024 + 1)})

        assert response.status_code == 422
        assert "more than 8 MB" in text_of(response)
        assert not SelectedAccount.objects.exists()


class TestClosedCampaigns:
    def test_the_picker_says_why_and_offers_nothing(self, web: Browser) -> None:
        response = web.get(picker(campaign_id=DRAFT))

        assert "This campaign does not accept enrollments It is a draft" in text_of(response)
        assert 'value="review"' not in response.content.decode()

    def test_the_review_offers_no_confirmation(self, web: Browser) -> None:
        response = web.post(picker(campaign_id=DRAFT), {"account_ids": ACCOUNTS[0]}, follow=True)

        assert "does not accept enrollments" in text_of(response)
        assert 'name="token"' not in response.content.decode()

    def test_a_campaign_closed_since_is_refused_on_confirming(self, web: Browser, sandbox: Sandbox) -> None:
        web.post(picker(), {"account_ids": ACCOUNTS[0]})
        sandbox.store.campaigns[OPEN]["status"] = "COMPLETED"

        response = web.post(review(), marks())

        assert response.status_code == 409
        assert "takes no invoices now. Nothing was sent" in text_of(response)
        assert not Run.objects.exists()

    def test_a_paused_campaign_is_warned_about(self, web: Browser) -> None:
        response = web.post(picker(campaign_id=PAUSED), {"account_ids": ACCOUNTS[0]}, follow=True)

        assert "invoices enter, may sit still, and are locked out" in text_of(response)

    def test_a_campaign_that_is_not_there_is_an_error_page(self, web: Browser) -> None:
        assert web.get(picker(campaign_id=UNKNOWN_ID)).status_code == 404


class TestReview:
    def test_says_how_many_how_much_and_in_how_many_calls(self, web: Browser) -> None:
        response = web.post(picker(), {"account_ids": " ".join(made_up(101))}, follow=True)

        words = text_of(response)
        assert "101 invoices will be sent" in words
        assert "in 2 calls" in words
        assert "cannot be undone" in words

    def test_verdicts_come_in_groups_and_the_refused_leave_by_one_click(
        self, web: Browser, sandbox: Sandbox
    ) -> None:
        free, paid = made_id("account", 500, 1), made_id("account", 501, 1)
        for account_id, status in ((free, "not_assigned"), (paid, "settled")):
            sandbox.store.add_account(id=account_id, status=status)

        checked = web.post(picker(), {"account_ids": [free, paid]}, follow=True)
        assert "Will be refused 1 invoice" in text_of(checked)
        assert "Will enter 1 invoice" in text_of(checked)

        web.post(review(), {"leave_out": "refused"})
        assert selected() == {free}

    def test_past_due_ones_are_refused_by_a_payment_reminder(self, web: Browser, sandbox: Sandbox) -> None:
        yesterday = (sandbox.store.today - timedelta(days=1)).isoformat()
        account_id = made_id("account", 502, 1)
        sandbox.store.add_account(id=account_id, status="not_assigned", due_date=yesterday)

        response = web.post(picker(campaign_id=REMINDER), {"account_ids": account_id}, follow=True)

        assert "Will be refused 1 invoice" in text_of(response)
        assert "Past its due date" in text_of(response)

    def test_an_id_the_vendor_does_not_know_is_named_and_removed_by_one_click(self, web: Browser) -> None:
        response = web.post(picker(), {"account_ids": [ACCOUNTS[0], UNKNOWN_ID]}, follow=True)
        assert f"Remove {UNKNOWN_ID}" in response.content.decode()
        assert "Not found in this workspace" in text_of(response)

        web.post(review(), {"remove": UNKNOWN_ID})
        assert selected() == {ACCOUNTS[0]}

    def test_many_pasted_ids_are_not_looked_up_one_by_one(self, web: Browser, sandbox: Sandbox) -> None:
        web.post(picker(), {"account_ids": " ".join(made_up(250))})
        calls = len(sandbox.ledger.calls)

        response = web.get(review())

        assert "Cannot know until sent 250 invoices" in text_of(response)
        assert len(sandbox.ledger.calls) - calls == 1

    def test_invoices_in_flight_in_another_run_are_named(self, web: Browser, collector: User) -> None:
        run = Run.objects.create(campaign_id=OPEN, campaign_name="other", starter=collector, size=1)
        Batch.objects.create(run=run, number=1, accounts=[{"id": ACCOUNTS[0]}], size=1)

        response = web.post(picker(), {"account_ids": ACCOUNTS[:2]}, follow=True)

        assert "1 invoice in flight elsewhere" in text_of(response)
        assert f"{ACCOUNTS[0]} : Run {run.pk}" in text_of(response)

    def test_an_empty_selection_says_what_to_do(self, web: Browser) -> None:
        assert "No invoice is selected. Pick invoices" in text_of(web.get(review()))

    def test_back_to_what_was_confirmed_leads_to_its_run(
        self, web: Browser, collector: User, manager: User
    ) -> None:
        for starter in (collector, manager):
            Run.objects.create(campaign_id=OPEN, campaign_name="mine", starter=starter, size=2)
        mine = Run.objects.get(starter=collector)

        assert f"What you enrolled last into this campaign: Run {mine.pk} , 2 invoices" in text_of(
            web.get(review())
        )


class TestConfirming:
    @pytest.mark.parametrize("size", [1, 100, 101, 250])
    def test_queues_exactly_what_was_reviewed_and_empties_the_selection(
        self, web: Browser, size: int
    ) -> None:
        web.post(picker(), {"account_ids": " ".join(made_up(size))})

        response = web.post(review(), marks())

        run = Run.objects.get()
        assert (response.status_code, response["Location"]) == (303, run.get_absolute_url())
        assert [batch.size for batch in run.batches.all()] == [
            min(100, size - start) for start in range(0, size, 100)
        ]
        assert [account_id for batch in run.batches.all() for account_id in batch.account_ids] == made_up(
            size
        )
        assert selected() == set()

    def test_sent_twice_it_is_the_same_run(self, web: Browser) -> None:
        web.post(picker(), {"account_ids": ACCOUNTS[0]})
        sent = marks()

        first, second = web.post(review(), sent), web.post(review(), sent)

        assert first["Location"] == second["Location"]
        assert Run.objects.count() == 1

    def test_a_selection_changed_in_another_tab_is_shown_again_and_nothing_sent(self, web: Browser) -> None:
        web.post(picker(), {"account_ids": ACCOUNTS[0]})
        sent = marks()
        web.post(picker(), {"account_ids": ACCOUNTS[1]})

        response = web.post(review(), sent)

        assert response.status_code == 409
        assert "The selection was changed since" in text_of(response)
        assert not Run.objects.exists()
        assert selected() == set(ACCOUNTS[:2])

    def test_without_the_marks_of_a_review_nothing_is_sent(self, web: Browser) -> None:
        web.post(picker(), {"account_ids": ACCOUNTS[0]})

        response = web.post(review(), {})

        assert response.status_code == 422
        assert "without the marks of a review. Nothing was sent" in text_of(response)
        assert not Run.objects.exists()

    def test_an_emptied_selection_cannot_be_confirmed(self, web: Browser) -> None:
        web.post(picker(), {"account_ids": ACCOUNTS[0]})
        web.post(review(), {"remove": ACCOUNTS[0]})

        response = web.post(review(), marks())

        assert response.status_code == 422
        assert not Run.objects.exists()

    def test_a_session_that_ended_leads_back_to_the_review_with_the_selection(self, web: Browser) -> None:
        web.post(picker(), {"account_ids": ACCOUNTS[0]})
        sent = marks()
        web.logout()

        response = web.post(review(), sent, HTTP_REFERER=f"http://testserver{review()}")

        assert response.status_code == 302
        assert response["Location"].startswith(reverse("login"))
        assert selected() == {ACCOUNTS[0]}
        assert not Run.objects.exists()

    def test_a_viewer_cannot_confirm(self, sandbox: Sandbox, viewer: User, browser_of: Any) -> None:
        assert (
            browser_of(viewer).post(review(), {"token": str(uuid.uuid4()), "revision": "0"}).status_code
            == 403
        )

    def test_keeps_the_snapshot_and_the_verdict_of_each_invoice(self, web: Browser, sandbox: Sandbox) -> None:
        account_id = made_id("account", 503, 1)
        sandbox.store.add_account(id=account_id, status="not_assigned", invoice_number="INV-X")
        web.post(picker(), {"account_ids": account_id}, follow=True)

        web.post(review(), marks())

        account = Batch.objects.get().accounts[0]
        assert (account["number"], account["verdict"]) == ("INV-X", "enters")


def test_from_ticking_to_the_run_page_without_javascript(web: Browser) -> None:
    shown = shown_on(web.get(picker()))
    web.post(picker(), {"account_ids": shown.split()[:2], "shown": shown, "page": "2"})
    shown = shown_on(web.get(picker("?page=2")))
    checked = web.post(picker("?page=2"), {"account_ids": shown.split()[0], "shown": shown}, follow=True)
    found = dict(re.findall(r'name="(token|revision|mark)" value="([^"]*)"', checked.content.decode()))

    page = web.post(review(), found, follow=True)

    assert page.status_code == 200
    assert page.redirect_chain[-1] == (Run.objects.get().get_absolute_url(), 303)
    assert Run.objects.get().size == 3
