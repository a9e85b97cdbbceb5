"""From the review page over the worker to the result page: real HTTP, real threads, no JavaScript."""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from dashboard.models import Run
from dashboard.sandbox.server import Sandbox
from dashboard.services import runs
from tests.drive import queue, until, working
from tests.pages import text_of

pytestmark = pytest.mark.django_db(transaction=True)
Browser = Callable[[User], Client]


def pick(browser: Client, sandbox: Sandbox, ids: list[str]) -> str:
    """The address of the run that comes of picking these for a fresh campaign and confirming."""
    campaign = sandbox.store.add_campaign(status="active", type="early_stage", name="Early chase")
    start = f"/campaigns/{campaign['id']}/enroll/"
    review = browser.post(start, {"account_ids": "\n".join(ids), "then": "review"}).headers["Location"]
    form = browser.get(review).content.decode()
    fields = dict(re.findall(r'name="(token|revision|mark)" value="([^"]*)"', form))
    return browser.post(review, {**fields, "then": "confirm"}).headers["Location"]


def test_picked_invoices_are_enrolled_and_each_is_shown_with_its_fate(
    sandbox: Sandbox, collector: User, browser_of: Browser
) -> None:
    browser = browser_of(collector)
    free = [sandbox.store.add_account(status="not_assigned", campaign_id=None)["id"] for _ in range(2)]
    elsewhere = sandbox.store.add_campaign(status="active", type="early_stage")["id"]
    busy = sandbox.store.add_account(status="in_progress", campaign_id=elsewhere)["id"]

    result = pick(browser, sandbox, [*free, busy, free[0]])
    with working():
        until(Run.objects.get(), *Run.ENDED)

    text = text_of(browser.get(result))
    assert "Enrolled 2 Failed 1" in text
    assert "Picked 3" in text
    assert "active execution in another campaign" in text
    assert len(sandbox.ledger.posts) == 1


def test_an_answer_that_never_came_is_shown_as_unknown_and_settled_by_reading(
    sandbox: Sandbox, collector: User, browser_of: Browser
) -> None:
    browser = browser_of(collector)
    sandbox.faults.queue("close", times=1, process=True)
    run = queue(sandbox, 3)

    with working():
        until(run, *Run.ENDED)

    text = text_of(browser.get(run.get_absolute_url()))
    assert "Enrolled 3" in text
    assert "Confirmed by reading the invoice" in text
    assert len(sandbox.ledger.posts) == 1


def test_a_rejected_key_pauses_the_run_and_a_person_resumes_it(
    sandbox: Sandbox, collector: User, browser_of: Browser
) -> None:
    browser = browser_of(collector)
    sandbox.faults.queue("status", times=1, status=401)
    run = queue(sandbox, 2)

    with working():
        until(run, Run.State.PAUSED)
        paused = text_of(browser.get(run.get_absolute_url()))
        browser.post(f"{run.get_absolute_url()}resume/", {"note": "key is well again"})
        until(run, *Run.ENDED)

    assert "The API key was rejected" in paused
    assert "Every invoice is enrolled" in text_of(browser.get(run.get_absolute_url()))


def test_a_run_stopped_before_it_began_sends_nothing(
    sandbox: Sandbox, collector: User, browser_of: Browser
) -> None:
    browser = browser_of(collector)
    run = runs.pause(run=queue(sandbox, 2), who=collector)

    browser.post(f"{run.get_absolute_url()}stop/")
    with working():
        until(run, Run.State.STOPPED)

    assert "2 invoices not sent" in text_of(browser.get(run.get_absolute_url()))
    assert len(sandbox.ledger.posts) == 0
