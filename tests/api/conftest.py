"""A vendor that sends exactly the bytes a test wrote down: for what no well-behaved server would do."""

import contextlib
import json
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis
import pytest
from pydantic import SecretStr

from dashboard.api.client import Client
from dashboard.sandbox.server import DEMO_KEY, Sandbox
from tests.tools import require

KEY = "sk_live_do_not_show_me"
SHORT = 0.5  # seconds: for what is meant to run out of time
LONG = 10.0  # for what is not
hypothesis.settings.register_profile("off the clock", deadline=None)
hypothesis.settings.load_profile("off the clock")
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Play:
    """What one request gets: the bytes, piece by piece, and what happens to the connection after."""

    pieces: tuple[bytes, ...] = ()
    then: str = "keep"  # or "close", "reset", "hang"
    pause: float = 0.0  # seconds before each piece

    @property
    def runs_out_of_time(self) -> bool:
        return self.then == "hang" or self.pause > 0


def http(body: Any = b"", status: str = "200 OK", **headers: str) -> bytes:
    """A whole HTTP answer; what is not bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"Content-Length": str(len(content))} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + content


class Request(NamedTuple):
    line: str
    headers: dict[str, str]
    body: bytes
    connection: int


class ScriptedVendor:
    """Answers each request with the next play, the last one for ever."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.plays: list[Play] = []
        self.connections = 0
        self.hung_up = threading.Event()
        self._tls = tls
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/api"
        threading.Thread(target=self._accept, daemon=True).start()

    def answers(self, *plays: Play | bytes) -> None:
        self.plays = [play if isinstance(play, Play) else Play((play,)) for play in plays]

    def stop(self) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                arguments = (connection, self.connections)
                threading.Thread(target=self._serve, args=arguments, daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as stream:
                while request := self._read(stream, number):
                    self.requests.append(request)
                    if not self._play(connection):
                        break
            self.hung_up.set()

    def _read(self, stream: Any, number: int) -> Request | None:
        line = stream.readline().decode("latin-1").strip()
        headers = dict(
            part.decode("latin-1").strip().split(": ", 1) for part in iter(stream.readline, b"\r\n") if part
        )
        body = stream.read(int(headers.get("Content-Length", 0)))
        return Request(line, headers, body, number) if line else None

    def _play(self, connection: socket.socket) -> bool:
        play = self.plays.pop(0) if len(self.plays) > 1 else self.plays[0]
        for piece in play.pieces:
            if play.pause and self._stopping.wait(play.pause):
                return False
            connection.sendall(piece)
        if play.then == "hang":
            self._stopping.wait()
        if play.then == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        return play.then == "keep"


@pytest.fixture
def vendor() -> Iterator[ScriptedVendor]:
    server = ScriptedVendor()
    yield server
    server.stop()


class Certificate(NamedTuple):
    path: Path
    key_path: Path


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for 127.0.0.1 that nobody has signed but itself."""
    folder = tmp_path_factory.mktemp("tls")
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    subprocess.run(
        [
            *(require("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(made.key_path), "-out", str(made.path)),
        ],
        check=True,
        capture_output=True,
    )
    return made


@pytest.fixture
def tls_vendor(certificate: Certificate) -> Iterator[ScriptedVendor]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.path, certificate.key_path)
    server = ScriptedVendor(context)
    yield server
    server.stop()


ClientFactory = Callable[..., Client]


@pytest.fixture
def client_of() -> Iterator[ClientFactory]:
    """`client_of(url)` gives a client that does not sleep between tries."""
    made: list[Client] = []

    def make(url: str, **options: Any) -> Client:
        defaults = {
            "base_url": url,
            "key": SecretStr(KEY),
            "connect_timeout": LONG,
            "get_deadline": LONG,
            "post_deadline": LONG,
            "sleep": lambda seconds: None,
        }
        made.append(Client(**(defaults | options)))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(port=0, seed=1, campaigns=8, accounts=30, customers=5) as server:
        yield server


@pytest.fixture
def client(sandbox: Sandbox, client_of: ClientFactory) -> Client:
    """A client of the sandbox."""
    return client_of(sandbox.url, key=SecretStr(DEMO_KEY))
