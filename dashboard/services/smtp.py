"""SMTP with an end: Django's backend waits anew for each byte, so that a server that drips could hold it for ever."""

import smtplib
from io import BufferedReader
from socket import SocketIO, socket
from time import monotonic
from typing import Any

from django.core.mail.backends import smtp

DEADLINE = 30.0  # seconds for a whole conversation


class _Replies(SocketIO):
    """What the server says, until a time at which all of it ends."""

    def __init__(self, sock: socket, longest: float, ends_at: float) -> None:
        super().__init__(sock, "r")
        self._connection, self._longest, self._ends_at = sock, longest, ends_at

    def readinto(self, buffer: Any) -> int | None:
        left = self._ends_at - monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._connection.settimeout(min(left, self._longest))
        return super().readinto(buffer)


class _Bounded(smtplib.SMTP):
    def __init__(self, *args: Any, **options: Any) -> None:
        self._ends_at = monotonic() + DEADLINE
        super().__init__(*args, **options)

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock:
            self.file = BufferedReader(_Replies(self.sock, self.timeout, self._ends_at))
        return super().getreply()


class _BoundedTls(_Bounded, smtplib.SMTP_SSL):
    pass


class EmailBackend(smtp.EmailBackend):
    """Django's, whose conversations end by `DEADLINE`."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return _BoundedTls if self.use_ssl else _Bounded
