"""The storm, in short, on the database of these tests. `python -m tests.storm.storm` is the long one."""

import os
import subprocess
import sys
from pathlib import Path

from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]
IN_CI = os.environ.get("CI") == "true"
ACCOUNTS, SECONDS = (4_000, 30) if IN_CI else (2_000, 20)
MOST_SECONDS = 400  # a storm takes its length, and about a minute until everything is at rest


def test_nothing_is_lost_sent_twice_or_told_wrongly_in_a_storm() -> None:
    arguments = ["--accounts", str(ACCOUNTS), "--seconds", str(SECONDS), "--workers", "3"]

    storm = subprocess.run(
        [sys.executable, "-m", "tests.storm.storm", *arguments],
        cwd=ROOT,
        env={**os.environ, "ROLLCALL_DATABASE_URL": server()},
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
    )

    assert storm.returncode == 0, storm.stdout + storm.stderr


def server() -> str:
    """Where the storm makes a database of its own: the PostgreSQL server of these tests, or nothing."""
    return os.environ["ROLLCALL_DATABASE_URL"] if settings.ON_POSTGRESQL else ""
