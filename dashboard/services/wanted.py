"""Which invoices of a run a list shows, and in which order."""

from dataclasses import dataclass
from functools import cached_property

from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from dashboard.models import Outcome, Run
from dashboard.models.batches import fold
from dashboard.services import predictions, searching, tally, unsent
from dashboard.services.tally import Share
from dashboard.services.unsent import NOT_SENT, WAITING, Invoice

STATE = Outcome.State
PICKED, NO_REASON = "picked", "none"
BY_NEED = (
    STATE.FAILED,
    STATE.UNKNOWN,
    STATE.ALREADY_ACTIVE,
    STATE.UNRECOGNISED,
    STATE.SKIPPED,
    STATE.PENDING,
    STATE.ENROLLED,
)
NUMBER, AMOUNT, OUTCOME = "number", "amount", "outcome"
SORTS = {PICKED: "place", NUMBER: "folded", AMOUNT: "outstanding", OUTCOME: "state"}


@dataclass(frozen=True)
class Wanted:
    """Which invoices of a run. `outcome` is an outcome's state or "waiting", `reason` its code or "none", `predicted` a word of
    `predictions`.

    `search` is part of an invoice number or a whole account id, `sort` a key of `SORTS`, with "-" for the other way round.
    """

    run: Run
    outcome: str = ""
    reason: str = ""
    predicted: str = ""
    search: str = ""
    sort: str = PICKED

    def written(self) -> "QuerySet[Outcome]":
        """Those with an outcome. What is searched for is looked at last, for it takes the longest."""
        rows = self._possible()
        if self.outcome:
            rows = rows.filter(state=self.outcome)
        if self.reason:
            rows = rows.filter(reason=self.code)
        if self.predicted:
            rows = rows.filter(predictions.condition(self.predicted, self.shares))
        if self.account_id:
            rows = rows.filter(account_id=self.account_id)
        elif self.search:
            rows = rows.filter(searching.having(searching.position("folded", fold(self.search))))
        return rows

    @property
    def account_id(self) -> str:
        """The whole id that is searched for."""
        return searching.account_id_of(self.search)

    def _possible(self) -> "QuerySet[Outcome]":
        """Where few are meant, they are found by their ids: the run is hidden, so that no database thinks of walking it."""
        if self.candidates is None:
            return self.run.outcomes.all()
        hidden = Outcome.objects.alias(its_run=Coalesce("run_id", "run_id"))
        ids = [account_id for lines in self.candidates.values() for account_id in lines.values()]
        return hidden.filter(its_run=self.run.pk, account_id__in=ids)

    @cached_property
    def candidates(self) -> searching.Candidates | None:
        """Those that the search may mean, where they are few."""
        return searching.candidates(self.run, self.search) if self.search else None

    @property
    def are_few(self) -> bool:
        """Whether the search leads to them alone, so that all are read at once."""
        return bool(self.account_id) or self.candidates is not None

    @cached_property
    def states(self) -> set[str]:
        """The outcomes that they have, by the tally."""
        return {share.state for share in self.shares}

    @cached_property
    def shares(self) -> list[Share]:
        """Those with an outcome, counted, but for the search."""
        return [
            share
            for share in tally.shares(self.run)
            if self.outcome in ("", share.state)
            and (not self.reason or share.reason == self.code)
            and predictions.fits(share, self.predicted)
        ]

    @property
    def sorted_by(self) -> str:
        """Its order without the way; those of one outcome stand as they were picked."""
        order = self.sort.lstrip("-")
        return PICKED if order == OUTCOME and self.outcome else order

    @property
    def code(self) -> str:
        """The reason as it is stored."""
        return "" if self.reason == NO_REASON else self.reason

    @property
    def may_be_unsent(self) -> bool:
        """Whether those without an outcome may be among them."""
        is_outcome = self.outcome in ("", WAITING, NOT_SENT)
        is_possible = is_outcome and not self.reason and self.predicted != predictions.OTHERWISE
        return is_possible and (not self.predicted or self._unsent > 0)

    @property
    def total(self) -> int | None:
        """How many, from the run's tally; None where nobody counts."""
        if self.search:
            return None
        return sum(share.number for share in self.shares) + (self._unsent if self.may_be_unsent else 0)

    @property
    def _unsent(self) -> int:
        """Of a stopped run whose last call is under way, both kinds count as the one that is asked for with a prediction."""
        counts = {WAITING: self.run.waiting, NOT_SENT: self.run.not_sent}
        number = counts[self.outcome] if self.outcome else sum(counts.values())
        if not (number and self.predicted):
            return number
        fitting = (s.number for s in tally.picked_shares(self.run) if predictions.fits(s, self.predicted))
        written = (s.number for s in tally.shares(self.run) if predictions.fits(s, self.predicted))
        return sum(fitting) - sum(written)

    def unsent(self, *, start: int = 0, end: int = 0, backwards: bool = False, at_most: int) -> list[Invoice]:
        """Those without an outcome from beyond the place `start` to `end`, in the order of the pick; 0 is without limit."""
        if not (at_most and self.may_be_unsent):
            return []
        return unsent.rows(
            self.run,
            outcome=self.outcome,
            predicted=self.predicted,
            search=self.account_id or self.search,
            among=self.candidates,
            start=start,
            end=end,
            backwards=backwards,
            at_most=at_most,
        )
