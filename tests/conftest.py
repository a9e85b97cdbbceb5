"""Fixtures for every test: a sandbox over real HTTP, people with roles, signed-in clients."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.db import connections
from django.test import Client as Browser
from pydantic import SecretStr
from pytest_django.fixtures import Settings

from dashboard.people import create_roles
from dashboard.sandbox.server import Sandbox
from dashboard.services import vendor, workers
from dashboard.services.errands import Clerk


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """SQLite in a file, as in real use: an in-memory database locks otherwise."""
    database = connections["default"].settings_dict
    if connections["default"].vendor == "sqlite":
        database["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(autouse=True)
def _nothing_is_kept_from_another_test() -> None:
    """Ids come again in each test, and with them what is kept in memory under them."""
    cache.clear()


@pytest.fixture
def sandbox(settings: Settings) -> Iterator[Sandbox]:
    """A small vendor on loopback, with short deadlines, that the settings point to."""
    with Sandbox(port=0, seed=1, campaigns=8, accounts=60, customers=10) as server:
        settings.API_URL = server.url
        settings.API_KEY = SecretStr("sk_sandbox_demo")
        settings.CONNECT_TIMEOUT = 1
        settings.GET_DEADLINE = 2
        settings.POST_DEADLINE = 2
        settings.SETTLE_AFTER = 0
        yield server


@pytest.fixture
def clerk(sandbox: Sandbox, db: None) -> Iterator[Clerk]:
    """A worker that does errands when it is told to."""
    with Clerk(vendor.for_workers(), workers.register(name="clerk", threads=1)) as clerk:
        yield clerk


def person(role: str, username: str = "") -> User:
    """A user with a role; the password is the role's name."""
    create_roles()
    user = User.objects.create_user(username or role, password=role)
    user.groups.add(Group.objects.get(name=role))
    return user


@pytest.fixture
def collector(db: None) -> User:
    return person("collector")


@pytest.fixture
def viewer(db: None) -> User:
    return person("viewer")


@pytest.fixture
def manager(db: None) -> User:
    return person("manager")


@pytest.fixture
def browser_of() -> "type[_SignedIn]":
    """`browser_of(user)` gives a Django test client signed in as that person."""
    return _SignedIn


class _SignedIn(Browser):
    def __init__(self, user: User) -> None:
        super().__init__()
        self.force_login(user, backend="dashboard.people.RoleBackend")
