"""The review and what can be done on it, as a browser without JavaScript does it, over a real sandbox."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client as Browser
from django.urls import reverse
from pytest_django.fixtures import Settings

from dashboard.models import Refreshing, Run, SelectedAccount, Selection
from dashboard.sandbox.server import Sandbox
from dashboard.sandbox.store import made_id
from dashboard.services import review as checks
from tests.pages import text_of

REMINDER, OPEN, DRAFT = (made_id("campaign", number, 1) for number in (0, 1, 7))
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def late(sandbox: Sandbox) -> str:
    """A free invoice that is past due."""
    return free(sandbox, days=-40)


def free(sandbox: Sandbox, days: int = 30, **fields: Any) -> str:
    due_on = (sandbox.store.today + timedelta(days=days)).isoformat()
    account = {"status": "not_assigned", "campaign_id": None, "due_date": due_on} | fields
    return str(sandbox.store.add_account(**account)["id"])


def review(campaign_id: str = OPEN) -> str:
    return reverse("run-review", args=[campaign_id])


def pick(web: Browser, *account_ids: str, campaign_id: str = OPEN) -> HttpResponse:
    """The review page after picking these."""
    web.get(reverse("run-create", args=[campaign_id]))
    return web.post(reverse("run-create", args=[campaign_id]), {"account_ids": account_ids}, follow=True)


def selected(campaign_id: str = OPEN) -> set[str]:
    rows = SelectedAccount.objects.filter(selection__campaign_id=campaign_id)
    return set(rows.values_list("account_id", flat=True))


def hidden(response: HttpResponse) -> dict[str, str]:
    """Every hidden field of the page, but the token of its forms."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', response.content.decode())
    return {name: value for name, value in found if name != "csrfmiddlewaretoken"}


class TestVerdicts:
    def test_each_group_names_its_rule_its_source_and_the_age_of_its_data(
        self, web: Browser, late: str
    ) -> None:
        words = text_of(pick(web, late, campaign_id=REMINDER))

        assert "Will be refused 1 invoice Past its due date" in words
        assert "Reminders only before the due date. Stated in the vendor's documentation" in words.replace(
            "&#x27;", "'"
        )
        assert "Read since" in words
        assert "31 to 60 days: 1" in words

    def test_a_group_leaves_by_one_click(self, web: Browser, sandbox: Sandbox, late: str) -> None:
        kept = free(sandbox)
        pick(web, late, kept, campaign_id=REMINDER)

        web.post(review(REMINDER), {"leave_out_verdict": "past_due"})

        assert selected(REMINDER) == {kept}

    def test_part_paid_and_due_soon_are_flagged(self, web: Browser, sandbox: Sandbox) -> None:
        account_id = free(sandbox, days=1, amount=100.0, paid_amount=40.0)

        words = text_of(pick(web, account_id, campaign_id=REMINDER))

        assert "1 invoice part-paid already" in words
        assert "1 invoice due within 2 days. A payment reminder campaign refuses them once" in words

    def test_an_amount_that_is_not_known_is_counted_and_never_summed_as_nothing(
        self, web: Browser, sandbox: Sandbox
    ) -> None:
        known = free(sandbox, amount=100.0, paid_amount=0)
        unknown = [free(sandbox, amount=50.0, paid_amount=None), free(sandbox, days=-5, amount=9.0)]
        del sandbox.store.accounts[unknown[1]]["paid_amount"]

        words = text_of(pick(web, known, *unknown))

        assert "2 invoices without a known outstanding amount" in words
        assert "100.00 USD + 2 without a known amount" in words
        assert "Not due 2 100.00 1 1 to 30 days 1 — 1" in words


class TestChangedCampaign:
    def test_the_review_says_what_changed_since_picking(self, web: Browser, sandbox: Sandbox) -> None:
        pick(web, free(sandbox))
        sandbox.store.campaigns[OPEN]["type"] = "first_party"

        words = text_of(web.get(review()))

        assert "changed since you opened it Its type was “Early stage” and is “First party” now." in words

    def test_a_change_since_the_review_is_asked_about_again(self, web: Browser, sandbox: Sandbox) -> None:
        marks = hidden(pick(web, free(sandbox)))
        sandbox.store.campaigns[OPEN]["status"] = "PAUSED"

        response = web.post(review(), marks)

        assert response.status_code == 409
        assert "The campaign has changed since you read this page. Nothing was sent." in text_of(response)
        assert not Run.objects.exists()
        assert web.post(review(), hidden(response)).status_code == 303


