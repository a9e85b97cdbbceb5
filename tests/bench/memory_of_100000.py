"""What a run of 100,000 costs in memory, calls and connections: `python -m tests.bench.memory_of_100000`.

    [--accounts N]

A worker process works a run of 100, then one of N, over a scratch database (SQLite, or the one that
ROLLCALL_DATABASE_URL names). Prints how much its peak memory grew, the calls against ceil(N / 100), and the
connections against its threads; ends with 1 when a limit is passed.
"""

import argparse
import math
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from dashboard.sandbox.server import DEMO_KEY, Sandbox
from tests.bench import peak_memory, scratch
from tests.patience import wait_for

if TYPE_CHECKING:
    from dashboard.api.schema import Campaign

ROOT = Path(__file__).resolve().parents[2]
MOST_GROWTH_MB = 30.0
SMALL = 100


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--accounts", type=int, default=100_000)
    number = options.parse_args().accounts
    with Sandbox(accounts=0) as sandbox, scratch(or_named=True, api_url=sandbox.url, api_key=DEMO_KEY):
        return measure(sandbox, number)


def measure(sandbox: Sandbox, number: int) -> int:
    from dashboard.services import vendor

    campaign = vendor.for_pages().campaign(sandbox.store.add_campaign()["id"])
    worker = subprocess.Popen([sys.executable, str(ROOT / "manage.py"), "work"])
    try:
        peaks = [peak_after_run(worker.pid, sandbox, campaign, size) for size in (SMALL, number)]
    finally:
        worker.terminate()
        worker.wait()
    return report(sandbox, number, *peaks)


def peak_after_run(pid: int, sandbox: Sandbox, campaign: "Campaign", size: int) -> float:
    """The worker's peak memory so far, in MB, once it has worked a run of fresh accounts."""
    from dashboard.models import Run
    from dashboard.services import runs

    ids = [sandbox.store.add_account()["id"] for _ in range(size)]
    started = time.perf_counter()
    run = runs.queue(
        starter=None, campaign=campaign, accounts=[{"id": id_} for id_ in ids], token=uuid.uuid4()
    )
    wait_for(lambda: Run.objects.get(pk=run.pk).is_ended, patience=900)
    run.refresh_from_db()
    print(f"{run.enrolled:,} of {size:,} enrolled in {time.perf_counter() - started:.1f} s")
    return peak_memory(pid)


def report(sandbox: Sandbox, number: int, small: float, large: float) -> int:
    from django.conf import settings

    posts = sandbox.ledger.posts
    fewest = math.ceil(SMALL / 100) + math.ceil(number / 100)
    connections = len({post.connection_id for post in posts})
    growth = large - small
    print(f"peak memory {small:.1f} MB after {SMALL}, {large:.1f} MB after {number:,}")
    print(f"growth {growth:+.1f} MB, limit {MOST_GROWTH_MB:g}: ratio {growth / MOST_GROWTH_MB:.2f}")
    print(f"calls {len(posts)}, fewest {fewest}: ratio {len(posts) / fewest:.2f}")
    threads = settings.PARALLEL_CALLS
    print(f"connections {connections}, threads {threads}: ratio {connections / threads:.2f}")
    return 1 if growth > MOST_GROWTH_MB or len(posts) != fewest or connections > threads else 0


if __name__ == "__main__":
    sys.exit(main())
