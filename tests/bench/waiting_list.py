"""What a page of the waiting list costs with 100,000 invoices on it: `python -m tests.bench.waiting_list`.

In one run by turns: a bare page (the floor), the list, each filter, and searches by number and by account id, as htmx asks for
them; DEBUG off; SQLite, or what ROLLCALL_DATABASE_URL names. Prints medians in ms by the clock, as PostgreSQL does its work
elsewhere, and the ratio to the floor. The exit code is 1 past the limit.
"""

import random
import sys
from typing import Any
from uuid import UUID

from tests.bench import asking, scratch, signed_in, taken_in_turns

SIZE, PAGE_MS = 100_000, 30.0
ROUNDS, WARM_UP = 7, 2
HTMX = {"HX-Request": "true"}
IDS = [str(UUID(int=random.Random(number).getrandbits(128))) for number in range(SIZE)]
ASKED = {
    "list": "",
    "page 2,000": "?page=2000",
    "free ones": "?state=free",
    "one campaign": "?campaign_id=campaign-7",
    "whole account id": f"?search={IDS[SIZE // 2]}",
    "id of none": "?search=3f2a77c1-1b2c-4d3e-8f90-a1b2c3d4e5f6",
    "part of an id": f"?search={IDS[SIZE // 2][:13]}",
    "whole number": f"?search=INV-{SIZE // 2:06}",
    "part, many": "?search=NV-01",
    "part, none": "?search=xyz",
}


def main() -> int:
    with scratch(or_named=True):
        return measure()


def measure() -> int:
    browser = signed_in()
    fill()
    addresses = {"floor": "/saved-views/?page=run-list&query=mine%3Don"}
    addresses |= {name: f"/waiting/{query}" for name, query in ASKED.items()}
    acts = {name: asking(browser, address, HTMX) for name, address in addresses.items()}
    return report({name: clock for name, (clock, _) in taken_in_turns(acts, ROUNDS, WARM_UP).items()})


def fill() -> None:
    """Half of them free, for ten campaigns."""
    from django.contrib.auth.models import User
    from django.utils import timezone

    from dashboard.models import ParkedAccount, Run

    who, now = User.objects.get(username="collector"), timezone.now()
    runs = [
        Run.objects.create(campaign_id=f"campaign-{each}", campaign_name=f"Chase {each}", size=SIZE)
        for each in range(10)
    ]
    rows = (parked(number, runs[number % 10], who, now) for number in range(SIZE))
    ParkedAccount.objects.bulk_create(rows, batch_size=500)


def parked(number: int, run: Any, who: Any, now: Any) -> Any:
    from dashboard.models import ParkedAccount

    snapshot = {
        "id": IDS[number],
        "number": f"INV-{number:06}",
        "status": "in_progress",
        "outstanding": "12.50",
    }
    return ParkedAccount(
        campaign_id=run.campaign_id,
        campaign_name=run.campaign_name,
        account_id=IDS[number],
        invoice_number=snapshot["number"],
        run=run,
        who=who,
        state=("busy", "free")[number % 2],
        snapshot=snapshot | {"currency": "USD", "due_on": "2026-08-17", "customer_id": IDS[number // 5]},
        read_at=now,
    )


def report(times: dict[str, float]) -> int:
    print(f"{SIZE:,} on the waiting list     ms   of floor   limit {PAGE_MS:.0f}")
    for name, taken in times.items():
        print(f"{name:24} {taken:8.1f} {taken / times['floor']:10.1f}{'  OVER' if taken > PAGE_MS else ''}")
    return int(max(times.values()) > PAGE_MS)


if __name__ == "__main__":
    sys.exit(main())