class TestLargeRuns:
    @pytest.mark.parametrize(("typed", "status"), [("", 422), ("2", 422), ("three", 422), ("3", 303)])
    def test_a_large_run_wants_its_number_typed(
        self, web: Browser, sandbox: Sandbox, settings: Settings, typed: str, status: int
    ) -> None:
        settings.LARGE_RUN = 2
        page = pick(web, *(free(sandbox) for _ in range(3)))
        assert "type the number of invoices" in text_of(page)

        response = web.post(review(), hidden(page) | {"typed": typed})

        assert response.status_code == status
        assert Run.objects.count() == (status == 303)

    @pytest.mark.parametrize(
        ("typed", "why"),
        [("2", "Type the number of invoices to confirm"), ("three", "Type the number in digits.")],
    )
    def test_what_was_typed_wrong_stays_with_the_reason_beside_it(
        self, web: Browser, sandbox: Sandbox, settings: Settings, typed: str, why: str
    ) -> None:
        settings.LARGE_RUN = 2
        page = pick(web, *(free(sandbox) for _ in range(3)))

        again = web.post(review(), hidden(page) | {"typed": typed})

        field = again.content.decode().partition('name="typed"')[2]
        assert f'value="{typed}"' in field.partition(">")[0]
        assert "autofocus" in field.partition(">")[0]
        assert why in field.partition("</form>")[0]
        assert web.post(review(), hidden(again) | {"typed": "3"}).status_code == 303

    def test_a_small_one_does_not(self, web: Browser, sandbox: Sandbox, settings: Settings) -> None:
        settings.LARGE_RUN = 2

        assert 'name="typed"' not in pick(web, free(sandbox), free(sandbox)).content.decode()


class TestRouting:
    def test_those_past_due_are_offered_to_the_next_campaign_of_the_chain(
        self, web: Browser, late: str
    ) -> None:
        page = pick(web, late, campaign_id=REMINDER).content.decode()

        assert f'name="campaign_id" value="{OPEN}"' in page
        assert f'value="{DRAFT}"' not in page

    def test_one_click_moves_exactly_those(self, web: Browser, sandbox: Sandbox, late: str) -> None:
        kept = free(sandbox)
        pick(web, late, kept, campaign_id=REMINDER)

        move = {"verdict": "past_due", "campaign_id": OPEN}
        response = web.post(reverse("run-move", args=[REMINDER]), move, follow=True)

        assert "1 invoice was moved. Nothing was sent." in text_of(response)
        assert (selected(REMINDER), selected(OPEN)) == ({kept}, {late})

    def test_without_anybody_past_due_nothing_is_read_for_it(self, web: Browser, sandbox: Sandbox) -> None:
        pick(web, free(sandbox), campaign_id=REMINDER)
        calls = len(sandbox.ledger.calls)

        web.get(review(REMINDER))

        assert len(sandbox.ledger.calls) - calls == 1

    @pytest.mark.parametrize(("to", "status"), [("", 422), (DRAFT, 409), (REMINDER, 409)])
    def test_a_move_that_cannot_be_is_said_and_moves_nothing(
        self, web: Browser, late: str, to: str, status: int
    ) -> None:
        pick(web, late, campaign_id=REMINDER)

        response = web.post(reverse("run-move", args=[REMINDER]), {"campaign_id": to})

        assert response.status_code == status
        assert selected(REMINDER) == {late}

    def test_a_part_is_chosen_by_verdict_and_age(self, web: Browser, sandbox: Sandbox, late: str) -> None:
        pick(web, late, free(sandbox), campaign_id=REMINDER)

        page = web.get(reverse("run-move", args=[REMINDER])).content.decode()

        assert '<option value="past_due">' in page
        assert '<option value="31_60">' in page
        assert f'<option value="{OPEN}">' in page


