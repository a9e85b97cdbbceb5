"""What the first page, the list of runs and the polls cost over the years: `python -m tests.bench.home`.

50,000 runs, of which the 10,000 of the last 30 days have 1,000,000 outcomes; the polls are of a person with news and of a run
under way. In one run by turns: the bare frame of a page (the floor), then the rest; DEBUG off. Prints medians in ms by the clock
and of the processor, the ratio to the floor and the bytes. "first page, nothing kept" sums the tallies anew. The exit code is 1
past a limit of processor time: a page's in floors, a poll's in ms.
"""

import sys
from datetime import datetime, timedelta
from math import inf
from time import perf_counter
from typing import Any

from tests.bench import Times, asking, scratch, signed_in, taken_in_turns

RUNS, RECENT, EACH = 50_000, 10_000, 100
ROUNDS, WARM_UP = 15, 2
FRAGMENT = {"HX-Request": "true"}
# Address -> the most, as a multiple of the floor.
PAGES = {
    "/saved-views/?page=run-list&query=mine%3Don": None,
    "/": 8.0,
    "/runs/": 6.0,
    "/runs/?page=2500": 6.0,
    "/runs/?search=chase+7": 6.0,
    "/runs/?search=00000000-0000-0000-0000-000000000007": 6.0,
    "/runs/?who=collector&state=finished": 6.0,
    "/runs/?who=collector&state=finished&page=1000": 6.0,
    "/runs/?needs=unknown": 6.0,
    "/runs/?needs=failed": 6.0,
    "/runs/?needs=failed&state=finished&page=2000": 6.0,
    "/runs/?since=2026-01-01&until=2999-01-01": 6.0,
}
POLLS = ("/notices/", "/under-way/", f"/runs/{RUNS}/progress/?act=on")
POLL_MS, POLL_BYTES = 4.0, 2048
TALLY = {"enrolled//enters/USD": [90, "9000", 0]} | {
    f"failed/reason_{each}/enters/USD": [2, "200", 0] for each in range(5)
}


def main() -> int:
    with scratch(or_named=True):
        return measure()


def measure() -> int:
    from django.core.cache import cache
    from django.db import connection

    from dashboard.services import trends

    browser = signed_in()
    fill()
    began = perf_counter()
    while trends.sum_up():
        pass
    print(f"summing up {RECENT:,} runs of {EACH}: {(perf_counter() - began) / RECENT * 1000:.2f} ms each")
    if connection.vendor == "postgresql":  # which does it by itself, by and by; SQLite never does
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    acts = {address: asking(browser, address, {}) for address in PAGES}
    acts |= {address: asking(browser, address, FRAGMENT) for address in POLLS}
    acts["first page, nothing kept"] = lambda: (cache.clear(), acts["/"]())[1]  # type: ignore[func-returns-value]
    return report(taken_in_turns(acts, ROUNDS, WARM_UP), {name: len(act()) for name, act in acts.items()})


def fill() -> None:
    """Runs of all years, and the outcomes of the last 30 days, one in ten failed for one of five reasons."""
    from django.contrib.auth.models import User
    from django.db import connection
    from django.utils import timezone

    from dashboard.models import Notice, Run

    starter, now = User.objects.get(username="collector"), timezone.now()
    Run._meta.get_field("created_at").auto_now_add = False  # type: ignore[union-attr]
    Run.objects.bulk_create((a_run(number, starter, now) for number in range(RUNS)), batch_size=500)
    first, last = Run.objects.earliest("pk").pk, Run.objects.latest("pk").pk
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {EACH - 1})
            INSERT INTO dashboard_outcome (run_id, place, account_id, invoice_number, folded, state, source, vendor_status,
                reason, error, currency, predicted, settled_at, looks, seen)
            SELECT r.id, i + 1, 'account-' || r.id || '-' || i, 'INV-' || i, 'inv-' || i,
                CASE WHEN i < 10 THEN 'failed' ELSE 'enrolled' END, 'answer', '',
                CASE WHEN i < 10 THEN 'reason_' || (i % 5) ELSE '' END, '', 'USD', 'enters', r.created_at, 0, ''
            FROM dashboard_run r, n WHERE r.id > {last - RECENT}
            """
        )
    for run in Run.objects.filter(pk__lt=first + 9):
        Notice.objects.create(user=starter, run=run)


def a_run(number: int, starter: Any, now: datetime) -> Any:
    from dashboard.models import Run

    ends = ["finished"] * 50 + ["stopped"]
    recent = number - RUNS + RECENT
    return Run(
        campaign_id=f"00000000-0000-0000-0000-{number % 40:012}",
        campaign_name=f"Early stage chase {number % 40}",
        campaign={"about": "x" * 500},
        starter=starter if number % 2 and number <= RUNS - 6 else None,  # who has nothing under way asks too
        state="running" if number > RUNS - 6 else ends[number % len(ends)],
        size=EACH,
        enrolled=90,
        failed=10 - (number % 500 == 0),
        unknown=int(number % 500 == 0),
        created_at=now - timedelta(days=200 if recent < 0 else 29 - 29 * recent / RECENT),
        is_tallied=recent < 0,
        tally=TALLY,
    )


def report(times: dict[str, Times], sizes: dict[str, int]) -> int:
    floor = next(iter(times.values()))[1]
    late = 0
    print(f"{'ms':55} {'clock':>7} {'processor':>9} {'ratio':>6} {'bytes':>7}   limit")
    for name, (clock, processor) in times.items():
        is_poll = name in POLLS
        limit = POLL_MS if is_poll else (PAGES.get(name) or inf) * floor
        late |= processor > limit or (is_poll and sizes[name] > POLL_BYTES)
        print(
            f"{name:55} {clock:7.1f} {processor:9.1f} {processor / floor:6.2f} {sizes[name]:7}   {limit:.1f}"
        )
    return int(late)


if __name__ == "__main__":
    sys.exit(main())
