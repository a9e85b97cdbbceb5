"""An empty sandbox and a caller that is not ours, so that neither can hide the other's mistakes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

import pytest

from dashboard.sandbox.request import BASE_PATH
from dashboard.sandbox.server import DEMO_KEY, Sandbox


@dataclass
class Reply:
    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> Any:
        return self.json["data"]


class Caller:
    """Calls over one connection; `path` is relative to the API's base unless it begins with `/_`."""

    def __init__(self, port: int) -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self.key: str | None = DEMO_KEY

    def call(
        self, method: str, path: str, body: bytes | None = None, content_type: str = "application/json"
    ) -> Reply:
        headers = {"Content-Type": content_type} | ({"X-Api-Key": self.key} if self.key else {})
        whole_path = path if path.startswith("/_") else BASE_PATH + path
        self.connection.request(method, whole_path, body, headers)
        answer = self.connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())

    def get(self, path: str, **query: object) -> Reply:
        return self.call("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, body: object = None) -> Reply:
        return self.call("POST", path, json.dumps(body).encode())

    def enroll(self, campaign: dict[str, Any], *accounts: dict[str, Any]) -> Reply:
        ids = [account["id"] for account in accounts]
        return self.post("/accounts/campaign/bulk", {"campaign_id": campaign["id"], "account_ids": ids})


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(campaigns=0, accounts=0, customers=0) as server:
        yield server


@pytest.fixture
def caller(sandbox: Sandbox) -> Iterator[Caller]:
    caller = Caller(sandbox.port)
    yield caller
    caller.connection.close()
