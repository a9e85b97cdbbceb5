"""The worker processes of the storm: started, killed, stalled, ended, and always started again."""

import random
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30.0  # seconds for a worker that was told to end


class Crew:
    """So many `manage.py work` at a time."""

    def __init__(self, size: int, environment: Mapping[str, str], log: Path, *, stall: float) -> None:
        self._environment = dict(environment)
        self._log = log.open("ab")
        self._stall = stall
        self._workers = [self._start() for _ in range(size)]
        self._leaving: list[subprocess.Popen[bytes]] = []
        self._stalled: list[threading.Timer] = []

    def kill(self, chance: random.Random) -> str:
        """SIGKILL to one of them, in the middle of whatever it does."""
        place, worker = self._any(chance)
        worker.kill()
        worker.wait()
        self._workers[place] = self._start()
        return "kill -9"

    def stall(self, chance: random.Random) -> str:
        """One of them stands still beyond its lease, and then goes on as if nothing had been."""
        _, worker = self._any(chance)
        worker.send_signal(signal.SIGSTOP)
        timer = threading.Timer(self._stall, worker.send_signal, [signal.SIGCONT])
        self._stalled.append(timer)
        timer.start()
        return "stall"

    def end(self, chance: random.Random) -> str:
        """One of them is told to end, and does so in its own time."""
        place, worker = self._any(chance)
        worker.terminate()
        self._leaving.append(worker)
        self._workers[place] = self._start()
        return "SIGTERM"

    def wake_all(self) -> None:
        """Let those that stand still go on."""
        for timer in self._stalled:
            timer.join()

    def dismiss(self) -> None:
        """End all of them. Raises: subprocess.TimeoutExpired when one does not."""
        for worker in self._workers:
            worker.terminate()
        for worker in (*self._workers, *self._leaving):
            worker.wait(PATIENCE)
        self._log.close()

    def replace_fallen(self) -> int:
        """Start those anew that ended by themselves, which none should; gives how many."""
        fallen = [place for place, worker in enumerate(self._workers) if worker.poll() is not None]
        for place in fallen:
            self._workers[place] = self._start()
        return len(fallen)

    def _any(self, chance: random.Random) -> tuple[int, "subprocess.Popen[bytes]"]:
        return chance.choice(list(enumerate(self._workers)))

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, str(ROOT / "manage.py"), "work"]
        return subprocess.Popen(command, env=self._environment, stdout=self._log, stderr=self._log)
