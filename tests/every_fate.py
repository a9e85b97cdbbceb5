"""A run with every kind of fate there is, into a reminder campaign of the sandbox."""

import uuid
from collections import defaultdict
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User

from dashboard.api.schema import EnrollmentRow, EnrollmentWord
from dashboard.models import Outcome, Run
from dashboard.sandbox import rules
from dashboard.sandbox.server import Sandbox
from dashboard.services import outcomes, runs, selection, sending, vendor
from dashboard.services.answers import Answer
from tests import ledger

Fate = tuple[str, str]
STATE = Outcome.State
EACH = 2

# What the vendor says of an invoice -> the outcome and reason that come of it.
SAID: dict[tuple[str, str], Fate] = {
    ("SUCCESS", ""): ("enrolled", ""),
    ("PENDING", ""): ("pending", ""),
    ("SKIPPED", ""): ("skipped", ""),
    ("TELEPORTED", ""): ("unrecognised", ""),
    ("FAILED", rules.ACTIVE_EXECUTION): ("failed", "active_execution"),
    ("FAILED", rules.PAST_DUE): ("failed", "past_due"),
    ("FAILED", rules.NOT_FOUND): ("failed", "not_found"),
    ("FAILED", rules.OTHER_CUSTOMER): ("failed", "wrong_customer"),
    ("FAILED", "The moon is wrong."): ("failed", "other"),
    ("FAILED", ""): ("failed", "no_reason_given"),
}
UNNAMED: Fate = ("unknown", "not_mentioned")
NEVER_SENT: Fate = ("not_sent", "")
# What only a later reading, a second try or a person makes of one that failed.
LATER: list[Fate] = [
    ("failed", "call_refused"),
    ("failed", "not_enrolled_when_read"),
    ("failed", "pending_then_not"),
    ("failed", "marked"),
    ("already_active", "already_active"),
]
ALL: list[Fate] = [*SAID.values(), UNNAMED, *LATER, NEVER_SENT]


class EveryFate:
    """`ids` holds two accounts of each fate; those `active_execution` and past due are so in the sandbox as well."""

    def __init__(self, sandbox: Sandbox, starter: User | None = None, kind: str = "payment_reminder") -> None:
        self.sandbox = sandbox
        store = sandbox.store
        self.chase = store.add_campaign(name="Early chase", status="active", type="early_stage")["id"]
        self.campaign = store.add_campaign(
            name="Gentle reminder", status="active", type=kind, next_campaign_id=self.chase
        )["id"]
        self.elsewhere = store.add_campaign(name="Elsewhere", status="active", type="first_party")["id"]
        self.ids: dict[Fate, list[str]] = {fate: [self._account(fate) for _ in range(EACH)] for fate in ALL}
        self.run = self._run(starter)

    def _account(self, fate: Fate) -> str:
        days = -10 if fate[1] == "past_due" else 20
        busy = fate[1] == "active_execution"
        fields: dict[str, Any] = {
            "status": "in_progress" if busy else "not_assigned",
            "campaign_id": self.elsewhere if busy else None,
            "due_date": (self.sandbox.store.today + timedelta(days=days)).isoformat(),
        }
        return str(self.sandbox.store.add_account(**fields)["id"])

    def _run(self, starter: User | None) -> Run:
        sent = [account_id for fate in ALL if fate != NEVER_SENT for account_id in self.ids[fate]]
        filling = [str(uuid.uuid4()) for _ in range(runs.CALL_SIZE - len(sent))]
        picked = [*sent, *filling, *self.ids[NEVER_SENT]]
        records = self.sandbox.store.accounts
        run = runs.queue(
            starter=starter,
            campaign=vendor.for_pages().campaign(self.campaign),
            accounts=[self._snapshot(account_id, records.get(account_id)) for account_id in picked],
            token=uuid.uuid4(),
        )
        claim = ledger.claim()
        rows = [row for said, fate in SAID.items() for row in self._rows(said, self.ids[fate])]
        rows += self._rows(("FAILED", "Later."), [each for fate in LATER for each in self.ids[fate]])
        rows += self._rows(("SUCCESS", ""), filling)
        sending.settle(claim, Answer(answer_class="done", status=200, rows=tuple(rows)))
        self._make_later(Run.objects.get(pk=run.pk))
        run.outcomes.update(look_at=None)
        runs.stop(run=run, who=None)
        run.refresh_from_db()
        return run

    def _snapshot(self, account_id: str, record: dict[str, Any] | None) -> dict[str, Any]:
        known = {} if record is None else {"number": record["invoice_number"], "due_on": record["due_date"]}
        return {"id": account_id, "status": "not_assigned", "outstanding": "10.00", "currency": "USD"} | known

    def _rows(self, said: tuple[str, str], ids: list[str]) -> list[EnrollmentRow]:
        word, error = said
        return [
            EnrollmentRow(account_id=each, word=EnrollmentWord(word), vendor_status=word, error=error)
            for each in ids
        ]

    def _make_later(self, run: Run) -> None:
        for state, reason in LATER:
            for outcome in run.outcomes.filter(account_id__in=self.ids[state, reason]):
                outcomes.move(run, outcome, state, reason=reason, source=Outcome.Source.READING)
                outcome.save()
        runs.save(run)

    def seen(self) -> tuple[Any, ...]:
        """All that must not change by putting things into selections: the run, its fates, and what the vendor was sent."""
        self.run.refresh_from_db()
        fates = list(self.run.outcomes.order_by("pk").values())
        return self.run.counts, self.run.state, Run.objects.count(), fates, len(self.sandbox.ledger.posts)

    def selected(self, user: User) -> dict[str, set[str]]:
        """What the person has selected, by campaign."""
        found: dict[str, set[str]] = defaultdict(set)
        for picked in user.selections.all():
            for account_id in picked.accounts.values_list("account_id", flat=True):
                found[picked.campaign_id].add(account_id)
        return dict(found)

    def empty(self, user: User) -> None:
        for picked in user.selections.all():
            selection.clear(picked)
