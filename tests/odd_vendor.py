"""A vendor whose list of invoices does what a test says, for what the sandbox's faults cannot."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pytest_django.fixtures import Settings

from dashboard.sandbox.store import made_id

Row = dict[str, Any]


def row(number: int, **fields: Any) -> Row:
    """An invoice as the documentation shows it, but for these fields."""
    plain = {"id": made_id("odd", 1, number), "invoice_number": f"ODD-{number}", "status": "not_assigned"}
    return {**plain, "amount": 10, "paid_amount": 0, "currency": "USD", "due_date": "2020-01-01", **fields}


@dataclass
class Answers:
    """`give` makes the status and the body of each answer from the query; `asked` holds the queries."""

    give: Callable[[dict[str, str]], tuple[int, Any]]
    asked: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def odd_vendor(settings: Settings, give: Callable[[dict[str, str]], tuple[int, Any]]) -> Iterator[Answers]:
    """The settings point to it, on loopback; every GET is answered so."""
    answers = Answers(give)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = dict(parse_qsl(urlsplit(self.path).query))
            answers.asked.append(query)
            status, body = answers.give(query)
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    settings.API_URL = f"http://127.0.0.1:{server.server_port}"
    try:
        yield answers
    finally:
        server.shutdown()
        server.server_close()


def pages(
    rows: list[Row], *, size: int = 100, meta: Callable[[int, int], Row] | None = None
) -> Callable[[dict[str, str]], tuple[int, Any]]:
    """A list in pages of this size, whatever size is asked for; `meta` is made from the page and the size asked for."""

    def give(query: dict[str, str]) -> tuple[int, Any]:
        page, asked = int(query["page"]), int(query["per_page"])
        body = {"success": True, "data": rows[(page - 1) * size : page * size]}
        return 200, body | ({"meta": meta(page, asked)} if meta else {})

    return give
