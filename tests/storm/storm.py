"""Everything goes wrong at once, then three ledgers are compared: `python -m tests.storm.storm`.

    [--accounts 20000] [--seconds 120] [--workers 3] [--seed N]

A sandbox in this process, workers as processes of their own over a scratch database: SQLite, or on the
PostgreSQL server that ROLLCALL_DATABASE_URL names, where it makes and drops a database of its own. While
accounts are queued in runs of all sizes, calls meet random faults, workers are killed, stalled and ended, the
vendor is away at times, and a keeper resumes, stops and settles as a person would. Then the sky clears,
everything comes to rest, and the vendor's ledger, our tables and the pages are compared. Prints the figures;
ends with 1 unless every finding is 0.
"""

import argparse
import os
import random
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from dashboard.sandbox.server import DEMO_KEY, Sandbox
from dashboard.sandbox.store import Record

if TYPE_CHECKING:
    from tests.storm.keeper import Keeper
    from tests.storm.weather import Weather

LEASE = 3.0
SETTLE_AFTER = 0.5
GUST = 0.1  # seconds
REST = 300.0  # seconds for everything to come to rest
QUEUED_BY = 0.8  # of the storm's length: by then every account is in a run
SHOWN = 5
ENROLLABLE = ("not_assigned", "pending_collection")


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--accounts", type=int, default=20_000)
    options.add_argument("--seconds", type=float, default=120)
    options.add_argument("--workers", type=int, default=3)
    options.add_argument("--seed", type=int, default=None)
    arguments = options.parse_args()
    seed = secrets.randbelow(10**6) if arguments.seed is None else arguments.seed
    print(
        f"storm {seed}: {arguments.accounts:,} accounts, {arguments.seconds:g} s, {arguments.workers} workers"
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        scratch_database(Path(folder)) as url,
        Sandbox(
            seed=seed, accounts=arguments.accounts * 5 // 4, customers=400, latency=0.02, pending_rate=0.03
        ) as sandbox,
    ):
        os.environ |= environment(sandbox, url)
        return storm(sandbox, arguments, random.Random(seed), Path(folder))


@contextmanager
def scratch_database(folder: Path) -> Iterator[str]:
    """The address of an empty database, gone afterwards."""
    server = os.environ.get("ROLLCALL_DATABASE_URL", "")
    if not server.startswith("postgres"):
        yield f"sqlite:///{folder}/storm.sqlite3"
        return
    name = f"storm_{secrets.token_hex(4)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def environment(sandbox: Sandbox, database_url: str) -> dict[str, str]:
    from tests.storm.weather import DEADLINE

    return {
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        "ROLLCALL_DATABASE_URL": database_url,
        "ROLLCALL_API_URL": sandbox.url,
        "ROLLCALL_API_KEY": DEMO_KEY,
        "ROLLCALL_DEBUG": "false",
        "ROLLCALL_PARALLEL_CALLS": "4",
        "ROLLCALL_CONNECT_TIMEOUT": "1",
        "ROLLCALL_GET_DEADLINE": "1",
        "ROLLCALL_POST_DEADLINE": str(DEADLINE),
        "ROLLCALL_LEASE": str(LEASE),
        "ROLLCALL_SETTLE_AFTER": str(SETTLE_AFTER),
    }


def storm(sandbox: Sandbox, arguments: argparse.Namespace, chance: random.Random, folder: Path) -> int:
    import django

    django.setup()
    from dashboard.engine import spool
    from tests.storm.crew import Crew
    from tests.storm.weather import Weather

    prepare()
    keeper = made_keeper(sandbox, arguments.accounts, chance)
    crew = Crew(arguments.workers, os.environ, folder / "workers.log", stall=LEASE * 1.5)
    try:
        wait_for_workers(arguments.workers)
        weather = Weather(sandbox, crew, chance)
        rage(weather, keeper, arguments.seconds)
        weather.clear_up()
        rested = come_to_rest(keeper)
        fallen = crew.replace_fallen()
    finally:
        crew.dismiss()
    left_in_spool = [*spool.folder().glob("attempt-*")] if spool.folder().is_dir() else []
    shutil.rmtree(spool.folder(), ignore_errors=True)
    code = report(sandbox, keeper, weather, {"seconds to rest": f"{rested:.1f}"})
    if fallen or left_in_spool:
        print(
            f"{fallen} workers fell over by themselves; {len(left_in_spool)} answers were left in the spool"
        )
        code = 1
    if code:
        shutil.copy(folder / "workers.log", log := Path(tempfile.gettempdir()) / "storm-workers.log")
        print(f"what the workers said: {log}")
    return code


