"""Sending one request over requests and urllib3: whole deadlines, size caps, no redirects, no cookies.

Whether a failed request left this machine is decided by proof: a `NeverConnectedError` among its causes comes
from before the request is written. Whatever fails without that proof may have happened.
"""

import http.client
import io
import json
import socket
import ssl
import threading
import weakref
from collections.abc import Iterator, Mapping
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from pydantic import JsonValue, SecretStr
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, DecodeError, NameResolutionError, NewConnectionError
from urllib3.util.ssl_match_hostname import CertificateError

from .answers import Answer
from .errors import ApiError, Malformed, Unavailable, Unreachable

BODY_LIMIT = 10 * 1024 * 1024
IDLE_LIFE = 5.0  # seconds; an older connection may be dead at the far end, and a write on it look lost
_CHUNK = 64 * 1024
_MASK = "[API key]"
_SHORTEST_SECRET = 8


class NeverConnectedError(NewConnectionError):
    """The connection, with its TLS handshake, was not made: the request was not written."""


class TooLongError(OSError):
    """The vendor sends more than `BODY_LIMIT`."""


class _BoundedReader(io.RawIOBase):
    """A socket's bytes until a deadline for all of them, not for each read."""

    def __init__(self, sock: socket.socket, stream: Any, deadline: float) -> None:
        self._sock, self._stream, self._deadline = sock, stream, deadline
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if (remaining := self._deadline - monotonic()) <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(remaining)
        count: int | None = self._stream.readinto(buffer)
        self.ended = count == 0
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()


class _BoundedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, deadline: float, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self._reader = _BoundedReader(sock, self.fp.detach(), deadline)
        self.fp = io.BufferedReader(self._reader)

    def begin(self) -> None:
        """Read the headers. `http.client` takes cut-off ones for whole, and half a refusal proves nothing."""
        super().begin()
        if self._reader.ended:
            raise http.client.IncompleteRead(b"")


class _Connection(HTTPConnection):
    last_used = float("-inf")

    @property
    def is_connected(self) -> bool:
        """Asked by the pool before it hands out a kept connection."""
        return monotonic() - self.last_used < IDLE_LIFE and super().is_connected

    def connect(self) -> None:
        self._bound_response()
        try:
            super().connect()
        except Exception as error:
            raise NeverConnectedError(self, "Not connected") from error

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]
        self._bound_response()
        self.last_used = monotonic()
        return super().getresponse()

    def _bound_response(self) -> None:
        """`timeout` is by now what is left of the request's total time."""
        deadline = monotonic() + (self.timeout or 0)
        self.response_class = partial(_BoundedResponse, deadline=deadline)  # type: ignore[assignment]


class _SecureConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _Pool, "https": _SecurePool}


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def cert_verify(self, conn: Any, *args: Any) -> None:
        try:
            super().cert_verify(conn, *args)  # type: ignore[no-untyped-call]
        except OSError as error:  # the file of trusted certificates is gone
            raise NeverConnectedError(conn, "Not connected") from error

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """A redirect is an answer; to follow it would carry the key elsewhere."""


