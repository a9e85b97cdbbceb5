"""`manage.py up`: all of Rollcall on this machine, until Ctrl-C."""

import errno
import http.client
import shlex
import socket
import sys
import time
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection, transaction

from dashboard.engine.processes import Child, Supervisor
from dashboard.people import DEMO_PASSWORD, ROLES

PORT_PATIENCE = 5.0  # seconds: what was killed a moment ago may still be closing its port
UNUSED_STATIC_FILES = ["django_tables2", "ext", "htm*x-4*"]  # of other packages; they would take 2 s
MANAGE = [sys.executable, str(settings.BASE_DIR / "manage.py")]


class Command(BaseCommand):
    help = "Start Rollcall on this machine: the web server, the worker and, when no API is set, the sandbox."

    def handle(self, *args: Any, **options: Any) -> None:
        self._is_announced = False
        try:
            check_ports()
            prepare_database()
            if not settings.DEBUG:
                collect_static_files()
            Supervisor(children(), say=self._say, each_tick=self._announce_once).run()
        except KeyboardInterrupt:  # before anything was started
            return

    def _say(self, sentence: str) -> None:
        self.stderr.write(f"rollcall: {sentence}")

    def _announce_once(self) -> None:
        if not self._is_announced and web_answers():
            self._is_announced = True
            self.stdout.write("\n".join(["", *announcement(), ""]))
            self.stdout.flush()
            connection.close()


def check_ports() -> None:
    """Raises: CommandError, which names the setting, when a port cannot be used."""
    check_port(settings.HOST, settings.PORT, "ROLLCALL_PORT")
    if settings.DEMO:
        if settings.SANDBOX_PORT == settings.PORT:
            raise CommandError("ROLLCALL_SANDBOX_PORT and ROLLCALL_PORT are the same; they must differ.")
        check_port("127.0.0.1", settings.SANDBOX_PORT, "ROLLCALL_SANDBOX_PORT")


def check_port(host: str, port: int, setting: str) -> None:
    """Raises: CommandError."""
    give_up_at = time.monotonic() + PORT_PATIENCE
    while (error := why_not_to_be_had(host, port)) is not None:
        if error.errno != errno.EADDRINUSE:
            raise CommandError(
                f"{host}:{port} cannot be used: {error.strerror}. See ROLLCALL_HOST and {setting}."
            )
        if time.monotonic() >= give_up_at:
            raise CommandError(
                f"Port {port} is in use by another program. Stop it, or set {setting} to a free one."
            )
        time.sleep(0.25)


def why_not_to_be_had(host: str, port: int) -> OSError | None:
    """What the system says against listening there; None when nothing."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(1)
    except OSError as error:
        return error
    return None


def prepare_database() -> None:
    """Make tables, or bring them up to date. Raises: CommandError when that cannot be written."""
    settings.STATE_DIR.mkdir(exist_ok=True)
    try:
        prove_writable()
        call_command("migrate", interactive=False, verbosity=0)
    except DatabaseError as error:
        name = connection.settings_dict["NAME"]
        raise CommandError(f"Database {name} cannot be used: {error}. See ROLLCALL_DATABASE_URL.") from error
    finally:
        connection.close()


def prove_writable() -> None:
    """Write and take back: a migration that is already applied writes nothing, so it would not notice."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE rollcall_write_check (id integer)")
        transaction.set_rollback(True)


def collect_static_files() -> None:
    """Compressed and named by their content, in `var/static`."""
    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=UNUSED_STATIC_FILES)


def children() -> list[Child]:
    """In the order they start; they stop the other way round, so the worker can finish its call."""
    pages = settings.GET_DEADLINE + 10
    call = settings.POST_DEADLINE + 10
    both = [
        Child("web server", web_command(), pages, "pages under way are finished first"),
        Child("worker", [*MANAGE, "work"], call, "a call in flight is finished first"),
    ]
    return [Child("sandbox", sandbox_command(), patience=5), *both] if settings.DEMO else both


def sandbox_command() -> list[str]:
    state = settings.STATE_DIR / "sandbox.jsonl"
    return [*MANAGE, "sandbox", "--port", str(settings.SANDBOX_PORT), "--state", str(state)]


def web_command() -> list[str]:
    return [
        *(sys.executable, "-m", "gunicorn", "dashboard.wsgi", "--chdir", str(settings.BASE_DIR)),
        *("--bind", f"{in_url(settings.HOST)}:{settings.PORT}"),
        *("--worker-class", "gthread", "--workers", "2", "--threads", "4"),
        *("--graceful-timeout", str(round(settings.GET_DEADLINE) + 5)),
        *("--log-level", "warning", "--no-control-socket"),
    ]


def in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def host_to_open() -> str:
    """Where a browser on this machine finds what listens on `ROLLCALL_HOST`."""
    try:
        return "localhost" if ip_address(settings.HOST).is_unspecified else settings.HOST
    except ValueError:
        return settings.HOST


def web_answers() -> bool:
    """Whether `/healthz` says yes, asked under a name that the site answers to."""
    name = settings.ALLOWED_HOSTS[0].lstrip(".") if settings.ALLOWED_HOSTS else "localhost"
    asked = http.client.HTTPConnection(host_to_open(), settings.PORT, timeout=1)
    try:
        asked.request("GET", "/healthz", headers={"Host": "localhost" if name == "*" else name})
        return asked.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asked.close()


def announcement() -> list[str]:
    """What the person who started it needs to know, line by line."""
    address = f"http://{in_url(host_to_open())}:{settings.PORT}/"
    about = about_the_sandbox() if settings.DEMO else about_the_api()
    return [f"Rollcall is ready: {address}", *about, "Stop it with Ctrl-C."]


def about_the_sandbox() -> list[str]:
    return [
        "It talks to a sandbox on this machine: no real debtor is contacted.",
        f"Sign in as {' or '.join(ROLES)}; the password is {DEMO_PASSWORD}.",
    ]


def about_the_api() -> list[str]:
    lines = [f"It talks to {urlsplit(settings.API_URL).netloc}: enrolling there reaches real debtors."]
    if not any(user.has_usable_password() for user in User.objects.filter(is_active=True)):
        lines += [
            "Nobody can sign in yet. Make the first person, in another terminal:",
            f"    {shlex.join([*MANAGE, 'person', 'NAME', '--role', 'manager'])}",
        ]
    return lines
