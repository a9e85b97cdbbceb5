"""What acting on a part of a run costs: `python -m tests.bench.part_of_100000 [--invoices N]`.

A run of N (100,000) all of which failed, half of them as busy, in a scratch SQLite. Prints seconds of one group put into a
selection, the same again, one group put on the waiting list, its page and filters, and all of it taken into a selection;
for scale, inserting as many bare rows. Ends with 1 past a limit, held against the processor's time: a busy machine's clock
measures others.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter, thread_time
from typing import Any

from tests.bench import scratch, signed_in

MOST_SECONDS = {"put in a selection": 6.0, "put on the waiting list": 6.0, "page of the list": 0.03}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--invoices", type=int, default=100_000)
    number = parser.parse_args().invoices
    with scratch():
        return measure(number)


def measure(number: int) -> int:
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.utils import timezone

    from dashboard.models import ParkedAccount, SelectedAccount
    from dashboard.sandbox.server import Sandbox
    from dashboard.services import parts, selection, waiting
    from dashboard.services.parts import Part

    with Sandbox(port=0, seed=1, campaigns=8, accounts=10, customers=2) as sandbox:
        settings.API_URL = sandbox.url
        browser = signed_in()
        user = User.objects.get(username="collector")
        run = run_of(number, sandbox)
        other = Part(run, outcome="failed", reason="other")
        busy = Part(run, outcome="failed", reason="active_execution")
        bare = selection.of(user, "floor")
        rows = [SelectedAccount(selection=bare, account_id=str(each)) for each in range(number // 2)]
        late = 0
        with timed("bare rows inserted"):
            SelectedAccount.objects.bulk_create(rows, batch_size=2000)
        late |= act("put in a selection", lambda: parts.retry(user, other))
        act("the same again", lambda: parts.retry(user, other))
        late |= act("put on the waiting list", lambda: waiting.park(user, busy))
        ParkedAccount.objects.update(state="free", read_at=timezone.now())
        browser.get("/waiting/?page=9")
        late |= act("page of the list", lambda: browser.get("/waiting/"))
        act("page of the list, searched", lambda: browser.get("/waiting/?search=INV-99"))
        act("count of the free", lambda: waiting.free_count(user))
        act("taken into a selection", lambda: waiting.take(user, waiting.matching()))
        assert SelectedAccount.objects.exclude(selection=bare).count() == number
    return late


def run_of(number: int, sandbox: Any) -> Any:
    """A run of so many invoices that all failed, as busy and as something else by turns."""
    from django.db import connection

    from dashboard.models import Run
    from tests import ledger

    sandbox.store.add_campaign(id=ledger.CAMPAIGN_ID, status="active", type="early_stage")
    run = ledger.queued(number)
    connection.cursor().execute(
        """
        INSERT INTO dashboard_outcome (run_id, batch_id, place, account_id, invoice_number, folded, state, source,
            vendor_status, reason, error, currency, predicted, settled_at, looks, seen)
        SELECT b.run_id, b.id, b.first + a.key,
            json_extract(a.value, '$.id'), json_extract(a.value, '$.number'), lower(json_extract(a.value, '$.number')),
            'failed', 'answer', 'FAILED',
            CASE WHEN a.key % 2 THEN 'other' ELSE 'active_execution' END, '', 'USD', '', '2026-01-01', 0, ''
        FROM dashboard_batch b, json_each(b.accounts) a
        """
    )
    Run.objects.update(failed=number, state="finished")
    run.batches.update(state="settled")
    run.refresh_from_db()
    ledger.queued(1000)  # another run, so that each invoice is asked for there
    Run.objects.exclude(pk=run.pk).update(state="stopped")
    return run


@contextmanager
def timed(name: str) -> Iterator[list[float]]:
    clock, processor, taken = perf_counter(), thread_time(), list[float]()
    yield taken
    taken.append(thread_time() - processor)
    print(f"{name:28} {perf_counter() - clock:8.2f} s {taken[0]:8.2f} s of the processor")


def act(name: str, do: Callable[[], object]) -> int:
    with timed(name) as taken:
        do()
    return int(taken[0] > MOST_SECONDS.get(name, 60))


if __name__ == "__main__":
    sys.exit(main())
