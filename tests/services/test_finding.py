"""The list of a run's invoices: every one of them once, in any order, at any depth, with and without an outcome."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from dashboard.api.schema import Account, Campaign, EnrollmentRow, EnrollmentWord
from dashboard.models import Attempt, BatchText, Outcome, Run
from dashboard.services import finding, outcomes, runs, searching, sending, settling, unsent, wanted
from dashboard.services.answers import Answer, Fate
from dashboard.services.finding import Found
from tests import ledger

pytestmark = pytest.mark.django_db
SORTS = [f"{way}{key}" for key in wanted.SORTS for way in ("", "-")]


def numbers(found: Found) -> list[str]:
    return [row.outcome.invoice_number for row in found.rows]


def walk(run: Run, *, way: str = "after", start: int = 0, **filters: Any) -> list[str]:
    """Every invoice that Next, or Previous, leads to."""
    listed: list[str] = []
    found = finding.find(run, **{way: start}, **filters)
    for _ in range(100):
        rows = numbers(found)
        listed = listed + rows if way == "after" else rows + listed
        place = getattr(found.stretch, way)
        if place is None:
            return listed
        found = finding.find(run, **{way: place}, **filters)
    raise AssertionError("the list does not come to an end")


def half_done(size: int = 250) -> Run:
    return ledger.answered(ledger.queued(size), "SUCCESS", "FAILED", error=ledger.ACTIVE)


def uneven(size: int = 127) -> Run:
    """Amounts, currencies and verdicts of several kinds, one without an amount; the first 100 are answered."""
    accounts = [
        {
            "id": ledger.account_id(each),
            "number": f"INV-{each * 37 % 1000:03}",
            **({"outstanding": f"{each * 13 % 50}.10", "currency": "USD"} if each % 9 else {}),
            "verdict": ("enters", "past_due", "disputed", "")[each % 4],
        }
        for each in range(1, size + 1)
    ]
    campaign = Campaign(id=ledger.CAMPAIGN_ID, name="Chase")
    run = runs.queue(starter=None, campaign=campaign, accounts=accounts, token=uuid.uuid4())
    return ledger.answered(run, "SUCCESS", "FAILED", "SKIPPED", error=ledger.ACTIVE)


@pytest.mark.parametrize("size", [1, 20, 100, 101, 250])
def test_every_picked_invoice_is_listed_once_in_the_order_of_the_pick(size: int) -> None:
    assert walk(half_done(size), per_page=30) == [f"INV-{each}" for each in range(1, size + 1)]


@pytest.mark.parametrize("sort", SORTS)
def test_next_and_previous_lead_through_the_same_list_in_every_order(sort: str) -> None:
    run = uneven()

    forwards = walk(run, sort=sort, per_page=7)
    last = finding.find(run, sort=sort, per_page=200).rows[-1].outcome.place

    assert sorted(forwards) == sorted(f"INV-{each * 37 % 1000:03}" for each in range(1, 128))
    assert walk(run, way="before", start=last, sort=sort, per_page=7) == forwards[:-1]


def test_the_beginning_is_a_whole_page_also_when_it_is_come_by_from_the_middle() -> None:
    found = finding.find(half_done(), before=4, per_page=10)

    assert numbers(found) == [f"INV-{each}" for each in range(1, 11)]
    assert (found.stretch.before, found.stretch.after) == (None, 10)


@pytest.mark.parametrize("sort", SORTS)
def test_going_back_to_the_beginning_asks_no_more_than_going_on(sort: str) -> None:
    run = ledger.answered(ledger.queued(100), "SUCCESS", "FAILED", "SKIPPED", error=ledger.ACTIVE)
    costs = []
    on = finding.find(run, sort=sort, per_page=10)
    second = finding.find(run, sort=sort, per_page=10, after=on.stretch.after)
    for way in ({"after": on.stretch.after}, {"before": second.stretch.before}):
        with CaptureQueriesContext(connection) as queries:
            found = finding.find(run, sort=sort, per_page=10, **way)
        costs.append(len(queries))

    assert numbers(found) == numbers(on)
    assert found.stretch == on.stretch
    assert costs[1] <= costs[0]


PLACES = 'IN (SELECT U0."place"'


def walked(sql: str) -> list[str]:
    """How SQLite finds the places in a list of invoices; the rows there are found by them."""
    with connection.cursor() as cursor:
        plan = cursor.execute("EXPLAIN QUERY PLAN " + sql.replace("%", "%%"), ()).fetchall()
    assert "(run_id=? AND place=?)" in plan[0][3], plan
    places = next(step for step, _, _, words in plan if words.startswith("LIST SUBQUERY"))
    return [words for _, parent, _, words in plan if parent == places]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads the plans of SQLite")
@pytest.mark.parametrize("filters", [{}, {"outcome": "failed"}, {"search": "in many batches"}], ids=str)
@pytest.mark.parametrize("sort", SORTS)
def test_every_order_is_that_of_an_index_which_holds_what_is_filtered_by(
    sort: str, filters: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "candidates", lambda run, search: None)
    run = uneven()
    with CaptureQueriesContext(connection) as queries:
        finding.find(run, sort=sort, per_page=10, after=40, **filters)

    found = [walked(query["sql"]) for query in queries if PLACES in query["sql"]]
    assert found
    assert all(len(plan) == 1 and "USING COVERING INDEX" in plan[0] for plan in found), found


def test_orders_are_what_they_say_and_what_waits_comes_last() -> None:
    run = uneven()
    written = {row.outcome.pk for row in finding.find(run, per_page=200).rows if row.outcome.pk}

    for sort, key in (("number", "invoice_number"), ("amount", "outstanding")):
        rows = [row.outcome for row in finding.find(run, sort=sort, per_page=200).rows]
        values = [getattr(row, key) for row in rows[:100]]
        assert {row.pk for row in rows[:100]} == written
        assert [value is not None for value in values] == sorted(value is not None for value in values)
        known = [value for value in values if value is not None]
        assert known == sorted(known)


def test_by_outcome_what_needs_somebody_comes_first() -> None:
    states = [row.outcome.state for row in finding.find(uneven(), sort="outcome", per_page=200).rows]

    assert list(dict.fromkeys(states)) == ["failed", "skipped", "enrolled", "waiting"]


@pytest.mark.parametrize(
    ("outcome", "number"), [("enrolled", 50), ("failed", 50), ("skipped", 0), ("waiting", 150)]
)
def test_an_outcome_filters_and_counts(outcome: str, number: int) -> None:
    run = half_done()

    assert finding.find(run, outcome=outcome).stretch.total == number
    assert len(walk(run, outcome=outcome)) == number


def test_what_a_stop_left_unsent_is_listed_as_not_sent() -> None:
    run = runs.stop(run=half_done(), who=None)

    found = finding.find(run, outcome="not_sent", per_page=200)

    assert found.stretch.total == 150
    assert {row.outcome.state for row in found.rows} == {"not_sent"}


@pytest.mark.parametrize("predicted", ["enter", "refuse", "unsure", "none", "otherwise"])
def test_a_prediction_filters_and_counts_with_and_without_an_outcome(predicted: str) -> None:
    run = uneven()
    rows = finding.find(run, per_page=200).rows
    fitting = [
        row.outcome.invoice_number
        for row in rows
        if (row.is_otherwise if predicted == "otherwise" else row.predicted == predicted)
    ]

    assert fitting
    assert walk(run, predicted=predicted, per_page=9) == fitting
    assert finding.find(run, predicted=predicted).stretch.total == len(fitting)


def test_a_prediction_among_what_does_not_exist_counts_nothing() -> None:
    assert finding.find(uneven(), outcome="not_sent", predicted="enter").stretch.total == 0


def test_refused_though_it_was_to_enter_is_otherwise_and_so_is_the_reverse() -> None:
    rows = finding.find(uneven(), predicted="otherwise", per_page=200).rows

    assert {(row.predicted, row.outcome.state) for row in rows} == {
        ("enter", "failed"),
        ("enter", "skipped"),
        ("refuse", "enrolled"),
    }


def test_a_search_finds_numbers_and_ids_with_and_without_an_outcome() -> None:
    run = half_done()

    assert walk(run, search="inv-25") == ["INV-25", "INV-250"]
    assert walk(run, search="49") == ["INV-49", "INV-149", "INV-249"]
    assert walk(run, search=ledger.account_id(249).upper()) == ["INV-249"]
    assert walk(run, search=ledger.account_id(2)) == ["INV-2"]
    assert walk(run, search="nothing like it") == []
    assert finding.find(run, search="inv").stretch.total is None


@pytest.mark.parametrize("filters", [{"search": "verdict"}, {"search": "enters"}, {"predicted": "none"}])
def test_what_no_waiting_invoice_has_is_told_without_reading_them(filters: dict[str, str]) -> None:
    accounts = [
        {"id": ledger.account_id(each), "number": f"INV-{each}", "verdict": "enters"} for each in range(250)
    ]
    campaign = Campaign(id=ledger.CAMPAIGN_ID, name="Chase")
    run = runs.queue(starter=None, campaign=campaign, accounts=accounts, token=uuid.uuid4())

    with CaptureQueriesContext(connection) as queries:
        assert finding.find(run, **filters).rows == []

    assert len(queries) <= 2


@pytest.mark.parametrize("sort", SORTS)
def test_what_few_batches_have_is_found_by_id_in_the_order_of_what_many_have(
    sort: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = uneven()
    pages = [{way: place} for way in ("after", "before") for place in range(0, 140, 3)]

    def leads_to(page: dict[str, int]) -> list[str]:
        return numbers(finding.find(run, sort=sort, search="7", per_page=4, **page))

    few, from_anywhere = walk(run, sort=sort, search="7", per_page=4), list(map(leads_to, pages))
    monkeypatch.setattr(searching, "candidates", lambda run, search: None)

    assert walk(run, sort=sort, search="7", per_page=4) == few
    assert list(map(leads_to, pages)) == from_anywhere
    assert sorted(few) == sorted(
        number for each in range(1, 128) if "7" in (number := f"INV-{each * 37 % 1000:03}")
    )


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads the plans of SQLite")
@pytest.mark.parametrize("sort", SORTS)
def test_what_few_batches_have_is_not_walked_to(sort: str) -> None:
    run = uneven()
    with CaptureQueriesContext(connection) as queries:
        found = finding.find(run, sort=sort, search="037", per_page=1)

    assert numbers(found) == ["INV-037"]
    [sql] = [query["sql"] for query in queries if 'FROM "dashboard_outcome"' in query["sql"]]
    with connection.cursor() as cursor:
        [plan] = cursor.execute("EXPLAIN QUERY PLAN " + sql.replace("%", "%%"), ()).fetchall()
    assert "one_fate" in plan[3] or "autoindex" in plan[3], plan


def test_what_many_have_is_walked_to() -> None:
    run = half_done(1000)

    with CaptureQueriesContext(connection) as queries:
        assert searching.candidates(run, "INV-") is None  # more than few invoices
    assert len(queries) == 2
    assert searching.candidates(run, "É") == {}
    assert sum(map(len, (searching.candidates(run, "INV-77") or {}).values())) == 11


@pytest.mark.parametrize("sort", SORTS)
def test_an_id_is_found_however_it_is_written(sort: str) -> None:
    run = half_done()

    for place in (49, 249):
        bare = ledger.account_id(place).replace("-", "").upper()
        assert walk(run, sort=sort, search=bare) == [f"INV-{place}"]
        assert walk(run, sort=sort, search=f"{{{bare}}}") == [f"INV-{place}"]


def test_the_starts_of_ids_are_looked_at_before_the_ids() -> None:
    sql = str(unsent.batches(half_done(), search=ledger.account_id(249)).query)

    assert 0 < sql.index("id_starts") < sql.index('"account_ids"')


@pytest.mark.parametrize("sort", ["outcome", "-outcome"])
def test_an_id_is_looked_for_once_whatever_outcomes_there_are(sort: str) -> None:
    run = half_done()
    with CaptureQueriesContext(connection) as queries:
        assert finding.find(run, sort=sort, search=ledger.account_id(0)).rows == []

    assert sum('FROM "dashboard_outcome"' in query["sql"] for query in queries) == 1


def test_an_invoice_is_found_by_the_number_that_the_vendor_gives_it() -> None:
    run = ledger.queued(3)
    claimed = ledger.claim()
    rows = tuple(
        EnrollmentRow(
            account_id=each, word=EnrollmentWord.SUCCESS, vendor_status="SUCCESS", invoice_number=number
        )
        for each, number in zip(claimed.account_ids, ("INV-1", "", "ANOTHER\n1"), strict=True)
    )
    sending.settle(claimed, Answer(answer_class="done", status=200, rows=rows))
    run.refresh_from_db()

    assert walk(run, search="another") == ["ANOTHER\n1"]
    assert walk(run, search="inv") == ["INV-1", "INV-2"]


def test_an_invoice_is_found_by_the_number_that_a_late_answer_or_a_reading_gives_it() -> None:
    accounts = [{"id": ledger.account_id(each)} for each in (1, 2)]
    campaign = Campaign(id=ledger.CAMPAIGN_ID, name="Chase")
    run = runs.queue(starter=None, campaign=campaign, accounts=accounts, token=uuid.uuid4())
    ledger.unanswered(run)
    attempt, (late, read) = Attempt.objects.get(), run.outcomes.order_by("place")
    fate = Fate(Outcome.State.ENROLLED, "LATE-1")
    with transaction.atomic():
        locked = runs.lock(run.pk)
        outcomes.correct(locked, attempt, {late.account_id: fate})
        seen = Account(id=read.account_id, invoice_number="READ-" + "2" * 600)
        settling._conclude(locked, read, seen)
        runs.save(locked)

    assert walk(run, search="late-1") == ["LATE-1"]
    assert walk(run, search="read-2") == [("READ-" + "2" * 600)[:500]]


def test_few_of_a_prediction_are_found_without_reading_all_that_waits() -> None:
    accounts = [
        {
            "id": ledger.account_id(each),
            "number": f"INV-{each}",
            "verdict": "past_due" if each == 990 else "enters",
        }
        for each in range(1, 1001)
    ]
    campaign = Campaign(id=ledger.CAMPAIGN_ID, name="Chase")
    run = runs.queue(starter=None, campaign=campaign, accounts=accounts, token=uuid.uuid4())
    with CaptureQueriesContext(connection) as queries:
        assert numbers(finding.find(run, predicted="refuse")) == ["INV-990"]

    read = [query["sql"] for query in queries if '"picked"' in query["sql"]]
    with connection.cursor() as cursor:
        found = [list(cursor.execute(sql.replace("%", "%%"), ()) or cursor) for sql in read]
    assert [len(batches) for batches in found] == [1]


@pytest.mark.parametrize("search", ["%", "_", "\\", '"', "waiting", "é", "'; --"])
def test_a_search_is_for_letters_not_for_patterns_nor_for_what_else_is_kept(search: str) -> None:
    assert walk(half_done(), search=search) == []


@pytest.mark.parametrize(
    ("part", "only", "lines"),
    [
        ("", None, [0, 1, 2, 3, 4]),
        ("77", None, [0, 1, 4]),
        ("77", {"past_due"}, [1]),
        ("", {"past_due"}, [1, 2]),
        ("ab", None, [2]),
        ("usd", None, [0]),
        ("8", None, []),
        ("77", {"closed"}, []),
    ],
)
def test_the_lines_of_a_batch_that_have_a_part_of_a_number(
    part: str, only: set[str] | None, lines: list[int]
) -> None:
    picked = "77-77\t1.50\tUSD\nx77\t\t\nAB\t\t\n\t\t\n-77\t\t"
    verdicts = "\nenters\npast_due\npast_due\nenters\nenters\n"

    found = list(searching.rows("a\nb\nc\nd\ne", verdicts, picked, only=only, part=part))

    assert [line for line, _ in found] == lines
    assert [row.account_id for _, row in found] == ["abcde"[line] for line in lines]


def test_a_number_is_found_with_quotes_and_accents_in_it() -> None:
    accounts = [{"id": ledger.account_id(1), "number": 'É"\\1'}]
    run = runs.queue(
        starter=None, campaign=Campaign(id=ledger.CAMPAIGN_ID), accounts=accounts, token=uuid.uuid4()
    )

    assert walk(run, search='É"\\') == ['É"\\1']


@pytest.mark.parametrize("are_few", [True, False])
@pytest.mark.parametrize(
    ("number", "searches"),
    [
        ("Façade-77ab", ("77AB", "77ab", "ADE-77Ab", "Façade", "FAÇADE")),
        ("ΔΑΣΟΣ-9", ("ΔΑΣ", "δας", "σος-9")),  # a sigma has another form where a word ends
        ("Straße 4", ("STRASSE", "straße 4")),
        ("AB\n1\t2", ("b 1", "B\n1", "1 2")),  # a page shows a blank
    ],
)
def test_letters_of_a_number_are_found_in_either_case_in_any_script(
    are_few: bool, number: str, searches: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = half_done()
    one, waits = run.outcomes.get(place=7), ledger.queued(1)
    one.invoice_number = number
    one.save()
    searching.add(one.batch_id, {one.account_id: number})
    batch = waits.batches.get()
    batch.accounts[0]["number"] = number
    BatchText.objects.filter(run=waits).delete()
    searching.write([batch])
    if not are_few:
        monkeypatch.setattr(searching, "candidates", lambda run, search: None)

    for search in searches:
        assert walk(run, search=search) == [number]
        assert walk(waits, search=search) == [" ".join(number.split())]


def test_what_is_answered_while_a_search_is_made_is_listed_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = half_done()
    first = []

    def followed_by_an_answer(read: Callable[..., Any]) -> Callable[..., list[Any]]:
        def then_answered(*args: Any, **options: Any) -> list[Any]:
            rows = list(read(*args, **options))
            if not first:
                first.append(rows)
                ledger.answered(run, "SUCCESS")
            return rows

        return then_answered

    for name in ("read", "rows"):
        monkeypatch.setattr(unsent, name, followed_by_an_answer(getattr(unsent, name)))

    assert len(finding.find(run, search="INV-2", per_page=200).rows) == 62
    assert first


def test_a_verdict_of_another_version_is_none_also_before_it_is_answered() -> None:
    accounts = [{"id": ledger.account_id(1), "number": "INV-1", "verdict": "gone"}]
    campaign = Campaign(id=ledger.CAMPAIGN_ID, name="Chase")
    run = runs.queue(starter=None, campaign=campaign, accounts=accounts, token=uuid.uuid4())

    before = finding.find(run, predicted="none")
    ledger.answered(run, "SUCCESS")
    after = finding.find(run, predicted="none")

    assert numbers(before) == numbers(after) == ["INV-1"]
    assert before.stretch.total == after.stretch.total == 1


def test_numbers_are_in_order_whatever_their_case() -> None:
    run = half_done()
    for place, number in enumerate(("b-2", "A-1", "a-3", "B-1"), start=1):
        one = run.outcomes.get(place=place)
        one.invoice_number = number
        one.save()

    assert walk(run, sort="number")[:4] == ["A-1", "a-3", "B-1", "b-2"]


def test_a_reason_leads_to_its_invoices_alone() -> None:
    run = half_done()

    assert len(walk(run, reason="active_execution")) == 50
    assert walk(run, reason="past_due") == []


def test_a_page_costs_as_many_queries_in_a_large_run_as_in_a_small_one() -> None:
    costs = []
    for size in (250, 5000):
        run = ledger.answered(ledger.queued(size), "SUCCESS")
        with CaptureQueriesContext(connection) as queries:
            finding.find(run, after=180, per_page=20)
        costs.append(len(queries))
        runs.stop(run=run, who=None)

    assert costs[0] == costs[1]


def test_a_row_knows_each_call_that_it_travelled_in() -> None:
    run = ledger.rejected(ledger.queued(4), 422, "refused", "One is bad.")
    ledger.answered(run, "SUCCESS")

    tries = {row.outcome.place: row.tries for row in finding.find(run).rows}

    assert [each.batch for each in tries[1]] == [1, 2]
    assert [each.answer_class for each in tries[1]] == ["rejected", "done"]
    assert [each.batch for each in tries[4]] == [1]
    assert walk(run) == ["INV-1", "INV-2", "INV-3", "INV-4"]


@pytest.mark.parametrize("sort", SORTS)
def test_a_row_of_a_piece_names_the_calls_that_held_it_and_no_others(sort: str) -> None:
    run = ledger.answered(ledger.queued(250), "SUCCESS")
    run = ledger.rejected(run, 422, "refused", "One is bad.")
    Run.objects.update(check_campaign=False)
    run = ledger.answered(run, "SUCCESS")
    run = ledger.rejected(run, 422, "refused", "One is bad.")
    for _ in range(2):
        run = ledger.answered(run, "SUCCESS")

    tries = {
        row.outcome.place: [call.batch for call in row.tries]
        for row in finding.find(run, sort=sort, per_page=250).rows
    }

    held = {1: range(1, 101), 2: range(101, 201), 3: range(201, 251), 4: range(101, 151)}
    held |= {5: range(151, 201), 6: range(101, 126)}
    assert tries == {place: [batch for batch in held if place in held[batch]] for place in range(1, 251)}
