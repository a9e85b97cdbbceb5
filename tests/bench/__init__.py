"""Measuring programs, each run by `python -m tests.bench.NAME`, and what several of them share. They are no tests."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter, thread_time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.test import Client

Act = Callable[[], object]
Times = tuple[float, float]


@contextmanager
def scratch(*, or_named: bool = False, **settings: str) -> Iterator[None]:
    """Django over a SQLite of its own, or over the database that ROLLCALL_DATABASE_URL names; DEBUG off."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/bench.sqlite3"
        ours = {
            "database_url": os.environ.get("ROLLCALL_DATABASE_URL", url) if or_named else url,
            "debug": "false",
        } | settings
        os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
        os.environ |= {f"ROLLCALL_{name.upper()}": value for name, value in ours.items()}
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        yield


def signed_in() -> "Client":
    """A browser signed in as the demo's collector; static files are served as they are."""
    from django.conf import settings
    from django.test import Client

    from dashboard.people import DEMO_PASSWORD, create_roles

    settings.ALLOWED_HOSTS = ["testserver"]
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    create_roles()
    browser = Client()
    browser.post("/sign-in/", {"username": "collector", "password": DEMO_PASSWORD})
    return browser


def asking(browser: "Client", address: str, headers: Mapping[str, str]) -> Callable[[], bytes]:
    """A request for this page, which must succeed; gives what came."""

    def ask() -> bytes:
        response = browser.get(address, headers=headers)
        assert response.status_code == 200, response
        content: bytes = response.content
        return content

    return ask


def taken_in_turns(acts: Mapping[str, Act], rounds: int, warm_up: int) -> dict[str, Times]:
    """The medians of each in ms, after the rounds to warm up: by the clock, and of the processor."""
    taken: dict[str, list[Times]] = {name: [] for name in acts}
    for _ in range(warm_up + rounds):
        for name, act in acts.items():
            clock, processor = perf_counter(), thread_time()
            act()
            taken[name].append((perf_counter() - clock, thread_time() - processor))
    return {name: _medians(times[warm_up:]) for name, times in taken.items()}


def _medians(times: list[Times]) -> Times:
    clock, processor = zip(*times, strict=True)
    return median(clock) * 1000, median(processor) * 1000


def peak_memory(process: int | str = "self") -> float:
    """In MB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
