"""Runs a command with a PostgreSQL of its own: `python tests/postgres.py COMMAND...`.

A fresh cluster in a temporary folder, on a free port of 127.0.0.1, gone when the command ends. The command
finds its address in `ROLLCALL_DATABASE_URL`. Exit code: that of the command, or 77 without PostgreSQL.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SKIPPED = 77
FAST_AND_LOCAL = (
    "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c listen_addresses=127.0.0.1"
)


def programs() -> Path | None:
    """The folder with the newest installed `initdb`, which Debian keeps out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if found:
        return found[-1].parent
    elsewhere = shutil.which("initdb")
    return Path(elsewhere).resolve().parent if elsewhere else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def as_server(command: Sequence[str | Path], folder: Path) -> None:
    """PostgreSQL refuses to run as root: there it runs as the user `postgres`, which the package makes."""
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*prefix, *map(str, command)], cwd=folder, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def cluster(bin_folder: Path) -> Iterator[str]:
    """The address of a running server, as a database URL."""
    with tempfile.TemporaryDirectory(prefix="rollcall-postgres-") as name:
        folder, password, port = Path(name), secrets.token_hex(16), free_port()
        make_cluster(bin_folder, folder, password)
        control = [bin_folder / "pg_ctl", "-D", folder / "data", "-w", "-t", "60"]
        options = f"{FAST_AND_LOCAL} -c port={port} -k {folder}"
        as_server([*control, "-l", folder / "log", "-o", options, "start"], folder)
        try:
            yield f"postgres://rollcall:{password}@127.0.0.1:{port}/postgres"
        finally:
            as_server([*control, "-m", "immediate", "stop"], folder)


def make_cluster(bin_folder: Path, folder: Path, password: str) -> None:
    """In `folder/data`, with one user `rollcall`."""
    password_file = folder / "password"
    password_file.write_text(password)
    if os.geteuid() == 0:
        server = pwd.getpwnam("postgres")
        for path in (folder, password_file):
            os.chown(path, server.pw_uid, server.pw_gid)
    who = ["-U", "rollcall", "-A", "scram-sha-256", "--pwfile", password_file]
    as_server(
        [bin_folder / "initdb", "-D", folder / "data", *who, "-E", "UTF8", "--locale=C", "--no-sync"], folder
    )


def main(command: Sequence[str]) -> int:
    bin_folder = programs()
    if bin_folder is None:
        print("PostgreSQL is not installed (Debian: apt-get install postgresql).", file=sys.stderr)
        return SKIPPED
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with cluster(bin_folder) as url:
        environment = {**os.environ, "ROLLCALL_DATABASE_URL": url}
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
