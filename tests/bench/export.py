"""What the files of a run of 100,000 cost, through gunicorn: `python -m tests.bench.export [--invoices N]`.

A scratch database (SQLite, or the one that ROLLCALL_DATABASE_URL names) gets a run of N and one of 100. gunicorn with one
process serves the files; each is fetched several times, and the best one counts. The floor, in the same run and on
SQLite only, is `csv.writer` over as many rows and columns from a bare sqlite3 cursor. Prints the time to the first byte, rows
per second by the clock and of the processor, the ratio to the floor, and how much the process grew, SQLite's cache of 8 MB
included; ends with 1 when a limit is passed. A machine with nothing else to do makes the floor some 250,000 rows per second:
50,000 are five times that, and the ratio is what a busy machine is held to.
"""

import argparse
import csv
import http.client
import io
import os
import re
import sqlite3
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from tests.bench import peak_memory, scratch
from tests.patience import wait_for

ROOT = Path(__file__).resolve().parents[2]
PORT = 8443
ROUNDS, WARM = 3, 2
MOST_FIRST_MS, LEAST_ROWS, MOST_GROWTH_MB, MOST_FLOORS = 100.0, 50_000, 20.0, 5
TICKS = os.sysconf("SC_CLK_TCK")
FILES = {
    "csv": "export.csv",
    "csv of the failed": "export.csv?outcome=failed",
    "xlsx": "export.xlsx",
    "receipt": "receipt/",
}


@dataclass
class Fetch:
    first: float
    clock: float
    processor: float
    size: int


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--invoices", type=int, default=100_000)
    number = options.parse_args().invoices
    with scratch(or_named=True, debug="true", api_url="", api_key=""):
        return measure(number)


def measure(number: int) -> int:
    small, large = filled(100), filled(number)
    os.environ["ROLLCALL_DEBUG"] = "false"
    subprocess.run([sys.executable, "manage.py", "collectstatic", "--noinput", "-v0"], cwd=ROOT, check=True)
    command = [sys.executable, "-m", "gunicorn", "dashboard.wsgi", "--bind", f"127.0.0.1:{PORT}"]
    one = ["--worker-class", "gthread", "--workers", "1", "--threads", "1", "--no-control-socket"]
    with subprocess.Popen([*command, *one], cwd=ROOT) as server:
        try:
            wait_for(answers)
            return report(Server(child_of(server.pid), signed_in()), small, large, number)
        finally:
            server.terminate()


