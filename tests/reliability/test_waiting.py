"""A worker that is killed while it reads the waiting list."""

import pytest
from django.contrib.auth.models import User

from dashboard.models import ParkedAccount
from dashboard.sandbox.server import Sandbox
from dashboard.services import waiting
from dashboard.services.parts import Part
from tests.every_fate import EveryFate
from tests.patience import wait_for
from tests.reliability.processes import kill, worker

pytestmark = pytest.mark.django_db(transaction=True)
BUSY = ("failed", "active_execution")


def test_killed_while_reading_it_loses_nothing_and_another_reads_on(
    sandbox: Sandbox, collector: User
) -> None:
    scene = EveryFate(sandbox)
    freed, _ = scene.ids[BUSY]
    sandbox.store.complete_campaign(freed)
    sandbox.faults.queue("hang", method="GET", path="/accounts")
    waiting.park(collector, Part(scene.run, *BUSY))
    calls = len(sandbox.ledger.calls)
    with worker(sandbox) as killed:
        wait_for(lambda: len(sandbox.ledger.calls) > calls)
        kill(killed)
    assert ParkedAccount.objects.filter(read_at=None, state="busy", looks=0).count() == 2

    ParkedAccount.objects.update(look_at="2020-01-01T00:00Z")
    with worker(sandbox):
        wait_for(lambda: not ParkedAccount.objects.filter(read_at=None).exists())

    assert ParkedAccount.objects.get(account_id=freed).state == "free"
    assert sandbox.ledger.posts == []
