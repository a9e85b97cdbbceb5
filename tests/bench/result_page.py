"""What a run's result page and its poll cost the server: `python -m tests.bench.result_page`.

In one run, by turns, over runs of 100 and of 100,000 invoices, ended and half sent: the page, every kind of filter, order
and depth as htmx asks for it, and the poll. DEBUG off, SQLite. The floor is a bare view behind the same middleware and
sign-in. Prints medians in ms by the clock and of the processor, each one's ratio to the floor and to the same of the
small run, bytes and queries. The exit code is 1 past a limit, held against the processor's time: a busy machine's clock
measures others.
"""

import random
import sys
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path

from tests.bench import scratch, signed_in, taken_in_turns

SMALL, LARGE = 300, 100_000
PAGE_MS, POLL_MS, POLL_BYTES = 30.0, 4.0, 2048
ROUNDS, WARM_UP = 7, 2
HTMX = {"HX-Request": "true"}
Measured = dict[str, tuple[float, float, int, int]]
PAST_DUE = (
    "Invoice is past its due date and cannot be enrolled in a payment reminder campaign. "
    "Please use an early stage or first party campaign instead."
)
ASKED = {
    "page": "",
    "next page": "after={middle}",
    "previous page": "before={middle}",
    "last page": "before={end}&sort=-picked",
    "outcome failed": "outcome=failed",
    "outcome and reason": "outcome=failed&reason=past_due&after={middle}",
    "rare outcome": "outcome=pending",
    "waiting": "outcome=waiting&after={late}",
    "predicted otherwise": "predicted=otherwise&after={middle}",
    "by number": "sort=number&after={middle}",
    "by number, down": "sort=-number&outcome=failed",
    "by amount": "sort=amount",
    "by amount, deep": "sort=-amount&after={middle}",
    "by outcome": "sort=outcome&after={middle}",
    "whole number": "search=INV-{middle}",
    "part, many": "search=NV-1",
    "part, none": "search=xyz",
    "part and outcome": "search=99&outcome=skipped&sort=amount",
}


def bare(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.user.get_username())


def main() -> int:
    with scratch():
        return measure()


def measure() -> int:

    from dashboard import urls
    from dashboard.models import Run

    urls.urlpatterns.append(path("bare/", bare))
    browser = signed_in()
    code = 0
    for words, share in (("ended", 1.0), ("half sent", 0.5)):
        pair = [run_of(size, share) for size in (SMALL, LARGE)]
        Run.objects.filter(state="paused").update(state="running", pause="")
        code |= report(words, *(measured(browser, run) for run in pair))
    return code


def run_of(size: int, share: float) -> Any:
    """A run with some of everything, of which this share has been sent. It is left to itself when it is half sent."""
    import uuid

    from django.db import transaction

    from dashboard.api.schema import Campaign
    from dashboard.models import Run
    from dashboard.services import runs
    from tests import ledger

    chance = random.Random(size)
    accounts = [
        {
            "id": str(uuid.UUID(int=chance.getrandbits(128))),
            "number": f"INV-{number * 7919 % 10**6:06}",
            "status": "not_assigned",
            "outstanding": f"{number % 9973}.50",
            "currency": ("USD", "EUR")[number % 5 == 0],
            "due_on": "2026-08-17",
            "customer_id": str(uuid.UUID(int=10**9 + number)),
            "verdict": ("enters", "past_due")[number % 7 == 0],
        }
        for number in range(size)
    ]
    campaign = Campaign(id=ledger.CAMPAIGN_ID, name="Early stage chase")
    run = runs.queue(starter=None, campaign=campaign, accounts=accounts, token=uuid.uuid4())
    with transaction.atomic():
        for call in range(round(size * share) // 100):
            word = "PENDING" if call % 500 == 499 else "SUCCESS"
            ledger.answered(run, *[word] * 8, "FAILED", "SKIPPED", error=PAST_DUE)
        if share < 1:
            ledger.unanswered(run, given_up=False)
    Run.objects.filter(pk=run.pk, state="running").update(state="paused", pause="person")
    run.refresh_from_db()
    return run


def measured(browser: Any, run: Any) -> Measured:
    """Of each: the medians in ms by the clock and of the processor, bytes, and queries."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    places = {"middle": run.size // 2, "end": run.size - 5, "late": run.size * 3 // 4}
    address = run.get_absolute_url()
    acts: dict[str, Callable[[], Any]] = {
        "floor": lambda: browser.get("/bare/"),
        "poll": lambda: browser.get(f"{address}progress/", headers=HTMX),
        "whole page": lambda: browser.get(address),
        "summary": lambda: browser.get(address, headers=HTMX | {"HX-Target": "summary"}),
    }
    for name, query in ASKED.items():
        acts[name] = lambda query=query: browser.get(f"{address}?{query.format(**places)}", headers=HTMX)
    found = {}
    for name, times in taken_in_turns(acts, ROUNDS, WARM_UP).items():
        with CaptureQueriesContext(connection) as queries:
            response = acts[name]()
        assert response.status_code == 200, (name, response)
        found[name] = (*times, len(response.content), len(queries))
    return found


def report(words: str, small: Measured, large: Measured) -> int:
    print(f"\n{LARGE:,} invoices, {words:14} clock  processor  of floor  of {SMALL}  bytes  queries")
    late = 0
    for name, (clock, processor, size, queries) in large.items():
        limit = POLL_MS if name == "poll" else PAGE_MS
        over = processor > limit or (name == "poll" and size > POLL_BYTES)
        late |= over
        print(
            f"{name:25} {clock:8.2f} {processor:10.2f} {processor / large['floor'][1]:9.1f}"
            f" {processor / small[name][1]:7.2f} {size:6} {queries:7}{'  OVER' if over else ''}"
        )
    return int(late)


if __name__ == "__main__":
    sys.exit(main())