def prepare() -> None:
    """Tables, roles, and pages that need no collected files."""
    from django.conf import settings
    from django.core.management import call_command

    from dashboard.people import create_roles
    from dashboard.services import outcomes

    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    outcomes.AGAIN_AFTER = timedelta(seconds=LEASE * 2)  # a person's minute, in the storm's time
    call_command("migrate", verbosity=0)
    create_roles()


def made_keeper(sandbox: Sandbox, number: int, chance: random.Random) -> "Keeper":
    """A manager, with four open campaigns and so many accounts, most of them enrollable, as they are now."""
    from django.contrib.auth.models import Group, User

    from dashboard.services import vendor
    from tests.storm.keeper import Keeper

    person = User.objects.create_user("keeper")
    person.groups.add(Group.objects.get(name="manager"))
    wanted = ("early_stage", "first_party", "payment_reminder")
    client = vendor.for_pages()
    campaigns = [
        c
        for c in client.campaigns(per_page=100).items
        if c.kind in wanted and c.status in ("active", "running")
    ]
    into = chance.sample(campaigns, 4)
    names = {campaign.id for campaign in into}
    outside = [account for account in sandbox.store.accounts.values() if account["campaign_id"] not in names]
    picked = sorted(outside, key=lambda account: account["status"] not in ENROLLABLE)[:number]
    chance.shuffle(picked)
    return Keeper(person, into, [snapshot(account) for account in picked], chance)


def snapshot(account: Record) -> dict[str, Any]:
    """As the picker keeps it (`Batch.accounts`)."""
    shown = ("id", "status", "campaign_id", "customer_id", "currency")
    return {"number": account["invoice_number"], **{name: account[name] for name in shown}}


def rage(weather: "Weather", keeper: "Keeper", seconds: float) -> None:
    started = time.monotonic()
    gusts = 0
    while (passed := time.monotonic() - started) < seconds:
        keeper.queue_share(passed / (seconds * QUEUED_BY))
        weather.blow()
        gusts += 1
        if gusts % 10 == 0:
            keeper.look_after()
            keeper.interfere()
        time.sleep(GUST)
    keeper.queue_share(1.0)


def wait_for_workers(number: int) -> None:
    from dashboard.services import workers

    give_up_at = time.monotonic() + REST
    while workers.alive().count() < number and time.monotonic() < give_up_at:
        time.sleep(GUST)


def come_to_rest(keeper: "Keeper") -> float:
    """Wait until every run has ended and only pending accounts are left to read. Gives the seconds taken."""
    started = time.monotonic()
    while is_moving() and time.monotonic() - started < REST:
        keeper.look_after(finishing=True)
        time.sleep(0.5)
    return time.monotonic() - started


def is_moving() -> bool:
    from dashboard.models import Batch, Outcome, Run

    return (
        Run.objects.exclude(state__in=Run.ENDED).exists()
        or Batch.objects.filter(state=Batch.State.SENDING).exists()
        or Outcome.objects.filter(look_at__isnull=False).exclude(state=Outcome.State.PENDING).exists()
    )


def report(sandbox: Sandbox, keeper: "Keeper", weather: "Weather", more: dict[str, str]) -> int:
    from tests.storm.reckoning import Reckoning, figures

    reckoning = Reckoning(sandbox, keeper.person)
    print("weather: " + ", ".join(f"{number} {word}" for word, number in sorted(weather.said.items())))
    print("keeper: " + ", ".join(f"{number} {word}" for word, number in sorted(keeper.said.items())))
    for word, number in (figures(reckoning) | more).items():
        print(f"{number:>8} {word}")
    print("findings")
    findings = reckoning.findings()
    for word, sentences in findings.items():
        print(f"{len(sentences):>8} {word}", *sentences[:SHOWN], sep="\n           ")
    return 1 if any(findings.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
