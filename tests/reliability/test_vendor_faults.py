"""What the vendor may do to a bulk call, and what becomes of its accounts. One thread, real HTTP."""

import datetime as dt
import socket
from typing import Any

import pytest
from pydantic import SecretStr
from pytest_django.fixtures import Settings

from dashboard.models import Attempt, Batch, Outcome, Pace, Run
from dashboard.sandbox.rules import PAST_DUE
from dashboard.sandbox.server import DEMO_KEY, Sandbox
from dashboard.services import clock, runs, sending
from tests.api.conftest import ScriptedVendor
from tests.drive import Hands, in_balance, queue, queue_ids
from tests.reliability.conftest import VendorAt, due

pytestmark = pytest.mark.django_db(transaction=True)
STATE = Outcome.State


# ------------------------------------------------------------------------------------------------------------ NOT SENT


@pytest.mark.row("U1")
def test_a_refused_connection_is_tried_again_and_pauses_the_run_after_five(
    sandbox: Sandbox, hands: Hands
) -> None:
    run = queue(sandbox, 3)
    sandbox.stop()

    for _ in range(5):
        Run.objects.update(not_before=None)
        hands.step()

    run.refresh_from_db()
    assert (run.state, run.pause) == (Run.State.PAUSED, Run.Pause.VENDOR_DOWN)
    assert run.resume_at is not None
    assert (run.waiting, run.unknown) == (3, 0)
    assert set(Attempt.objects.values_list("answer_class", flat=True)) == {"not_sent"}


@pytest.mark.row("U1")
def test_a_probe_lets_the_run_go_on_once_the_vendor_answers(sandbox: Sandbox, hands: Hands) -> None:
    run = queue(sandbox, 3)
    sandbox.stop()
    for _ in range(5):
        Run.objects.update(not_before=None)
        hands.step()
    Run.objects.update(resume_at="2020-01-01T00:00Z")

    hands.probe()
    assert Run.objects.get().state == Run.State.PAUSED

    sandbox.start()
    Run.objects.update(resume_at="2020-01-01T00:00Z")
    hands.probe()

    run = hands.drain(run)
    assert (run.state, run.enrolled) == (Run.State.FINISHED, 3)


@pytest.mark.row("U2")
def test_a_name_that_is_not_found_is_tried_again_and_named_without_the_key(
    hands: Hands, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_such_name(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    run = queue(sandbox, 3)
    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    run = hands.drain(run)

    said = Attempt.objects.get().message
    assert (run.state, run.waiting, Attempt.objects.get().answer_class) == (Run.State.RUNNING, 3, "not_sent")
    assert hands.client.host in said
    assert "name was not found" in said
    assert DEMO_KEY not in said


@pytest.mark.row("U3")
def test_a_bad_certificate_pauses_the_run_after_one_call_and_sends_nothing(
    a_vendor_at: VendorAt, tls_vendor: ScriptedVendor
) -> None:
    run, hands = a_vendor_at(tls_vendor.url)

    run = hands.drain(run)

    assert (run.state, run.pause, run.waiting) == (Run.State.PAUSED, Run.Pause.CERTIFICATE, 3)
    assert (run.resume_at, tls_vendor.connections, tls_vendor.requests) == (None, 1, [])


@pytest.mark.row("U4")
def test_a_connection_that_is_not_taken_in_time_is_tried_again(
    a_vendor_at: VendorAt, settings: Settings
) -> None:
    settings.CONNECT_TIMEOUT = 0.2
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:  # fill the queue, so that the next one gets no answer
            each.setblocking(False)
            each.connect_ex(listener.getsockname())

        run, hands = a_vendor_at(f"http://127.0.0.1:{listener.getsockname()[1]}/api")
        run = hands.drain(run)

        for each in waiting:
            each.close()

    assert (run.state, run.waiting) == (Run.State.RUNNING, 3)
    tries = Attempt.objects.all()  # several where the machine is so busy that the next is due meanwhile
    assert {one.answer_class for one in tries} == {"not_sent"}
    assert all("did not answer in time" in one.message for one in tries)


# ------------------------------------------------------------------------------------------------------------- UNKNOWN


@pytest.mark.row("U5", "U6", "U7", "U40", "U47", "U18", "U20", "U22", "U23", "U27")
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("close", {}),
        ("reset", {}),
        ("hang", {"seconds": 30}),
        ("status", {"status": 500, "body": "<h1>oops</h1>"}),
        ("status", {"status": 502, "body": "<h1>oops</h1>"}),
        ("status", {"status": 503, "body": ""}),
        ("truncate", {}),
        ("bad_gzip", {}),
        ("html200", {}),
        ("empty200", {}),
        ("no_content", {}),
        ("no_results", {}),
        ("null_data", {}),
        ("gzip_bomb", {}),
        ("huge_body", {}),
        ("drip", {"seconds_per_byte": 0.2}),
    ],
)
@pytest.mark.parametrize("process", [False, True])
def test_without_a_readable_answer_nothing_is_sent_again_and_reading_settles_it(
    sandbox: Sandbox, hands: Hands, kind: str, options: dict[str, object], process: bool
) -> None:
    sandbox.faults.queue(kind, process=process, **options)
    run = hands.drain(queue(sandbox, 5))
    assert (run.unknown, run.waiting, run.state) == (5, 0, Run.State.RUNNING)
    run = hands.look(run)

    assert len(sandbox.ledger.posts) == 1
    assert run.state == Run.State.FINISHED
    assert (run.enrolled, run.failed) == ((5, 0) if process else (0, 5))
    assert set(run.outcomes.values_list("source", flat=True)) == {Outcome.Source.READING}
    assert "" not in run.outcomes.values_list("invoice_number", flat=True)
    assert in_balance(run)


