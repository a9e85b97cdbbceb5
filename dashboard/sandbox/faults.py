"""Faults on demand: which of the next calls meets which one."""

import threading
from dataclasses import dataclass, replace
from typing import Any

from .answers import Answer
from .fault_kinds import KINDS, Kind
from .request import Request
from .store import Store


@dataclass
class Fault:
    """A fault for `left` more calls (None: for ever) of a method ("*": any) under a path."""

    name: str
    kind: Kind
    method: str
    path: str
    left: int | None
    process: bool
    options: dict[str, Any]

    def meets(self, method: str, path: str) -> bool:
        return self.method in ("*", method) and path.startswith(self.path)

    def before(self, request: Request, store: Store) -> Request:
        """The request as the API shall see it."""
        request = replace(request, commit=self.process)
        if self.kind.stage == "request":
            request = self.kind.change(request, store, **self.options)
        return request

    def after(self, answer: Answer) -> Answer:
        """The answer as the caller shall meet it."""
        if self.kind.stage == "answer":
            answer = self.kind.change(answer, **self.options)
        return answer


class Faults:
    """The faults that wait: a call meets the oldest one that fits it, and no other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def queue(
        self,
        kind: str,
        *,
        method: str | None = None,
        path: str = "",
        times: int | None = 1,
        process: bool | None = None,
        **options: Any,
    ) -> None:
        """Let the next `times` calls (None: all from now on) meet the fault.

        `method` is "POST" unless the kind is about lists, "*" for any; `path` is a prefix under the API's
        base. `process` tells whether the enrollment asked for really happens. Unless given, it does where the
        caller gets the vendor's rows, as with `slow`, and not where there are none to read, as with `close`.
        Raises: ValueError for an unknown kind, an option that it does not have, or `times` below 1.
        """
        known = KINDS.get(kind)
        if known is None:
            raise ValueError(f"no fault is called {kind!r}; there are {', '.join(sorted(KINDS))}")
        if strange := sorted(set(options) - known.options):
            raise ValueError(f"{kind} has no option {', '.join(strange)}; it has {sorted(known.options)}")
        if times is not None and (not isinstance(times, int) or times < 1):
            raise ValueError("times must be a whole number from 1 on, or None for ever")
        happens = known.processes(options) if process is None else process
        with self._lock:
            self._waiting.append(Fault(kind, known, method or known.method, path, times, happens, options))

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that this call meets, counted as met."""
        with self._lock:
            fault = next((fault for fault in self._waiting if fault.meets(method, path)), None)
            if fault and fault.left is not None:
                fault.left -= 1
                self._waiting = [waiting for waiting in self._waiting if waiting.left != 0]
        return fault

    def clear(self) -> None:
        with self._lock:
            self._waiting = []
