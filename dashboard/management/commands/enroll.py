"""`manage.py enroll`: the same run as the web's, from a file of account ids."""

import signal
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from dashboard.api.errors import ApiError, NotFound
from dashboard.api.schema import Campaign
from dashboard.engine.local import Engine
from dashboard.forms.enrollment import Ids, parse_ids
from dashboard.models import Run
from dashboard.services import pace, results, runs, vendor, workers
from dashboard.services.eligibility import acceptance

BAD_INPUT = 2
INTERRUPTED = 128 + signal.SIGINT


class Command(BaseCommand):
    help = (
        "Enroll the accounts listed in a file into a campaign. Exit: 0 all enrolled or pending, 1 some were not, "
        "2 bad call or input (nothing sent), 3 something unknown, 4 run paused or stopped, 130 told to stop waiting."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("campaign_id", metavar="CAMPAIGN_ID")
        parser.add_argument(
            "--accounts",
            required=True,
            metavar="FILE|-",
            help="Account ids in any separator; - reads standard input.",
        )
        parser.add_argument(
            "--wait",
            action="store_true",
            help="Wait for the end; works the run itself when no worker is alive.",
        )
        parser.add_argument("--user", metavar="NAME", help="In whose name; must be allowed to enroll.")
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")

    def handle(
        self, *, campaign_id: str, accounts: str, wait: bool, user: str | None, **options: Any
    ) -> None:
        campaign_id = self._campaign_id(campaign_id)
        listed = self._account_ids(accounts)
        try:
            run = self._queue(campaign_id, listed, user)
        except DatabaseError as error:
            self._refuse(
                f"The database cannot be used ({error}). Check ROLLCALL_DATABASE_URL, and run `manage.py migrate`."
            )
        if wait:
            if not _wait_for(run, self.stderr.write):
                self._leave(run, as_json=options["json"])
        elif not workers.alive().exists():
            self.stderr.write(
                "No worker is alive: the run waits until one starts (./run, or manage.py work)."
            )
        self._report(run, as_json=options["json"])
        sys.exit(results.exit_code(run) if wait else 0)

    def _queue(self, campaign_id: str, listed: Ids, user: str | None) -> Run:
        return runs.queue(
            starter=self._starter(user) if user else None,
            campaign=self._campaign(campaign_id),
            accounts=[{"id": account_id} for account_id in listed.counts],
            token=uuid.uuid4(),
            duplicates=listed.counts.total() - len(listed.counts),
            source="command",
        )

    def _campaign(self, campaign_id: str) -> Campaign:
        """The campaign as it is now. One that cannot be read is left to the run, which pauses if the vendor is away."""
        try:
            campaign = vendor.for_pages().campaign(campaign_id)
        except NotFound:
            self._refuse(f"Campaign {campaign_id} was not found in this workspace.")
        except ApiError as error:
            self.stderr.write(f"The campaign could not be read: {error.message}")
            return Campaign(id=campaign_id, name=campaign_id)
        accepts = acceptance(campaign)
        if accepts.answer == "no":
            self.stderr.write(f"The vendor will refuse: {campaign.name} takes no new invoices. {accepts.why}")
        return campaign

    def _refuse(self, sentence: str) -> NoReturn:
        raise CommandError(f"{sentence} Nothing was sent.", returncode=BAD_INPUT)

    def _starter(self, name: str) -> User:
        user = User.objects.filter(username=name, is_active=True).first()
        if user is None:
            self._refuse(f"There is no active user {name!r}.")
        if not user.has_perm("dashboard.enroll"):
            self._refuse(f"{name} may not enroll invoices; give them the role collector or manager.")
        return user

    def _campaign_id(self, text: str) -> str:
        try:
            return str(uuid.UUID(text))
        except ValueError:
            self._refuse(
                f"{text!r} is no campaign id; a campaign id looks like 1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed."
            )

    def _account_ids(self, source: str) -> Ids:
        name = "Standard input" if source == "-" else source
        try:
            content = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        except OSError as error:
            self._refuse(f"{source} cannot be read: {error.strerror}.")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            self._refuse(f"{name} is not UTF-8 text (line {line}). Save it as plain text in UTF-8.")
        if "\0" in text:
            self._refuse(f"{name} is a binary file. Give a text file with account ids.")
        listed = parse_ids([text])
        if listed.malformed:
            named = "; ".join(f"line {bad.line}: {bad.text[:60]!r}" for bad in listed.named)
            more = f"; and {listed.unnamed} more" if listed.unnamed else ""
            self._refuse(
                f"{name} holds entries that are no account ids: {named}{more}. Correct or remove them."
            )
        if not listed.counts:
            self._refuse(f"{name} is empty: give at least one account id.")
        return listed

    def _leave(self, run: Run, *, as_json: bool) -> NoReturn:
        """Told to stop while it waited. What was under way has ended by now and is recorded."""
        self.stderr.write(
            f"No longer waiting, but run {run.pk} has not ended: a worker goes on with it (./run, or manage.py work). "
            "Stop the run on its page if that shall not be."
        )
        self._report(run, as_json=as_json)
        sys.exit(INTERRUPTED)

    def _report(self, run: Run, *, as_json: bool) -> None:
        if as_json:
            for piece in results.as_json(run):
                self.stdout.write(piece, ending="")
            return
        self.stdout.write(
            f"Run {run.pk}: {run.get_state_display().lower()}{f' ({run.get_pause_display()})' if run.pause else ''}"
        )
        if run.duplicates:
            self.stdout.write(f"  {run.duplicates} given more than once, dropped")
        for word, number in results.counts(run).items():
            self.stdout.write(f"  {word.replace('_', ' ')}: {number}")


def _wait_for(run: Run, say: Callable[[str], object]) -> bool:
    """Whether it has ended or paused; not if told to stop waiting before. With no worker alive, this process works it."""
    engine, told = None, list[int]()
    before = {
        number: signal.signal(number, lambda number, _: told.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        if until := pace.cooling_until():
            say(f"The vendor asked to slow down: nothing is sent before {until:%H:%M:%S} UTC.")
        while not (told or run.is_ended or run.state == Run.State.PAUSED):
            if engine is None and not workers.alive().exists():
                engine = Engine(client=vendor.for_workers(), name="enroll --wait")
                engine.start()
            time.sleep(0.05 if engine else 0.25)
            run.refresh_from_db()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if engine:
            engine.stop()
            engine.join()
    run.refresh_from_db()  # the calls under way have ended since
    return run.is_ended or run.state == Run.State.PAUSED