@pytest.mark.row("U20")
def test_what_came_is_kept_at_most_64_kilobytes_of_it(sandbox: Sandbox, hands: Hands) -> None:
    sandbox.faults.queue("status", status=200, body=b"<b>\x00" + b"x" * 100_000)
    hands.drain(queue(sandbox, 1))

    raw = Attempt.objects.get().raw
    assert raw.startswith("<b>\ufffdxxx")
    assert len(raw.encode()) <= 64 * 1024


# ------------------------------------------------------------------------------------------------------------ REJECTED


@pytest.mark.row("U8", "U9", "U10")
@pytest.mark.parametrize(
    ("status", "body", "pause"),
    [
        (401, {"detail": "Invalid or expired API key"}, Run.Pause.KEY_REJECTED),
        (403, {"detail": "API key lacks required scope: accounts:write"}, Run.Pause.NOT_ALLOWED),
        (403, {"detail": "Not authenticated"}, Run.Pause.KEY_REJECTED),
        (404, {"detail": "Not Found"}, Run.Pause.CAMPAIGN_NOT_FOUND),
    ],
)
def test_a_refused_key_or_campaign_pauses_the_run_after_one_call(
    sandbox: Sandbox, hands: Hands, status: int, body: dict[str, str], pause: str
) -> None:
    sandbox.faults.queue("status", status=status, body=body, times=None)
    run = hands.drain(queue(sandbox, 250))

    assert (run.state, run.pause, run.waiting) == (Run.State.PAUSED, pause, 250)
    assert len(sandbox.ledger.posts) == 1

    sandbox.faults.clear()
    run = hands.drain(runs.resume(run=run, who=None))
    assert (run.state, run.enrolled) == (Run.State.FINISHED, 250)


@pytest.mark.row("U11", "U19")
@pytest.mark.parametrize(
    ("status", "headers"), [(409, {}), (302, {"Location": "http://127.0.0.1:1/"}), (405, {})]
)
def test_other_refusals_are_shown_and_not_repeated(
    sandbox: Sandbox, hands: Hands, status: int, headers: dict[str, str]
) -> None:
    sandbox.faults.queue("status", status=status, body={"detail": "Not like this"}, headers=headers)
    run = hands.drain(queue(sandbox, 3))

    assert (run.state, run.failed) == (Run.State.FINISHED, 3)
    assert len(sandbox.ledger.posts) == 1