class Transport:
    """One session per thread to one base URL. Times are in seconds."""

    def __init__(
        self,
        *,
        base_url: str,
        key: SecretStr,
        connect_timeout: float,
        ca_file: Path | None,
        proxy_url: SecretStr | None,
    ) -> None:
        self.host = urlsplit(base_url).netloc
        self._base_url = base_url
        self._key = key
        self._connect_timeout = connect_timeout
        self._ca_file = ca_file
        self._proxy_url = proxy_url
        self._local = threading.local()
        self._sessions: weakref.WeakSet[requests.Session] = weakref.WeakSet()

    def get(self, path: str, params: Mapping[str, str], seconds: float) -> Answer:
        """Raises: Unreachable, Unavailable, Malformed."""
        return self._send("GET", path, seconds, params=params)

    def post(self, path: str, body: JsonValue, seconds: float) -> Answer:
        """Raises: Unreachable, Unavailable, Malformed."""
        return self._send("POST", path, seconds, json=body)

    def close(self) -> None:
        for session in list(self._sessions):
            session.close()

    def _send(self, method: str, path: str, seconds: float, **content: Any) -> Answer:
        try:
            return self._exchange(method, path, seconds, **content)
        except Exception as error:  # whatever the libraries raise, also by mistake, ends here
            failed = self._wrapped(error, is_write=method != "GET")
        raise failed  # not from `error`: that holds the request, and the request holds the key

    def _exchange(self, method: str, path: str, seconds: float, **content: Any) -> Answer:
        started = monotonic()
        with self._session().request(
            method,
            self._base_url + path,
            timeout=urllib3.Timeout(total=seconds, connect=self._connect_timeout),  # type: ignore[arg-type]
            allow_redirects=False,
            stream=True,
            **content,
        ) as response:
            body = _read_body(response)
        text = body.decode(json.detect_encoding(body), "replace")
        return Answer(
            is_write=method != "GET",
            status=response.status_code,
            headers=response.headers,
            text=self._masked(text),
            elapsed=monotonic() - started,
        )

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = self._new_session()
            self._sessions.add(session)
        return session

    def _new_session(self) -> requests.Session:
        session = _Session()
        session.trust_env = False
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.verify = str(self._ca_file) if self._ca_file else True
        if self._proxy_url:
            session.proxies = dict.fromkeys(("http", "https"), self._proxy_url.get_secret_value())
        session.headers = requests.structures.CaseInsensitiveDict(
            {
                "Accept": "application/json",
                "Accept-Encoding": "gzip, deflate",
                "User-Agent": f"Rollcall/{_version()}",
                "X-Api-Key": self._key.get_secret_value(),
            }
        )
        session.mount("http://", _Adapter(pool_connections=1, pool_maxsize=1))
        session.mount("https://", _Adapter(pool_connections=1, pool_maxsize=1))
        return session

    def _masked(self, text: str) -> str:
        key = self._key.get_secret_value()
        return text.replace(key, _MASK) if len(key) >= _SHORTEST_SECRET else text

    def _wrapped(self, error: Exception, is_write: bool) -> ApiError:
        causes = list(_causes(error))
        if any(isinstance(cause, _NEVER_SENT) for cause in causes):
            return self._unreachable(causes)
        if any(isinstance(cause, TooLongError | DecodeError) for cause in causes):
            message = "The vendor's answer is too long or damaged and could not be read."
            return Malformed(message, may_have_happened=is_write)
        if any(isinstance(cause, TimeoutError | urllib3.exceptions.TimeoutError) for cause in causes):
            late = Unavailable("The vendor's API did not answer in time.", may_have_happened=is_write)
            late.timed_out = True
            return late
        message = "The connection to the vendor's API broke before the whole answer had come."
        return Unavailable(message, may_have_happened=is_write)

    def _unreachable(self, causes: list[BaseException]) -> Unreachable:
        reason, certificate = "no connection could be made", False
        for cause in causes:
            if isinstance(cause, ssl.SSLCertVerificationError | CertificateError):
                reason, certificate = "its certificate cannot be trusted", True
            elif isinstance(cause, ssl.SSLError):
                reason = "no secure connection could be agreed on"
            elif isinstance(cause, NameResolutionError):
                reason = "the name was not found"
            elif isinstance(cause, ConnectTimeoutError | TimeoutError):
                reason = "it did not answer in time"
            elif isinstance(cause, ConnectionRefusedError):
                reason = "it refused the connection"
        message = f"The vendor's API at {self.host} cannot be reached: {reason}."
        return Unreachable(message, host=self.host, certificate=certificate)


# Proof that nothing was sent: no connection, or an address or header that no connection was even tried with.
_NEVER_SENT = (
    NeverConnectedError,
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    urllib3.exceptions.LocationParseError,
    urllib3.exceptions.LocationValueError,
)


def _read_body(response: requests.Response) -> bytes:
    """The whole body, unpacked piece by piece so that a compressed bomb is cut before it unfolds."""
    body = bytearray()
    for chunk in response.iter_content(_CHUNK):
        body += chunk
        if len(body) > BODY_LIMIT:
            raise TooLongError
    return bytes(body)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """`error` and what the libraries say caused it. Not `__context__`: that may be an older one."""
    links = (*error.args, getattr(error, "reason", None), error.__cause__)
    yield error
    for link in links:
        if isinstance(link, BaseException):
            yield from _causes(link)


def _version() -> str:
    try:
        return version("rollcall")
    except PackageNotFoundError:
        return "source"
