"""Who did what, for managers."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from dashboard.services import runs
from tests import ledger

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]


def test_only_managers_read_it(collector: User, manager: User, browser_of: Browser) -> None:
    assert browser_of(collector).get("/audit/").status_code == 403
    assert browser_of(manager).get("/audit/").status_code == 200


def test_it_tells_who_did_what_to_which_run_and_why(manager: User, browser_of: Browser) -> None:
    run = ledger.queued(starter=manager)
    runs.stop(run=run, who=manager, note="wrong <b>campaign")

    text = browser_of(manager).get("/audit/").content.decode()

    assert "Run stopped" in text
    assert "wrong &lt;b&gt;campaign" in text
    assert f'href="/runs/{run.pk}/"' in text
    assert "not sent: 3" in text


def test_it_filters_by_person_and_action(manager: User, browser_of: Browser) -> None:
    runs.pause(run=ledger.queued(starter=manager), who=None, note="by nobody")

    browser = browser_of(manager)

    assert "by nobody" in browser.get("/audit/?action=paused").content.decode()
    assert "by nobody" not in browser.get("/audit/?person=manager").content.decode()


def test_a_long_list_of_invoices_is_cut(manager: User, browser_of: Browser) -> None:
    run = ledger.unanswered(ledger.queued(9))
    runs.mark(run=run, who=manager, note="seen", enrolled=True)

    assert "and 6 more" in browser_of(manager).get("/audit/").content.decode()


def test_htmx_gets_the_list_alone(manager: User, browser_of: Browser) -> None:
    text = browser_of(manager).get("/audit/", headers={"HX-Request": "true"}).content.decode()

    assert "<html" not in text
    assert "Nothing on record" in text


def test_it_leads_to_the_workers(manager: User, browser_of: Browser) -> None:
    assert 'href="/workers/"' in browser_of(manager).get("/audit/").content.decode()