class TestAllSelections:
    @pytest.fixture
    def page(self, web: Browser, sandbox: Sandbox, late: str) -> HttpResponse:
        pick(web, free(sandbox), campaign_id=REMINDER)
        pick(web, late)
        return web.get(reverse("selection-list"))

    def test_every_selection_is_reviewed_on_one_page(self, page: HttpResponse) -> None:
        assert text_of(page).count("Will enter 1 invoice") == 2

    def test_one_confirmation_makes_a_run_for_each_campaign(self, web: Browser, page: HttpResponse) -> None:
        response = web.post(
            reverse("selection-list"), hidden(page) | {"campaign_id": [REMINDER, OPEN]}, follow=True
        )

        assert sorted(Run.objects.values_list("campaign_id", "size")) == sorted([(REMINDER, 1), (OPEN, 1)])
        assert text_of(response).count("was queued: 1 invoice into") == 2
        assert response.redirect_chain == [(f"{reverse('run-list')}?page=1", 303)]
        assert not SelectedAccount.objects.exists()

    def test_sent_twice_it_makes_no_second_run(self, web: Browser, page: HttpResponse) -> None:
        for _ in range(2):
            web.post(reverse("selection-list"), hidden(page) | {"campaign_id": [REMINDER, OPEN]})

        assert Run.objects.count() == 2

    def test_only_what_is_ticked_is_sent(self, web: Browser, page: HttpResponse) -> None:
        web.post(reverse("selection-list"), hidden(page) | {"campaign_id": [OPEN]})

        assert [run.campaign_id for run in Run.objects.all()] == [OPEN]
        assert len(selected(REMINDER)) == 1

    @pytest.mark.parametrize("sent", [{}, {"campaign_id": [OPEN]}])
    def test_without_ticks_or_marks_nothing_is_sent(
        self, web: Browser, page: HttpResponse, sent: dict[str, Any]
    ) -> None:
        response = web.post(reverse("selection-list"), sent)

        assert response.status_code == 422
        assert not Run.objects.exists()

    @pytest.mark.parametrize(("typed", "runs"), [("", 0), ("1", 0), ("two", 0), ("2", 2)])
    def test_many_together_want_their_number_typed(
        self, web: Browser, page: HttpResponse, settings: Settings, typed: str, runs: int
    ) -> None:
        settings.LARGE_RUN = 1
        assert 'name="typed"' in web.get(reverse("selection-list")).content.decode()

        marks = hidden(page) | {"campaign_id": [REMINDER, OPEN], "typed": typed}
        web.post(reverse("selection-list"), marks)

        assert Run.objects.count() == runs

    @pytest.mark.parametrize("ticked", [[], [OPEN], [REMINDER, OPEN]])
    def test_what_was_sent_in_vain_keeps_its_ticks_and_its_number(
        self, web: Browser, page: HttpResponse, settings: Settings, ticked: list[str]
    ) -> None:
        settings.LARGE_RUN = 0

        again = web.post(
            reverse("selection-list"), hidden(page) | {"campaign_id": ticked, "typed": "7"}
        ).content.decode()

        boxes = re.findall(r'name="campaign_id" value="([^"]+)"[^>]*?( checked)?>', again)
        assert sorted(boxes) == sorted(
            (each, " checked" if each in ticked else "") for each in (REMINDER, OPEN)
        )
        assert 'value="7"' in again
        assert not Run.objects.exists()

    def test_all_are_shown_however_many_with_their_sums_and_counts(
        self, web: Browser, sandbox: Sandbox
    ) -> None:
        for _ in range(25):
            campaign = sandbox.store.add_campaign(status="active", type="early_stage")
            account_id = free(sandbox, amount=10.0, paid_amount=0)
            web.post(reverse("run-create", args=[campaign["id"]]), {"account_ids": account_id})

        words = text_of(web.get(reverse("selection-list")))

        assert words.count("Enroll into") == 0
        assert "Campaigns 25 Invoices 25 Will enter 25 Outstanding 250.00 USD" in words

    def test_what_was_pasted_is_looked_up(self, web: Browser, sandbox: Sandbox) -> None:
        web.post(reverse("run-create", args=[OPEN]), {"account_ids": free(sandbox, status="settled")})

        assert "Will be refused 1 invoice: Settled" in text_of(web.get(reverse("selection-list")))

    def test_a_campaign_that_is_not_ones_own_is_not_confirmed(self, web: Browser, page: HttpResponse) -> None:
        response = web.post(reverse("selection-list"), {"campaign_id": [DRAFT, "x" * 100]})

        assert response.status_code == 422
        assert not Selection.objects.exclude(campaign_id__in=[OPEN, REMINDER]).exists()

    def test_a_campaign_that_is_gone_hides_no_other(
        self, web: Browser, page: HttpResponse, sandbox: Sandbox
    ) -> None:
        del sandbox.store.campaigns[REMINDER]

        words = text_of(web.get(reverse("selection-list")))

        assert f"could not be read: {REMINDER}" in words
        assert "Will enter 1 invoice" in words

    def test_nothing_selected_says_what_to_do(self, web: Browser) -> None:
        assert "Nothing is selected. Choose a campaign to begin" in text_of(
            web.get(reverse("selection-list"))
        )


