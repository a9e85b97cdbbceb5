"""The page of worker processes and their heartbeats."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from dashboard.models import Worker
from dashboard.services import clock, workers
from dashboard.tables.workers import roughly
from tests import ledger
from tests.pages import rows_of

pytestmark = pytest.mark.django_db


def worker(name: str, *, seen: timedelta = timedelta(), **fields: object) -> None:
    incarnation = workers.register(name=name, threads=4)
    Worker.objects.filter(pk=incarnation).update(seen_at=clock.now() - seen, **fields)


def test_each_worker_is_shown_with_its_heartbeat_and_trouble(
    manager: User, browser_of: type[Browser]
) -> None:
    worker("alpha:1", trouble="Storage is short")
    worker("beta:2", seen=timedelta(minutes=5))
    worker("gamma:3", seen=timedelta(hours=2), stopped_at=clock.now())

    rows = rows_of(browser_of(manager).get("/workers/").text)

    assert [row.split(" 4 ")[0] for row in rows] == [
        "alpha:1 Alive 0 seconds ago", "beta:2 Lost 5 minutes ago", "gamma:3 Left 2 hours ago",
    ]  # fmt: skip
    assert rows[0].endswith("Storage is short")


def test_no_worker_at_all_is_said(manager: User, browser_of: type[Browser]) -> None:
    assert "No worker has started yet" in browser_of(manager).get("/workers/").text


def test_a_poll_gets_the_table_alone_and_writes_nothing(manager: User, browser_of: type[Browser]) -> None:
    worker("alpha:1")
    browser = browser_of(manager)

    with CaptureQueriesContext(connection) as queries:
        text = browser.get("/workers/", headers={"HX-Request": "true"}).text

    assert "alpha:1" in text
    assert "<html" not in text
    assert not [q for q in queries if not q["sql"].startswith("SELECT")]


def test_only_managers_see_it(collector: User, browser_of: type[Browser]) -> None:
    assert browser_of(collector).get("/workers/").status_code == 403


def test_workers_of_long_ago_are_forgotten_when_one_starts() -> None:
    worker("old:1", seen=timedelta(days=8))

    worker("new:2")

    assert list(Worker.objects.values_list("name", flat=True)) == ["new:2"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (59.9, "59 seconds"),
        (60, "1 minute"),
        (7200, "2 hours"),
        (90000, "1 day"),
    ],
)
def test_an_age_is_said_in_its_largest_unit(seconds: float, words: str) -> None:
    assert roughly(timedelta(seconds=seconds)) == words


def test_mail_that_has_not_gone_out_is_shown_with_the_servers_words(
    manager: User, browser_of: type[Browser]
) -> None:
    run = ledger.answered(ledger.queued(1, starter=manager), "SUCCESS")
    run.notices.update(mail="failed", mail_tries=5, mail_problem="refused <b>")

    text = browser_of(manager).get("/workers/").text

    assert "<bdi>manager</bdi>: Given up" in text
    assert "5 tries" in text
    assert "refused &lt;b&gt;" in text
