"""Fixtures for tests of pages."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser

from dashboard.sandbox.server import Sandbox


@pytest.fixture
def web(sandbox: Sandbox, collector: User, browser_of: Any) -> Browser:
    """A browser without JavaScript, signed in as a collector, over a real sandbox."""
    signed_in: Browser = browser_of(collector)
    return signed_in
