"""How near a run of 10,000 invoices comes to its floor: ceil(100 calls / 4 at once) x 100 ms.

    .venv/bin/python -m tests.bench.run_of_10000 [--accounts N] [--latency S]

Starts a sandbox and a worker as processes of their own over a scratch database, and prints seconds and the ratio.
"""

import argparse
import math
import os
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.patience import wait_for

if TYPE_CHECKING:
    from dashboard.api.client import Client
    from dashboard.models import Run

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--accounts", type=int, default=10_000)
    options.add_argument("--latency", type=float, default=0.1)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            "ROLLCALL_DATABASE_URL": os.environ.get(
                "BENCH_DATABASE_URL", f"sqlite:///{folder}/bench.sqlite3"
            ),
            "ROLLCALL_SANDBOX_PORT": str(port),
            "ROLLCALL_DEBUG": "false",
        }
        manage("migrate", "--verbosity", "0", "--skip-checks").wait()
        sandbox = manage(
            "sandbox",
            "--port",
            str(port),
            "--accounts",
            str(arguments.accounts * 3),
            "--latency",
            str(arguments.latency),
        )
        worker = manage("work")
        try:
            return measure(arguments.accounts, arguments.latency)
        finally:
            for process in (worker, sandbox):
                process.terminate()
                process.wait()


def measure(number: int, latency: float) -> int:
    import django

    django.setup()
    from dashboard.models import Run
    from dashboard.services import runs, vendor, workers

    client = vendor.for_workers()
    wait_for(lambda: can_connect(client.host) and workers.alive().exists())
    campaign = next(
        c for c in client.campaigns(status="active", per_page=100).items if c.kind == "first_party"
    )
    ids: list[str] = []
    page = 1
    while len(ids) < number * 5 // 4:
        found = client.accounts(status="not_assigned", page=page, per_page=100)
        ids += [account.id for account in found.items if account.id]
        if not found.has_next:
            break
        page += 1
    ids, others = ids[:number], ids[number:][: number // 4]
    run = runs.queue(
        starter=None, campaign=campaign, accounts=[{"id": id_} for id_ in ids], token=uuid.uuid4()
    )
    wait_for(lambda: Run.objects.get(pk=run.pk).is_ended, patience=300)
    run.refresh_from_db()
    peer = bare_calls(client, campaign.id, others)
    floor = math.ceil(math.ceil(len(ids) / 100) / 4) * latency
    took = (run.finished_at - run.started_at).total_seconds()
    print(f"{len(ids)} invoices in {run.batches.count()} calls: {took:.2f} s; {run.enrolled} enrolled")
    start = (first_answer(run) - run.started_at).total_seconds()
    print(
        f"floor {floor:.2f} s: ratio {took / floor:.2f}, after the first answer {(took - start) / floor:.2f}"
    )
    print(
        f"bare calls, 4 threads, nothing written down: {peer * 1000:.0f} ms a round: ratio {took / (peer * floor / latency):.2f}"
    )
    return 0


def first_answer(run: "Run") -> datetime:
    """A run begins with one call alone; the others go out once it is answered."""
    from dashboard.models import Attempt

    return Attempt.objects.filter(batch__run=run).order_by("ended_at").values_list("ended_at", flat=True)[0]


def bare_calls(client: "Client", campaign_id: str, account_ids: list[str]) -> float:
    """Seconds that a round of 4 calls at once takes with nothing around them, on this machine as busy as it is now."""
    batches = [account_ids[start : start + 100] for start in range(0, len(account_ids), 100)]
    with ThreadPoolExecutor(4) as pool:
        started = time.perf_counter()
        list(pool.map(lambda batch: client.enroll(campaign_id, batch), batches))
    return (time.perf_counter() - started) / math.ceil(len(batches) / 4)


def manage(*arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, str(ROOT / "manage.py"), *arguments], stdout=subprocess.DEVNULL)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def can_connect(host: str) -> bool:
    name, _, port = host.partition(":")
    try:
        socket.create_connection((name, int(port)), 1).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
