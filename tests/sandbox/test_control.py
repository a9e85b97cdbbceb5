import json
from typing import Any

import pytest

from dashboard.sandbox.server import Sandbox
from tests.sandbox.conftest import Caller, Reply


def control(caller: Caller, method: str, name: str, body: object = None) -> Reply:
    return caller.call(method, f"/_sandbox/{name}", b"" if body is None else json.dumps(body).encode())


def test_queues_and_clears_faults(caller: Caller) -> None:
    fault = {"kind": "status", "method": "GET", "path": "/campaigns", "times": 2, "status": 503}
    queued = control(caller, "POST", "faults", fault).json
    met = caller.get("/campaigns").status
    control(caller, "DELETE", "faults")
    assert (queued, met, caller.get("/campaigns").status) == ({"waiting": 1}, 503, 200)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("faults", {}),
        ("faults", {"kind": "zonk"}),
        ("faults", {"kind": "close", "zonk": 1}),
        ("faults", []),
        ("latency", {"seconds": -1}),
        ("latency", {"seconds": "x"}),
        ("latency", {}),
        ("reset", {"zonk": 1}),
        ("complete", {}),
        ("complete", {"account_id": "zonk"}),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(caller: Caller, name: str, body: object) -> None:
    reply = control(caller, "POST", name, body)
    assert reply.status == 400
    assert reply.json["detail"]


def test_an_unknown_control_is_not_found(caller: Caller) -> None:
    assert control(caller, "GET", "zonk").status == 404


def test_sets_the_latency(sandbox: Sandbox, caller: Caller) -> None:
    assert control(caller, "POST", "latency", {"seconds": 0.001}).json == {"seconds": 0.001}
    assert sandbox.latency == 0.001


def test_shows_calls_and_enrollments_but_not_the_key(sandbox: Sandbox, caller: Caller) -> None:
    account = sandbox.store.add_account()
    caller.enroll(sandbox.store.add_campaign(), account)
    reply = control(caller, "GET", "ledger")
    assert [entry["account_id"] for entry in reply.json["enrollments"]] == [account["id"]]
    assert [(call["method"], call["answered_status"]) for call in reply.json["calls"]] == [("POST", 200)]
    assert b"sk_sandbox_demo" not in reply.body


def test_controls_are_not_in_the_ledger(sandbox: Sandbox, caller: Caller) -> None:
    control(caller, "GET", "state")
    assert sandbox.ledger.calls == []


def test_shows_the_state(sandbox: Sandbox, caller: Caller) -> None:
    caller.enroll(sandbox.store.add_campaign(status="Active"), sandbox.store.add_account())
    expected: dict[str, Any] = {"campaigns": {"active": 1}, "accounts": {"in_progress": 1}, "enrollments": 1}
    shown = control(caller, "GET", "state").json
    assert {name: shown[name] for name in expected} == expected


def test_begins_what_is_pending(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.store.pending_rate = 1.0
    caller.enroll(sandbox.store.add_campaign(), sandbox.store.add_account())
    assert control(caller, "POST", "advance").json == {"began": 1}


def test_ends_the_campaign_of_an_account(sandbox: Sandbox, caller: Caller) -> None:
    account = sandbox.store.add_account(status="in_progress")

    reply = control(caller, "POST", "complete", {"account_id": account["id"]})

    assert reply.json["status"] == sandbox.store.accounts[account["id"]]["status"] == "pending_collection"


def test_resets_to_the_seeded_state() -> None:
    with Sandbox(campaigns=1, accounts=5, customers=1) as sandbox:
        caller = Caller(sandbox.port)
        caller.enroll(sandbox.store.add_campaign(), sandbox.store.add_account())
        shown = control(caller, "POST", "reset").json
        caller.connection.close()
    assert (sum(shown["accounts"].values()), shown["enrollments"], shown["calls"]) == (5, 0, 0)
