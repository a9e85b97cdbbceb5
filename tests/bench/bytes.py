"""What pages and fragments of 20 rows weigh on their way to the browser: `python -m tests.bench.bytes`.

The sandbox as seeded; DEBUG off; compressed by gzip as they are served (its header varies by up to 100 bytes: the median of
several). Of the picker also once the customers' names are known. A first view is the page with all that it names. The exit code
is 1 past a limit.
"""

import gzip
import re
import sys
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench import scratch, signed_in

FRAGMENT_BYTES, VIEW_BYTES, VIEW_REQUESTS = 2048, 60 * 1024, 6
ROUNDS = 15


def main() -> int:
    with scratch():
        return measure()


def measure() -> int:
    from django.conf import settings

    from dashboard.sandbox.server import Sandbox

    with Sandbox(port=0, seed=1) as sandbox:
        settings.API_URL = sandbox.url
        browser = signed_in()
        browser.defaults["HTTP_ACCEPT_ENCODING"] = "gzip"
        campaign = next(row["id"] for row in sandbox.store.campaigns.values() if row["status"] == "active")
        return report(browser, f"/campaigns/{campaign}/enroll/")


def report(browser: Any, picker: str) -> int:
    print(f"{'bytes':36} {'whole':>7} {'served':>7}   limit")
    over = 0
    for words, address in (
        ("campaigns", "/campaigns/"),
        ("invoices", "/accounts/"),
        ("picker", picker),
        ("picker, names known", picker),
    ):
        if "names" in words:
            ids = re.findall(r'class="c-([-0-9a-f]+)"', fetched(browser, address, htmx=True)[0].decode())
            assert browser.post("/names/", {"customers": " ".join(ids)}).status_code == 200
        whole, served = fetched(browser, address, htmx=True)
        over |= served > FRAGMENT_BYTES
        print(f"fragment of {words:24} {len(whole):7} {served:7.0f}   {FRAGMENT_BYTES}")
    for address in ("/", "/campaigns/", picker):
        page, served = fetched(browser, address, htmx=False)
        files = re.findall(r'(?:src|href)="/static/([^"]+)"', page.decode())
        total, requests = served + sum(map(weight, files)), 1 + len(files)
        over |= total > VIEW_BYTES or requests > VIEW_REQUESTS
        name = f"first view of {address[:18]}, {requests} requests"
        print(f"{name:36} {len(page):7} {total:7.0f}   {VIEW_BYTES}")
    return int(over)


def fetched(browser: Any, address: str, *, htmx: bool) -> tuple[bytes, float]:
    """What came, and the median of its bytes as served."""
    answers = [browser.get(address, headers={"HX-Request": "true"} if htmx else {}) for _ in range(ROUNDS)]
    assert all(answer.status_code == 200 for answer in answers), address
    return gzip.decompress(answers[0].content), median(len(answer.content) for answer in answers)


def weight(name: str) -> int:
    """A static file's bytes as whitenoise serves them to a browser that takes gzip."""
    from django.contrib.staticfiles import finders

    return len(gzip.compress(Path(finders.find(name)).read_bytes(), 9))


if __name__ == "__main__":
    sys.exit(main())
