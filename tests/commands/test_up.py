"""`manage.py up`: what it refuses, what it says, and one whole start and stop in a copy of the project."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError
from pydantic import SecretStr
from pytest_django.fixtures import Settings

from dashboard.management.commands import up

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port of this machine that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up, "PORT_PATIENCE", 0)


@pytest.fixture
def real_api(settings: Settings) -> Settings:
    settings.DEMO = False
    settings.API_URL = "https://api.example.com/api/v1/external"
    settings.API_KEY = SecretStr("sk_live_secret")
    return settings


@pytest.mark.usefixtures("impatient")
def test_a_web_port_in_use_is_named_with_its_setting(settings: Settings, taken_port: int) -> None:
    settings.PORT = taken_port

    with pytest.raises(CommandError, match=rf"Port {taken_port} is in use .* set ROLLCALL_PORT"):
        up.check_ports()


@pytest.mark.usefixtures("impatient")
def test_a_sandbox_port_in_use_is_named_with_its_setting(settings: Settings, taken_port: int) -> None:
    settings.PORT, settings.SANDBOX_PORT = free_port(), taken_port

    with pytest.raises(CommandError, match=rf"Port {taken_port} is in use .* set ROLLCALL_SANDBOX_PORT"):
        up.check_ports()


def test_one_port_for_both_is_refused(settings: Settings) -> None:
    settings.PORT = settings.SANDBOX_PORT = free_port()

    with pytest.raises(CommandError, match="ROLLCALL_SANDBOX_PORT and ROLLCALL_PORT are the same"):
        up.check_ports()


@pytest.mark.parametrize("host", ["192.0.2.1", "no such name"])
def test_an_address_of_another_machine_is_refused(settings: Settings, host: str) -> None:
    settings.HOST = host

    with pytest.raises(CommandError, match=r"cannot be used: .* See ROLLCALL_HOST"):
        up.check_ports()


@pytest.mark.usefixtures("real_api")
def test_no_sandbox_is_started_beside_a_real_api() -> None:
    assert [child.name for child in up.children()] == ["web server", "worker"]


def test_the_worker_stops_first_and_the_sandbox_last(settings: Settings) -> None:
    settings.DEMO = True

    assert [child.name for child in up.children()] == ["sandbox", "web server", "worker"]


def test_the_demo_tells_how_to_sign_in_and_that_nobody_is_contacted(settings: Settings) -> None:
    settings.DEMO, settings.HOST, settings.PORT = True, "127.0.0.1", 8000

    assert up.announcement() == [
        "Rollcall is ready: http://127.0.0.1:8000/",
        "It talks to a sandbox on this machine: no real debtor is contacted.",
        "Sign in as viewer or collector or manager; the password is demo.",
        "Stop it with Ctrl-C.",
    ]


@pytest.mark.django_db
@pytest.mark.usefixtures("real_api")
def test_with_a_real_api_it_names_the_host_and_never_the_key() -> None:
    said = "\n".join(up.announcement())

    assert "It talks to api.example.com: enrolling there reaches real debtors." in said
    assert "sk_live_secret" not in said
    assert "demo" not in said


@pytest.mark.django_db
@pytest.mark.usefixtures("real_api")
def test_it_tells_how_to_make_the_first_person_until_there_is_one() -> None:
    before = "\n".join(up.announcement())
    User.objects.create_user("ada", password="correct horse")
    after = "\n".join(up.announcement())

    assert "person NAME --role manager" in before
    assert "person NAME" not in after


@pytest.mark.parametrize(
    ("host", "shown"),
    [("0.0.0.0", "localhost"), ("::", "localhost"), ("::1", "[::1]"), ("10.1.2.3", "10.1.2.3")],
)
def test_the_address_can_be_opened_as_shown(settings: Settings, host: str, shown: str) -> None:
    settings.DEMO, settings.HOST, settings.PORT = True, host, 8000

    assert up.announcement()[0] == f"Rollcall is ready: http://{shown}:8000/"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy without Git, `.env` or records, in a folder with a space in its name."""
    copy = tmp_path / "a copy"
    for name in ("dashboard", "templates", "static"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "manage.py", copy)
    return copy


def start(project: Path, **variables: str) -> "subprocess.Popen[str]":
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ROLLCALL_")}
    return subprocess.Popen(
        ["timeout", "--foreground", "--signal=KILL", "120", sys.executable, project / "manage.py", "up"],
        env={
            **inherited,
            "ROLLCALL_PORT": str(free_port()),
            "ROLLCALL_SANDBOX_PORT": str(free_port()),
            **variables,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_database_that_cannot_be_written_is_named_in_one_line(project: Path) -> None:
    process = start(project, ROLLCALL_DATABASE_URL=f"sqlite:///{project}/missing/rollcall.sqlite3")

    output, _ = process.communicate()

    assert process.returncode == 1
    assert re.fullmatch(
        r"CommandError: Database .*missing.* cannot be used: .* ROLLCALL_DATABASE_URL\.\n", output
    )


def test_a_fresh_copy_starts_answers_and_stops_without_a_trace(project: Path) -> None:
    process = start(project)
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("Stop it"):
            break
    address = re.search(r"ready: (\S+)", "".join(said))
    assert address, said
    with urllib.request.urlopen(address[1]) as page:
        sign_in = page.read().decode()

    process.send_signal(signal.SIGINT)
    rest = process.stdout.read()  # ends when the last process that holds it has ended

    assert 'name="password"' in sign_in
    assert process.wait() == 0
    assert "Traceback" not in "".join(said) + rest
