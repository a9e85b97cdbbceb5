"""Kept answers belong to one database."""

import pytest
from django.db import connection

from dashboard.engine import spool


def test_each_database_has_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = spool.folder()

    monkeypatch.setitem(connection.settings_dict, "NAME", "another")

    assert spool.folder() != ours
    assert spool.folder().parent == ours.parent