@pytest.mark.row("U12")
def test_one_bad_id_is_found_by_halving_and_the_others_are_enrolled(sandbox: Sandbox, hands: Hands) -> None:
    good = [sandbox.store.add_account(status="not_assigned")["id"] for _ in range(99)]
    run = hands.drain(queue_ids(sandbox, [*good[:40], "not-an-id", *good[40:]]))

    assert (run.state, run.enrolled, run.failed) == (Run.State.FINISHED, 99, 1)
    assert run.outcomes.get(state=STATE.FAILED).account_id == "not-an-id"
    assert run.outcomes.get(state=STATE.FAILED).error
    assert len(sandbox.ledger.posts) <= 15


@pytest.mark.row("U12")
@pytest.mark.parametrize(
    "body",
    [
        {
            "detail": [
                {"loc": ["body", "campaign_id"], "msg": "Not open for enrollment", "type": "value_error"}
            ]
        },
        {"success": False, "message": "Invalid", "errors": [{"field": "campaign_id", "error": "Not open"}]},
    ],
)
def test_calls_refused_for_the_campaign_alone_pause_the_run_after_a_few(
    sandbox: Sandbox, hands: Hands, body: dict[str, Any]
) -> None:
    sandbox.faults.queue("status", status=422, body=body, times=100)
    run = hands.drain(queue(sandbox, 250))

    assert (run.state, run.pause) == (Run.State.PAUSED, Run.Pause.REFUSED)
    assert len(sandbox.ledger.posts) == sending.CAMPAIGN_LIMIT
    assert run.waiting + run.failed == 250
    assert run.failed <= 2

    sandbox.faults.clear()
    run = hands.drain(runs.resume(run=run, who=None))
    assert (run.state, run.enrolled + run.failed) == (Run.State.FINISHED, 250)


@pytest.mark.row("U12")
def test_as_many_refusals_for_the_campaign_as_halving_takes_do_not_pause_it(
    sandbox: Sandbox, hands: Hands
) -> None:
    detail = [{"loc": ["body", "campaign_id"], "msg": "Does not take this invoice"}]
    sandbox.faults.queue("status", status=422, body={"detail": detail}, times=sending.CAMPAIGN_LIMIT - 1)
    run = hands.drain(queue(sandbox, 100))

    assert (run.state, run.enrolled) == (Run.State.FINISHED, 100)


@pytest.mark.row("U13")
def test_a_limit_that_the_vendor_names_makes_the_calls_smaller(sandbox: Sandbox, hands: Hands) -> None:
    sandbox.faults.queue("status", status=413, body={"detail": "max 40 accounts per call"})
    run = hands.drain(queue(sandbox, 250))

    assert (run.state, run.enrolled, run.call_size) == (Run.State.FINISHED, 250, 40)
    assert max(len(call.body["account_ids"]) for call in sandbox.ledger.posts[1:]) == 40


@pytest.mark.row("U14", "U15", "U16")
@pytest.mark.parametrize("retry_after", [1, "garbage", 0, -5, None])
def test_a_rate_limit_makes_all_wait_and_drops_nothing(
    sandbox: Sandbox, hands: Hands, retry_after: object
) -> None:
    sandbox.faults.queue("rate_limit", retry_after=retry_after)
    run = hands.drain(queue(sandbox, 150))

    assert (run.state, run.waiting, run.failed) == (Run.State.RUNNING, 150, 0)
    assert hands.claim() is None

    hands.forget_cooling()
    run = hands.drain(run)
    assert (run.state, run.enrolled) == (Run.State.FINISHED, 150)


@pytest.mark.row("U16", "U17")
def test_a_very_long_rate_limit_pauses_the_run_which_resumes_by_itself(
    sandbox: Sandbox, hands: Hands
) -> None:
    sandbox.faults.queue("rate_limit", retry_after=1_000_000_000)
    run = hands.drain(queue(sandbox, 150))
    assert (run.state, run.pause, run.waiting) == (Run.State.PAUSED, Run.Pause.RATE_LIMITED, 150)

    hands.forget_cooling()
    Run.objects.update(resume_at="2020-01-01T00:00Z")
    hands.probe()

    run = hands.drain(run)
    assert (run.state, run.enrolled) == (Run.State.FINISHED, 150)


