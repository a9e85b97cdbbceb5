"""What the vendor may do to a bulk call, and what becomes of its accounts. One thread, real HTTP."""

import pytest

from dashboard.models import Attempt, Batch, Outcome, Run
from dashboard.sandbox.server import Sandbox
from dashboard.services import runs
from tests.drive import Hands, in_balance, queue, queue_ids

pytestmark = pytest.mark.django_db(transaction=True)
STATE = Outcome.State


@pytest.fixture
def hands(sandbox: Sandbox) -> Hands:
    return Hands()


# ------------------------------------------------------------------------------------------------------------ NOT SENT


@pytest.mark.row("U1")
def test_a_refused_connection_is_tried_again_and_pauses_the_run_after_five(sandbox: Sandbox, hands: Hands) -> None:
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


# ------------------------------------------------------------------------------------------------------------- UNKNOWN


@pytest.mark.row("U5", "U7", "U18", "U20", "U22", "U23", "U27")
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
    assert in_balance(run)


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
@pytest.mark.parametrize(("status", "headers"), [(409, {}), (302, {"Location": "http://127.0.0.1:1/"}), (405, {})])
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
def test_a_very_long_rate_limit_pauses_the_run_which_resumes_by_itself(sandbox: Sandbox, hands: Hands) -> None:
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


# ---------------------------------------------------------------------------------------------------------------- DONE


@pytest.mark.row("U28")
def test_accounts_that_the_answer_does_not_name_are_unknown_until_read(sandbox: Sandbox, hands: Hands) -> None:
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
    [(" success ", STATE.ENROLLED), ("Enrolled", STATE.ENROLLED), ("PENDING", STATE.PENDING), ("skipped", STATE.SKIPPED), ("Zonk", STATE.UNRECOGNISED)],
)
def test_words_are_read_without_regard_to_case_and_unknown_ones_are_never_a_success(
    sandbox: Sandbox, hands: Hands, words: str, state: str
) -> None:
    sandbox.faults.queue("words", words=words)
    run = hands.drain(queue(sandbox, 2))

    assert set(run.outcomes.values_list("state", flat=True)) == {state}
    assert in_balance(run)


@pytest.mark.row("U25")
def test_rows_win_over_a_flag_that_says_failure(sandbox: Sandbox, hands: Hands) -> None:
    sandbox.faults.queue("not_success_with_results")
    run = hands.drain(queue(sandbox, 3))

    assert run.enrolled == 3
    assert Attempt.objects.get().remarks["not_successful"]


@pytest.mark.row("U36", "U37", "U38", "U39")
@pytest.mark.parametrize("kind", ["null_fields", "huge_strings", "hostile_strings", "hostile_json", "deep_nesting"])
def test_a_hostile_row_never_costs_the_others_their_answer(sandbox: Sandbox, hands: Hands, kind: str) -> None:
    sandbox.faults.queue(kind)
    run = hands.drain(queue(sandbox, 10))

    assert run.waiting == 0
    assert run.outcomes.count() == 10
    assert in_balance(run)
    assert len(sandbox.ledger.posts) == 1


@pytest.mark.row("U49")
def test_a_campaign_that_closes_mid_run_pauses_it_after_two_refused_batches(sandbox: Sandbox, hands: Hands) -> None:
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
