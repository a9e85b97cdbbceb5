"""Real workers: `manage.py work` over a database of their own, beside a sandbox of the test's."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection

from dashboard.models import Worker
from dashboard.sandbox.answers import Answer
from dashboard.sandbox.ledger import Call
from dashboard.sandbox.request import Request
from dashboard.sandbox.server import DEMO_KEY, Sandbox
from tests.patience import PATIENCE, wait_for

ROOT = Path(__file__).resolve().parents[2]


def environment(sandbox: Sandbox, **settings: object) -> dict[str, str]:
    """Of a process that shares the test's database and sandbox. `lease` and the like are settings by their name."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        url = f"sqlite:///{database['NAME']}"
    else:
        url = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database)
    ours = {
        "database_url": url,
        "api_url": sandbox.url,
        "api_key": DEMO_KEY,
        "settle_after": 0,
        "lease": 1,
    } | settings
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ROLLCALL_")}
    return inherited | {f"ROLLCALL_{name.upper()}": str(value) for name, value in ours.items()}


@contextmanager
def process(sandbox: Sandbox, *command: str, **settings: object) -> Iterator[subprocess.Popen[bytes]]:
    """`manage.py ...`, killed at the end if it is still there."""
    started = subprocess.Popen(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=environment(sandbox, **settings),
        stderr=subprocess.DEVNULL,
    )
    try:
        yield started
    finally:
        kill(started)


@contextmanager
def worker(sandbox: Sandbox, **settings: object) -> Iterator[subprocess.Popen[bytes]]:
    """`manage.py work`, once it has signed in."""
    before = set(Worker.objects.values_list("pk", flat=True))
    with process(sandbox, "work", **settings) as started:
        wait_for(lambda: Worker.objects.exclude(pk__in=before).exists())
        yield started


def kill(started: subprocess.Popen[bytes]) -> None:
    """SIGKILL: no clean-up, no farewell."""
    started.send_signal(signal.SIGKILL)
    started.wait()


class Gate:
    """Holds the next enrollment call at the vendor, after it has been done and before it is answered."""

    def __init__(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        self._arrived, self._opened = threading.Event(), threading.Event()
        self._answer = sandbox.answer
        monkeypatch.setattr(sandbox, "answer", self._hold)

    def wait(self) -> None:
        """Until a call is held."""
        assert self._arrived.wait(PATIENCE)

    def open(self) -> None:
        self._opened.set()

    def _hold(self, request: Request, connection_id: int) -> tuple[Call, Answer]:
        done = self._answer(request, connection_id)
        if request.method == "POST":
            self._arrived.set()
            self._opened.wait(PATIENCE)
        return done


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
