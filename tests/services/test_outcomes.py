"""Rows go in a hundred at a time, in the database's own fast way."""

import uuid
from collections.abc import Mapping
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.api.schema import Campaign
from dashboard.models import Attempt, Outcome, Run
from dashboard.sandbox.server import Sandbox
from dashboard.services import outcomes, runs
from dashboard.services.answers import Fate
from tests import ledger
from tests.drive import Hands, queue

pytestmark = pytest.mark.django_db(transaction=True)
ODD_TEXTS = ("", "tab\there", "back\\slash \\N", "line\nbreak", "né “quoted” 'text'", "\u202eturned")


def settled(sandbox: Sandbox, number: int) -> Run:
    return Hands().drain(queue(sandbox, number))


def write(run: Run, fates: Mapping[str, Fate]) -> None:
    attempt = Attempt.objects.select_related("batch").get()
    with transaction.atomic():
        outcomes.write(run, attempt.batch, attempt, fates)


def test_texts_of_any_kind_come_back_as_they_were(sandbox: Sandbox) -> None:
    run = settled(sandbox, len(ODD_TEXTS))
    ids = list(run.outcomes.values_list("account_id", flat=True))
    Outcome.objects.all().delete()
    fates = {id_: Fate("failed", error=text) for id_, text in zip(ids, ODD_TEXTS, strict=True)}

    write(run, fates)

    assert dict(Outcome.objects.values_list("account_id", "error")) == {i: f.error for i, f in fates.items()}


def test_a_second_row_for_an_account_is_refused_as_an_error_of_the_database(sandbox: Sandbox) -> None:
    run = settled(sandbox, 2)
    fates = {id_: Fate("enrolled") for id_ in run.outcomes.values_list("account_id", flat=True)}

    with pytest.raises(DatabaseError):
        write(run, fates)

    assert Outcome.objects.count() == 2


@pytest.mark.parametrize("act", ["mark", "send_again"])
def test_a_persons_word_on_many_takes_few_statements_and_names_them_in_parts(
    monkeypatch: pytest.MonkeyPatch, collector: User, act: str
) -> None:
    """A hundred thousand are in no one statement, which PostgreSQL would not take."""
    monkeypatch.setattr(outcomes, "AT_ONCE", 100)
    run = ledger.queued(300)
    for _ in range(3):
        ledger.unanswered(run)
    run.outcomes.update(settled_at=timezone.now() - timedelta(minutes=2))
    options = {"enrolled": True} if act == "mark" else {}

    with CaptureQueriesContext(connection) as queries:
        getattr(runs, act)(run=run, who=collector, note="seen", **options)

    changed = [query["sql"] for query in queries if query["sql"].startswith('UPDATE "dashboard_outcome')]
    assert len(changed) == 3


def test_what_is_being_sent_again_is_left_alone_however_many_they_are(collector: User) -> None:
    run = ledger.unanswered(ledger.queued(100))
    run.outcomes.update(settled_at=timezone.now() - timedelta(minutes=2))
    runs.send_again(run=run, who=collector, note="sure", account_ids=map(ledger.account_id, range(1, 100)))

    with CaptureQueriesContext(connection) as queries:
        assert runs.mark(run=run, who=collector, note="seen", enrolled=True) == 1

    asked = [query["sql"] for query in queries if query["sql"].startswith("SELECT")]
    assert not any(ledger.account_id(1) in sql for sql in asked)
    assert Run.objects.get(pk=run.pk).counts["unknown"] == 99


def test_a_number_that_was_told_meanwhile_outlives_an_answer_without_one(collector: User) -> None:
    accounts = [{"id": ledger.account_id(1)}]
    campaign = Campaign(id=ledger.CAMPAIGN_ID, name="Chase")
    run = runs.queue(starter=None, campaign=campaign, accounts=accounts, token=uuid.uuid4())
    ledger.unanswered(run)
    run.outcomes.update(settled_at=timezone.now() - timedelta(minutes=2))
    runs.send_again(run=run, who=collector, note="sure")
    outcome = run.outcomes.get()
    outcome.invoice_number = "Late-1"
    outcome.save()

    ledger.answered(run, "SUCCESS")

    outcome.refresh_from_db()
    assert (outcome.state, outcome.invoice_number, outcome.folded) == ("enrolled", "Late-1", "late-1")
