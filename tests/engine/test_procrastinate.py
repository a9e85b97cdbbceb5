"""The courier on PostgreSQL: news goes with the run's own transaction, to one worker, and leaves nothing."""

import threading
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connection, transaction

from dashboard.engine.local import Engine
from dashboard.engine.procrastinate import Listener, connect, listening
from dashboard.models import Run
from dashboard.sandbox.server import Sandbox
from dashboard.services import runs, vendor
from tests.drive import queue, until
from tests.patience import PATIENCE

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgres,
    pytest.mark.skipif(not settings.ON_POSTGRESQL, reason="the courier of PostgreSQL"),
]
NEVER = 3600.0


@pytest.fixture(autouse=True)
def _no_news() -> Iterator[None]:
    """Each test begins and ends without jobs: they are no models of ours, so nothing else clears them."""
    _execute("DELETE FROM procrastinate_jobs")
    yield
    _execute("DELETE FROM procrastinate_jobs")


def _execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def _jobs() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT status::text FROM procrastinate_jobs ORDER BY id")
        return [row[0] for row in cursor.fetchall()]


def test_a_queued_run_is_news_once_its_transaction_commits(sandbox: Sandbox) -> None:
    with transaction.atomic():
        queue(sandbox, 1)
        transaction.set_rollback(True)
    assert _jobs() == []

    queue(sandbox, 1)

    assert _jobs() == ["todo"]


def test_a_resumed_run_is_news(sandbox: Sandbox) -> None:
    run = runs.pause(run=queue(sandbox, 1), who=None)

    runs.resume(run=run, who=None)

    assert _jobs() == ["todo", "todo"]


def test_connecting_twice_tells_once(sandbox: Sandbox) -> None:
    connect()

    queue(sandbox, 1)

    assert _jobs() == ["todo"]


def test_news_wakes_a_listening_engine_and_its_job_is_deleted(sandbox: Sandbox) -> None:
    engine = Engine(client=vendor.for_workers(), sweep=NEVER)
    woken = threading.Event()

    def wake() -> None:
        engine.wake()
        woken.set()

    engine.start()
    try:
        with listening(wake):
            run = until(queue(sandbox, 250), *Run.ENDED)
            assert woken.wait(PATIENCE)
    finally:
        engine.stop()
        engine.join()

    assert (run.state, run.enrolled) == (Run.State.FINISHED, 250)
    assert _jobs() == []


def test_news_that_came_while_nobody_listened_is_told_at_the_start(sandbox: Sandbox) -> None:
    queue(sandbox, 1)
    woken = threading.Event()

    with listening(woken.set):
        assert woken.wait(PATIENCE)

    assert _jobs() == []


def test_a_run_whose_news_was_lost_is_found_by_the_sweep(sandbox: Sandbox) -> None:
    engine = Engine(client=vendor.for_workers(), sweep=0.05)
    engine.start()
    try:
        with listening(engine.wake), transaction.atomic():
            run = queue(sandbox, 1)
            _execute("DELETE FROM procrastinate_jobs")
        run = until(run, *Run.ENDED)
    finally:
        engine.stop()
        engine.join()

    assert run.enrolled == 1


def test_news_in_the_hands_of_a_killed_worker_is_dropped(sandbox: Sandbox) -> None:
    queue(sandbox, 1)
    _execute("UPDATE procrastinate_jobs SET status = 'doing'")
    woken = threading.Event()

    with listening(woken.set):
        queue(sandbox, 1)
        assert woken.wait(PATIENCE)

    assert _jobs() == []


def test_listens_again_after_the_database_cut_its_connections(sandbox: Sandbox) -> None:
    woken = threading.Event()
    with listening(woken.set):
        queue(sandbox, 1)
        assert woken.wait(PATIENCE)
        woken.clear()
        _execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )

        queue(sandbox, 1)

        assert woken.wait(PATIENCE)


def test_stops_at_once_even_before_it_has_connected() -> None:
    listener = Listener(lambda: None)
    listener.start()

    listener.stop()

    assert not any(thread.name == "courier" for thread in threading.enumerate())
