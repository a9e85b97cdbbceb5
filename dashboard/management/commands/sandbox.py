"""`manage.py sandbox`: serve the stand-in for the vendor's API until stopped."""

import ipaddress
import signal
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from dashboard.sandbox.server import Sandbox


class Command(BaseCommand):
    help = "Serve a stand-in for the Agile Receivables API on this machine. It sends nothing to anyone."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="a loopback address (default: %(default)s)")
        parser.add_argument("--port", type=int, default=settings.SANDBOX_PORT, help="default: %(default)s")
        parser.add_argument("--latency", type=float, default=0.0, help="seconds per answer (default: none)")
        parser.add_argument("--accounts", type=int, default=2000, help="how many (default: %(default)s)")
        parser.add_argument("--state", metavar="FILE", help="keep every change in FILE, over restarts")
        parser.add_argument("--seed", type=int, default=1, help="another number makes other data")

    def handle(self, **options: Any) -> None:
        if not is_loopback(options["host"]):
            raise CommandError(
                f"The sandbox serves this machine only, and {options['host']} is not loopback."
            )
        sandbox = made_sandbox(options)
        start(sandbox)
        with suppress(KeyboardInterrupt):
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            self.stdout.write(f"Sandbox at {sandbox.url}, its controls at {sandbox.control_url}")
            self.stdout.flush()
            sandbox.serve_forever()


def made_sandbox(options: dict[str, Any]) -> Sandbox:
    """Raises: CommandError when the state file cannot be used."""
    try:
        return Sandbox(
            host=options["host"],
            port=options["port"],
            latency=options["latency"],
            accounts=options["accounts"],
            seed=options["seed"],
            state_path=options["state"],
        )
    except OSError as error:
        raise CommandError(f"The state file {options['state']} cannot be used: {error.strerror}.") from error


def start(sandbox: Sandbox) -> None:
    """Raises: CommandError when the port is not to be had."""
    try:
        sandbox.start()
    except OSError as error:
        raise CommandError(
            f"Port {sandbox.port} on {sandbox.host} cannot be used: {error.strerror or error}. "
            "Stop the program that holds it, or choose another with --port."
        ) from error


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
