"""What goes wrong in the storm: the vendor's faults, outages, and workers that die or stall."""

import random
import time
from dataclasses import dataclass
from typing import Any

import requests

from dashboard.sandbox.server import Sandbox
from tests.storm.crew import Crew

DEADLINE = 1.5  # seconds, of a bulk call
FAULTS_WAITING = 3  # at most: between them calls go well
FAULT_CHANCE = 0.35  # per gust
KILL_EVERY = 3.0  # seconds
OUTAGE = 1.5  # seconds

# Kind, options, and whether the vendor may have done the work that the answer hides. It never lies about what
# it refused or accepted: against that there is no defence.
EITHER, NEVER, ALWAYS = (False, True), (False,), (True,)
POST_FAULTS: tuple[tuple[str, dict[str, Any], tuple[bool, ...]], ...] = (
    ("close", {}, EITHER),
    ("reset", {}, EITHER),
    ("hang", {"seconds": DEADLINE * 2}, EITHER),
    ("slow", {"seconds": DEADLINE / 3}, ALWAYS),
    ("slow", {"seconds": DEADLINE * 1.2}, ALWAYS),
    ("drip", {"seconds_per_byte": 0.05}, EITHER),
    ("truncate", {}, EITHER),
    ("status", {"status": 500}, EITHER),
    ("status", {"status": 502}, EITHER),
    ("status", {"status": 503, "body": ""}, EITHER),
    ("status", {"status": 504}, EITHER),
    ("html200", {}, EITHER),
    ("empty200", {}, EITHER),
    ("no_content", {}, EITHER),
    ("bad_gzip", {}, EITHER),
    ("gzip_bomb", {"megabytes": 11}, EITHER),
    ("no_results", {}, EITHER),
    ("null_data", {}, EITHER),
    ("rate_limit", {"retry_after": 1}, NEVER),
    ("rate_limit", {"retry_after": "garbage"}, NEVER),
    ("rate_limit", {"window": 1}, NEVER),
    ("status", {"status": 401, "body": {"detail": "Invalid or expired API key"}}, NEVER),
    ("status", {"status": 403, "body": {"detail": "API key lacks required scope: accounts:write"}}, NEVER),
    ("status", {"status": 404, "body": {"detail": "Campaign not found"}}, NEVER),
    ("status", {"status": 409, "body": {"detail": "Campaign is being edited"}}, NEVER),
    ("status", {"status": 413, "body": {"detail": "max 60 accounts per call"}}, NEVER),
    ("status", {"status": 422, "body": {"detail": "Unprocessable"}}, NEVER),
    ("redirect", {}, NEVER),
    ("not_success", {}, NEVER),
    ("all_failed_400", {}, NEVER),
    ("not_success_with_results", {}, ALWAYS),
    ("drop_rows", {"count": 3}, ALWAYS),
    ("extra_rows", {}, ALWAYS),
    ("duplicate_rows", {}, ALWAYS),
    ("conflicting_rows", {"count": 3}, ALWAYS),
    ("shuffle", {}, ALWAYS),
    ("wrong_totals", {}, ALWAYS),
    ("wrong_content_type", {}, ALWAYS),
    ("null_fields", {}, ALWAYS),
    ("huge_strings", {}, ALWAYS),
    ("hostile_strings", {}, ALWAYS),
    ("hostile_json", {}, ALWAYS),
    ("deep_nesting", {}, ALWAYS),
    ("words", {"words": "Zonk"}, ALWAYS),
    ("words", {"words": ["PENDING", "zonk"]}, ALWAYS),
)
GET_FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("close", {}),
    ("reset", {}),
    ("hang", {"seconds": 1}),
    ("status", {"status": 500}),
    ("status", {"status": 503}),
    ("html200", {}),
    ("truncate", {}),
    ("rate_limit", {"retry_after": 1}),
)


@dataclass
class Weather:
    """Makes trouble at random, the same for the same seed as far as processes allow; `said` counts it."""

    sandbox: Sandbox
    crew: Crew
    chance: random.Random

    def __post_init__(self) -> None:
        self.said: dict[str, int] = {}
        self._next_kill = time.monotonic() + KILL_EVERY
        self._next_outage = time.monotonic() + 3 * KILL_EVERY
        for process in EITHER:  # no storm is so short that every call is answered
            self._queue({"kind": "close", "method": "POST", "process": process})

    def blow(self) -> None:
        """One gust; called several times a second."""
        if len(self.sandbox.faults) < FAULTS_WAITING and self.chance.random() < FAULT_CHANCE:
            self._queue_fault()
        now = time.monotonic()
        if now >= self._next_kill:
            self._next_kill = now + KILL_EVERY * self.chance.uniform(0.5, 1.5)
            self._count(
                self.chance.choice((self.crew.kill, self.crew.kill, self.crew.stall, self.crew.end))(
                    self.chance
                )
            )
        if now >= self._next_outage:
            self._next_outage = now + 6 * KILL_EVERY
            self._be_down()

    def clear_up(self) -> None:
        """No more trouble."""
        requests.delete(self.sandbox.control_url + "faults", timeout=10).raise_for_status()
        self.crew.wake_all()

    def _queue_fault(self) -> None:
        if self.chance.random() < 0.8:
            kind, options, may_process = self.chance.choice(POST_FAULTS)
            fault = {"kind": kind, "method": "POST", "process": self.chance.choice(may_process), **options}
        else:
            kind, options = self.chance.choice(GET_FAULTS)
            fault = {"kind": kind, "method": "GET", **options}
        self._queue(fault)

    def _queue(self, fault: dict[str, Any]) -> None:
        requests.post(self.sandbox.control_url + "faults", json=fault, timeout=10).raise_for_status()
        self._count(f"{fault['method']} {fault['kind']}")

    def _be_down(self) -> None:
        """The vendor refuses connections for a moment, and cuts those it has."""
        self.sandbox.stop()
        time.sleep(OUTAGE)
        self.sandbox.start()
        self._count("outage")

    def _count(self, name: str) -> None:
        self.said[name] = self.said.get(name, 0) + 1