def filled(number: int) -> int:
    """A run of which one in five failed, with a call for each hundred."""
    from dashboard.api.schema import Campaign
    from dashboard.models import Attempt, Outcome, Run
    from dashboard.services import clock, runs

    accounts = [
        {
            "id": str(uuid.UUID(int=each)),
            "number": f"INV-2026-{each:06}",
            "status": "not_assigned",
            "outstanding": f"{each % 900}.50",
            "currency": "USD",
            "due_on": "2026-03-04",
            "customer_id": str(uuid.UUID(int=10**9 + each // 5)),
            "verdict": "enters",
        }
        for each in range(number)
    ]
    campaign = Campaign(id=str(uuid.UUID(int=7)), name="Early stage chase")
    run = runs.queue(starter=None, campaign=campaign, accounts=accounts, token=uuid.uuid4())
    common = {"settled_at": clock.now(), "run": run, "currency": "USD", "predicted": "enters"}
    for batch in run.batches.order_by("number").iterator(chunk_size=10):
        attempt = Attempt.objects.create(
            run=run,
            batch=batch,
            number=1,
            incarnation=uuid.uuid4(),
            host="h",
            key_fingerprint="f",
            answer_class="done",
        )
        Outcome.objects.bulk_create(
            Outcome(
                **common,
                batch=batch,
                attempt=attempt,
                account_id=row["id"],
                invoice_number=row["number"],
                folded=row["number"].casefold(),
                outstanding=row["outstanding"],
                **(FAILED if place % 5 == 0 else {"state": "enrolled", "vendor_status": "SUCCESS"}),
            )
            for place, row in enumerate(batch.accounts)
        )
    run.batches.update(state="settled")
    failed = sum(-(-size // 5) for size in run.batches.values_list("size", flat=True))
    Run.objects.filter(pk=run.pk).update(state="finished", failed=failed, enrolled=number - failed)
    return int(run.pk)


FAILED = {
    "state": "failed",
    "vendor_status": "FAILED",
    "reason": "active_execution",
    "error": "Invoice has an active execution in another campaign. "
    "Please wait for the current campaign to complete before reassigning.",
}


def answers() -> bool:
    try:
        return _ask("GET", "/healthz").status == 200
    except OSError:
        return False


def _ask(method: str, path: str, body: str = "", **headers: str) -> http.client.HTTPResponse:
    asked = http.client.HTTPConnection("127.0.0.1", PORT, timeout=300)
    asked.request(method, path, body, headers)
    return asked.getresponse()


def signed_in() -> str:
    """The cookies of the demo's viewer."""
    page = _ask("GET", "/sign-in/")
    cookie = str(page.getheader("Set-Cookie")).partition(";")[0]
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())
    assert token
    body = f"username=viewer&password=demo&csrfmiddlewaretoken={token[1]}"
    form = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
    answer = _ask("POST", "/sign-in/", body, **form)
    assert answer.status == 302, answer.status
    return "; ".join(line.partition(";")[0] for line in answer.headers.get_all("Set-Cookie") or [])


def child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()[0])


@dataclass
class Server:
    pid: int
    cookie: str

    def processor(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def fetch(self, path: str) -> Fetch:
        busy, started = self.processor(), perf_counter()
        answer = _ask("GET", path, Cookie=self.cookie)
        assert answer.status == 200, (path, answer.status)
        size = len(answer.read(1))
        first = perf_counter() - started
        while part := answer.read(1 << 16):
            size += len(part)
        return Fetch(first, perf_counter() - started, self.processor() - busy, size)


def report(server: Server, small: int, large: int, number: int) -> int:
    code, floor = 0, floor_of(large)
    if floor:
        print(f"floor: {number / floor:,.0f} rows/s of the processor, csv.writer over a bare cursor")
    print(
        f"{'':18} {'first ms':>9} {'rows/s':>9} {'of the processor':>17} {'to the floor':>13} {'MB':>6} {'grew MB':>8}"
    )
    for name, file in FILES.items():
        for _ in range(WARM):
            server.fetch(f"/runs/{small}/{file}")
        before = peak_memory(server.pid)
        fetched = [server.fetch(f"/runs/{large}/{file}") for _ in range(ROUNDS)]
        growth = peak_memory(server.pid) - before
        first, processor = min(each.first for each in fetched), min(each.processor for each in fetched)
        rows = number / 5 if "failed" in name else number
        ratio = f"{processor / (floor * rows / number):.1f}" if floor else "-"
        print(
            f"{name:18} {first * 1000:9.0f} {rows / min(each.clock for each in fetched):9,.0f} "
            f"{rows / processor:17,.0f} {ratio:>13} {fetched[0].size / 1e6:6.1f} {growth:8.1f}"
        )
        if name == "csv":
            is_slow = processor > floor * MOST_FLOORS if floor else rows / processor < LEAST_ROWS
            code |= first * 1000 > MOST_FIRST_MS or is_slow or growth > MOST_GROWTH_MB
    return int(code)


def floor_of(run_id: int) -> float:
    """Seconds of the processor for as many rows and columns, at best; 0 where the database is no SQLite."""
    from django.db import connection

    if connection.vendor != "sqlite":
        return 0.0
    bare = sqlite3.connect(str(connection.settings_dict["NAME"]))
    return min(_floor(bare, run_id) for _ in range(ROUNDS))


def _floor(bare: Any, run_id: int) -> float:
    started = process_time()
    rows = bare.execute("SELECT *, run_id FROM dashboard_outcome WHERE run_id = ? ORDER BY id", [run_id])
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    text.getvalue().encode()
    return process_time() - started


if __name__ == "__main__":
    sys.exit(main())
