"""The supervisor in a process of its own, with small children whose output shows what happened to them."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import IO

import pytest

from dashboard.engine.processes import backoff

PARENT = """
import signal, sys
from dashboard.engine.processes import Child, Supervisor
signal.alarm(60)  # so that a failing test ends
names, patience, script = sys.argv[1].split(), float(sys.argv[2]), sys.argv[3]
commands = {name: [sys.executable, "-S", "-c", script, name] for name in names}
children = [Child(name, command, patience, "it tidies up") for name, command in commands.items()]
Supervisor(children, say=lambda sentence: print(sentence, flush=True)).run()
"""
OBEDIENT = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # it is waited for: none is missed
signal.alarm(60)
print(sys.argv[1], "is", os.getpid(), flush=True)
signal.sigwait([signal.SIGTERM])
os.write(1, f"{sys.argv[1]} stopped\\n".encode())
"""
DEAF = """
import os, signal, sys
signal.alarm(60)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(sys.argv[1], "is", os.getpid(), flush=True)
while True: signal.pause()
"""
WITH_GRANDCHILD = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
child = os.getpid()
if os.fork(): signal.alarm(60); signal.pause()
signal.alarm(60)
print(sys.argv[1], "is", child, flush=True)
signal.sigwait([signal.SIGTERM])
print("grandchild stopped", flush=True)
"""
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """`start("a b", OBEDIENT)` gives the supervising process; its output is everybody's."""
    started: list[subprocess.Popen[str]] = []

    def start_parent(names: str, script: str, patience: float = 20) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", PARENT, names, str(patience), script]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        return started[-1]

    yield start_parent
    for process in started:
        process.kill()
        process.communicate()


def read_until(pattern: str, output: IO[str] | None) -> re.Match[str]:
    """The first line that fits; fails when everybody has ended without it."""
    assert output is not None
    read = []
    for line in output:
        read.append(line)
        if found := re.search(pattern, line):
            return found
    pytest.fail(f"no {pattern!r} in {''.join(read)!r}")


def everything_left(process: "subprocess.Popen[str]") -> str:
    """The rest of the output: it ends when the last one that holds the pipe has ended."""
    assert process.stdout is not None
    return process.stdout.read()


@pytest.mark.parametrize(("falls", "seconds"), [(1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (60, 30)])
def test_each_fall_in_a_row_waits_longer_up_to_half_a_minute(falls: int, seconds: float) -> None:
    assert backoff(falls) == seconds


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_children_stop_in_the_opposite_order_and_the_parent_leaves_with_zero(
    start: Start, number: signal.Signals
) -> None:
    parent = start("first last", OBEDIENT)
    for _ in range(2):
        read_until(r"is \d+", parent.stdout)

    parent.send_signal(number)

    stopped = [line for line in everything_left(parent).splitlines() if not line.startswith("Waiting for")]
    assert stopped == ["last stopped", "first stopped"]
    assert parent.wait() == 0


def test_a_child_that_falls_over_is_started_again_and_that_is_said(start: Start) -> None:
    parent = start("worker", OBEDIENT)
    first = int(read_until(r"is (\d+)", parent.stdout)[1])

    os.kill(first, signal.SIGKILL)

    said = read_until("The worker ended", parent.stdout)
    assert said.string == "The worker ended unexpectedly (SIGKILL); starting it again in 1 s.\n"
    assert int(read_until(r"is (\d+)", parent.stdout)[1]) != first


def test_a_fallen_child_leaves_none_of_its_own_behind(start: Start) -> None:
    parent = start("web", WITH_GRANDCHILD)
    child = int(read_until(r"is (\d+)", parent.stdout)[1])

    os.kill(child, signal.SIGKILL)

    assert read_until("grandchild stopped", parent.stdout)


def test_no_child_outlives_a_parent_that_is_killed(start: Start) -> None:
    parent = start("first last", OBEDIENT)
    for _ in range(2):
        read_until(r"is \d+", parent.stdout)

    parent.kill()

    assert sorted(everything_left(parent).splitlines()) == ["first stopped", "last stopped"]


def test_it_says_what_is_waited_for_and_a_second_ctrl_c_ends_everything_at_once(start: Start) -> None:
    parent = start("worker", DEAF)
    read_until(r"is \d+", parent.stdout)
    parent.send_signal(signal.SIGINT)
    said = read_until("Waiting", parent.stdout).string

    parent.send_signal(signal.SIGINT)

    assert "Waiting for the worker: it tidies up (at most 20 s). Ctrl-C again ends everything" in said
    assert everything_left(parent) == "Ending everything at once.\n"
    assert parent.wait() == 0


def test_a_child_that_will_not_stop_is_killed_when_its_time_is_over(start: Start) -> None:
    parent = start("worker", DEAF, patience=0.1)
    read_until(r"is \d+", parent.stdout)

    parent.send_signal(signal.SIGTERM)

    assert "The worker did not stop within 0 s and is killed." in everything_left(parent)
    assert parent.wait() == 0
