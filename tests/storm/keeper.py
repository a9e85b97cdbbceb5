"""The person in the storm: queues runs, resumes what paused, settles unknowns, and changes their mind."""

import random
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import OperationalError

from dashboard.api.schema import Campaign
from dashboard.models import Batch, Outcome, Run
from dashboard.services import runs

SIZES = (1, 1, 2, 3, 5, 8, 20, 40, 99, 100, 101, 250, 700)
BUSY_TRIES = 5
NOTE = "The storm's keeper decided so."


class Keeper:
    """Acts as `person` would on the run pages, through the same services."""

    def __init__(
        self,
        person: User,
        campaigns: Sequence[Campaign],
        accounts: Sequence[dict[str, Any]],
        chance: random.Random,
    ) -> None:
        self.person = person
        self.campaigns = campaigns
        self.chance = chance
        self.said: dict[str, int] = {}
        self._accounts = list(accounts)
        self._taken = 0

    def queue_share(self, share: float) -> None:
        """Queue runs until this share, 0 to 1, of the accounts is in one, some of them in two."""
        while self._taken < min(share, 1.0) * len(self._accounts):
            size = min(self.chance.choice(SIZES), len(self._accounts) - self._taken)
            self._queue(self._accounts[self._taken : self._taken + size], "run")
            self._taken += size
            if self.chance.random() < 0.4:
                again = self.chance.sample(
                    self._accounts[: self._taken], min(self._taken, self.chance.randint(1, 150))
                )
                self._queue(again, "overlapping run")

    def interfere(self) -> None:
        """Pause or stop a run that works, now and then; it is resumed by `look_after`."""
        working = list(Run.objects.filter(state=Run.State.RUNNING).order_by("?")[:1])
        if working and self.chance.random() < 0.3:
            act = self.chance.choice((runs.pause, runs.stop))
            self._try(act.__name__, lambda: act(run=working[0], who=self.person, note=NOTE))

    def look_after(self, *, finishing: bool = False) -> None:
        """Resume runs that wait for a person; unless `finishing`, also stopped ones, and settle unknowns."""
        for run in Run.objects.filter(state=Run.State.PAUSED):
            self._try("resume", lambda run=run: runs.resume(run=run, who=self.person, note=NOTE))
        if finishing:
            return
        stopped = Run.objects.filter(state=Run.State.STOPPED, batches__state=Batch.State.NOT_SENT).distinct()
        for run in stopped[:1]:
            self._try("resume stopped", lambda run=run: runs.resume(run=run, who=self.person, note=NOTE))
        for run in Run.objects.filter(state=Run.State.FINISHED, unknown__gt=0)[:1]:
            self._settle(run)

    def _settle(self, run: Run) -> None:
        unknown = run.outcomes.filter(state=Outcome.State.UNKNOWN, look_at=None)
        ids = list(unknown.values_list("account_id", flat=True)[:100])
        if ids:
            self._try(
                "send again", lambda: runs.send_again(run=run, who=self.person, note=NOTE, account_ids=ids)
            )

    def _queue(self, accounts: Sequence[dict[str, Any]], word: str) -> None:
        campaign = self.chance.choice(self.campaigns)
        token = uuid.uuid4()
        self._try(
            word,
            lambda: runs.queue(starter=self.person, campaign=campaign, accounts=accounts, token=token),
        )

    def _try(self, word: str, act: Callable[[], object]) -> None:
        """What is not possible now may be so at the next look. Raises: OperationalError when always busy."""
        for left in reversed(range(BUSY_TRIES)):
            try:
                act()
            except runs.NotPossible:
                word += ": not possible"
            except OperationalError:
                if left:
                    continue
                raise
            self.said[word] = self.said.get(word, 0) + 1
            return
