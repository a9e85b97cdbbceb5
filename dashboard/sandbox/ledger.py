"""What was asked of the sandbox, and what it really did."""

import datetime as dt
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass
class Call:
    """One request; `path` is relative to the API's base, `answered_status` is None without an answer."""

    number: int
    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    key: str | None
    at: dt.datetime
    connection_id: int
    fault: str | None = None
    answered_status: int | None = None

    @property
    def is_enrollment(self) -> bool:
        return self.method == "POST" and (
            self.path == "/accounts/campaign/bulk" or self.path.endswith("/campaign")
        )


class Enrollment(NamedTuple):
    """An execution that was really started, and the number of the call that did it."""

    account_id: str
    campaign_id: str
    at: dt.datetime
    call: int


class Ledger:
    """Calls and enrollments in the order they happened; its lists are copies, safe to read at any moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        with self._lock:
            self._calls: list[Call] = []
            self._enrollments: list[Enrollment] = []
            self._last_number = 0

    @property
    def calls(self) -> list[Call]:
        with self._lock:
            return list(self._calls)

    @property
    def enrollments(self) -> list[Enrollment]:
        with self._lock:
            return list(self._enrollments)

    @property
    def posts(self) -> list[Call]:
        """The calls that asked for an enrollment, single or bulk."""
        return [call for call in self.calls if call.is_enrollment]

    def add_call(self, **fields: Any) -> Call:
        """Number the call and keep it. Takes the fields of `Call` but its number and time."""
        with self._lock:
            self._last_number += 1
            call = Call(number=self._last_number, at=dt.datetime.now(dt.UTC), **fields)
            self._calls.append(call)
        return call

    def add_enrollment(self, enrollment: Enrollment) -> None:
        """Keep an enrollment; one from an earlier process moves the numbering of calls on."""
        with self._lock:
            self._enrollments.append(enrollment)
            self._last_number = max(self._last_number, enrollment.call)
