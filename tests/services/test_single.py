"""One account into one campaign, without a selection."""

from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User

from dashboard.models import Run, SelectedAccount
from dashboard.sandbox.server import Sandbox
from dashboard.sandbox.store import made_id
from dashboard.services import single
from dashboard.services.review import Problem

CAMPAIGN = UUID(made_id("campaign", 1, 1))
DRAFT = UUID(made_id("campaign", 7, 1))


@pytest.fixture
def account(sandbox: Sandbox) -> UUID:
    return UUID(sandbox.store.add_account(status="not_assigned", campaign_id=None)["id"])


def test_the_verdict_is_by_a_reading_made_now(sandbox: Sandbox, collector: User, account: UUID) -> None:
    assert single.check(collector, account, CAMPAIGN).verdict.code == "enters"

    sandbox.store.accounts[str(account)]["status"] = "settled"

    assert single.check(collector, account, CAMPAIGN).verdict.code == "settled"


def test_a_confirmation_queues_a_run_of_one_and_touches_no_selection(collector: User, account: UUID) -> None:
    mark = single.check(collector, account, CAMPAIGN).mark

    run = single.confirm(collector, account, CAMPAIGN, token=uuid4(), mark=mark)

    assert isinstance(run, Run)
    assert (run.size, run.batches.get().accounts[0]["verdict"]) == (1, "enters")
    assert not SelectedAccount.objects.exists()


def test_the_same_token_gives_the_same_run_to_the_one_who_began_it(
    collector: User, manager: User, account: UUID
) -> None:
    token, mark = uuid4(), single.check(collector, account, CAMPAIGN).mark
    run = single.confirm(collector, account, CAMPAIGN, token=token, mark=mark)

    assert single.confirm(collector, account, CAMPAIGN, token=token, mark=mark) == run
    assert single.confirm(manager, account, CAMPAIGN, token=token, mark=mark) == Problem.STALE


def test_what_has_changed_since_it_was_shown_is_not_sent(
    sandbox: Sandbox, collector: User, account: UUID
) -> None:
    mark = single.check(collector, account, CAMPAIGN).mark
    sandbox.store.accounts[str(account)]["status"] = "disputed"

    assert single.confirm(collector, account, CAMPAIGN, token=uuid4(), mark=mark) == Problem.CHANGED
    assert not Run.objects.exists()


def test_a_closed_campaign_gets_nothing(collector: User, account: UUID) -> None:
    mark = single.check(collector, account, DRAFT).mark

    assert single.confirm(collector, account, DRAFT, token=uuid4(), mark=mark) == Problem.CLOSED
