"""What was predicted of an invoice before it was sent, against what came of it."""

from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache, reduce
from operator import or_

from django.db.models import Q

from dashboard.models import Outcome
from dashboard.services import eligibility
from dashboard.services.tally import Share

STATE = Outcome.State
CODES = {
    "enter": frozenset(eligibility.codes("yes")),
    "refuse": frozenset(eligibility.codes("no")),
    "unsure": frozenset(eligibility.codes("unknown")),
    "none": frozenset({""}),
}
OTHERWISE = "otherwise"
TAKEN = (STATE.ENROLLED, STATE.PENDING, STATE.ALREADY_ACTIVE)
TURNED_DOWN = (STATE.FAILED, STATE.SKIPPED)
# Reasons that are not the vendor's word on that invoice.
NOT_THE_VENDORS_WORD = ("call_refused", "marked", "not_enrolled_when_read", "pending_then_not")


@lru_cache(maxsize=1000)
def kind_of(code: str) -> str:
    """`enter`, `refuse`, `unsure`, or `none` for a stored verdict."""
    return next((kind for kind, codes in CODES.items() if code in codes), "none")


def fits(share: Share, predicted: str) -> bool:
    """Whether such invoices were predicted so; `otherwise` is that they came out otherwise."""
    if predicted == OTHERWISE:
        return is_otherwise(share.state, share.reason, share.predicted)
    return not predicted or kind_of(share.predicted) == predicted


@lru_cache(maxsize=10_000)
def is_otherwise(state: str, reason: str, code: str) -> bool:
    """Whether the vendor's word is another than the verdict's. What nobody knows contradicts nothing."""
    kind = kind_of(code)
    if kind == "enter":
        return state in TURNED_DOWN and reason not in NOT_THE_VENDORS_WORD
    return kind == "refuse" and state in TAKEN


def is_vendors_word(state: str, reason: str) -> bool:
    """Whether the vendor took this invoice or turned it down: only that can bear out or contradict a prediction."""
    return state in (*TAKEN, *TURNED_DOWN) and reason not in NOT_THE_VENDORS_WORD


def codes(predicted: str, shares: Iterable[Share]) -> set[str]:
    """The stored verdicts that mean so, of those that occur: the fewer, the sooner a list is filtered."""
    return {share.predicted for share in shares if kind_of(share.predicted) == predicted}


def condition(predicted: str, shares: Iterable[Share]) -> Q:
    """The outcomes that `fits`, of a run with these shares."""
    if predicted != OTHERWISE:
        return Q(predicted__in=codes(predicted, shares))
    kinds: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for share in shares:
        if fits(share, OTHERWISE):
            kinds[share.state][0].add(share.reason)
            kinds[share.state][1].add(share.predicted)
    some = (Q(state=word, predicted__in=verdicts, reason__in=why) for word, (why, verdicts) in kinds.items())
    return reduce(or_, some, Q(pk__in=[]))


def missed(shares: Iterable[Share]) -> tuple[int, int]:
    """How many that were to enter were turned down, and how many that were to be refused were taken."""
    wrong = [share for share in shares if fits(share, OTHERWISE)]
    turned_down = sum(share.number for share in wrong if share.state in TURNED_DOWN)
    return turned_down, sum(share.number for share in wrong) - turned_down
