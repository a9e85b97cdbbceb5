"""The locks hold what pyproject.toml asks for, by hash, and nothing about the machine that made them."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ENTRY = re.compile(r"^(?P<name>\S+)==(?P<version>\S+).*\n(?P<body>(?:    .*\n)+)", re.MULTILINE)
WANTED = {
    "requirements.lock": PROJECT["project"]["dependencies"],
    "requirements-dev.lock": PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"],
}
by_lock = pytest.mark.parametrize("lock", WANTED)


def entries(lock: str) -> dict[str, re.Match[str]]:
    return {entry["name"]: entry for entry in ENTRY.finditer((ROOT / lock).read_text())}


@by_lock
def test_each_wanted_package_is_locked_at_a_version_that_fits(lock: str) -> None:
    locked = entries(lock)

    for text in WANTED[lock]:
        wanted = Requirement(text)
        assert wanted.specifier.contains(locked[canonicalize_name(wanted.name)]["version"]), text


@by_lock
def test_nothing_is_locked_that_is_no_longer_wanted(lock: str) -> None:
    wanted = {canonicalize_name(Requirement(text).name) for text in WANTED[lock]}

    asked_by_us = {
        name for name, entry in entries(lock).items() if " rollcall (pyproject.toml" in entry["body"]
    }

    assert asked_by_us == wanted


@by_lock
def test_each_package_has_its_hashes(lock: str) -> None:
    assert [name for name, entry in entries(lock).items() if "--hash=sha256:" not in entry["body"]] == []


@by_lock
def test_a_lock_tells_nothing_of_the_machine_that_made_it(lock: str) -> None:
    text = (ROOT / lock).read_text()

    assert re.findall(r"\S*://\S*|^-\S.*|\S* @ \S*|^# .*", text, re.MULTILINE) == []


def test_the_tests_run_on_the_versions_that_people_run() -> None:
    tested = entries("requirements-dev.lock")

    assert {
        n: e["version"]
        for n, e in entries("requirements.lock").items()
        if e["version"] != tested[n]["version"]
    } == {}


def test_each_package_has_its_line_in_the_record() -> None:
    extras = PROJECT["project"]["optional-dependencies"].values()
    packages = [
        Requirement(text).name for text in WANTED["requirements-dev.lock"] + [e for es in extras for e in es]
    ]

    record = (ROOT / "docs/decisions/0007-packages.md").read_text()

    assert [name for name in packages if not re.search(rf"\b{re.escape(name)}\b", record)] == []
