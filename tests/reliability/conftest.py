"""A worker without threads, and ways to put a run into the state that a test is about."""

from collections.abc import Callable

import pytest
from pytest_django.fixtures import Settings

from dashboard.models import Outcome, Run
from dashboard.sandbox.server import Sandbox
from tests.api.conftest import certificate, tls_vendor  # noqa: F401 - fixtures
from tests.drive import Hands, queue

LostRun = Callable[..., Run]
VendorAt = Callable[[str], tuple[Run, Hands]]


@pytest.fixture
def hands(sandbox: Sandbox) -> Hands:
    return Hands()


@pytest.fixture
def lost(sandbox: Sandbox, hands: Hands) -> LostRun:
    """`lost(3, process=True)` gives a run of three whose one call was made, by the vendor done, and never answered."""

    def make(number: int, *, process: bool, **account: object) -> Run:
        sandbox.faults.queue("close", process=process)
        return hands.drain(queue(sandbox, number, **account))

    return make


def an_hour_later() -> None:
    """As if every outcome had been written an hour ago."""
    Outcome.objects.update(settled_at="2020-01-01T00:00Z")


def due() -> None:
    """As if the time of the next reading had come."""
    Outcome.objects.filter(look_at__isnull=False).update(look_at="2020-01-01T00:00Z")


@pytest.fixture
def a_vendor_at(sandbox: Sandbox, settings: Settings) -> VendorAt:
    """`a_vendor_at(url)` gives a waiting run of three and a worker that will call this address."""

    def make(url: str) -> tuple[Run, Hands]:
        run = queue(sandbox, 3)
        settings.API_URL = url
        return run, Hands()

    return make
