"""From a refusal to the waiting list, and from there to a run: pages, worker and sandbox together."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from dashboard.models import ParkedAccount, Run
from dashboard.sandbox.server import Sandbox
from dashboard.services import review
from tests.drive import until, working
from tests.every_fate import EveryFate
from tests.patience import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_parked_invoice_that_becomes_free_is_enrolled_only_after_a_person_says_so(
    sandbox: Sandbox, collector: User, browser_of: Any
) -> None:
    scene, web = EveryFate(sandbox), browser_of(collector)
    freed, busy = scene.ids["failed", "active_execution"]
    sandbox.store.complete_campaign(freed)
    with working():
        web.post(
            reverse("part-park", args=[scene.run.pk]), {"outcome": "failed", "reason": "active_execution"}
        )
        wait_for(lambda: ParkedAccount.objects.exclude(read_at=None).count() == 2)
        assert sandbox.ledger.posts == []

        web.post("/waiting/", {"act": "take_all"})
        checked = review.check(collector, scene.campaign)
        marks = {"token": checked.selection.token, "revision": checked.selection.revision}
        web.post(reverse("run-review", args=[scene.campaign]), marks | {"mark": checked.mark})
        run = until(Run.objects.exclude(pk=scene.run.pk).get(), Run.State.FINISHED)

    assert (run.size, run.enrolled) == (1, 1)
    assert [entry.account_id for entry in sandbox.ledger.enrollments] == [freed]
    assert [entry.account_id for entry in ParkedAccount.objects.all()] == [busy]
