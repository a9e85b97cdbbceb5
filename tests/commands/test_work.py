"""`manage.py work` as a process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]

# After a process was stopped and goes on, any of its threads may take the signal that came meanwhile.
TOLD_IN_ANOTHER_THREAD = """
import signal, threading, time
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
def tell():
    while signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        time.sleep(0.01)
    time.sleep(0.5)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
threading.Thread(target=tell, daemon=True).start()
call_command("work")
print("left")
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        "ROLLCALL_DATABASE_URL": f"sqlite:///{tmp_path}/work.sqlite3",
    }


def test_leaves_whichever_thread_the_signal_reaches(environment: dict[str, str]) -> None:
    command = [sys.executable, "-c", TOLD_IN_ANOTHER_THREAD]

    worker = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=True
    )

    assert worker.stdout == "left\n"
