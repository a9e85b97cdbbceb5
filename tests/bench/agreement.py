"""How far the verdicts agree with what the vendor does: `python -m tests.bench.agreement`.

Every account of the sandbox's seeded portfolio is sent into every campaign, over real HTTP and each against the
portfolio as it was, so that no answer depends on the one before. Prints, per rule, how many verdicts were definite
and how many of these came true. The exit code is 1 when a rule that the vendor states fails once.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.bench import scratch

if TYPE_CHECKING:
    from dashboard.sandbox.server import Sandbox
    from dashboard.services.eligibility import Rule, Verdict

SIZES = {"campaigns": 40, "accounts": 2000, "customers": 400}


@dataclass
class Score:
    """Verdicts by one rule: how many were definite, how many came true, and the others by what became of them."""

    definite: int = 0
    true: int = 0
    open: Counter[str] = field(default_factory=Counter)

    def add(self, verdict: "Verdict", word: str) -> None:
        if verdict.answer == "unknown":
            self.open[word] += 1
            return
        self.definite += 1
        self.true += (verdict.answer == "yes") == (word == "success")


def main() -> int:
    with scratch():
        from django.conf import settings

        from dashboard.sandbox.server import Sandbox

        with Sandbox(port=0, seed=1, **SIZES) as sandbox:
            settings.API_URL = sandbox.url
            return report(compare(sandbox))


def compare(sandbox: "Sandbox") -> dict["Rule", Score]:
    """The scores by rule, over all accounts and campaigns."""
    from dashboard.services import vendor

    client, scores = vendor.for_workers(), dict["Rule", Score]()
    as_it_was = deepcopy(sandbox.store.accounts)
    for campaign_id in list(sandbox.store.campaigns):
        verdicts = verdicts_for(campaign_id)
        for chunk in chunks(list(verdicts)):
            for row in client.enroll(campaign_id, chunk).rows:
                word = row.word.value if row.word else ""
                scores.setdefault(verdicts[row.account_id].rule, Score()).add(verdicts[row.account_id], word)
        sandbox.store.accounts.update(deepcopy(as_it_was))
    return scores


def verdicts_for(campaign_id: str) -> dict[str, "Verdict"]:
    """What the rules say of every account that the vendor lists, by id."""
    from django.utils import timezone

    from dashboard.services import accounts, eligibility, vendor

    campaign, today = vendor.for_pages().campaign(campaign_id), timezone.localdate()
    return {
        account["id"]: eligibility.verdict(account, campaign, today)
        for account in map(accounts.snapshot_of, all_accounts())
    }


def all_accounts() -> Iterator[Any]:
    from dashboard.services import vendor

    page = vendor.for_pages().accounts(per_page=100)
    yield from page.items
    while page.has_next:
        page = vendor.for_pages().accounts(page=page.page + 1, per_page=100)
        yield from page.items


def chunks(ids: list[str]) -> Iterator[list[str]]:
    return (ids[start : start + 100] for start in range(0, len(ids), 100))


def report(scores: dict["Rule", Score]) -> int:
    print(f"{'rule':36} {'definite':>9} {'true':>9} {'':>8}   open")
    for rule, score in sorted(scores.items(), key=lambda pair: -pair[1].definite):
        share = f"{score.true / score.definite:8.2%}" if score.definite else f"{'':8}"
        became = ", ".join(f"{number:,} {word}" for word, number in score.open.most_common())
        stated = "" if rule.is_stated else " (not stated)"
        print(f"{rule.name + stated:36} {score.definite:9,} {score.true:9,} {share}   {became}")
    broken = [rule for rule, score in scores.items() if rule.is_stated and score.true < score.definite]
    print("Every stated rule holds." if not broken else f"Broken: {', '.join(rule.name for rule in broken)}")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
