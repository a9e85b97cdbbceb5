"""Conversations with a mail server: they end, whatever it does."""

import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from itertools import cycle
from threading import Event, Thread

import pytest
from django.core import mail
from pytest_django.fixtures import Settings

from dashboard.services import smtp
from tests.api.conftest import Certificate, certificate  # noqa: F401 - a fixture
from tests.patience import PATIENCE

ANSWERS = {"EHLO": "250-here\r\n250 STARTTLS", "STARTTLS": "220 go", "DATA": "354 go", "QUIT": "221 bye"}
SECURITY = ["none", "starttls", "tls"]


class Server:
    """A mail server for one conversation. From the word that it `drips_at`, a byte comes now and then, for ever."""

    def __init__(self, context: ssl.SSLContext, security: str, drips_at: str) -> None:
        self.letters: list[str] = []
        self._context, self._security, self._drips_at = context, security, drips_at
        self._stopping = Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self.port: int = self._listener.getsockname()[1]
        self._thread = Thread(target=self._serve)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        with suppress(OSError):
            talk = self._listener.accept()[0]
            talk = self._with_tls(talk) if self._security == "tls" else talk
            self._answer(talk, "greeting", "220 here")
            while (word := self._line(talk).partition(" ")[0].upper()) != "QUIT":
                self._answer(talk, word, ANSWERS.get(word, "250 fine"))
                if word == "STARTTLS":
                    talk = self._with_tls(talk)
                elif word == "DATA":
                    lines = iter(lambda talk=talk: self._line(talk), ".")  # type: ignore[misc]
                    self.letters.append("\n".join(lines))
                    self._answer(talk, "letter", "250 fine")
            self._answer(talk, word, ANSWERS[word])
            talk.close()

    def _with_tls(self, talk: socket.socket) -> socket.socket:
        return self._context.wrap_socket(talk, server_side=True)

    def _line(self, talk: socket.socket) -> str:
        line = b""
        while not line.endswith(b"\n"):
            if not (byte := talk.recv(1)):
                raise OSError("the other side has gone")
            line += byte
        return line.decode().strip()

    def _answer(self, talk: socket.socket, word: str, words: str) -> None:
        if word != self._drips_at:
            talk.sendall(f"{words}\r\n".encode())
            return
        for byte in cycle(b"250-more\r\n"):
            if self._stopping.wait(0.01):
                raise OSError
            talk.sendall(bytes([byte]))


@pytest.fixture
def server_of(
    certificate: Certificate,  # noqa: F811
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., Server]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.path, certificate.key_path)
    trusting = ssl.create_default_context(cafile=str(certificate.path))
    monkeypatch.setattr(smtp.EmailBackend, "ssl_context", trusting)
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = "dashboard.services.smtp.EmailBackend", "127.0.0.1"
    made: list[Server] = []

    def make(security: str, drips_at: str = "") -> Server:
        server = Server(context, security, drips_at)
        made.append(server)
        settings.EMAIL_PORT = server.port
        settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = security == "starttls", security == "tls"
        return server

    yield make
    for server in made:
        server.stop()


def send() -> int:
    return mail.send_mail("A subject", "A body", "rollcall@example.com", ["ada@example.com"])


@pytest.mark.parametrize("security", SECURITY)
def test_a_letter_is_handed_over(server_of: Callable[..., Server], security: str) -> None:
    server = server_of(security)

    assert send() == 1

    [letter] = server.letters
    assert "Subject: A subject" in letter
    assert "A body" in letter


@pytest.mark.parametrize("drips_at", ["greeting", "EHLO", "MAIL", "letter"])
@pytest.mark.parametrize("security", SECURITY)
def test_a_server_that_drips_for_ever_is_left_at_the_deadline(
    server_of: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, security: str, drips_at: str
) -> None:
    monkeypatch.setattr(smtp, "DEADLINE", 0.5)
    server = server_of(security, drips_at)

    with ThreadPoolExecutor(1) as thread:
        sending = thread.submit(send)
        wait([sending], PATIENCE)
        has_ended = sending.done()
        server.stop()

    assert has_ended
    assert "timed out" in str(sending.exception())
