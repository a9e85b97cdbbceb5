"""The sandbox's own endpoints, outside the API, for demos and other processes to steer and watch it.

POST faults {kind, method, path, times, process, ...options}, DELETE faults, GET ledger, GET state,
POST reset, POST latency {seconds}, POST advance, POST complete {account_id}.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .answers import Answer
from .store import Record

if TYPE_CHECKING:
    from .server import Sandbox

PREFIX = "/_sandbox/"


def answer(sandbox: "Sandbox", method: str, name: str, body: bytes) -> Answer:
    """Do what is asked; a request that makes no sense gets a 400 that says why."""
    action = ACTIONS.get((method, name))
    if action is None:
        return Answer(404, {"detail": "Not Found"})
    try:
        return Answer(200, action(sandbox, **json.loads(body or b"{}")))
    except (TypeError, ValueError) as error:
        return Answer(400, {"detail": str(error)})


def queue_fault(sandbox: "Sandbox", *, kind: str, **options: Any) -> Record:
    sandbox.faults.queue(kind, **options)
    return {"waiting": len(sandbox.faults)}


def clear_faults(sandbox: "Sandbox") -> Record:
    sandbox.faults.clear()
    return {"waiting": 0}


def set_latency(sandbox: "Sandbox", *, seconds: float) -> Record:
    if not 0 <= seconds <= 3600:
        raise ValueError("seconds must be from 0 to 3600")
    sandbox.latency = float(seconds)
    return {"seconds": sandbox.latency}


def reset(sandbox: "Sandbox") -> Record:
    sandbox.reset()
    return show_state(sandbox)


def advance(sandbox: "Sandbox") -> Record:
    return {"began": sandbox.store.advance()}


def complete(sandbox: "Sandbox", *, account_id: str) -> Record:
    """End the campaign of an account, as when it has run its course."""
    try:
        return sandbox.store.complete_campaign(account_id)
    except KeyError:
        raise ValueError("no such account") from None


def show_state(sandbox: "Sandbox") -> Record:
    store = sandbox.store
    with store.lock:
        return {
            "campaigns": status_counts(store.campaigns.values()),
            "accounts": status_counts(store.accounts.values()),
            "customers": len(store.customers),
            "pending": len(store.pending),
            "enrollments": len(sandbox.ledger.enrollments),
            "calls": len(sandbox.ledger.calls),
            "faults": len(sandbox.faults),
            "latency": sandbox.latency,
        }


def show_ledger(sandbox: "Sandbox") -> Record:
    """Every call and enrollment; of a key only its start is shown."""
    calls = [
        asdict(call) | {"at": call.at.isoformat(), "key": masked(call.key)} for call in sandbox.ledger.calls
    ]
    started = [entry._asdict() | {"at": entry.at.isoformat()} for entry in sandbox.ledger.enrollments]
    return {"calls": calls, "enrollments": started}


def masked(key: str | None) -> str | None:
    return key and f"{key[:8]}…"


def status_counts(records: Iterable[Record]) -> dict[str, int]:
    return dict(Counter(str(record["status"]).lower() for record in records))


ACTIONS: dict[tuple[str, str], Callable[..., Record]] = {
    ("POST", "faults"): queue_fault,
    ("DELETE", "faults"): clear_faults,
    ("GET", "ledger"): show_ledger,
    ("GET", "state"): show_state,
    ("POST", "reset"): reset,
    ("POST", "latency"): set_latency,
    ("POST", "advance"): advance,
    ("POST", "complete"): complete,
}