@pytest.mark.row("U24")
def test_not_successful_without_results_shows_the_vendors_message(sandbox: Sandbox, hands: Hands) -> None:
    sandbox.faults.queue("not_success", message="Campaign is being edited")
    run = hands.drain(queue(sandbox, 1))

    assert (run.state, run.failed) == (Run.State.FINISHED, 1)
    assert run.outcomes.get().error == "Campaign is being edited"


@pytest.mark.row("U12")
def test_a_number_in_a_refusal_that_is_no_limit_does_not_make_the_calls_smaller(
    sandbox: Sandbox, hands: Hands
) -> None:
    sandbox.faults.queue("status", status=422, body={"detail": "String should have at most 100 characters"})
    run = hands.drain(queue(sandbox, 250))

    assert (run.state, run.enrolled, run.call_size) == (Run.State.FINISHED, 250, 100)
    assert len(sandbox.ledger.posts) == 5


@pytest.mark.row("U13")
def test_calls_refused_as_too_large_are_halved_for_the_rest_of_the_run(
    sandbox: Sandbox, hands: Hands
) -> None:
    sandbox.faults.queue("status", status=413, times=2)
    run = hands.drain(queue(sandbox, 250))

    assert (run.state, run.enrolled, run.call_size) == (Run.State.FINISHED, 250, 25)
    assert [len(call.body["account_ids"]) for call in sandbox.ledger.posts][:4] == [100, 50, 25, 25]


@pytest.mark.row("U8")
def test_a_run_whose_key_was_rejected_goes_on_with_another_key(
    sandbox: Sandbox, hands: Hands, settings: Settings
) -> None:
    sandbox.keys["sk_sandbox_new"] = sandbox.keys.pop(DEMO_KEY)
    settings.API_KEY = SecretStr("sk_sandbox_new")
    run = hands.drain(queue(sandbox, 3))
    assert run.pause == Run.Pause.KEY_REJECTED

    run = Hands().drain(runs.resume(run=run, who=None))

    assert (run.state, run.enrolled) == (Run.State.FINISHED, 3)


@pytest.mark.row("U15")
def test_a_date_to_wait_for_is_reckoned_against_the_answers_own_clock(sandbox: Sandbox, hands: Hands) -> None:
    in_two_minutes = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=120)
    sandbox.faults.queue("rate_limit", retry_after=in_two_minutes)
    hands.drain(queue(sandbox, 150))

    cool_until = Pace.objects.get().cool_until
    assert cool_until
    assert 110 < (cool_until - clock.now()).total_seconds() <= 121


@pytest.mark.row("U16")
def test_the_vendors_window_is_waited_for_where_it_names_no_time(sandbox: Sandbox, hands: Hands) -> None:
    sandbox.faults.queue("rate_limit", window=90)
    hands.drain(queue(sandbox, 150))

    cool_until = Pace.objects.get().cool_until
    assert cool_until
    assert 80 < (cool_until - clock.now()).total_seconds() <= 90


@pytest.mark.row("U17")
def test_half_an_hour_of_429_is_said_and_drops_nothing(sandbox: Sandbox, hands: Hands) -> None:
    sandbox.faults.queue("rate_limit", times=None)
    run = hands.drain(queue(sandbox, 150))
    assert run.state == Run.State.RUNNING

    hands.forget_cooling()
    Pace.objects.update(limited_since=clock.now() - dt.timedelta(minutes=30))
    run = hands.drain(run)
    assert (run.state, run.pause, run.waiting) == (Run.State.PAUSED, Run.Pause.RATE_LIMITED, 150)

    sandbox.faults.clear()
    hands.forget_cooling()
    Run.objects.update(resume_at="2020-01-01T00:00Z")
    hands.probe()
    run = hands.drain(run)
    assert (run.state, run.enrolled, run.failed) == (Run.State.FINISHED, 150, 0)


