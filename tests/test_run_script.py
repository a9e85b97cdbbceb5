"""`./run` on machines that lack something: a made-up Python and system tools come first in PATH."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OLD_PYTHON = """#!/bin/sh
[ "$1" != --version ] || echo "Python 3.9.2"
exit 1
"""
# Writes down what it is asked; `-m venv --clear FOLDER` puts a copy of itself there.
GOOD_PYTHON = """#!/bin/sh
echo "$*" >> "$CALLS"
[ "$1 $2" = "-m venv" ] || exit 0
mkdir -p "$4/bin" && cp "$0" "$4/bin/python" && echo "$PWD/$4" > "$4/bin/activate"
"""
WITHOUT_ENSUREPIP = """#!/bin/sh
case "$2" in
    *ensurepip*) exit 1 ;;
    *print*) echo python3.12-venv ;;
esac
"""
NAMES = ("python3", "python3.11", "python3.12", "python3.13", "python3.14")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of what `./run` needs, in a folder with a space in its name."""
    folder = tmp_path / "a folder"
    shutil.copytree(ROOT / ".ci", folder / ".ci")
    for name in ("run", "requirements.lock"):
        shutil.copy2(ROOT / name, folder)
    return folder


def install(folder: Path, script: str, *names: str) -> None:
    for name in names:
        path = folder.parent / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(script)
        path.chmod(0o755)


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        "PATH": f"{folder.parent / 'bin'}:{os.environ['PATH']}",
        "CALLS": str(folder.parent / "calls"),
    }
    command = [str(folder / "run"), *arguments]
    return subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=False)


def calls(folder: Path) -> list[str]:
    """What Python was asked since the last look, leaving out the looks at Python itself."""
    path = folder.parent / "calls"
    lines = path.read_text().splitlines()
    path.unlink()
    return [line for line in lines if not line.startswith("-c ")]


INSTALL = "-m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock"
MAKE = ["-m venv --clear .venv", INSTALL]


def test_an_old_python_is_refused_by_name(folder: Path) -> None:
    install(folder, OLD_PYTHON, *NAMES)

    done = run(folder)

    assert done.returncode == 1
    assert "Rollcall needs Python 3.11 or later; found: Python 3.9.2" in done.stderr


def test_a_later_python_is_found_under_its_own_name(folder: Path) -> None:
    install(folder, OLD_PYTHON, *NAMES)
    install(folder, GOOD_PYTHON, "python3.12")

    done = run(folder)

    assert done.returncode == 0
    assert calls(folder) == [*MAKE, "manage.py up"]


def test_without_venv_and_without_root_it_says_what_to_type(folder: Path) -> None:
    install(folder, WITHOUT_ENSUREPIP, "python3")
    install(folder, "#!/bin/sh\necho 1000\n", "id")
    install(folder, "#!/bin/sh\nexit 1\n", "sudo")

    done = run(folder)

    assert done.returncode == 1
    assert "sudo apt-get install python3.12-venv" in done.stderr
    assert not (folder / ".venv").exists()


def test_it_installs_from_the_hashed_lock_and_hands_its_arguments_over(folder: Path) -> None:
    install(folder, GOOD_PYTHON, "python3")

    done = run(folder, "--verbosity", "2")

    assert done.returncode == 0
    assert calls(folder) == [*MAKE, "manage.py up --verbosity 2"]


def test_it_installs_once(folder: Path) -> None:
    install(folder, GOOD_PYTHON, "python3")
    run(folder)
    calls(folder)

    run(folder)

    assert calls(folder) == ["manage.py up"]


def test_it_installs_into_what_is_there_when_the_lock_has_changed(folder: Path) -> None:
    install(folder, GOOD_PYTHON, "python3")
    run(folder)
    calls(folder)
    with (folder / "requirements.lock").open("a") as lock:
        lock.write("# another package\n")

    run(folder)

    assert calls(folder) == [INSTALL, "manage.py up"]


def test_it_starts_anew_when_the_folder_was_moved(folder: Path) -> None:
    install(folder, GOOD_PYTHON, "python3")
    run(folder)
    calls(folder)
    moved = folder.rename(folder.with_name("elsewhere"))

    run(moved)

    assert calls(moved) == [*MAKE, "manage.py up"]


def test_it_starts_anew_when_its_python_no_longer_runs(folder: Path) -> None:
    install(folder, GOOD_PYTHON, "python3")
    run(folder)
    calls(folder)
    (folder / ".venv/bin/python").unlink()

    run(folder)

    assert calls(folder) == [*MAKE, "manage.py up"]


def test_an_interrupted_installation_is_not_taken_for_a_finished_one(folder: Path) -> None:
    install(folder, GOOD_PYTHON.replace("[ ", '[ "$2" != pip ] || exit 1\n[ ', 1), "python3")

    done = run(folder)

    assert done.returncode == 1
    assert "The packages could not be installed." in done.stderr
    assert not (folder / ".venv/rollcall-stamp").exists()
