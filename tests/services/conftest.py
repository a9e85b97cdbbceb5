"""Fixtures for tests of services."""

from uuid import UUID

import pytest
from django.contrib.auth.models import User

from dashboard.models import Selection
from dashboard.sandbox.server import Sandbox
from dashboard.sandbox.store import made_id
from dashboard.services import lookup, selection


@pytest.fixture
def picked(sandbox: Sandbox, collector: User) -> Selection:
    """Nothing so far, for an active campaign of the sandbox with its 60 accounts."""
    return selection.of(collector, UUID(made_id("campaign", 1, 1)))


@pytest.fixture
def long_list(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading the vendor's whole list costs more calls than a few searches."""
    monkeypatch.setattr(lookup, "SHORT_LIST", 0)
    for _ in range(1200):
        sandbox.store.add_account()
