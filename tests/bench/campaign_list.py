"""What the campaign list costs over the vendor's own answer: `python -m tests.bench.campaign_list`.

In one run, by turns: the API client alone (the floor), the whole page, the fragment; 20 rows, DEBUG off.
Prints medians in ms by the clock and of the processor, as difference and ratio, and the queries. The exit
code is 1 past a limit; that on time is held against the processor's: a busy machine's clock measures others.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, thread_time

ROUNDS, WARM_UP = 200, 20
MOST_MS, MOST_QUERIES = 10.0, 3
Times = tuple[float, float]


def main() -> int:
    with tempfile.TemporaryDirectory() as directory:
        os.environ["ROLLCALL_DATABASE_URL"] = f"sqlite:///{Path(directory) / 'bench.sqlite3'}"
        os.environ["ROLLCALL_DEBUG"] = "false"
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
        import django

        django.setup()
        return measure()


def measure() -> int:
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client as Browser
    from django.test.utils import CaptureQueriesContext

    from dashboard.people import DEMO_PASSWORD, create_roles
    from dashboard.sandbox.server import Sandbox
    from dashboard.services import vendor

    settings.ALLOWED_HOSTS = ["testserver"]
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    call_command("migrate", verbosity=0)
    create_roles()
    with Sandbox(port=0, seed=1) as sandbox:
        settings.API_URL = sandbox.url
        browser = Browser()
        browser.post("/sign-in/", {"username": "collector", "password": DEMO_PASSWORD})
        kinds: dict[str, Callable[[], object]] = {
            "vendor alone": lambda: vendor.for_pages().campaigns(per_page=20),
            "page": lambda: answered(browser.get("/campaigns/")),
            "fragment": lambda: answered(browser.get("/campaigns/", headers={"HX-Request": "true"})),
        }
        times = taken_in_turns(kinds)
        with CaptureQueriesContext(connection) as queries:
            browser.get("/campaigns/")
    return report(times, len(queries))


def answered(response: object) -> None:
    assert response.status_code == 200, response  # type: ignore[attr-defined]


def taken_in_turns(kinds: dict[str, Callable[[], object]]) -> dict[str, Times]:
    """The medians of each in ms: by the clock, and of the processor."""
    taken: dict[str, list[Times]] = {name: [] for name in kinds}
    for _ in range(WARM_UP + ROUNDS):
        for name, act in kinds.items():
            clock, processor = perf_counter(), thread_time()
            act()
            taken[name].append((perf_counter() - clock, thread_time() - processor))
    return {name: medians(times[WARM_UP:]) for name, times in taken.items()}


def medians(times: list[Times]) -> Times:
    clock, processor = zip(*times, strict=True)
    return median(clock) * 1000, median(processor) * 1000


def report(times: dict[str, Times], queries: int) -> int:
    floor, processor_floor = times["vendor alone"]
    print(f"{'ms':12} {'clock':>7} {'over':>7} {'ratio':>6}   {'processor':>9} {'over':>7}")
    for name, (clock, processor) in times.items():
        print(
            f"{name:12} {clock:7.2f} {clock - floor:+7.2f} {clock / floor:6.2f}"
            f"   {processor:9.2f} {processor - processor_floor:+7.2f}"
        )
    print(f"{queries} queries; at most {MOST_QUERIES}, and {MOST_MS:.0f} ms over the vendor")
    return int(times["page"][1] - processor_floor > MOST_MS or queries > MOST_QUERIES)


if __name__ == "__main__":
    sys.exit(main())
