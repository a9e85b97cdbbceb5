"""Child processes: started, started again when they fall over, stopped in order, never left behind."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

STOP_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
WATCHED_SIGNALS = STOP_SIGNALS | {signal.SIGCHLD}
TICK = 0.5  # seconds between looks at the children when nothing is heard of them
STEADY_AFTER = 60.0  # a child that lived this many seconds is started again without waiting longer
LONGEST_BACKOFF = 30.0
QUIET = 1.0  # a child may take this many seconds to stop before that is said
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None)


def backoff(falls: int) -> float:
    """Seconds to wait before a child that fell `falls` times in a row is started again: 1, 2, 4 .. 30."""
    return min(2.0 ** (falls - 1), LONGEST_BACKOFF)


@dataclass
class Child:
    """One process to keep alive.

    `name` and `while_stopping` are for people ("worker", "a call in flight is finished first"); `patience` is
    how many seconds it may take to stop after SIGTERM before it is killed.
    """

    name: str
    command: Sequence[str]
    patience: float
    while_stopping: str = "it is asked to stop"
    falls: int = 0
    start_at: float = 0.0
    started_at: float = 0.0
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def start(self) -> None:
        """In a process group of its own, so that a Ctrl-C in the terminal reaches it only through us."""
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - our own command, no shell
            self.command,
            stdin=subprocess.DEVNULL,
            process_group=0,
            preexec_fn=_end_with(os.getpid()),
        )

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def terminate(self) -> None:
        """Ask the child alone: it knows best how to stop what it started."""
        if self.process is not None:
            self.process.terminate()

    def signal_all(self, number: int) -> None:
        """To the child and all that it started."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def kill(self) -> None:
        if self.process is not None and self.is_running():
            self.signal_all(signal.SIGKILL)
            self.process.wait()

    def note_fall(self) -> float:
        """Reckon when to start again; gives the seconds until then."""
        steady = time.monotonic() - self.started_at >= STEADY_AFTER
        self.falls = 1 if steady else self.falls + 1
        wait = backoff(self.falls)
        self.start_at = time.monotonic() + wait
        return wait

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        code = self.process.returncode if self.process else None
        return f"exit code {code}" if code is None or code >= 0 else signal.Signals(-code).name


def _end_with(parent: int) -> Callable[[], None]:
    """What the new process does first: ask for SIGTERM when `parent` dies, and hear all signals again."""

    def in_child() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if os.getppid() != parent:
            os._exit(1)

    return in_child


class Supervisor:
    """Starts children in the given order and stops them in the opposite one.

    `say` gets sentences for the person at the terminal; `each_tick` is called about twice a second.
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        say: Callable[[str], None],
        each_tick: Callable[[], None] = lambda: None,
    ) -> None:
        self._children = children
        self._say = say
        self._each_tick = each_tick

    def run(self) -> None:
        """Until SIGINT, SIGTERM or SIGHUP, which are waited for, not handled: nothing is interrupted."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED_SIGNALS)
        try:
            for child in self._children:
                child.start()
            while not _stop_is_asked(TICK):
                self._look_after_children()
                self._each_tick()
            self._stop()
        finally:
            for child in self._children:
                child.kill()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _look_after_children(self) -> None:
        for child in self._children:
            if child.process is None:
                if time.monotonic() >= child.start_at:
                    child.start()
            elif not child.is_running():
                self._note_fall(child)

    def _note_fall(self, child: Child) -> None:
        child.signal_all(signal.SIGTERM)
        ending = child.ending
        wait = child.note_fall()
        child.process = None
        self._say(f"The {child.name} ended unexpectedly ({ending}); starting it again in {wait:.0f} s.")

    def _stop(self) -> None:
        for child in reversed(self._children):
            child.terminate()
            if not self._wait_for(child):
                return

    def _wait_for(self, child: Child) -> bool:
        """False when a person would not wait for it."""
        asked_at = time.monotonic()
        told = False
        while child.is_running():
            if _stop_is_asked(TICK):
                self._say("Ending everything at once.")
                return False
            waited = time.monotonic() - asked_at
            if waited >= child.patience:
                self._say(f"The {child.name} did not stop within {child.patience:.0f} s and is killed.")
                child.kill()
            elif waited >= QUIET and not told:
                told = True
                self._say(
                    f"Waiting for the {child.name}: {child.while_stopping} (at most {child.patience:.0f} s)."
                    " Ctrl-C again ends everything at once."
                )
        return True


def _stop_is_asked(patience: float) -> bool:
    """Wait for a signal, at most `patience` seconds; a child's end also ends the wait."""
    heard = signal.sigtimedwait(WATCHED_SIGNALS, patience)
    return heard is not None and heard.si_signo in STOP_SIGNALS