@pytest.mark.parametrize("name", ["refreshing-detail", "gathering-detail", "run-move"])
def test_a_viewer_changes_nothing(
    sandbox: Sandbox, viewer: User, browser_of: Any, collector: User, name: str
) -> None:
    Selection.objects.create(user=viewer, campaign_id=OPEN)

    assert browser_of(viewer).post(reverse(name, args=[OPEN])).status_code == 403
    assert browser_of(viewer).post(reverse("selection-list"), {"campaign_id": OPEN}).status_code == 403


class TestMovingSelection:
    """While a worker adds to a selection, or reads it again, it is not sent."""

    @pytest.fixture(params=["gather", "begin"])
    def marks(self, web: Browser, sandbox: Sandbox, request: pytest.FixtureRequest) -> dict[str, str]:
        marks = hidden(pick(web, free(sandbox)))
        name = "run-create" if request.param == "gather" else "refreshing-detail"
        web.post(reverse(name, args=[OPEN]), {"then": "gather", "begin": ""})
        return marks

    def test_the_review_says_so_and_offers_no_confirmation(self, web: Browser, marks: dict[str, str]) -> None:
        page = web.get(review())

        assert "Nothing can be sent" in text_of(page)
        assert "Enroll 1 invoice" not in text_of(page)

    def test_a_confirmation_from_another_tab_sends_nothing(self, web: Browser, marks: dict[str, str]) -> None:
        response = web.post(review(), marks)

        assert response.status_code == 409
        assert "still being added to, or read again. Nothing was sent." in text_of(response)
        assert not Run.objects.exists()

    def test_it_is_not_ticked_among_all_selections(self, web: Browser, marks: dict[str, str]) -> None:
        page = web.get(reverse("selection-list"))

        assert "It is still being added to, or read again" in text_of(page)
        assert "Enroll all that is ticked" not in text_of(page)

    def test_cancelled_it_can_be_sent(self, web: Browser, marks: dict[str, str]) -> None:
        web.post(reverse("gathering-detail", args=[OPEN]))
        web.post(reverse("refreshing-detail", args=[OPEN]))

        assert web.post(review(), marks).status_code == 303


def test_a_reading_that_ends_while_the_page_is_made_is_not_said_to_be_done(
    web: Browser, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the verdicts above it would be those from before."""
    pick(web, free(sandbox))
    web.post(reverse("refreshing-detail", args=[OPEN]), {"begin": ""})
    check = checks.check

    def check_then_end(*args: Any) -> Any:
        checked = check(*args)
        Refreshing.objects.update(state=Refreshing.State.DONE)
        return checked

    monkeypatch.setattr(checks, "check", check_then_end)

    assert "Stop reading" in text_of(web.get(review()))
    assert "Stop reading" not in text_of(web.get(review()))


def test_a_list_that_is_not_used_yet_is_said(web: Browser, sandbox: Sandbox) -> None:
    pick(web, free(sandbox))
    web.post(reverse("upload-create", args=[OPEN]), {"text": "INV-1"})

    words = text_of(web.get(review()))

    assert "1 list not in this selection yet Pasted text : being looked up" in words
