import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from dashboard.sandbox.server import Sandbox

COMMAND = [sys.executable, str(settings.BASE_DIR / "manage.py"), "sandbox", "--accounts", "5"]


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_serves_until_it_is_told_to_stop(stop: signal.Signals) -> None:
    with subprocess.Popen(
        [*COMMAND, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout
        assert run.stderr
        announced = run.stdout.readline()
        with urlopen(announced.split()[-1] + "state") as answer:
            status = answer.status
        run.send_signal(stop)
        errors = run.stderr.read()
    assert (status, run.returncode, errors) == (200, 0, "")
    assert announced.startswith("Sandbox at http://127.0.0.1:")


def test_a_host_that_is_not_this_machine_is_refused() -> None:
    with pytest.raises(CommandError, match="this machine only"):
        call_command("sandbox", host="0.0.0.0")


def test_a_port_in_use_is_refused_with_what_to_do() -> None:
    with Sandbox(accounts=0) as other, pytest.raises(CommandError, match="choose another with --port"):
        call_command("sandbox", port=other.port, accounts=0)


def test_a_state_file_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be used"):
        call_command("sandbox", state=str(tmp_path / "absent" / "file"), accounts=0)