@pytest.mark.parametrize("style", ["query", "absent"])
def test_each_call_has_an_attempt_of_its_own_where_the_single_endpoint_is_refused(
    sandbox: Sandbox, hands: Hands, style: Any
) -> None:
    sandbox.style.single_style = style
    written: list[int] = []
    answer = sandbox.answer
    sandbox.answer = lambda *request: (written.append(Attempt.objects.count()), answer(*request))[1]  # type: ignore[method-assign]

    run = hands.drain(queue(sandbox, 1))

    assert (run.state, run.enrolled) == (Run.State.FINISHED, 1)
    assert len(sandbox.ledger.posts) == 2
    assert written[-2:] == [1, 2]
    assert list(Attempt.objects.order_by("pk").values_list("single", "answer_class")) == [
        (True, "rejected"),
        (False, "done"),
    ]


def test_a_lone_invoice_is_refused_for_the_reason_that_a_row_would_give(
    sandbox: Sandbox, hands: Hands
) -> None:
    account = sandbox.store.add_account(status="not_assigned", due_date="2020-01-01")
    run = hands.drain(queue_ids(sandbox, [account["id"]], type="payment_reminder"))

    outcome = run.outcomes.get()
    assert (outcome.state, outcome.reason, outcome.error) == (STATE.FAILED, "past_due", PAST_DUE)


# ---------------------------------------------------------------------------------------------------------------- DONE


@pytest.mark.row("U24", "U25")
def test_rows_in_a_refusal_are_read(sandbox: Sandbox, hands: Hands) -> None:
    sandbox.faults.queue("all_failed_400")
    run = hands.drain(queue(sandbox, 5))

    assert (run.state, run.failed, len(sandbox.ledger.posts)) == (Run.State.FINISHED, 5, 1)
    assert set(run.outcomes.values_list("reason", flat=True)) == {"active_execution"}


@pytest.mark.row("U26", "U35")
def test_the_http_status_counts_and_fields_that_we_do_not_know_are_kept(
    sandbox: Sandbox, hands: Hands
) -> None:
    run = queue(sandbox, 2)
    rows = [
        {"invoice_id": id_, "status": "SUCCESS", "novelty": "n1"} for id_ in Batch.objects.get().account_ids
    ]
    body = {"success": True, "status_code": 500, "data": {"results": rows, "novelty": "n2"}}
    sandbox.faults.queue("status", status=200, body=body)

    run = hands.drain(run)

    assert (run.state, run.enrolled) == (Run.State.FINISHED, 2)
    assert '"n1"' in Attempt.objects.get().raw
    assert '"n2"' in Attempt.objects.get().raw


@pytest.mark.row("U28")
def test_accounts_that_the_answer_does_not_name_are_unknown_until_read(
    sandbox: Sandbox, hands: Hands
) -> None:
    sandbox.faults.queue("drop_rows", count=2)
    run = hands.drain(queue(sandbox, 5))

    assert (run.enrolled, run.unknown) == (3, 2)
    assert set(run.outcomes.filter(state=STATE.UNKNOWN).values_list("reason", flat=True)) == {"not_mentioned"}
    assert hands.look(run).enrolled == 5


@pytest.mark.row("U29", "U30")
@pytest.mark.parametrize(("kind", "remark"), [("extra_rows", "strays"), ("duplicate_rows", "twice")])
def test_rows_too_many_are_kept_as_a_remark(sandbox: Sandbox, hands: Hands, kind: str, remark: str) -> None:
    sandbox.faults.queue(kind)
    run = hands.drain(queue(sandbox, 5))

    assert (run.enrolled, run.size) == (5, 5)
    assert Attempt.objects.get().remarks[remark]


@pytest.mark.row("U31")
def test_an_account_with_conflicting_rows_is_unknown(sandbox: Sandbox, hands: Hands) -> None:
    sandbox.faults.queue("conflicting_rows")
    run = hands.drain(queue(sandbox, 5))

    assert run.unknown >= 1
    assert run.outcomes.filter(state=STATE.UNKNOWN).first().reason == "conflicting_rows"


