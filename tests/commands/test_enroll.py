"""`manage.py enroll`: its JSON and exit codes, over real HTTP."""

import io
import json
import signal
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from dashboard.models import Run
from dashboard.sandbox.server import Sandbox
from tests.drive import working
from tests.patience import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

Enroll = Callable[..., tuple[int, dict[str, Any]]]
WORDS = {"picked", "enrolled", "pending", "skipped", "failed", "unrecognised", "unknown", "not_sent"}


@pytest.fixture
def campaign_id(sandbox: Sandbox) -> str:
    return str(sandbox.store.add_campaign(status="active", type="early_stage")["id"])


@pytest.fixture
def file_of(tmp_path: Path) -> Callable[[bytes | str | list[str]], str]:
    def write(content: bytes | str | list[str]) -> str:
        path = tmp_path / "accounts.txt"
        text = "\n".join(content) if isinstance(content, list) else content
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return str(path)

    return write


def accounts(sandbox: Sandbox, number: int, **fields: Any) -> list[str]:
    return [sandbox.store.add_account(**{"status": "not_assigned"} | fields)["id"] for _ in range(number)]


def enroll(campaign_id: str, file: str, *options: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the JSON."""
    out = io.StringIO()
    with pytest.raises(SystemExit) as exit_:
        call_command(
            "enroll", campaign_id, "--accounts", file, "--json", *options, stdout=out, stderr=io.StringIO()
        )
    return int(exit_.value.code or 0), json.loads(out.getvalue())


def refusal(campaign_id: str, file: str, *options: str) -> str:
    """The sentence of a call that sends nothing and exits with 2."""
    with pytest.raises(CommandError) as refused:
        call_command("enroll", campaign_id, "--accounts", file, *options, stderr=io.StringIO())
    assert refused.value.returncode == 2
    assert not Run.objects.exists()
    return str(refused.value)


def test_works_the_run_itself_when_no_worker_is_alive(
    sandbox: Sandbox, campaign_id: str, file_of: Any
) -> None:
    ids = accounts(sandbox, 101)

    code, result = enroll(campaign_id, file_of([*ids, ids[0], ids[5].upper()]), "--wait")

    assert code == 0
    assert set(result["counts"]) == WORDS
    assert (result["state"], result["campaign_id"]) == ("finished", campaign_id)
    assert (result["counts"]["picked"], result["counts"]["enrolled"]) == (101, 101)
    assert {row["account_id"] for row in result["results"]} == set(ids)
    assert set(result["results"][0]) == {
        "account_id",
        "invoice_number",
        "outcome",
        "vendor_status",
        "reason",
        "error",
    }
    assert Run.objects.get().duplicates == 2
    assert len(sandbox.ledger.posts) == 2


def test_waits_for_a_worker_elsewhere(sandbox: Sandbox, campaign_id: str, file_of: Any) -> None:
    with working():
        code, result = enroll(campaign_id, file_of(accounts(sandbox, 3)), "--wait")

    assert (code, result["counts"]["enrolled"]) == (0, 3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop_waiting_it_records_the_call_under_way_and_says_that_the_run_goes_on(
    sandbox: Sandbox, campaign_id: str, file_of: Any, settings: Any, number: int
) -> None:
    settings.PARALLEL_CALLS = 1
    sandbox.faults.queue("slow", seconds=1)
    sandbox.faults.queue("slow", seconds=1, times=None)
    main, said, file = threading.get_ident(), io.StringIO(), file_of(accounts(sandbox, 1001))

    def tell() -> None:
        wait_for(lambda: len(sandbox.faults) == 1)
        signal.pthread_kill(main, number)

    teller = threading.Thread(target=tell)
    teller.start()
    with pytest.raises(SystemExit) as left:
        call_command("enroll", campaign_id, "--accounts", file, "--wait", stdout=io.StringIO(), stderr=said)
    teller.join()

    run = Run.objects.get()
    assert left.value.code == 130
    assert f"run {run.pk} has not ended" in said.getvalue()
    assert run.enrolled == len(sandbox.ledger.enrollments) > 0
    assert run.unknown == 0


def test_queues_and_leaves_without_wait(sandbox: Sandbox, campaign_id: str, file_of: Any) -> None:
    code, result = enroll(campaign_id, file_of(accounts(sandbox, 3)))

    assert (code, result["state"], result["counts"]["not_sent"]) == (0, "queued", 3)
    assert sandbox.ledger.posts == []


def test_exits_1_when_some_were_refused(sandbox: Sandbox, campaign_id: str, file_of: Any) -> None:
    ids = accounts(sandbox, 2) + accounts(sandbox, 1, status="in_progress") + [str(uuid.uuid4())]

    code, result = enroll(campaign_id, file_of(ids), "--wait")

    assert code == 1
    assert (result["counts"]["enrolled"], result["counts"]["failed"]) == (2, 2)
    assert {row["reason"] for row in result["results"]} == {"", "active_execution", "not_found"}


def test_exits_0_when_the_vendor_says_pending(
    sandbox: Sandbox, campaign_id: str, file_of: Any, settings: Settings
) -> None:
    settings.SETTLE_AFTER = 60  # or a reading finds them enrolled before the command ends
    sandbox.faults.queue("words", words="PENDING")

    code, result = enroll(campaign_id, file_of(accounts(sandbox, 2)), "--wait")

    assert (code, result["counts"]["pending"]) == (0, 2)


def test_exits_3_when_something_stays_unknown(sandbox: Sandbox, campaign_id: str, file_of: Any) -> None:
    sandbox.faults.queue("close", process=True)
    sandbox.faults.queue(
        "status", method="GET", path="/accounts", status=404, body={"detail": "Not Found"}, times=None
    )

    code, result = enroll(campaign_id, file_of(accounts(sandbox, 2)), "--wait")

    assert (code, result["counts"]["unknown"]) == (3, 2)


def test_exits_3_when_the_vendor_uses_a_word_that_nobody_knows(
    sandbox: Sandbox, campaign_id: str, file_of: Any, settings: Settings
) -> None:
    settings.SETTLE_AFTER = 60  # as above
    sandbox.faults.queue("words", words="QUEUED")

    code, result = enroll(campaign_id, file_of(accounts(sandbox, 2)), "--wait")

    assert (code, result["counts"]["unrecognised"]) == (3, 2)


def test_exits_4_when_the_key_is_rejected(sandbox: Sandbox, campaign_id: str, file_of: Any) -> None:
    ids = accounts(sandbox, 150)
    sandbox.faults.queue("status", status=401, body={"detail": "Invalid or expired API key"}, times=None)

    code, result = enroll(campaign_id, file_of(ids), "--wait")

    assert (code, result["state"], result["counts"]["not_sent"]) == (4, "paused", 150)
    assert len(sandbox.ledger.posts) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"\xff\xfe\x00x", "not UTF-8"),
        (b"caf\xe9", "not UTF-8"),
        (b"a\0b", "binary"),
        (b"not-an-id", "line 1"),
    ],
)
def test_a_bad_file_is_refused_with_a_sentence(
    sandbox: Sandbox, campaign_id: str, file_of: Any, content: bytes, says: str
) -> None:
    assert says in refusal(campaign_id, file_of(content))


def test_a_missing_file_is_refused(sandbox: Sandbox, campaign_id: str, tmp_path: Path) -> None:
    assert "No such file" in refusal(campaign_id, str(tmp_path / "nowhere.txt"))


def test_a_malformed_id_is_named_with_its_line(sandbox: Sandbox, campaign_id: str, file_of: Any) -> None:
    ids = accounts(sandbox, 3)

    sentence = refusal(campaign_id, file_of([*ids, "INV-001"]))

    assert "line 4: 'INV-001'" in sentence


def test_a_campaign_that_does_not_exist_is_refused(sandbox: Sandbox, file_of: Any) -> None:
    assert "not found" in refusal(str(uuid.uuid4()), file_of(accounts(sandbox, 1)))
    assert "no campaign id" in refusal("abc", file_of(accounts(sandbox, 1)))


def test_a_person_who_may_not_enroll_is_refused(
    sandbox: Sandbox, campaign_id: str, file_of: Any, viewer: User
) -> None:
    assert "may not enroll" in refusal(campaign_id, file_of(accounts(sandbox, 1)), "--user", "viewer")
    assert "no active user" in refusal(campaign_id, file_of(accounts(sandbox, 1)), "--user", "nobody")


def test_runs_in_the_name_of_a_person(
    sandbox: Sandbox, campaign_id: str, file_of: Any, collector: User
) -> None:
    enroll(campaign_id, file_of(accounts(sandbox, 1)), "--wait", "--user", "collector")

    assert Run.objects.get().starter == collector
