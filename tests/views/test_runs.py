"""The pages of runs over the test client, with runs made in the ledger."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.models import Attempt, AuditEntry, Outcome, Run, Worker
from dashboard.services import runs
from tests import ledger

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
ACTIONS = ["pause", "resume", "stop", "send-again", "mark"]
Browser = Callable[[User], Client]


@pytest.fixture
def signed_in(collector: User, browser_of: Browser) -> Client:
    return browser_of(collector)


def text_of(client: Client, address: str, **headers: str) -> str:
    response = client.get(address, headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def address(run: Run, action: str = "") -> str:
    return f"/runs/{run.pk}/{action}/" if action else f"/runs/{run.pk}/"


# ------------------------------------------------------------------------------------------ the list


def test_the_list_is_empty_and_says_what_to_do_next(signed_in: Client) -> None:
    assert "Choose a campaign to begin" in text_of(signed_in, "/runs/")


def test_the_list_shows_who_when_what_and_the_counts(signed_in: Client, collector: User) -> None:
    ledger.answered(ledger.queued(4, starter=collector, name="Winter <b>chase"), "SUCCESS", "FAILED")

    text = text_of(signed_in, "/runs/")

    assert "Winter &lt;b&gt;chase" in text
    assert "collector" in text
    assert 'aria-label="Enrolled 2, Failed 2"' in text


def test_the_list_filters_by_address_and_says_what_it_ignored(signed_in: Client) -> None:
    ledger.queued(name="Spring")
    ledger.queued(name="Autumn")

    text = text_of(signed_in, "/runs/?search=aut&state=nonsense&page=0")

    assert "Autumn" in text
    assert "Spring" not in text
    assert "“nonsense” is not a run&#x27;s state." in text


def test_the_list_filters_by_person_and_period_and_says_what_is_no_date(
    signed_in: Client, collector: User
) -> None:
    ledger.queued(starter=collector, name="Mine")
    ledger.queued(name="Scripted")

    text = text_of(signed_in, "/runs/?who=coll&since=2026-01-01&until=tomorrow")

    assert "<bdi>Mine</bdi>" in text
    assert "<bdi>Scripted</bdi>" not in text
    assert "To was ignored: This is no date" in text
    assert "No run matches" in text_of(signed_in, "/runs/?until=2001-01-01")
    assert "It is before “From”." in text_of(signed_in, "/runs/?since=2026-01-02&until=2026-01-01")
    assert '<option value="command line">' in text
    assert "was ignored" in text_of(signed_in, "/runs/?since=0001-01-01&until=9999-12-31")


def test_a_page_past_the_end_leads_back(signed_in: Client) -> None:
    ledger.queued()

    assert "Go to the last page, 1" in text_of(signed_in, "/runs/?page=7")


def test_htmx_gets_the_list_alone(signed_in: Client) -> None:
    text = text_of(signed_in, "/runs/", **HTMX)

    assert "<html" not in text
    assert 'id="runs"' in text


# ------------------------------------------------------------------------------------------- one run


def test_a_run_that_does_not_exist_is_not_found(signed_in: Client) -> None:
    assert signed_in.get("/runs/99999999999999999999/").status_code == 404


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("SUCCESS", "Enrolled"),
        ("FAILED", "Failed"),
        ("SKIPPED", "Skipped"),
        ("PENDING", "Pending at the vendor"),
    ],
)
def test_each_of_the_vendors_words_is_shown_apart_and_verbatim(
    signed_in: Client, word: str, shown: str
) -> None:
    run = ledger.answered(ledger.queued(1), word)

    text = text_of(signed_in, address(run))

    assert f"<bdi>{shown}</bdi>" in text
    assert f"<bdi>{word}</bdi>" in text


def test_an_error_is_shown_in_full_escaped_and_explained(signed_in: Client) -> None:
    run = ledger.answered(ledger.queued(1), "FAILED", error="<script>alert(1)</script>")

    text = text_of(signed_in, address(run))

    assert "<bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>" in text
    assert "<script>alert" not in text
    assert '<div class="why"><b>Refused in the vendor' in text.replace("&#x27;", "'")


def test_dropped_duplicates_are_said(signed_in: Client) -> None:
    assert "2 given more than once were dropped" in text_of(signed_in, address(ledger.queued(duplicates=2)))


def test_an_outcome_is_a_link_that_filters(signed_in: Client) -> None:
    run = ledger.answered(ledger.queued(3), "SUCCESS", "FAILED", "SUCCESS", error=ledger.ACTIVE)
    assert 'href="?outcome=failed#results"' in text_of(signed_in, address(run))

    text = text_of(signed_in, address(run) + "?outcome=failed", **HTMX)

    assert "INV-2<" in text
    assert "INV-1<" not in text
    assert "<html" not in text


def test_a_reason_is_a_link_that_filters(signed_in: Client) -> None:
    run = ledger.answered(ledger.queued(2), "FAILED", error=ledger.ACTIVE)

    text = text_of(signed_in, address(run))

    assert 'href="?outcome=failed&amp;reason=active_execution#results"' in text
    assert "INV-1<" in text_of(signed_in, address(run) + "?outcome=failed&reason=active_execution")
    assert "No invoice of this run" in text_of(signed_in, address(run) + "?reason=past_due")


def test_invoices_without_a_fate_are_listed_too(signed_in: Client) -> None:
    text = text_of(signed_in, address(ledger.queued(2)))

    assert "INV-1<" in text
    assert "<bdi>Waiting</bdi>" in text


def test_a_reading_is_named_as_the_source(signed_in: Client) -> None:
    run = ledger.answered(ledger.queued(1), "SUCCESS")
    Outcome.objects.update(source=Outcome.Source.READING)

    assert "Confirmed by reading the invoice" in text_of(signed_in, address(run))


def test_an_odd_answer_is_remarked_on(signed_in: Client) -> None:
    run = ledger.answered(ledger.queued(2), "SUCCESS", total=7, success=False)

    text = text_of(signed_in, address(run))

    assert '<ul class="notes"><li>The answer' in text
    assert "totals differ from its rows" in text
    assert "yet named results" in text


# ------------------------------------------------------------------------------------------ progress


def test_the_panel_says_when_to_ask_again_and_stops_asking_at_the_end(signed_in: Client) -> None:
    run = ledger.queued()
    assert 'data-poll="1"' in text_of(signed_in, address(run, "progress"), **HTMX)

    ledger.answered(run, "SUCCESS")
    response = signed_in.get(address(run, "progress"), headers=HTMX)

    assert b"data-poll" not in response.content
    assert b"data-hx-get" not in response.content
    assert "run-over" in response["HX-Trigger-After-Settle"]


def test_the_panel_alone_leads_to_its_page(signed_in: Client) -> None:
    run = ledger.queued()

    assert signed_in.get(address(run, "progress")).headers["Location"] == address(run)


def test_a_page_without_javascript_refreshes_itself_until_the_end(signed_in: Client) -> None:
    run = ledger.queued()
    assert '<noscript><meta http-equiv="refresh"' in text_of(signed_in, address(run))
    assert "Refresh</a>" in text_of(signed_in, address(run))

    ledger.answered(run, "SUCCESS")

    assert "http-equiv" not in text_of(signed_in, address(run))


def busy_run(size: int) -> Run:
    """A running run with a little of everything."""
    words = ["SUCCESS", "FAILED", "SKIPPED", "PENDING", "ODD"]
    run = ledger.answered(ledger.queued(size), *words)
    ledger.unanswered(run, given_up=False)
    ledger.claim()
    run.refresh_from_db()
    return run


def test_a_poll_is_small_writes_nothing_and_costs_the_same_for_any_size(signed_in: Client) -> None:
    sessions = list(Session.objects.values())
    costs = []
    for size in (301, 5000):
        run = busy_run(size)
        with CaptureQueriesContext(connection) as queries:
            response = signed_in.get(address(run, "progress") + "?act=on", headers=HTMX)
        costs.append(len(queries))
        assert len(response.content) <= 2048
        assert all(query["sql"].startswith("SELECT") for query in queries)
        Run.objects.filter(pk=run.pk).update(state=Run.State.STOPPED)
        run.batches.all().update(state="settled")

    assert costs[0] == costs[1] <= 5  # PostgreSQL is asked the time, too
    assert list(Session.objects.values()) == sessions
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize(
    ("calls", "words"),
    [(1, "Stopped. 50 invoices not sent."), (2, "Stopped when every invoice had been sent.")],
)
def test_a_stop_says_how_much_was_not_sent(
    signed_in: Client, collector: User, calls: int, words: str
) -> None:
    run = ledger.queued(150)
    for _ in range(calls):
        ledger.answered(run, "SUCCESS")
    Run.objects.filter(pk=run.pk).update(state="running", finished_at=None)
    run.refresh_from_db()
    runs.stop(run=run, who=collector)

    assert words in text_of(signed_in, address(run))


def test_a_pause_says_its_cause_the_vendors_words_and_what_to_do(signed_in: Client) -> None:
    run = ledger.rejected(ledger.queued(), 401, "key_rejected", "Key <b>revoked</b>")

    text = text_of(signed_in, address(run, "progress") + "?act=on", **HTMX)

    assert "The API key was rejected" in text
    assert "Key &lt;b&gt;revoked&lt;/b&gt;" in text
    assert "Have the API key corrected" in text
    assert f'href="{address(run, "resume")}"' in text


def test_a_run_without_a_worker_says_so(signed_in: Client) -> None:
    run = ledger.queued()
    assert "No worker is running" in text_of(signed_in, address(run))

    ledger.claim()
    assert "No worker is running" not in text_of(signed_in, address(run))

    Worker.objects.update(seen_at=timezone.now() - timedelta(hours=1))
    assert "No worker is running" in text_of(signed_in, address(run))


def test_what_is_not_known_is_said_plainly(signed_in: Client) -> None:
    run = ledger.unanswered(ledger.queued(2), given_up=False)

    text = text_of(signed_in, address(run, "progress"), **HTMX)

    assert "2 invoices are unknown: they may or may not be enrolled." in text
    assert "Read again by itself at" in text


# ------------------------------------------------------------------------------------------- control


@pytest.mark.parametrize("action", ACTIONS)
def test_each_action_asks_first_and_changes_nothing(signed_in: Client, action: str) -> None:
    run = ledger.unanswered(ledger.queued(150))

    text = text_of(signed_in, address(run, action))

    assert "csrfmiddlewaretoken" in text
    run.refresh_from_db()
    assert run.state == Run.State.RUNNING
    assert AuditEntry.objects.exclude(action="run queued").count() == 0


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_viewer_may_look_but_not_act(viewer: User, browser_of: Browser, action: str, method: str) -> None:
    run = ledger.unanswered(ledger.queued(150))
    browser = browser_of(viewer)

    response = getattr(browser, method)(address(run, action))

    assert response.status_code == 403
    page_text = text_of(browser, address(run))
    assert all(address(run, each) not in page_text for each in ACTIONS)


def test_pause_resume_and_stop_are_done_and_recorded(signed_in: Client, collector: User) -> None:
    run = ledger.queued()
    states = []
    for action in ("pause", "resume", "stop"):
        response = signed_in.post(address(run, action), {"note": f"because of {action}"})
        assert response.headers["Location"] == address(run)
        run.refresh_from_db()
        states.append(run.state)

    assert states == ["paused", "running", "stopped"]
    entries = AuditEntry.objects.filter(who=collector, note__startswith="because of").order_by("pk")
    assert [entry.action for entry in entries] == ["run paused", "run resumed", "run stopped"]


def test_resuming_warns_of_invoices_that_another_run_has_sent_since(
    signed_in: Client, collector: User
) -> None:
    run = ledger.queued(3)
    runs.stop(run=run, who=collector)
    before = text_of(signed_in, address(run, "resume"))
    ledger.answered(ledger.queued(2), "SUCCESS")

    text = text_of(signed_in, address(run, "resume"))

    assert "by another run since" not in before
    assert "Of them, 2 invoices were enrolled, or may have been, by another run since" in text


def test_stop_says_how_many_have_a_result_and_how_many_wait(signed_in: Client) -> None:
    run = ledger.answered(ledger.queued(150), "SUCCESS")

    text = text_of(signed_in, address(run, "stop"))

    assert "100 invoices have a result already" in text
    assert "50 invoices wait" in text


def test_what_is_not_possible_is_said_and_the_note_stays(signed_in: Client) -> None:
    run = ledger.answered(ledger.queued(), "SUCCESS")

    response = signed_in.post(address(run, "pause"), {"note": "wait a moment"})

    assert response.status_code == 409
    text = response.content.decode()
    assert "This run has ended" in text
    assert "wait a moment" in text


def test_sending_again_needs_a_reason_and_a_minute(signed_in: Client) -> None:
    run = ledger.unanswered(ledger.queued(2))

    assert signed_in.post(address(run, "send-again"), {}).status_code == 422
    response = signed_in.post(address(run, "send-again"), {"note": "looked it up"})

    assert response.status_code == 409
    assert b"less than a minute old" in response.content
    assert Attempt.objects.count() == 1


def test_sending_again_is_done_once_on_a_persons_word(signed_in: Client, collector: User) -> None:
    run = ledger.unanswered(ledger.queued(2))
    Outcome.objects.update(settled_at=timezone.now() - timedelta(minutes=2))

    codes = [signed_in.post(address(run, "send-again"), {"note": "not there"}).status_code for _ in range(2)]

    assert codes == [302, 409]
    run.refresh_from_db()
    assert run.batches.filter(permitted_by__who=collector).count() == 1


def test_sending_again_after_a_day_is_warned_against_strongly(signed_in: Client) -> None:
    run = ledger.unanswered(ledger.queued(2))
    assert "more than 24 hours old" not in text_of(signed_in, address(run, "send-again"))

    Attempt.objects.update(started_at=timezone.now() - timedelta(hours=25))

    assert "more than 24 hours old" in text_of(signed_in, address(run, "send-again"))


def test_marking_needs_a_word_and_a_note(signed_in: Client) -> None:
    run = ledger.unanswered(ledger.queued(2))

    for form in ({"note": "seen"}, {"enrolled": "yes"}, {"enrolled": "perhaps", "note": "seen"}):
        assert signed_in.post(address(run, "mark"), form).status_code == 422

    run.refresh_from_db()
    assert run.unknown == 2


@pytest.mark.parametrize(("word", "counts"), [("yes", (2, 0, 0)), ("no", (0, 2, 0))])
def test_marking_settles_all_unknowns_on_record(
    signed_in: Client, word: str, counts: tuple[int, ...]
) -> None:
    run = ledger.unanswered(ledger.queued(2))

    signed_in.post(address(run, "mark"), {"enrolled": word, "note": "seen at the vendor"})

    run.refresh_from_db()
    assert (run.enrolled, run.failed, run.unknown) == counts
    assert "Marked by a person" in text_of(signed_in, address(run))


def test_one_unknown_can_be_marked_alone(signed_in: Client) -> None:
    run = ledger.unanswered(ledger.queued(3))
    one = ledger.account_id(2)
    assert "INV-2</bdi></strong> alone" in text_of(signed_in, address(run, "mark") + f"?account_id={one}")

    signed_in.post(address(run, "mark"), {"enrolled": "yes", "note": "seen", "account_id": one})

    assert run.outcomes.get(state="enrolled").account_id == one


def test_an_action_needs_its_own_token(collector: User) -> None:
    run = ledger.queued()
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(collector, backend="dashboard.people.RoleBackend")

    assert browser.post(address(run, "stop"), {}).status_code == 403
    run.refresh_from_db()
    assert run.state == Run.State.QUEUED


# --------------------------------------------------------------------------------------------- calls


def test_calls_are_paged_on_a_page_of_their_own(signed_in: Client) -> None:
    run = ledger.queued(700)
    for _ in range(6):
        run = ledger.answered(run, "SUCCESS")
    assert "All 6 calls" in text_of(signed_in, address(run))

    text = text_of(signed_in, address(run, "calls") + "?per_page=4&page=2")

    assert "Batch\u00a02" in text
    assert "Batch\u00a03" not in text


def test_what_it_came_to_so_far_says_as_of_when(signed_in: Client) -> None:
    run = ledger.queued(1)
    headers = {"HX-Request": "true", "HX-Target": "summary"}

    assert "As of" in signed_in.get(address(run), headers=headers).content.decode()
    ledger.answered(run, "SUCCESS")
    assert "As of" not in signed_in.get(address(run), headers=headers).content.decode()


@pytest.mark.parametrize("halt", [runs.pause, runs.stop])
def test_the_page_of_a_halted_run_goes_on_loading_itself_until_its_calls_have_ended(
    signed_in: Client, collector: User, halt: Callable[..., Run]
) -> None:
    run = ledger.queued(101)
    under_way = ledger.claim()
    halt(run=run, who=collector)

    text = text_of(signed_in, address(run))
    pieces = [
        text_of(signed_in, address(run), **HTMX, **{"HX-Target": part}) for part in ("summary", "calls")
    ]

    assert text.count('data-poll="5"') == 2
    assert all('data-poll="5"' in piece for piece in pieces)
    assert "As of" in pieces[0]
    ledger.settled(under_way, "SUCCESS")
    assert 'data-poll="5"' not in text_of(signed_in, address(run))


def test_the_calls_of_a_page_that_stands_load_themselves_again(signed_in: Client) -> None:
    run = ledger.queued(3)
    assert "No call has been made yet" in text_of(signed_in, address(run))
    ledger.answered(run, "SUCCESS")

    piece = signed_in.get(address(run), headers={"HX-Request": "true", "HX-Target": "calls"}).content.decode()

    assert piece.lstrip().startswith('<section id="calls"')
    assert "Batch\u00a01" in piece


def test_raw_answers_are_for_managers_and_never_run(
    signed_in: Client, manager: User, browser_of: Browser
) -> None:
    run = ledger.answered(ledger.queued(), "SUCCESS", raw="<script>alert(1)</script>")
    raw = f"{address(run, 'calls')}{Attempt.objects.get().pk}/"

    assert signed_in.get(raw).status_code == 403
    assert raw not in text_of(signed_in, address(run))
    links = text_of(browser_of(manager), address(run)).count(f'href="{raw}"')
    assert links == run.size + 1  # of each invoice, and of the call itself
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text_of(browser_of(manager), raw)


def test_a_call_of_another_run_is_not_found(manager: User, browser_of: Browser) -> None:
    run = ledger.answered(ledger.queued(), "SUCCESS")
    other = runs.stop(run=ledger.queued(), who=None)

    response = browser_of(manager).get(f"{address(other, 'calls')}{run.batches.get().attempts.get().pk}/")

    assert response.status_code == 404


def test_the_run_page_says_what_had_changed_when_it_started(signed_in: Client, collector: User) -> None:
    run = ledger.queued(2, starter=collector)
    run.recheck = {
        "at": "2026-08-17T08:00:00+00:00",
        "kind": ["early_stage", "payment_reminder"],
        "verdicts": [["enters", "past_due", 2]],
    }
    run.save(update_fields=["recheck"])

    page = signed_in.get(run.get_absolute_url()).content.decode()

    assert "Its type was “Early stage” and is “Payment reminder” now." in page
    assert "2 invoices: <q>Nothing known speaks against it.</q> → <q>Past its due date" in page
