"""What may go wrong on our own side, and what must hold all the same."""

import json
import shutil
import subprocess
import threading
import tracemalloc
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone as django_timezone
from pytest_django.fixtures import Settings

from dashboard.api.schema import Campaign, EnrollmentRow, EnrollmentWord
from dashboard.engine import local, spool
from dashboard.forms.enrollment import parse_ids
from dashboard.models import Attempt, Batch, Outcome, Run, Selection, Worker
from dashboard.sandbox.server import Sandbox
from dashboard.sandbox.store import made_id
from dashboard.services import (
    answers,
    claiming,
    clock,
    finding,
    history,
    outcomes,
    pace,
    review,
    runs,
    selection,
    sending,
    vendor,
    workers,
)
from dashboard.services.answers import Answer
from tests.drive import Hands, in_balance, queue, queue_ids, until, working
from tests.patience import PATIENCE, wait_for
from tests.reliability.processes import Gate, free_port, kill, process, worker

pytestmark = pytest.mark.django_db(transaction=True)
STATE = Outcome.State
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _own_state_folder(settings: Settings, tmp_path: Path) -> None:
    settings.STATE_DIR = tmp_path


@pytest.fixture
def gate(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate(sandbox, monkeypatch)
    yield gate
    gate.open()


@pytest.fixture
def web(collector: User, browser_of: Any) -> Browser:
    browser: Browser = browser_of(collector)
    return browser


def posts_of(sandbox: Sandbox, batch: Batch) -> int:
    """How often the vendor saw this batch."""
    return sum(call.body["account_ids"] == batch.account_ids for call in sandbox.ledger.posts)


@contextmanager
def nothing_commits(run: Run) -> Iterator[None]:
    """No worker can write a claim, or an answer for this run."""
    with transaction.atomic():
        pace.lock()
        runs.lock(run.pk)
        yield


def threads_of(process: subprocess.Popen[bytes]) -> int:
    """A worker that has heard that it is to stop has fewer."""
    return len(list(Path(f"/proc/{process.pid}/task").iterdir()))


def dies(hands: Hands) -> None:
    """As if the worker had been silent for long."""
    Worker.objects.filter(pk=hands.incarnation).update(seen_at=LONG_AGO)


class TestKilledWorkers:
    @pytest.mark.row("O1")
    def test_killed_before_the_attempt_is_written_nothing_was_sent_and_another_goes_on(
        self, sandbox: Sandbox
    ) -> None:
        run = queue(sandbox, 3)
        Run.objects.update(not_before=clock.now() + timedelta(days=1))
        with worker(sandbox) as killed, nothing_commits(run):
            Run.objects.update(not_before=None)
            kill(killed)
        run.refresh_from_db()
        assert (run.state, run.waiting, Attempt.objects.count()) == (Run.State.QUEUED, 3, 0)

        with worker(sandbox):
            run = until(run, Run.State.FINISHED)

        assert (run.enrolled, len(sandbox.ledger.posts)) == (3, 1)

    @pytest.mark.row("O2")
    @pytest.mark.parametrize("process", [False, True])
    def test_killed_while_the_call_is_under_way_it_is_unknown_and_the_others_go_on(
        self, sandbox: Sandbox, process: bool
    ) -> None:
        sandbox.faults.queue("hang", process=process)
        run = queue(sandbox, 250)
        with worker(sandbox) as killed:
            wait_for(lambda: sandbox.ledger.posts)
            kill(killed)

        with worker(sandbox):
            run = until(run, Run.State.FINISHED)

        first = run.batches.get(number=1)
        assert (run.enrolled, run.failed) == ((250, 0) if process else (150, 100))
        assert (first.state, first.attempts.get().message) == (
            Batch.State.UNKNOWN,
            "Our worker stopped while sending.",
        )
        assert (posts_of(sandbox, first), len(sandbox.ledger.posts)) == (1, 3)
        assert in_balance(run)

    @pytest.mark.row("O2")
    def test_killed_with_the_answer_in_hand_it_is_unknown_until_read(
        self, sandbox: Sandbox, gate: Gate
    ) -> None:
        run = queue(sandbox, 3)
        with worker(sandbox) as killed:
            gate.wait()
            with nothing_commits(run):
                gate.open()
                wait_for(lambda: sandbox.ledger.posts[0].answered_status)
                kill(killed)
        assert Attempt.objects.get().answer_class == ""

        with worker(sandbox):
            run = until(run, Run.State.FINISHED)

        assert (run.enrolled, len(sandbox.ledger.posts)) == (3, 1)
        assert set(run.outcomes.values_list("source", flat=True)) == {Outcome.Source.READING}

    @pytest.mark.row("O2")
    def test_killed_between_the_attempt_and_its_call_it_is_unknown_until_read(
        self, sandbox: Sandbox, hands: Hands
    ) -> None:
        run = queue(sandbox, 3)
        assert hands.claim()
        dies(hands)

        assert sending.give_up_abandoned() == 1

        run.refresh_from_db()
        assert set(run.outcomes.values_list("state", "reason")) == {(STATE.UNKNOWN, "worker_stopped")}
        assert hands.look(run).failed == 3
        assert sandbox.ledger.posts == []

    @pytest.mark.row("O3")
    def test_killed_after_the_commit_changes_nothing(self, sandbox: Sandbox) -> None:
        run = queue(sandbox, 3)
        with worker(sandbox) as killed:
            before = until(run, Run.State.FINISHED).counts
            kill(killed)

        with worker(sandbox):
            assert sending.give_up_abandoned() == 0

        run.refresh_from_db()
        assert (run.counts, run.enrolled, len(sandbox.ledger.posts)) == (before, 3, 1)

    @pytest.mark.row("O4")
    def test_told_to_stop_it_ends_and_commits_the_call_in_flight_and_leaves(
        self, sandbox: Sandbox, gate: Gate
    ) -> None:
        run = queue(sandbox, 250)
        with worker(sandbox) as told:
            gate.wait()
            at_work = threads_of(told)
            told.terminate()
            wait_for(lambda: threads_of(told) < at_work)
            gate.open()
            assert told.wait(PATIENCE) == 0

        run.refresh_from_db()
        assert (run.state, run.enrolled, run.waiting) == (Run.State.RUNNING, 100, 150)
        assert len(sandbox.ledger.posts) == 1
        assert Worker.objects.get().stopped_at

    @pytest.mark.row("O5")
    def test_a_killed_web_process_does_not_touch_the_run(self, sandbox: Sandbox, gate: Gate) -> None:
        port = free_port()
        with (
            process(sandbox, "runserver", "--noreload", "--skip-checks", f"127.0.0.1:{port}") as web,
            worker(sandbox),
        ):
            wait_for(lambda: answers_at(port))
            run = queue(sandbox, 150)
            gate.wait()
            kill(web)
            gate.open()
            run = until(run, Run.State.FINISHED)

        assert (run.enrolled, len(sandbox.ledger.posts)) == (150, 2)

    @pytest.mark.row("O6")
    def test_without_a_worker_the_run_page_and_the_health_check_say_so(
        self, sandbox: Sandbox, hands: Hands, web: Browser
    ) -> None:
        run = queue(sandbox, 3)
        assert web.get("/readyz").status_code == 200
        assert "No worker is running" not in web.get(run.get_absolute_url()).content.decode()

        dies(hands)

        assert web.get("/readyz").status_code == 503
        assert "No worker is running" in web.get(run.get_absolute_url()).content.decode()


class TestTwoWorkers:
    @pytest.mark.row("O7")
    def test_one_batch_goes_to_one_of_many_that_want_it(self, sandbox: Sandbox) -> None:
        run = queue(sandbox, 3)
        wanting = [Hands() for _ in range(4)]
        together, claims = threading.Barrier(len(wanting)), []

        def want(hands: Hands) -> None:
            together.wait()
            claims.append(hands.claim())
            connection.close()

        threads = [threading.Thread(target=want, args=(hands,)) for hands in wanting]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len([claim for claim in claims if claim]) == 1
        assert Attempt.objects.filter(batch__run=run).count() == 1

    @pytest.mark.row("O8")
    def test_one_that_stalls_is_given_up_once_and_its_late_answer_counts(
        self, sandbox: Sandbox, hands: Hands
    ) -> None:
        run = queue(sandbox, 3)
        claim = hands.claim()
        assert claim
        dies(hands)

        assert [sending.give_up_abandoned(), sending.give_up_abandoned()] == [1, 0]
        run.refresh_from_db()
        assert (run.unknown, Hands().claim()) == (3, None)

        sending.settle(claim, sending.send(claim, hands.client))
        run.refresh_from_db()
        assert (run.state, run.enrolled, len(sandbox.ledger.posts)) == (Run.State.FINISHED, 3, 1)

    @pytest.mark.row("O8")
    def test_a_call_that_a_living_worker_lost_is_given_up_too(self, sandbox: Sandbox, hands: Hands) -> None:
        run = queue(sandbox, 3)
        assert hands.claim()
        assert sending.give_up_abandoned() == 0

        Attempt.objects.update(started_at=clock.now() - timedelta(hours=1))

        assert sending.give_up_abandoned() == 1
        run.refresh_from_db()
        assert run.unknown == 3

    @pytest.mark.row("O9")
    def test_a_worker_that_comes_back_under_its_name_is_another_one(self, sandbox: Sandbox) -> None:
        run, before = queue(sandbox, 3), Hands()
        assert before.claim()
        dies(before)

        again = Hands()

        names = set(Worker.objects.values_list("name", flat=True))
        assert (len(names), again.incarnation != before.incarnation) == (1, True)
        assert sending.give_up_abandoned() == 1
        run.refresh_from_db()
        assert run.unknown == 3


class TestDatabaseTrouble:
    @pytest.mark.row("O10")
    def test_a_lock_is_waited_for_and_the_answer_is_not_lost(self, sandbox: Sandbox, gate: Gate) -> None:
        with working():
            run = queue(sandbox, 3)
            gate.wait()
            with nothing_commits(run):
                gate.open()
                wait_for(lambda: sandbox.ledger.posts[0].answered_status)
            run = until(run, Run.State.FINISHED)

        assert (run.enrolled, len(sandbox.ledger.posts)) == (3, 1)
        assert set(run.outcomes.values_list("source", flat=True)) == {Outcome.Source.ANSWER}

    @pytest.mark.row("O10")
    def test_on_sqlite_transactions_are_immediate_and_wait_twenty_seconds(self) -> None:
        if connection.vendor != "sqlite":
            pytest.skip("PostgreSQL has many writers")

        options = connection.settings_dict["OPTIONS"]

        assert (options["transaction_mode"], options["timeout"]) == ("IMMEDIATE", 20)

    @pytest.mark.row("O10")
    def test_an_answer_that_cannot_be_committed_for_long_is_kept_in_a_file_and_replayed_at_the_start(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = queue(sandbox, 3)
        with monkeypatch.context() as patch:
            patch.setattr(local, "COMMIT_PATIENCE", 0)
            patch.setattr(sending, "settle", refuse)
            with working():
                wait_for(lambda: list(spool.folder().glob("*.json")))
        run.refresh_from_db()
        assert (run.waiting, len(sandbox.ledger.posts)) == (3, 1)

        with working():
            run = until(run, Run.State.FINISHED)

        assert (run.enrolled, len(sandbox.ledger.posts)) == (3, 1)
        assert list(spool.folder().glob("*.json")) == []

    @pytest.mark.row("O10")
    def test_an_answer_replayed_after_its_worker_was_given_up_still_counts(
        self, sandbox: Sandbox, hands: Hands
    ) -> None:
        run = queue(sandbox, 3)
        claim = hands.claim()
        assert claim
        spool.keep(claim, sending.send(claim, hands.client))
        dies(hands)
        sending.give_up_abandoned()

        assert spool.replay(sending.settle) == 1

        run.refresh_from_db()
        assert (run.state, run.enrolled) == (Run.State.FINISHED, 3)

    @pytest.mark.row("O10")
    def test_a_kept_answer_of_another_database_does_not_stop_a_worker(
        self, sandbox: Sandbox, hands: Hands
    ) -> None:
        queue(sandbox, 3)
        claim = hands.claim()
        assert claim
        spool.keep(claim, answers.of_surprise("our_error", ""))
        Attempt.objects.all().delete()

        assert spool.replay(sending.settle) == 0

        assert [path.suffix for path in spool.folder().iterdir()] == [".stray"]

    @pytest.mark.row("O10", "O12")
    def test_with_no_room_even_for_a_file_the_answer_is_held_until_there_is(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = queue(sandbox, 3)
        refused: list[object] = []
        real = sending.settle

        def no_room(*args: object) -> None:
            refused.append(args)
            raise OSError(28, "No space left on device")

        def settle(*args: Any) -> None:
            refuse() if len(refused) < 2 else real(*args)

        monkeypatch.setattr(local, "COMMIT_PATIENCE", 0)
        monkeypatch.setattr(spool, "keep", no_room)
        monkeypatch.setattr(sending, "settle", settle)
        with working():
            run = until(run, Run.State.FINISHED)

        assert (run.enrolled, len(sandbox.ledger.posts)) == (3, 1)

    @pytest.mark.row("O11")
    def test_with_the_database_down_nothing_is_sent_and_it_goes_on_by_itself(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = queue(sandbox, 3)
        tries: list[object] = []
        real = claiming.claim_some

        def claim_some(*args: Any, **options: Any) -> Any:
            tries.append(options)
            if len(tries) < 3:
                raise OperationalError("the server closed the connection")
            return real(*args, **options)

        monkeypatch.setattr(claiming, "claim_some", claim_some)
        with working() as engine:
            wait_for(lambda: [engine.wake(), len(tries) > 1][1])
            assert sandbox.ledger.posts == []
            run = until(run, Run.State.FINISHED)

        assert (run.enrolled, len(sandbox.ledger.posts)) == (3, 1)

    @pytest.mark.row("O11")
    def test_with_the_database_down_pages_answer_503(
        self, web: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(history, "list_runs", refuse)
        monkeypatch.setattr(history, "heartbeats", refuse)
        web.raise_request_exception = False

        assert web.get("/readyz").status_code == 503
        response = web.get("/runs/")
        assert response.status_code == 503
        assert "database does not answer" in response.content.decode()

    @pytest.mark.row("O12")
    def test_short_of_space_nothing_is_claimed_and_the_page_says_why(
        self, sandbox: Sandbox, web: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = queue(sandbox, 3)
        with monkeypatch.context() as patch:
            patch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 99, 1))  # type: ignore[attr-defined]
            with working():
                wait_for(lambda: workers.alive().exclude(trouble="").exists())
                assert "Storage is short" in web.get(run.get_absolute_url()).content.decode()
        run.refresh_from_db()
        assert (run.waiting, sandbox.ledger.posts) == (3, [])

        with working():
            assert until(run, Run.State.FINISHED).enrolled == 3


def refuse(*_: object, **__: object) -> None:
    raise OperationalError("database is locked")


def answers_at(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=60) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


class TestPeople:
    CAMPAIGN = made_id("campaign", 1, 1)
    ACCOUNTS = [made_id("account", number, 1) for number in range(4)]

    def pick(self, user: User, *account_ids: str) -> dict[str, Any]:
        """Select, and give what the review's form carries."""
        picked = selection.of(user, self.CAMPAIGN)
        selection.change(picked, add=dict.fromkeys(account_ids, 1))  # type: ignore[arg-type]
        picked.refresh_from_db()
        mark = review.mark_of(vendor.for_pages().campaign(self.CAMPAIGN))
        return {"token": str(picked.token), "revision": picked.revision, "mark": mark}

    @pytest.mark.row("O13")
    def test_a_review_confirmed_twice_makes_one_run(
        self, sandbox: Sandbox, web: Browser, collector: User
    ) -> None:
        form, address = self.pick(collector, *self.ACCOUNTS), reverse("run-review", args=[self.CAMPAIGN])

        first, second = web.post(address, form), web.post(address, form)

        run = Run.objects.get()
        assert (run.size, first.status_code, second.status_code) == (4, 303, 303)
        assert first["Location"] == second["Location"] == run.get_absolute_url()

    @pytest.mark.row("O13")
    def test_one_token_confirmed_in_two_tabs_at_once_makes_one_run(self, sandbox: Sandbox) -> None:
        token, together = uuid.uuid4(), threading.Barrier(2)
        made: list[int] = []

        def confirm() -> None:
            together.wait()
            campaign = Campaign(id="c", name="c")
            made.append(runs.queue(starter=None, campaign=campaign, accounts=[{"id": "a"}], token=token).pk)
            connection.close()

        tabs = [threading.Thread(target=confirm) for _ in range(2)]
        for tab in tabs:
            tab.start()
        for tab in tabs:
            tab.join()

        assert (len(made), len(set(made)), Run.objects.count()) == (2, 1, 1)

    @pytest.mark.row("O14")
    def test_invoices_of_another_run_are_shown_before_confirming_and_held_back_while_in_flight(
        self, sandbox: Sandbox, hands: Hands, collector: User
    ) -> None:
        first = queue_ids(sandbox, self.ACCOUNTS)
        self.pick(collector, *self.ACCOUNTS[:2])
        shown = review.check(collector, self.CAMPAIGN).warnings.in_flight
        assert shown == dict.fromkeys(self.ACCOUNTS[:2], first.pk)

        second = queue_ids(sandbox, self.ACCOUNTS[:2])
        claim = hands.claim()
        assert claim
        assert (claim.run_id, hands.claim()) == (first.pk, None)

        sending.settle(claim, sending.send(claim, hands.client))
        held_back = hands.claim()
        assert held_back
        assert held_back.run_id == second.pk

    @pytest.mark.row("O15")
    def test_a_run_is_found_again_at_the_next_visit(
        self, sandbox: Sandbox, collector: User, browser_of: Callable[[User], Browser]
    ) -> None:
        form = self.pick(collector, *self.ACCOUNTS)
        browser_of(collector).post(reverse("run-review", args=[self.CAMPAIGN]), form)
        address = Run.objects.get().get_absolute_url()

        later = browser_of(collector)

        assert address in later.get("/").content.decode()
        assert address in later.get("/runs/").content.decode()
        assert later.get(address).status_code == 200

    @pytest.mark.row("O16")
    def test_a_session_that_ends_costs_neither_the_run_nor_the_selection(
        self, sandbox: Sandbox, hands: Hands, web: Browser, collector: User
    ) -> None:
        run = queue(sandbox, 3)
        self.pick(collector, *self.ACCOUNTS)
        web.logout()

        page = f"http://testserver{run.get_absolute_url()}"
        poll = web.get(reverse("run-progress", args=[run.pk]), headers=HTMX | {"HX-Current-URL": page})

        assert poll.status_code == 200
        assert poll["HX-Redirect"].startswith(reverse("login"))
        assert f"next=%2Fruns%2F{run.pk}%2F" in poll["HX-Redirect"]
        assert hands.drain(run).enrolled == 3
        assert Selection.objects.get().accounts.count() == 4


class TestTime:
    @pytest.mark.row("O20")
    @pytest.mark.parametrize("jump", [timedelta(days=1), timedelta(days=-1)])
    def test_a_clock_that_jumps_while_a_call_is_under_way_loses_nothing(
        self, sandbox: Sandbox, hands: Hands, jump: timedelta, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = queue(sandbox, 3)
        claim = hands.claim()
        assert claim
        real = django_timezone.now
        monkeypatch.setattr(django_timezone, "now", lambda: real() + jump)

        sending.give_up_abandoned()
        sending.settle(claim, sending.send(claim, hands.client))

        run.refresh_from_db()
        assert (run.state, run.enrolled, len(sandbox.ledger.posts)) == (Run.State.FINISHED, 3, 1)

    @pytest.mark.row("O20")
    def test_leases_go_by_the_databases_clock_where_it_has_one(
        self, sandbox: Sandbox, hands: Hands, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if connection.vendor != "postgresql":
            pytest.skip("SQLite has no clock of its own")
        queue(sandbox, 3)
        assert hands.claim()
        real = django_timezone.now
        monkeypatch.setattr(django_timezone, "now", lambda: real() + timedelta(days=1))

        assert sending.give_up_abandoned() == 0

    @pytest.mark.row("O20")
    def test_the_hour_that_comes_twice_is_two_hours_in_the_ledger(self, settings: Settings) -> None:
        settings.TIME_ZONE = "Europe/Berlin"
        before = datetime(2026, 10, 25, 2, 30, tzinfo=timezone(timedelta(hours=2)))

        next_look = outcomes.next_look(STATE.PENDING, 4, before)

        Worker.objects.create(incarnation=uuid.uuid4(), name="w", threads=1, seen_at=next_look)
        stored = Worker.objects.get().seen_at
        assert stored.utcoffset() == timedelta(0)
        assert stored - before == timedelta(seconds=360 * settings.SETTLE_AFTER)


class FakeVendor:
    """A client that says SUCCESS to all, without a network."""

    host, fingerprint = "fake", "fake"

    def enroll(self, campaign_id: str, account_ids: tuple[str, ...]) -> Answer:
        rows = tuple(EnrollmentRow(account_id=id_, word=EnrollmentWord.SUCCESS) for id_ in account_ids)
        return Answer(answer_class="done", rows=rows)


class TestSize:
    @pytest.mark.row("O21")
    def test_a_worker_needs_no_more_memory_for_100_000_than_for_100(self) -> None:
        small, large = self.peak(200), self.peak(100_000)

        assert large - small < 2 * 1024 * 1024

    def peak(self, size: int) -> int:
        """The most memory, in bytes, that three calls of a run of this size take."""
        accounts = [{"id": str(uuid.UUID(int=number))} for number in range(size)]
        campaign = Campaign(id=str(uuid.uuid4()), name="c")
        run = runs.queue(starter=None, campaign=campaign, accounts=accounts, token=uuid.uuid4())
        incarnation = workers.register(name="w", threads=1)
        tracemalloc.start()
        for _ in range(2):
            claim = claiming.claim(incarnation=incarnation, host="h", key_fingerprint="k")
            assert claim
            sending.settle(claim, FakeVendor().enroll("c", claim.account_ids))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        Run.objects.filter(pk=run.pk).update(state=Run.State.STOPPED)
        return peak

    @pytest.mark.row("O22")
    def test_a_list_with_a_mark_windows_lines_and_doubles_is_read_whole(
        self, sandbox: Sandbox, tmp_path: Path
    ) -> None:
        ids = [sandbox.store.add_account(status="not_assigned")["id"] for _ in range(3)]
        file = tmp_path / "ids.csv"
        file.write_bytes("\ufeff".encode() + "\r\n".join([*ids, ids[0], ""]).encode())

        with pytest.raises(SystemExit) as exit_:
            call_command("enroll", sandbox_campaign(sandbox), "--accounts", str(file))

        run = Run.objects.get()
        assert (exit_.value.code, run.size, run.duplicates) == (0, 3, 1)

    @pytest.mark.row("O22")
    @pytest.mark.parametrize(
        ("content", "said"),
        [(b"\xff\xfe\x00zonk", "UTF-8"), (b"", "empty"), (f"{uuid.UUID(int=7)}\nzonk\n".encode(), "line 2")],
    )
    def test_a_list_that_is_not_all_good_is_refused_by_line_and_nothing_is_sent(
        self, sandbox: Sandbox, tmp_path: Path, content: bytes, said: str
    ) -> None:
        file = tmp_path / "ids.csv"
        file.write_bytes(content)

        with pytest.raises(CommandError, match=said):
            call_command("enroll", sandbox_campaign(sandbox), "--accounts", str(file))

        assert not Run.objects.exists()

    @pytest.mark.row("O22")
    def test_200_000_lines_are_told_apart_line_by_line(self) -> None:
        lines = [str(uuid.UUID(int=number % 150_000)) for number in range(200_000)]
        lines[777] = "zonk"

        ids = parse_ids(["\r\n".join(lines)])

        assert (len(ids.counts), ids.counts.total()) == (150_000, 199_999)
        assert [(bad.line, bad.text) for bad in ids.malformed] == [(778, "zonk")]


def sandbox_campaign(sandbox: Sandbox) -> str:
    return str(sandbox.store.add_campaign(status="active", type="early_stage")["id"])


class TestUpgrades:
    @pytest.mark.row("O23")
    def test_a_run_of_the_first_version_goes_on_after_every_migration(self, sandbox: Sandbox) -> None:
        account_id = sandbox.store.add_account(status="not_assigned")["id"]
        campaign_id = sandbox_campaign(sandbox)
        executor = MigrationExecutor(connection)
        executor.migrate([("dashboard", "0001_initial")])
        try:
            old = executor.loader.project_state([("dashboard", "0001_initial")]).apps
            run = old.get_model("dashboard", "Run").objects.create(
                campaign_id=campaign_id, campaign_name="c", size=1
            )
            batches = old.get_model("dashboard", "Batch").objects
            batches.create(run=run, number=1, accounts=[{"id": account_id}], size=1)
        finally:
            call_command("migrate", verbosity=0)

        run = Hands().drain(Run.objects.get())

        assert (run.state, run.enrolled) == (Run.State.FINISHED, 1)

    @pytest.mark.row("O23")
    def test_calls_of_an_earlier_version_are_listed_with_their_run(self) -> None:
        executor = MigrationExecutor(connection)
        executor.migrate([("dashboard", "0017_batch_texts")])
        try:
            old = executor.loader.project_state([("dashboard", "0017_batch_texts")]).apps
            runs, batches, calls = (old.get_model("dashboard", name) for name in ("Run", "Batch", "Attempt"))
            for each in (1, 2):
                run = runs.objects.create(campaign_id="c", campaign_name="c", size=1, token=uuid.uuid4())
                batch = batches.objects.create(run=run, number=1, first=1, size=1, accounts=[{"id": "a"}])
                for number in range(1, each + 1):
                    calls.objects.create(
                        batch=batch, number=number, incarnation=uuid.uuid4(), host="h", key_fingerprint="f"
                    )
        finally:
            call_command("migrate", verbosity=0)

        first, second = Run.objects.order_by("pk")
        assert [call.number for call in history.attempts(first).rows] == [1]
        assert [call.number for call in history.attempts(second).rows] == [2, 1]

    @pytest.mark.row("O23")
    def test_results_of_an_earlier_version_are_found_by_numbers_in_any_case(self) -> None:
        executor = MigrationExecutor(connection)
        executor.migrate([("dashboard", "0018_attempts_of_runs")])
        try:
            old = executor.loader.project_state([("dashboard", "0018_attempts_of_runs")]).apps
            names = ("Run", "Batch", "BatchText", "Outcome")
            runs, batches, texts, outcomes = (old.get_model("dashboard", name).objects for name in names)
            run = runs.create(
                campaign_id="c",
                campaign_name="c",
                size=2,
                token=uuid.uuid4(),
                enrolled=2,
                tally={"enrolled///": [2, "0", 2]},
            )
            batch = batches.create(run=run, number=1, first=1, size=2, accounts=[{"id": "a"}, {"id": "b"}])
            texts.create(batch=batch, run=run, numbers="inv-7\nstraße", account_ids="a\nb", verdicts="\n\n\n")
            for place, (account_id, number) in enumerate((("a", "Inv-7"), ("b", "Straße")), start=1):
                outcomes.create(
                    run=run,
                    batch=batch,
                    place=place,
                    account_id=account_id,
                    invoice_number=number,
                    state="enrolled",
                    settled_at=django_timezone.now(),
                )
        finally:
            call_command("migrate", verbosity=0)

        run = Run.objects.get()
        for search, number in (("INV-7", "Inv-7"), ("STRASSE", "Straße")):
            assert [row.outcome.invoice_number for row in finding.find(run, search=search).rows] == [number]
        assert list(run.outcomes.order_by("place").values_list("folded", flat=True)) == ["inv-7", "strasse"]

    @pytest.mark.row("O25")
    def test_an_answer_that_trips_us_is_set_aside_whole_and_read_again_by_a_later_version(
        self, sandbox: Sandbox, hands: Hands, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as bug:
            bug.setattr(EnrollmentRow, "read", lambda *_: 1 / 0)
            run = hands.drain(queue(sandbox, 3))
        assert (run.unknown, len(sandbox.ledger.posts)) == (3, 1)
        assert json.loads(Attempt.objects.get().raw)["data"]["results"]

        assert sending.read_again() == 1

        run.refresh_from_db()
        assert (run.state, run.enrolled, len(sandbox.ledger.posts)) == (Run.State.FINISHED, 3, 1)
        assert sending.read_again() == 0

    @pytest.mark.row("O25")
    def test_a_mistake_of_ours_while_settling_costs_one_batch_its_rows_and_not_the_run(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real, tripped = answers.read_rows, []

        def read_rows(answer: Answer, account_ids: list[str]) -> Any:
            if len(account_ids) == 100 and not tripped:
                tripped.append(account_ids)
                raise ZeroDivisionError
            return real(answer, account_ids)

        monkeypatch.setattr(answers, "read_rows", read_rows)
        run = queue(sandbox, 250)
        with working():
            run = until(run, Run.State.FINISHED)

        assert (run.enrolled, len(sandbox.ledger.posts)) == (250, 3)
        assert run.outcomes.filter(source=Outcome.Source.READING).count() == 100
        assert Batch.objects.get(state=Batch.State.UNKNOWN).attempts.get().raw
