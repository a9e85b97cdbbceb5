"""What happens on the wire, byte by byte."""

import gzip
import json
import logging
import socket
import threading
import traceback
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from urllib3.connection import HTTPConnection

from dashboard.api import transport
from dashboard.api.errors import ApiError, Malformed, Refused, Unavailable, Unreachable
from tests.patience import PATIENCE

from .conftest import KEY, LONG, SHORT, Certificate, ClientFactory, Play, ScriptedVendor, http

ROW = {"invoice_id": "a1", "status": "SUCCESS"}
ENROLLED = http({"success": True, "data": {"results": [ROW]}})
EMPTY_LIST = http({"success": True, "data": []})


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


# Provably not sent


def test_a_refused_connection_is_not_sent(client_of: ClientFactory) -> None:
    client = client_of(f"http://127.0.0.1:{free_port()}/api")

    with pytest.raises(Unreachable, match="refused the connection") as caught:
        client.enroll("c1", ["a1"])

    assert not caught.value.may_have_happened
    assert not caught.value.certificate
    assert caught.value.host == client.host


def test_a_name_that_is_not_found_is_not_sent(
    client_of: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_such_name(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)

    with pytest.raises(Unreachable, match=r"vendor\.test cannot be reached: the name was not found"):
        client_of("https://vendor.test/api").enroll("c1", ["a1"])


def test_a_connect_timeout_is_not_sent(client_of: ClientFactory) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:  # fill the queue, so that the next one gets no answer
            each.setblocking(False)
            each.connect_ex(address)

        with pytest.raises(Unreachable, match="did not answer in time"):
            client_of(f"http://127.0.0.1:{address[1]}/api", connect_timeout=SHORT).enroll("c1", ["a1"])

        for each in waiting:
            each.close()


def test_an_untrusted_certificate_is_not_sent(tls_vendor: ScriptedVendor, client_of: ClientFactory) -> None:
    with pytest.raises(Unreachable, match="certificate cannot be trusted") as caught:
        client_of(tls_vendor.url).enroll("c1", ["a1"])

    assert caught.value.certificate
    assert tls_vendor.requests == []


def test_a_certificate_for_another_name_is_not_sent(
    tls_vendor: ScriptedVendor, certificate: Certificate, client_of: ClientFactory
) -> None:
    client = client_of(tls_vendor.url.replace("127.0.0.1", "localhost"), ca_file=certificate.path)

    with pytest.raises(Unreachable) as caught:
        client.enroll("c1", ["a1"])

    assert caught.value.certificate
    assert tls_vendor.requests == []


def test_an_untrusted_certificate_is_not_tried_again(
    tls_vendor: ScriptedVendor, client_of: ClientFactory
) -> None:
    with pytest.raises(Unreachable):
        client_of(tls_vendor.url).campaigns()

    assert tls_vendor.connections == 1


def test_a_stalled_tls_handshake_is_not_sent(client_of: ClientFactory) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = client_of(f"https://127.0.0.1:{silent.getsockname()[1]}/api", connect_timeout=SHORT)

        with pytest.raises(Unreachable, match="did not answer in time") as caught:
            client.enroll("c1", ["a1"])

    assert not caught.value.certificate


def test_a_vendor_that_speaks_no_tls_is_not_sent(client_of: ClientFactory) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(LONG)
        client = client_of(f"https://127.0.0.1:{listener.getsockname()[1]}/api")
        errors: list[ApiError] = []
        caller = _in_background(lambda: client.enroll("c1", ["a1"]), errors)
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            caller.join()

    assert isinstance(errors[0], Unreachable)
    assert "secure connection" in errors[0].message


def test_a_lost_file_of_trusted_certificates_is_not_sent(
    tls_vendor: ScriptedVendor, client_of: ClientFactory, tmp_path: Path
) -> None:
    with pytest.raises(Unreachable):
        client_of(tls_vendor.url, ca_file=tmp_path / "gone.pem").enroll("c1", ["a1"])


def test_a_proxy_that_refuses_the_tunnel_is_not_sent(
    vendor: ScriptedVendor, client_of: ClientFactory
) -> None:
    vendor.answers(Play((http(status="407 Proxy Authentication Required"),), then="close"))
    proxy = SecretStr(f"http://person:secret@127.0.0.1:{vendor.port}")

    with pytest.raises(Unreachable) as caught:
        client_of("https://vendor.test/api", proxy_url=proxy).enroll("c1", ["a1"])

    assert vendor.requests[0].line.startswith("CONNECT vendor.test:443 ")
    assert KEY not in str(vendor.requests)
    assert "secret" not in caught.value.message


def test_a_failure_while_an_older_one_is_handled_is_judged_by_itself(
    vendor: ScriptedVendor, client_of: ClientFactory
) -> None:
    vendor.answers(Play(then="close"))
    client = client_of(vendor.url)

    try:
        raise transport.NeverConnectedError(HTTPConnection("vendor.test"), "an older failure")
    except transport.NeverConnectedError:
        with pytest.raises(Unavailable) as caught:
            client.enroll("c1", ["a1"])

    assert caught.value.may_have_happened


# Perhaps sent

LOST = {
    "closed without an answer": Play(then="close"),
    "reset without an answer": Play(then="reset"),
    "no answer in time": Play(then="hang"),
    "half a header": Play((b"HTTP/1.1 200 OK\r\nContent-Le",), then="close"),
    "half a refusal": Play((b"HTTP/1.1 404 Not Found\r\n",), then="close"),
    "body shorter than promised": Play((ENROLLED[:-10],), then="close"),
    "body that stops coming": Play((ENROLLED[:-10],), then="hang"),
    "chunks without an end": Play(
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",), then="close"
    ),
    "no HTTP at all": Play((b"SSH-2.0-OpenSSH_9.9\r\n\r\n",), then="close"),
    "headers drip": Play(tuple(bytes([byte]) for byte in ENROLLED), pause=0.05),
    "body drips": Play((ENROLLED[:-50], *(bytes([byte]) for byte in ENROLLED[-50:])), pause=0.05),
    "only 100 Continue": Play((b"HTTP/1.1 100 Continue\r\n\r\n",) * 100, pause=0.05),
}


@pytest.mark.parametrize("play", LOST.values(), ids=LOST.keys())
def test_a_lost_answer_to_a_write_may_have_happened(
    play: Play, vendor: ScriptedVendor, client_of: ClientFactory
) -> None:
    vendor.answers(play)

    with pytest.raises(Unavailable) as caught:
        client_of(vendor.url, post_deadline=SHORT if play.runs_out_of_time else LONG).enroll("c1", ["a1"])

    assert caught.value.may_have_happened
    assert len(vendor.requests) <= 1


@pytest.mark.parametrize("play", [LOST["headers drip"], LOST["body drips"], LOST["no answer in time"]])
def test_the_deadline_holds_over_tls(
    play: Play, tls_vendor: ScriptedVendor, certificate: Certificate, client_of: ClientFactory
) -> None:
    tls_vendor.answers(play)

    with pytest.raises(Unavailable, match="in time") as caught:
        client_of(tls_vendor.url, ca_file=certificate.path, post_deadline=SHORT).enroll("c1", ["a1"])

    assert caught.value.may_have_happened


def test_each_read_of_the_socket_gets_what_is_left_of_the_time() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("rb", buffering=0) as stream:
        theirs.sendall(b"x")

        transport._BoundedReader(ours, stream, transport.monotonic() + LONG).readinto(bytearray(1))

        assert 0 < (ours.gettimeout() or 0) <= LONG


def test_a_lost_answer_to_a_read_has_changed_nothing(
    vendor: ScriptedVendor, client_of: ClientFactory
) -> None:
    vendor.answers(Play(then="close"))

    with pytest.raises(Unavailable) as caught:
        client_of(vendor.url).campaigns()

    assert not caught.value.may_have_happened


DAMAGED = {
    "gzip that is none": http(b"no gzip", Content_Encoding="gzip"),
    "too long": http(b" " * (transport.BODY_LIMIT + 1)),
    "too long unpacked": http(gzip.compress(b" " * (transport.BODY_LIMIT + 1)), Content_Encoding="gzip"),
    "endless header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * (transport.BODY_LIMIT * 2),
}


@pytest.mark.parametrize("answer", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_answer_to_a_write_may_have_happened(
    answer: bytes, vendor: ScriptedVendor, client_of: ClientFactory
) -> None:
    vendor.answers(answer)

    with pytest.raises((Malformed, Unavailable)) as caught:
        client_of(vendor.url).enroll("c1", ["a1"])

    assert caught.value.may_have_happened


def test_a_compressed_bomb_is_cut_before_it_unfolds(vendor: ScriptedVendor, client_of: ClientFactory) -> None:
    bomb = gzip.compress(b" " * 60_000_000, compresslevel=1)
    vendor.answers(
        http(bomb, Content_Encoding="gzip"), http(bomb, "302 Found", Content_Encoding="gzip", Location="/")
    )
    client = client_of(vendor.url)

    tracemalloc.start()
    for _ in range(2):
        with pytest.raises(Malformed):
            client.campaigns()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 4 * transport.BODY_LIMIT


# What is sent


def test_the_request_is_as_the_contract_wants_it(vendor: ScriptedVendor, client_of: ClientFactory) -> None:
    vendor.answers(ENROLLED)

    client_of(vendor.url + "/").enroll("c1", ["a1"])

    request = vendor.requests[0]
    assert request.line == "POST /api/accounts/campaign/bulk HTTP/1.1"
    assert request.headers["X-Api-Key"] == KEY
    assert request.headers["Accept"] == "application/json"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"].startswith("Rollcall/")
    assert json.loads(request.body) == {"campaign_id": "c1", "account_ids": ["a1"]}


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent"]
)
def test_a_redirect_is_refused_and_never_followed(
    status: str, vendor: ScriptedVendor, client_of: ClientFactory
) -> None:
    vendor.answers(http(status=status, Location=f"http://localhost:{vendor.port}/elsewhere"))

    with pytest.raises(Refused) as caught:
        client_of(vendor.url).enroll("c1", ["a1"])

    assert not caught.value.may_have_happened
    assert len(vendor.requests) == 1


def test_the_environment_changes_nothing(
    vendor: ScriptedVendor, client_of: ClientFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    vendor.answers(EMPTY_LIST)
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login person password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")

    client_of(vendor.url).campaigns()

    assert "Authorization" not in vendor.requests[0].headers


def test_cookies_are_not_kept(vendor: ScriptedVendor, client_of: ClientFactory) -> None:
    vendor.answers(http({"data": []}, Set_Cookie="session=1; Path=/"))
    client = client_of(vendor.url)

    client.campaigns()
    client.campaigns()

    assert "Cookie" not in vendor.requests[1].headers


def test_our_own_proxy_is_used(vendor: ScriptedVendor, client_of: ClientFactory) -> None:
    vendor.answers(EMPTY_LIST)

    client_of("http://vendor.test/api", proxy_url=SecretStr(f"http://127.0.0.1:{vendor.port}")).campaigns()

    assert vendor.requests[0].line.startswith("GET http://vendor.test/api/campaigns?")


# Connections


def test_a_connection_is_used_again(
    tls_vendor: ScriptedVendor, certificate: Certificate, client_of: ClientFactory
) -> None:
    tls_vendor.answers(ENROLLED)
    client = client_of(tls_vendor.url, ca_file=certificate.path)

    for _ in range(3):
        client.enroll("c1", ["a1"])

    assert [request.connection for request in tls_vendor.requests] == [1, 1, 1]


def test_a_connection_that_was_idle_too_long_is_not_used_for_a_write(
    vendor: ScriptedVendor, client_of: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor.answers(ENROLLED)
    client = client_of(vendor.url)
    now = transport.monotonic()
    client.enroll("c1", ["a1"])

    monkeypatch.setattr(transport, "monotonic", lambda: now + transport.IDLE_LIFE + 1)
    client.enroll("c1", ["a1"])

    assert [request.connection for request in vendor.requests] == [1, 2]


def test_a_connection_that_the_vendor_closed_is_not_used_again(
    vendor: ScriptedVendor, client_of: ClientFactory
) -> None:
    vendor.answers(Play((ENROLLED,), then="close"))
    client = client_of(vendor.url)
    client.enroll("c1", ["a1"])
    assert vendor.hung_up.wait(PATIENCE)

    client.enroll("c1", ["a1"])

    assert [request.connection for request in vendor.requests] == [1, 2]


# The key


@pytest.mark.parametrize(
    "play",
    [
        Play((http({"detail": f"no such key {KEY}"}, "401 Unauthorized"),)),
        Play((http(f"<p>{KEY}</p>".encode(), "502 Bad Gateway"),)),
        Play(then="close"),
    ],
    ids=["refused", "failed", "lost"],
)
def test_the_key_is_in_no_message_log_or_traceback(
    play: Play, vendor: ScriptedVendor, client_of: ClientFactory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    vendor.answers(play)
    client = client_of(vendor.url)

    with pytest.raises(ApiError) as caught:
        client.enroll("c1", ["a1"])

    error = caught.value
    shown = "".join(traceback.format_exception(error)) + repr(vars(error)) + repr(error.args) + repr(client)
    assert KEY not in shown
    assert KEY not in caplog.text
    assert error.__cause__ is None
    assert error.__context__ is None


def _in_background(call: Callable[[], object], errors: list[ApiError]) -> threading.Thread:
    def run() -> None:
        try:
            call()
        except ApiError as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("address", ["http://127.0.0.1:99999/api", "http:///api"])
def test_an_address_that_no_connection_can_be_tried_with_is_not_sent(
    client_of: ClientFactory, address: str
) -> None:
    with pytest.raises(Unreachable):
        client_of(address).enroll("c1", ["a1"])


def test_a_key_that_is_no_header_is_not_sent(vendor: ScriptedVendor, client_of: ClientFactory) -> None:
    with pytest.raises(Unreachable):
        client_of(vendor.url, key=SecretStr(" leading blank")).enroll("c1", ["a1"])

    assert vendor.requests == []
