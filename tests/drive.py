"""Driving runs and errands in tests: step by step in this thread, or with a real engine."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from dashboard.engine.local import Engine
from dashboard.models import Errand, Outcome, Pace, Run
from dashboard.sandbox.server import Sandbox
from dashboard.services import claiming, runs, sending, settling, vendor, workers
from dashboard.services.claiming import Claim
from dashboard.services.errands import Clerk
from tests.patience import wait_for

Kind = TypeVar("Kind", bound=Errand)


def queue(sandbox: Sandbox, number: int, **account: Any) -> Run:
    """A run of this many fresh accounts into a fresh, active campaign."""
    ids = [
        sandbox.store.add_account(**{"status": "not_assigned", "campaign_id": None} | account)["id"]
        for _ in range(number)
    ]
    return queue_ids(sandbox, ids)


def queue_ids(sandbox: Sandbox, account_ids: Sequence[str], **campaign: Any) -> Run:
    """A run of these accounts into a fresh campaign."""
    record = sandbox.store.add_campaign(**{"status": "active", "type": "early_stage"} | campaign)
    return runs.queue(
        starter=None,
        campaign=vendor.for_pages().campaign(record["id"]),
        accounts=[{"id": account_id, "status": "not_assigned"} for account_id in account_ids],
        token=uuid.uuid4(),
    )


class Hands:
    """A worker without threads: claims, sends and settles when it is told to."""

    def __init__(self) -> None:
        self.client = vendor.for_workers()
        self.incarnation = workers.register(name="hands", threads=1)

    def claim(self) -> Claim | None:
        return claiming.claim(
            incarnation=self.incarnation, host=self.client.host, key_fingerprint=self.client.fingerprint
        )

    def step(self) -> bool:
        """One call from claim to settled; False when there was none to make."""
        claim = self.claim()
        if claim:
            sending.settle(claim, sending.send(claim, self.client))
        settling.check_campaigns(self.client)
        return claim is not None

    def drain(self, run: Run) -> Run:
        """Make calls until there is none to make now. What is put off stays put off."""
        for _ in range(1000):
            if not self.step():
                run.refresh_from_db()
                return run
        raise AssertionError("the run does not come to an end")

    def probe(self) -> None:
        """Let paused runs go on where their time has come."""
        settling.resume_paused(self.client)

    def forget_cooling(self) -> None:
        """As if the wait after a 429 were over."""
        Pace.objects.update(cool_until=None)

    def look(self, run: Run) -> Run:
        """Read again what is due."""
        settling.look_again(client=self.client)
        run.refresh_from_db()
        return run


def drain(clerk: Clerk) -> None:
    """Do errands until there is nothing to do now."""
    while clerk.work():
        pass


def drained(clerk: Clerk, errand: Kind) -> Kind:
    """The errand once there is nothing to do now."""
    drain(clerk)
    errand.refresh_from_db()
    return errand


@contextmanager
def working() -> Iterator[Engine]:
    """A real engine with its threads."""
    engine = Engine(client=vendor.for_workers())
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()
        engine.join()


def until(run: Run, *states: str) -> Run:
    """The run once it is in one of these states; gives up loudly."""

    def is_there() -> bool:
        run.refresh_from_db()
        return run.state in states

    wait_for(is_there, instead=lambda: f"run is {run.state} {run.pause}: {run.counts}, waiting {run.waiting}")
    return run


def in_balance(run: Run) -> bool:
    """The run's counts are what its outcomes say, and with what waits they make up all that was picked."""
    counted = {
        state: run.outcomes.filter(state=state).count()
        for state in Outcome.State.values
        if state != "not_sent"
    }
    return (
        counted == {word: number for word, number in run.counts.items() if word != "not_sent"}
        and run.waiting >= 0
    )
