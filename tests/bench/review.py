"""What the review costs the server at 10,000 and 100,000 selected: `python -m tests.bench.review`.

Per size, in one run by turns: reading the selected rows once (the floor), the whole review page, and a page of
100 rows taken in by the picker, and taken out again; DEBUG off, the sandbox answering. Prints medians in ms by the clock and
of the processor, and each one's ratio to the floor. The exit code is 1 past a limit, held against the processor's
time: a busy machine's clock measures others.
"""

import random
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from tests.bench import Act, Times, scratch, signed_in, taken_in_turns

MOST_MS = {
    10_000: {"review page": 150.0},
    100_000: {"review page": 1000.0, "page of rows in": 30.0, "page of rows out": 30.0},
}
ROUNDS, WARM_UP = 6, 1
STATUSES = (*["not_assigned"] * 46, *["pending_collection"] * 23, *["in_progress"] * 14, *["settled"] * 8)
STATUSES += (*["disputed"] * 4, *["suspended"] * 3, *["uncollectible"] * 2)


def main() -> int:
    with scratch():
        return measure()


def measure() -> int:
    from django.conf import settings

    from dashboard.sandbox.server import Sandbox

    code = 0
    with Sandbox(port=0, seed=1) as sandbox:
        settings.API_URL = sandbox.url
        browser = signed_in()
        reminders = (row for row in sandbox.store.campaigns.values() if row["type"] == "payment_reminder")
        for size, campaign in zip(MOST_MS, reminders, strict=False):
            code |= report(size, taken_in_turns(acts(browser, campaign["id"], size), ROUNDS, WARM_UP))
    return code


def acts(browser: Any, campaign_id: str, size: int) -> dict[str, Act]:
    from django.contrib.auth.models import User

    from dashboard.services import selection

    picked = selection.of(User.objects.get(username="collector"), campaign_id)
    fill(picked, size)
    some = [str(UUID(int=10**6 + number)) for number in range(100)]
    address = f"/campaigns/{campaign_id}/enroll/"
    shown = {"shown": " ".join(some), "then": "tick"}

    return {
        "reading the rows": lambda: Counter(picked.accounts.values_list("account_id", "status", "due_on")),
        "review page": lambda: answered(browser.get(f"{address}review/")),
        "page of rows in": lambda: answered(browser.post(address, {**shown, "account_ids": some})),
        "page of rows out": lambda: answered(browser.post(address, {**shown, "before": " ".join(some)})),
    }


def fill(picked: Any, size: int) -> None:
    """As many selected invoices as asked, as a real portfolio has them."""
    from django.utils import timezone

    from dashboard.models import SelectedAccount

    chance, now = random.Random(1), timezone.now()
    rows = (
        SelectedAccount(selection=picked, account_id=row["id"], snapshot=row, read_at=now)
        for row in snapshots(chance, size)
    )
    SelectedAccount.objects.bulk_create(rows, batch_size=500)


def snapshots(chance: random.Random, size: int) -> Iterator[dict[str, Any]]:
    from django.utils import timezone

    today = timezone.localdate()
    for number in range(1, size + 1):
        yield {
            "id": str(UUID(int=number)),
            "number": f"INV-2026-{number:06}",
            "status": chance.choice(STATUSES),
            "outstanding": f"{chance.lognormvariate(6.6, 1.2):.2f}",
            "currency": chance.choice(("USD", "USD", "USD", "EUR", "GBP")),
            "due_on": (today - timedelta(days=round(chance.triangular(-60, 200, -5)))).isoformat(),
            "customer_id": str(UUID(int=10**9 + number % (size // 5))),
            "campaign_id": None,
            **({"part_paid": True} if chance.random() < 0.12 else {}),
        }


def answered(response: Any) -> None:
    assert response.status_code == 200, response


def report(size: int, times: dict[str, Times]) -> int:
    floor = times["reading the rows"][1]
    late = 0
    print(f"{size:,} selected{'':13} {'clock':>8} {'processor':>10} {'ratio':>6}   limit")
    for name, (clock, processor) in times.items():
        limit = MOST_MS[size].get(name)
        late |= bool(limit and processor > limit)
        print(f"{name:28} {clock:8.1f} {processor:10.1f} {processor / floor:6.2f}   {limit or ''}")
    return int(late)


if __name__ == "__main__":
    sys.exit(main())
