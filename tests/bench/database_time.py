"""What the ledger costs in database time per invoice: `python -m tests.bench.database_time`.

    [--accounts N]

Works a run of N (10,000) in one thread over a scratch database (SQLite, or the one that ROLLCALL_DATABASE_URL
names) and adds up the time inside its statements and commits, call by call. The floor is what inserting the
bare outcomes takes. Prints the medians over the calls, and the transactions; ends with 1 past a limit.
"""

import argparse
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any

from dashboard.sandbox.server import DEMO_KEY, Sandbox
from tests.bench import scratch

MOST_MICROSECONDS, MOST_TRANSACTIONS = 80.0, 2.0  # per invoice


@dataclass
class Meter:
    """Seconds inside the database, and transactions ended, of this thread's connection."""

    seconds: float = 0.0
    transactions: int = 0
    laps: list[float] = field(default_factory=list)

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        """A wrapper for `connection.execute_wrapper`; a statement outside a transaction is one of its own."""
        self.transactions += not (context["connection"].in_atomic_block or sql.startswith("BEGIN"))
        return self._timed(execute, sql, params, many, context)

    def commit(self, commit: Callable[[], Any]) -> Callable[[], Any]:
        """The same commit, metered."""

        def metered() -> Any:
            self.transactions += 1
            return self._timed(commit)

        return metered

    def copy(self, copy: Callable[..., None]) -> Callable[..., None]:
        return lambda *arguments: self._timed(copy, *arguments)

    def lap(self) -> None:
        """A call's worth is done."""
        self.laps.append(self.seconds)
        self.seconds = 0.0

    def _timed(self, act: Callable[..., Any], *arguments: Any) -> Any:
        started = perf_counter()
        try:
            return act(*arguments)
        finally:
            self.seconds += perf_counter() - started


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--accounts", type=int, default=10_000)
    number = options.parse_args().accounts
    with Sandbox(accounts=0) as sandbox, scratch(or_named=True, api_url=sandbox.url, api_key=DEMO_KEY):
        return measure(sandbox, number)


def measure(sandbox: Sandbox, number: int) -> int:
    from django.contrib.auth.models import Group, User
    from django.db import connection

    from dashboard.services import runs, vendor

    starter = User.objects.create_user("bench")
    starter.groups.add(Group.objects.get(name="collector"))
    campaign = vendor.for_pages().campaign(sandbox.store.add_campaign()["id"])
    ids = [sandbox.store.add_account()["id"] for _ in range(number)]
    run = runs.queue(
        starter=starter, campaign=campaign, accounts=[{"id": id_} for id_ in ids], token=uuid.uuid4()
    )
    meter = metered(work)
    run.refresh_from_db()
    rows = taken_out(run.pk)
    floor = metered(lambda meter: put_back(rows, meter))
    print(f"{connection.vendor}: {run.enrolled:,} of {number:,} enrolled in {run.batches.count()} calls")
    return report(number, run.batches.count(), meter, floor)


def metered(act: Callable[[Meter], None]) -> Meter:
    from django.db import connection

    from dashboard.services import outcomes

    meter, commit, copy = Meter(), connection._commit, outcomes._copy
    connection._commit = meter.commit(commit)
    outcomes._copy = meter.copy(copy)  # no statement that a wrapper sees
    try:
        with connection.execute_wrapper(meter):
            act(meter)
    finally:
        connection._commit, outcomes._copy = commit, copy
    return meter


def work(meter: Meter) -> None:
    """What an engine does for each call: claim, send, settle."""
    from dashboard.services import claiming, sending, vendor, workers

    client = vendor.for_workers()
    incarnation = workers.register(name="bench", threads=1)
    sender = claiming.Sender(incarnation, client.host, client.fingerprint)
    while claims := claiming.claim_some(sender, at_most=1):
        sending.settle(claims[0], sending.send(claims[0], client))
        meter.lap()


def taken_out(run_id: int) -> list[tuple[Any, ...]]:
    """The run's outcomes as the database holds them, which are deleted there."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns()} FROM dashboard_outcome WHERE run_id = %s", [run_id])
        rows = cursor.fetchall()
        cursor.execute("DELETE FROM dashboard_outcome WHERE run_id = %s", [run_id])
    return rows


def put_back(rows: list[tuple[Any, ...]], meter: Meter) -> None:
    """A hundred at a time, each hundred in a transaction, and nothing else."""
    from django.db import connection, transaction

    sql = f"INSERT INTO dashboard_outcome ({columns()}) VALUES ({', '.join(['%s'] * len(rows[0]))})"
    for start in range(0, len(rows), 100):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(sql, rows[start : start + 100])
        meter.lap()


def columns() -> str:
    from dashboard.models import Outcome

    return ", ".join(field.column for field in Outcome._meta.fields if field.column != "id")


def report(number: int, calls: int, meter: Meter, floor: Meter) -> int:
    each, least = (1e6 * median(measured.laps) / 100 for measured in (meter, floor))
    transactions = meter.transactions / number
    ratio = each / MOST_MICROSECONDS
    print(f"database time {each:.1f} µs per invoice, limit {MOST_MICROSECONDS:g}: ratio {ratio:.2f}")
    print(f"bare inserts {least:.1f} µs per invoice: ratio {each / least:.2f}")
    per_call = meter.transactions / calls
    print(
        f"transactions {per_call:.1f} per call, {transactions:.3f} per invoice, limit {MOST_TRANSACTIONS:g}"
    )
    return 1 if each > MOST_MICROSECONDS or transactions > MOST_TRANSACTIONS else 0


if __name__ == "__main__":
    sys.exit(main())
