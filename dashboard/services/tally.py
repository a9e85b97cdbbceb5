"""How many invoices of a run met with which fate, and what they come to: kept with the run, in step with its outcomes.

A run's `tally` is `{"state/reason/predicted/currency": [number, sum as text, number without a known amount]}`. What was picked
stands under the state "picked". Its size depends on how many kinds there are, not on how many invoices.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from dashboard.models import Outcome, Run

PICKED = "picked"
CENT = Decimal("0.01")
_CURRENCY = re.compile("[A-Z]{3}")


@dataclass(frozen=True)
class Share:
    """Invoices that are alike in all that is counted. `without` is how many of them have no known amount."""

    state: str
    reason: str
    predicted: str
    currency: str
    number: int
    amount: Decimal
    without: int


@dataclass
class Sums:
    """So many invoices, what they come to by currency, and how many of them have no known amount."""

    number: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)
    without: int = 0

    def add(self, share: Share, sign: int = 1) -> None:
        self.number += sign * share.number
        self.without += sign * share.without
        if share.number > share.without:
            amount = self.amounts.get(share.currency, Decimal(0)) + sign * share.amount
            self.amounts[share.currency] = amount


def shares(run: Run) -> list[Share]:
    """Every kind of outcome in a run."""
    return [share for share in _read(run.tally) if share.state != PICKED]


def picked_shares(run: Run) -> list[Share]:
    """Every kind of invoice that was picked, whatever has become of it."""
    return [share for share in _read(run.tally) if share.state == PICKED]


def total(some: Iterable[Share]) -> Sums:
    """All of these together, the currencies by name."""
    sums = Sums()
    for share in sorted(some, key=lambda share: share.currency):
        sums.add(share)
    return sums


def by_outcome(run: Run) -> dict[str, Sums]:
    """What was picked, and what became of it, by outcome; "waiting" or "not_sent" is what has no outcome.

    While a stopped run still has a call under way both have some, and no sums of their own.
    """
    found: dict[str, Sums] = defaultdict(Sums)
    rest = Sums()
    for share in sorted(_read(run.tally), key=lambda share: share.currency):
        found[share.state].add(share)
        rest.add(share, 1 if share.state == PICKED else -1)
    rest.amounts = {currency: amount for currency, amount in rest.amounts.items() if amount}
    unwritten = {"waiting": run.waiting, Outcome.State.NOT_SENT.value: run.not_sent}
    for word, number in unwritten.items():
        found[word] = rest if rest.number == number else Sums(number)
    return {word: sums for word, sums in found.items() if sums.number}


def picked(accounts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The tally of a fresh run over these snapshots (as in `Batch.accounts`)."""
    fates = (
        (PICKED, "", account.get("verdict", ""), account.get("currency", ""), account.get("outstanding"))
        for account in accounts
    )
    return _changed({}, fates, 1)


def count(run: Run, fates: Iterable[tuple[Any, ...]], *, sign: int = 1) -> None:
    """Add outcomes to the run's counts and tally, or take them away with -1.

    Each is (state, reason, predicted, currency, outstanding).
    """
    fates = list(fates)
    for state, *_ in fates:
        setattr(run, str(state), getattr(run, str(state)) + sign)
    run.tally, run.is_tallied = _changed(run.tally, fates, sign), False


def _changed(tally: Mapping[str, Any], fates: Iterable[tuple[Any, ...]], sign: int) -> dict[str, Any]:
    """A new tally: the old one stays as it was read, so that saving the run sees the difference."""
    kinds: dict[tuple[str, ...], list[Any]] = defaultdict(list)
    for *kind, amount in fates:
        kinds[tuple(kind)].append(amount)
    changed = dict(tally)
    for (state, reason, predicted, currency), amounts in kinds.items():
        currency = currency if _CURRENCY.fullmatch(currency or "") else ""
        known = [
            Decimal(amount).quantize(CENT) for amount in amounts if currency and amount not in (None, "")
        ]
        key = f"{state}/{reason}/{predicted}/{currency}"
        number, amount, without = changed.get(key, (0, "0", 0))
        number += sign * len(amounts)
        without += sign * (len(amounts) - len(known))
        changed[key] = [number, str(Decimal(amount) + sign * sum(known)), without]
        if not number:
            del changed[key]
    return changed


def _read(tally: Mapping[str, Any]) -> Iterator[Share]:
    for key, (number, amount, without) in tally.items():
        state, reason, predicted, currency = key.split("/")
        yield Share(state, reason, predicted, currency, number, Decimal(amount), without)
