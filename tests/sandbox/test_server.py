import ast
import socket
import sys
from pathlib import Path

import pytest

import dashboard.sandbox
from dashboard.sandbox.server import Sandbox
from tests.sandbox.conftest import Caller


def test_needs_the_standard_library_only() -> None:
    folder = Path(dashboard.sandbox.__file__).parent
    imported = set()
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level != 1:
                imported.add((node.module or "..").split(".")[0])
    assert imported <= sys.stdlib_module_names


def test_every_answer_says_that_it_is_the_sandbox(caller: Caller) -> None:
    replies = [caller.get("/campaigns"), caller.get("/nothing"), caller.get("/_sandbox/state")]
    assert [reply.headers["X-Rollcall-Sandbox"] for reply in replies] == ["1"] * 3


def test_calls_of_one_connection_share_it(sandbox: Sandbox, caller: Caller) -> None:
    other = Caller(sandbox.port)
    for each in (caller, caller, other):
        each.get("/campaigns")
    other.connection.close()
    ids = [call.connection_id for call in sandbox.ledger.calls]
    assert ids[0] == ids[1] != ids[2]


def test_the_ledger_holds_the_call_as_it_came(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.faults.queue("status", status=418)
    caller.call("POST", "/accounts/campaign/bulk?x=1", b'{"a": [1]}')
    call = sandbox.ledger.calls[0]
    assert (call.number, call.method, call.path) == (1, "POST", "/accounts/campaign/bulk")
    assert (call.query, call.body, call.key) == ({"x": "1"}, {"a": [1]}, "sk_sandbox_demo")
    assert (call.fault, call.answered_status) == ("status", 418)


@pytest.mark.parametrize(("body", "kept"), [(b"", None), (b"not json \xff", "not json \ufffd")])
def test_the_ledger_keeps_bodies_that_are_no_json(
    sandbox: Sandbox, caller: Caller, body: bytes, kept: str | None
) -> None:
    caller.call("POST", "/accounts/campaign/bulk", body)
    assert sandbox.ledger.calls[0].body == kept


def test_the_ledger_tells_enrollment_posts_from_the_rest(sandbox: Sandbox, caller: Caller) -> None:
    for method, path in [
        ("GET", "/accounts"),
        ("POST", "/accounts/campaign/bulk"),
        ("POST", "/accounts/x/campaign"),
    ]:
        caller.call(method, path)
    assert [call.number for call in sandbox.ledger.posts] == [2, 3]


def test_a_port_in_use_is_an_error(sandbox: Sandbox) -> None:
    with pytest.raises(OSError, match="in use"):
        Sandbox(port=sandbox.port, accounts=0).start()


def test_a_port_out_of_range_is_an_error() -> None:
    with pytest.raises(OSError, match="port must be"):
        Sandbox(port=70_000, accounts=0).start()


def test_stopping_cuts_connections_and_starting_again_keeps_port_and_records(
    sandbox: Sandbox, caller: Caller
) -> None:
    campaign = sandbox.store.add_campaign()
    caller.get("/campaigns")
    port = sandbox.port
    sandbox.stop()
    with pytest.raises(ConnectionError):
        caller.get("/campaigns")
    with pytest.raises(ConnectionRefusedError):
        Caller(port).get("/campaigns")
    sandbox.start()
    again = Caller(port)
    assert [each["id"] for each in again.get("/campaigns").data] == [campaign["id"]]
    again.connection.close()


def test_starting_twice_is_starting_once(sandbox: Sandbox) -> None:
    port = sandbox.port
    sandbox.start()
    assert sandbox.port == port


def test_serving_for_ever_ends_when_stopped(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox.stopping, "wait", lambda: True)
    sandbox.serve_forever()
    with pytest.raises(ConnectionRefusedError):
        Caller(sandbox.port).get("/campaigns")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", b"501"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"413"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
    ],
)
def test_what_is_no_proper_request_is_refused(sandbox: Sandbox, request_bytes: bytes, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=60) as connection:
        connection.sendall(request_bytes)
        answer = connection.recv(65_536)
    assert status in answer.split(b"\r\n")[0] or status in answer
    assert b"X-Rollcall-Sandbox: 1" in answer