@pytest.mark.row("U32", "U33", "U21", "U26", "U52")
@pytest.mark.parametrize("kind", ["shuffle", "wrong_totals", "wrong_content_type", "cookies", "skewed_date"])
def test_oddities_that_change_nothing_change_nothing(sandbox: Sandbox, hands: Hands, kind: str) -> None:
    sandbox.faults.queue(kind)
    run = hands.drain(queue(sandbox, 5))

    assert (run.state, run.enrolled) == (Run.State.FINISHED, 5)


@pytest.mark.row("U34", "U50")
@pytest.mark.parametrize(
    ("words", "state"),
    [
        (" success ", STATE.ENROLLED),
        ("Enrolled", STATE.ENROLLED),
        ("PENDING", STATE.PENDING),
        ("skipped", STATE.SKIPPED),
        ("Zonk", STATE.UNRECOGNISED),
    ],
)
def test_words_are_read_without_regard_to_case_and_unknown_ones_are_never_a_success(
    sandbox: Sandbox, hands: Hands, words: str, state: str
) -> None:
    sandbox.faults.queue("words", words=words)
    run = hands.drain(queue(sandbox, 2))

    assert set(run.outcomes.values_list("state", flat=True)) == {state}
    assert in_balance(run)


@pytest.mark.row("U36")
def test_a_row_without_a_status_says_nothing_and_its_invoice_is_read_again(
    sandbox: Sandbox, hands: Hands
) -> None:
    sandbox.faults.queue("words", words=["", "SUCCESS"], process=True)
    run = hands.drain(queue(sandbox, 2))
    assert list(run.outcomes.order_by("place").values_list("state", "reason")) == [
        (STATE.UNKNOWN, "unreadable_answer"),
        (STATE.ENROLLED, ""),
    ]

    due()
    assert hands.look(run).enrolled == 2


@pytest.mark.row("U25")
def test_rows_win_over_a_flag_that_says_failure(sandbox: Sandbox, hands: Hands) -> None:
    sandbox.faults.queue("not_success_with_results")
    run = hands.drain(queue(sandbox, 3))

    assert run.enrolled == 3
    assert Attempt.objects.get().remarks["not_successful"]


@pytest.mark.row("U36", "U37", "U38", "U39")
@pytest.mark.parametrize(
    "kind", ["null_fields", "huge_strings", "hostile_strings", "hostile_json", "deep_nesting"]
)
def test_a_hostile_row_never_costs_the_others_their_answer(sandbox: Sandbox, hands: Hands, kind: str) -> None:
    sandbox.faults.queue(kind)
    run = hands.drain(queue(sandbox, 10))

    assert run.waiting == 0
    assert run.outcomes.count() == 10
    assert in_balance(run)
    assert len(sandbox.ledger.posts) == 1


@pytest.mark.row("U49")
def test_a_campaign_that_closes_mid_run_pauses_it_after_two_refused_batches(
    sandbox: Sandbox, hands: Hands
) -> None:
    run = queue(sandbox, 600)
    hands.step()
    sandbox.store.campaigns[run.campaign_id]["status"] = "completed"

    run = hands.drain(run)

    assert (run.state, run.pause) == (Run.State.PAUSED, Run.Pause.CAMPAIGN_CLOSED)
    assert (run.enrolled, run.waiting) == (100, 300)
    assert len(sandbox.ledger.posts) == 3


@pytest.mark.row("U51")
def test_all_rows_refused_as_active_is_a_normal_answer(sandbox: Sandbox, hands: Hands) -> None:
    run = hands.drain(queue(sandbox, 250, status="in_progress"))

    assert (run.state, run.failed) == (Run.State.FINISHED, 250)
    assert set(run.outcomes.values_list("reason", flat=True)) == {"active_execution"}


def test_five_answers_in_a_row_that_cannot_be_read_pause_the_run(sandbox: Sandbox, hands: Hands) -> None:
    sandbox.faults.queue("status", status=500, body="", times=None)
    run = hands.drain(queue(sandbox, 900))

    assert (run.state, run.pause) == (Run.State.PAUSED, Run.Pause.NO_ANSWER)
    assert (run.unknown, run.waiting) == (500, 400)
    assert Batch.objects.filter(state=Batch.State.UNKNOWN).count() == 5
