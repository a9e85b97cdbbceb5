"""Programs that some tests need and a newcomer may lack."""

import os
import shutil

import pytest

IN_CI = os.environ.get("CI") == "true"


def require(tool: str, *names: str) -> str:
    """The path of the first of `names` (default: `tool`) that is installed.

    Without any the test is skipped by name; in CI it fails, so that nothing goes untested there unnoticed.
    """
    for name in names or (tool,):
        if path := shutil.which(name):
            return path
    sentence = f"{tool} is not installed"
    if IN_CI:
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)
