"""What "Select all 50,000 matching" costs: `python -m tests.bench.select_all_50000`.

    [--accounts N]

A clerk gathers 1,000 accounts, then N, over a scratch database (SQLite, or the one that ROLLCALL_DATABASE_URL names). Prints
the calls against ceil(N / 100) and how much the peak memory grew; ends with 1 when a limit is passed.
"""

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
import uuid

from dashboard.sandbox.server import DEMO_KEY, Sandbox
from tests.bench import peak_memory

MOST_GROWTH_MB = 30.0
SMALL = 1000


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--accounts", type=int, default=50_000)
    options.add_argument("--gather", nargs=2, type=int, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.gather:
        return gather_both(*given.gather)
    with tempfile.TemporaryDirectory() as folder, Sandbox(accounts=0) as sandbox:
        for number in range(given.accounts):
            sandbox.store.add_account(amount=1 if number < SMALL else 2, paid_amount=0)
        os.environ.setdefault("ROLLCALL_DATABASE_URL", f"sqlite:///{folder}/bench.sqlite3")
        os.environ |= {
            "ROLLCALL_API_URL": sandbox.url,
            "ROLLCALL_API_KEY": DEMO_KEY,
            "ROLLCALL_DEBUG": "false",
        }
        sizes = [str(min(SMALL, given.accounts)), str(given.accounts)]
        command = [sys.executable, "-m", "tests.bench.select_all_50000", "--gather", *sizes]
        code = subprocess.run(command, check=False).returncode
        fewest = math.ceil(int(sizes[0]) / 100) + math.ceil(given.accounts / 100)
        calls = len(sandbox.ledger.calls)
        print(f"calls {calls}, fewest {fewest}: ratio {calls / fewest:.2f}")
        return code or int(calls != fewest)


def gather_both(small: int, large: int) -> int:
    import django
    from django.core.management import call_command

    os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
    django.setup()
    call_command("migrate", verbosity=0)
    first, last = gather(small, {"amount_max": "1"}), gather(large, {})
    growth = last - first
    print(f"peak memory {first:.1f} MB after {small:,}, {last:.1f} MB after {large:,}")
    print(f"growth {growth:+.1f} MB, limit {MOST_GROWTH_MB:g}: ratio {growth / MOST_GROWTH_MB:.2f}")
    return int(growth > MOST_GROWTH_MB)


def gather(size: int, filters: dict[str, str]) -> float:
    """The process's peak memory so far, in MB, once all that match are selected."""
    from django.contrib.auth.models import User

    from dashboard.services import gathering, selection, vendor, workers
    from dashboard.services.errands import Clerk

    picked = selection.of(User.objects.get_or_create(username="collector")[0], uuid.uuid4())
    started, asked = time.perf_counter(), gathering.begin(picked, filters)
    with Clerk(vendor.for_workers(), workers.register(name="bench", threads=1)) as clerk:
        while clerk.work():
            pass
    asked.refresh_from_db()
    print(f"{asked.found:,} of {size:,} selected in {time.perf_counter() - started:.1f} s")
    return peak_memory()


if __name__ == "__main__":
    sys.exit(main())
