"""`manage.py runs`: its lists, its words and its exit codes."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from openpyxl import load_workbook

from dashboard.models import Run
from dashboard.services import receipts, results
from tests import ledger

pytestmark = pytest.mark.django_db


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command("runs", *arguments, stdout=out)
    return out.getvalue()


def told(*arguments: str) -> Any:
    return json.loads(said(*arguments, "--json"))


def refusal(*arguments: str) -> str:
    with pytest.raises(CommandError) as refused:
        call_command("runs", *arguments, stdout=io.StringIO())
    assert refused.value.returncode == 2
    return str(refused.value)


@pytest.fixture
def several(collector: User) -> dict[str, Run]:
    """Runs by what is special about them, the oldest first."""
    return {
        "old": _of_last_year(ledger.answered(ledger.queued(2), "SUCCESS")),
        "failed": ledger.answered(ledger.queued(2, starter=collector), "FAILED", error=ledger.ACTIVE),
        "unknown": ledger.unanswered(ledger.queued(2, name="Other")),
        "queued": ledger.queued(2),
    }


def _of_last_year(run: Run) -> Run:
    Run.objects.filter(pk=run.pk).update(created_at=run.created_at - timedelta(days=365))
    return run


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ([], ["queued", "unknown", "failed", "old"]),
        (["--limit", "2"], ["queued", "unknown"]),
        (["--state", "queued"], ["queued"]),
        (["--user", "collector"], ["failed"]),
        (["--user", "nobody"], []),
        (["--campaign", "other"], ["unknown"]),
        (["--campaign", ledger.CAMPAIGN_ID, "--has-failures"], ["failed"]),
        (["--campaign", ledger.CAMPAIGN_ID.replace("-", ""), "--has-failures"], ["failed"]),
        (["--has-unknowns"], ["unknown"]),
        (["--since", "2026-06-01", "--state", "finished"], ["unknown", "failed"]),
    ],
    ids=str,
)
def test_runs_are_listed_newest_first_by_what_is_asked_for(
    several: dict[str, Run], arguments: list[str], names: list[str]
) -> None:
    Run.objects.exclude(pk=several["old"].pk).update(created_at="2026-07-01T00:00:00Z")

    expected = [several[name].pk for name in names]

    assert [run["run"] for run in told("list", *arguments)] == expected
    assert [int(line.split()[0]) for line in said("list", *arguments).splitlines()] == expected


def test_a_listed_run_is_told_in_the_words_of_enroll(several: dict[str, Run]) -> None:
    run = told("list", "--user", "collector")[0]

    assert run.items() >= results.summary(several["failed"]).items()
    assert (run["user"], run["campaign"], run["source"]) == ("collector", "Early stage chase", "web")
    assert run["counts"]["failed"] == 2


@pytest.mark.parametrize("arguments", [["--since", "yesterday"], ["--limit", "0"]])
def test_a_wrong_filter_is_refused(db: None, arguments: list[str]) -> None:
    assert arguments[0] in refusal("list", *arguments)


def test_one_run_is_shown_with_every_fate_as_enroll_prints_it() -> None:
    run = ledger.answered(ledger.queued(150), "SUCCESS", "FAILED", error=ledger.ACTIVE)

    shown = told("show", str(run.pk))

    assert set(shown) == {"run", "campaign_id", "state", "counts", "results"}
    assert shown["counts"]["not_sent"] == 50
    assert [row["outcome"] for row in shown["results"]] == ["enrolled", "failed"] * 50 + ["not_sent"] * 50
    assert shown["results"][1] == {
        "account_id": ledger.account_id(2),
        "invoice_number": "INV-2",
        "outcome": "failed",
        "vendor_status": "FAILED",
        "reason": "active_execution",
        "error": ledger.ACTIVE,
    }


def test_one_run_is_shown_in_words_with_the_fingerprint_of_its_receipt() -> None:
    run = ledger.answered(ledger.queued(2), "SUCCESS")

    text = said("show", str(run.pk))

    assert text.startswith(f"Run {run.pk}: finished\n")
    assert "  enrolled: 2\n" in text
    assert receipts.fingerprint(run) in text


@pytest.mark.parametrize("action", ["show", "export"])
def test_a_run_that_is_not_there_is_refused(db: None, action: str) -> None:
    assert refusal(action, "999") == "There is no run 999."


@pytest.fixture
def run() -> Run:
    return ledger.answered(ledger.queued(150), "SUCCESS", "FAILED", error=ledger.ACTIVE)


def test_a_part_is_exported_to_a_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "failed.csv"

    said("export", str(run.pk), "--outcome", "failed", "--search", "INV-2", "--output", str(file))

    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"))))
    assert {row["Outcome"] for row in rows} == {"failed"}
    assert [row["Invoice number"] for row in rows][:2] == ["INV-2", "INV-20"]


def test_all_is_exported_to_standard_output(run: Run, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    said("export", str(run.pk), "--format", "xlsx")

    book = load_workbook(io.BytesIO(capsysbinary.readouterr().out))
    assert book.worksheets[0].max_row == 151


def test_json_is_exported_line_by_line(run: Run, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    said("export", str(run.pk), "--json", "--reason", "active_execution")

    rows = json.loads(capsysbinary.readouterr().out)
    assert len(rows) == 50
    assert rows[0]["amount"] == "12.50"


def test_a_filter_that_is_not_known_is_refused_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "none.csv"

    assert "“nonsense” is not an outcome" in refusal(
        "export", str(run.pk), "--outcome", "nonsense", "--output", str(file)
    )
    assert not file.exists()


def test_a_file_that_cannot_be_written_is_named(run: Run, tmp_path: Path) -> None:
    assert str(tmp_path) in refusal("export", str(run.pk), "--output", str(tmp_path))


def test_a_call_that_is_wrong_is_refused(db: None) -> None:
    with pytest.raises(CommandError):
        call_command("runs", "list", "--state", "asleep")


def test_a_reader_that_goes_away_is_no_fault(tmp_path: Path) -> None:
    """As in `manage.py runs list | head`."""
    environ = os.environ | {"ROLLCALL_DATABASE_URL": f"sqlite:///{tmp_path}/runs.sqlite3"}
    manage = [sys.executable, settings.BASE_DIR / "manage.py"]
    subprocess.run([*manage, "migrate", "--verbosity", "0"], env=environ, check=True)
    reading, writing = os.pipe()
    os.close(reading)

    listing = [*manage, "runs", "list", "--json"]
    done = subprocess.run(listing, stdout=writing, stderr=subprocess.PIPE, env=environ)
    os.close(writing)

    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")
