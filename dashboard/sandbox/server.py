"""The sandbox as a real HTTP/1.1 server on loopback: keep-alive, one thread a connection."""

import contextlib
import datetime as dt
import http.client
import itertools
import os
import socket
import socketserver
import struct
import sys
import threading
from dataclasses import replace
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Literal, Self, cast
from urllib.parse import parse_qsl

from . import control, seed
from .answers import Answer, Style, error
from .api import Api, Key
from .faults import Faults
from .journal import Journal
from .ledger import Call, Ledger
from .request import BASE_PATH, Request
from .store import Store

DEMO_KEY = "sk_sandbox_demo"
BODY_LIMIT = 20_000_000
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Sandbox:
    """The stand-in: its data, its ledger, its faults, and the server that shows them.

    `latency` is seconds per answer; `state_path` names a journal of every change, replayed at the start, so
    that a restart loses nothing. An enrollment happens when its call arrives, before any waiting. After
    `stop`, `start` opens the same port again, with the data as it was.
    Raises: OSError from `start` when the port is not to be had, from the constructor for a bad `state_path`.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        seed: int = 1,
        campaigns: int = 40,
        accounts: int = 2000,
        customers: int = 400,
        latency: float = 0.0,
        state_path: str | os.PathLike[str] | None = None,
        host: str = "127.0.0.1",
        today: dt.date | None = None,
        pending_rate: float = 0.0,
        single_style: Literal["body", "query", "absent"] = "body",
    ) -> None:
        self.host = host
        self.port = port
        self.latency = latency
        self.sizes = {"seed": seed, "campaigns": campaigns, "accounts": accounts, "customers": customers}
        self.keys = {DEMO_KEY: Key()}
        self.style = Style(single_style=single_style)
        self.faults = Faults()
        self.ledger = Ledger()
        self.journal = Journal(state_path) if state_path else None
        self.store = Store(ledger=self.ledger, journal=self.journal, today=today, pending_rate=pending_rate)
        self.api = Api(self.store, self.keys, self.style)
        self.stopping = threading.Event()
        self._server: Server | None = None
        self._fill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The API's base; the port is known once started."""
        return f"http://{self.host}:{self.port}{BASE_PATH}"

    @property
    def control_url(self) -> str:
        return f"http://{self.host}:{self.port}{control.PREFIX}"

    def start(self) -> None:
        """Listen, and answer in threads of its own. Raises: OSError for a port not to be had."""
        if self._server:
            return
        try:
            self._server = Server(self)
        except OverflowError as error:
            raise OSError(str(error)) from error
        self.stopping.clear()
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.02,), name="sandbox", daemon=True).start()

    def stop(self) -> None:
        """Stop listening and cut every connection; answers under way are not sent."""
        self.stopping.set()
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server.cut_connections()
            self._server = None

    def serve_forever(self) -> None:
        """Serve until `stop` is called or KeyboardInterrupt comes by. Raises: OSError as `start`."""
        with self:
            self.stopping.wait()

    def reset(self) -> None:
        """Put everything back as seeded: no calls, no enrollments, no faults."""
        self.faults.clear()
        with self.store.lock:
            if self.journal:
                self.journal.clear()
            self.ledger.clear()
            self._fill()

    def answer(self, request: Request, connection_id: int) -> tuple[Call, Answer]:
        """Do what the request asks, through the fault it meets, and write it down."""
        fault = self.faults.take(request.method, request.path)
        call = self.ledger.add_call(
            method=request.method,
            path=request.path,
            query=request.query,
            body=request.parsed_body(),
            key=request.key,
            connection_id=connection_id,
            fault=fault.name if fault else None,
        )
        request = replace(request, call=call.number)
        if fault is None:
            return call, self.api.answer(request)
        return call, fault.after(self.api.answer(fault.before(request, self.store)))

    def _fill(self) -> None:
        self.store.clear()
        seed.fill(self.store, **self.sizes)
        self.store.replay()


class Server(socketserver.ThreadingTCPServer):
    """Listens for a sandbox and remembers the open connections, to cut them when it stops."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.connection_ids = itertools.count(1)
        self.connections: set[socket.socket] = set()
        super().__init__((sandbox.host, sandbox.port), Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def cut_connections(self) -> None:
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that went away is no news; anything else is a bug and is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection: reads requests, has them answered, and writes the answers as their faults demand."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        server = cast(Server, self.server)
        self.sandbox = server.sandbox
        self.connection_id = next(server.connection_ids)

    def handle_call(self) -> None:
        body = self._read_body()
        if body is None:
            self._send(error(self.sandbox.style, 413, "Request body too large or of no stated length"))
            return
        path, _, query = self.path.partition("?")
        if path.startswith(control.PREFIX):
            self._send(control.answer(self.sandbox, self.command, path.removeprefix(control.PREFIX), body))
        elif path.startswith(BASE_PATH + "/"):
            self._answer(self._request(path.removeprefix(BASE_PATH), query, body))
        else:
            self._send(error(self.sandbox.style, 404, "Not Found"))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = handle_call  # noqa: N815

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is no proper HTTP request."""
        self.close_connection = True
        self._send(error(self.sandbox.style, code, message or http.client.responses[code]))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the ledger holds every call."""

    def _read_body(self) -> bytes | None:
        """The request's body; None, and no more requests, where its length is missing or beyond the limit."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal() or int(length) > BODY_LIMIT:
            self.close_connection = True
            return None
        return self.rfile.read(int(length))

    def _request(self, path: str, query: str, body: bytes) -> Request:
        return Request(
            method=self.command,
            path=path,
            query=dict(parse_qsl(query)),
            body=body,
            key=self.headers.get("X-Api-Key"),
            content_type=self.headers.get("Content-Type", ""),
        )

    def _answer(self, request: Request) -> None:
        call, answer = self.sandbox.answer(request, self.connection_id)
        waits = answer.delay + self.sandbox.latency
        if waits and self.sandbox.stopping.wait(waits):
            answer = replace(answer, silent=True)
        if answer.silent:
            self._leave(reset=answer.reset)
        else:
            call.answered_status = answer.status
            self._send(answer)

    def _leave(self, *, reset: bool) -> None:
        """End the connection without a word; a reset must not be preceded by the usual closing."""
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            os.close(self.connection.detach())

    def _send(self, answer: Answer) -> None:
        content = answer.content()
        self.close_connection |= answer.sent_share < 1
        head = self._head(answer, len(content))
        body = b"" if self.command == "HEAD" else content[: int(len(content) * answer.sent_share)]
        if not answer.pace:
            self.wfile.write(head + body)
            return
        self.wfile.write(head)
        for place in range(len(body)):
            if self.sandbox.stopping.wait(answer.pace):
                self.close_connection = True
                return
            self.wfile.write(body[place : place + 1])

    def _head(self, answer: Answer, length: int) -> bytes:
        headers = {
            "Server": "sandbox",
            "Date": formatdate(usegmt=True),
            "Content-Type": "application/json",
            "X-Rollcall-Sandbox": "1",
            **answer.headers,
        }
        if answer.status != HTTPStatus.NO_CONTENT:
            headers["Content-Length"] = str(length)
        if self.close_connection:
            headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {answer.status} {http.client.responses.get(answer.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
