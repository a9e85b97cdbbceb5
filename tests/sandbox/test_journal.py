from pathlib import Path

import pytest

from dashboard.sandbox.journal import Journal
from dashboard.sandbox.server import Sandbox
from dashboard.sandbox.store import Record


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sandbox.jsonl"


def make(path: Path, **options: float) -> Sandbox:
    return Sandbox(campaigns=3, accounts=30, customers=5, state_path=path, **options)  # type: ignore[arg-type]


def enroll_some(sandbox: Sandbox) -> list[str]:
    """The ids that were let into the first early-stage campaign."""
    campaigns = sandbox.store.campaigns.values()
    campaign = next(campaign for campaign in campaigns if campaign["type"] == "early_stage")
    rows = sandbox.store.enroll(campaign["id"], list(sandbox.store.accounts), call=7)
    return [row.account_id for row in rows if row.error is None]


def records(sandbox: Sandbox) -> list[Record]:
    return [*sandbox.store.accounts.values(), *sandbox.store.campaigns.values()]


def test_a_restart_loses_no_enrollment(path: Path) -> None:
    before = make(path)
    enrolled = enroll_some(before)
    after = make(path)
    assert enrolled
    assert records(after) == records(before)
    assert after.ledger.enrollments == before.ledger.enrollments


def test_a_restart_keeps_every_other_change(path: Path) -> None:
    before = make(path)
    enrolled = enroll_some(before)
    before.store.complete_campaign(enrolled[0])
    before.store.change_campaign(next(iter(before.store.campaigns)), status="COMPLETED")
    assert records(make(path)) == records(before)


def test_pending_accounts_are_still_pending_after_a_restart(path: Path) -> None:
    enrolled = enroll_some(make(path, pending_rate=1.0))
    after = make(path)
    assert list(after.store.pending) == enrolled
    assert after.store.advance() == len(enrolled)


def test_calls_are_numbered_on_after_a_restart(path: Path) -> None:
    enroll_some(make(path))
    after = make(path)
    call = after.ledger.add_call(method="GET", path="/", query={}, body=None, key=None, connection_id=1)
    assert call.number == 8


def test_a_half_written_last_line_is_dropped(path: Path) -> None:
    before = make(path)
    enrolled = enroll_some(before)
    with path.open("a") as file:
        file.write('{"event": "enrolled", "acc')
    after = make(path)
    after.store.change_account(enrolled[0], status="settled")
    assert [entry.account_id for entry in make(path).ledger.enrollments] == enrolled
    assert make(path).store.accounts[enrolled[0]]["status"] == "settled"


def test_entries_about_records_that_are_gone_are_passed_over(path: Path) -> None:
    enrolled = enroll_some(make(path))
    emptied = Sandbox(campaigns=0, accounts=0, customers=0, state_path=path)
    assert len(emptied.ledger.enrollments) == len(enrolled)


def test_a_reset_empties_the_journal(path: Path) -> None:
    sandbox = make(path)
    enroll_some(sandbox)
    sandbox.reset()
    assert path.read_bytes() == b""
    assert records(sandbox)[0] == records(make(path))[0]
    assert sandbox.ledger.enrollments == []


def test_a_path_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="absent"):
        Journal(tmp_path / "absent" / "sandbox.jsonl")
