"""Rows go in a hundred at a time, in the database's own fast way."""

from collections.abc import Mapping

import pytest
from django.db import DatabaseError, transaction

from dashboard.models import Attempt, Outcome, Run
from dashboard.sandbox.server import Sandbox
from dashboard.services import outcomes
from dashboard.services.answers import Fate
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
