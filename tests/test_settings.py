"""The start, as a person at the command line sees it where a setting is wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def start(command: str = "check", **variables: str) -> "subprocess.CompletedProcess[str]":
    """A command of `manage.py` with these settings; they win over the person's own `.env`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ROLLCALL_")}
    return subprocess.run(
        [sys.executable, "manage.py", command],
        cwd=ROOT,
        env={**inherited, "ROLLCALL_SECRET_KEY": "x" * 50, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROLLCALL_PORT", "eighty"),
        ("ROLLCALL_DATABASE_URL", "nonsense"),
        ("ROLLCALL_DATABASE_URL", "mysql://root:hidden@localhost/rollcall"),
    ],
)
def test_the_command_line_says_it_in_one_line(name: str, value: str) -> None:
    done = start(**{name: value})

    assert done.returncode == 2
    assert name in done.stderr
    assert done.stderr.count("\n") == 1
    assert "hidden" not in done.stderr


def test_with_a_mail_server_no_conversation_goes_on_for_ever() -> None:
    given = {"HOST": "mail.example.com", "FROM": "rollcall@example.com"}
    mail = {f"ROLLCALL_EMAIL_{name}": value for name, value in given.items()}

    done = start("diffsettings", ROLLCALL_PUBLIC_URL="https://rollcall.example.com", **mail)

    assert "EMAIL_BACKEND = 'dashboard.services.smtp.EmailBackend'" in done.stdout
