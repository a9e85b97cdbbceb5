"""Writing accounts' fates into the ledger, and keeping the run's counts in step.

Every function takes a run that the caller holds locked: it changes the counts on that object, and the caller saves it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from operator import attrgetter, itemgetter
from typing import Any

from django.conf import settings
from django.db import connection

from dashboard.models import Attempt, Batch, Outcome, Run
from dashboard.models.batches import fold
from dashboard.services import clock, reasons, searching, tally
from dashboard.services.answers import Answer, Fate
from dashboard.services.chunks import in_chunks

STATE = Outcome.State
AGAIN_AFTER = timedelta(seconds=60)
AT_ONCE = 500
LOOKED_AT = (STATE.UNKNOWN, STATE.PENDING, STATE.ALREADY_ACTIVE, STATE.UNRECOGNISED)
NOT_SURE = "not_enrolled_when_read"  # the vendor may still be at work on it
# How long after an answer, in multiples of ROLLCALL_SETTLE_AFTER, an account is read again.
LOOKS = {
    STATE.UNKNOWN: (1, 2, 4),
    STATE.ALREADY_ACTIVE: (1, 2),
    STATE.FAILED: (1, 10),
    STATE.SKIPPED: (1, 10),
    STATE.UNRECOGNISED: (1, 10),
    STATE.PENDING: (1, 5, 15, 60, 360, 1440),
}
MOST_PATIENCE = (
    2880  # in the same multiples: how long a reading that fails is made again, as if it had not been tried
)
_COLUMNS = (
    "run_id",
    "batch_id",
    "attempt_id",
    "settled_at",
    "source",
    "looks",
    "looked_at",
    "seen",
    "place",
    "account_id",
    "invoice_number",
    "folded",
    "state",
    "vendor_status",
    "reason",
    "error",
    "look_at",
    "outstanding",
    "currency",
    "predicted",
)
_NUMBERS = ("invoice_number", "folded")  # told once, they stay
_PICKED = ("run_id", "place", "account_id", "outstanding", "currency", "predicted")
_TALLIED = ("state", "reason", "predicted", "currency", "outstanding")
_tallied = itemgetter(*map(_COLUMNS.index, _TALLIED))
_tallied_of = attrgetter(*_TALLIED)


def next_look(state: str, looks: int, now: datetime) -> datetime | None:
    """When an account in this state is read again after `looks` readings; None when it was read often enough."""
    waits = LOOKS.get(Outcome.State(state), ())
    return (
        now + timedelta(seconds=max(waits[looks] * settings.SETTLE_AFTER, 0.1 * looks))
        if looks < len(waits)
        else None
    )


def write(run: Run, batch: Batch, attempt: Attempt, fates: Mapping[str, Fate]) -> None:
    """The fates of a whole batch by one attempt. A second try's take the place of the first's, which stay in its attempt."""
    again = batch.permitted_by_id is not None
    if again:
        fates = {account_id: _after_second_try(fate) for account_id, fate in fates.items()}
        before = run.outcomes.filter(account_id__in=batch.account_ids).values_list(*_TALLIED)
        tally.count(run, before, sign=-1)
    rows = list(_rows(run, batch, attempt, fates))
    if numbers := _other(fates, {each["id"]: each.get("number", "") for each in batch.accounts}):
        searching.name(batch, numbers)
    _insert(rows, again=again)
    tally.count(run, map(_tallied, rows))


def write_unknown(run: Run, batch: Batch, attempt: Attempt, *, reason: str, error: str) -> None:
    """Nobody can tell what became of this batch."""
    fate = Fate(STATE.UNKNOWN, reason=reason, error=error[:500])
    write(run, batch, attempt, dict.fromkeys(batch.account_ids, fate))


def write_rejected(run: Run, batch: Batch, attempt: Attempt, answer: Answer) -> None:
    """The vendor refused this call: none of its accounts was enrolled by it. A first try may have enrolled them still."""
    fate = _refused(batch, answer)
    if batch.permitted_by_id and fate.reason == "call_refused":
        fate = replace(fate, state=STATE.UNKNOWN)
    write(run, batch, attempt, dict.fromkeys(batch.account_ids, fate))


def correct(run: Run, attempt: Attempt, fates: Mapping[str, Fate]) -> None:
    """A late answer to an attempt that was given up, account by account."""
    rows = list(run.outcomes.filter(account_id__in=list(fates)))
    if numbers := _other(fates, {outcome.account_id: outcome.invoice_number for outcome in rows}):
        searching.add(attempt.batch_id, numbers)
    for outcome in rows:
        fate = fates[outcome.account_id]
        if _may_correct(outcome, attempt, fate):
            outcome.vendor_status, outcome.error = fate.vendor_status, fate.error
            outcome.invoice_number = fate.invoice_number or outcome.invoice_number
            move(run, outcome, fate.state, reason=fate.reason, source=Outcome.Source.ANSWER)


def correct_rejected(run: Run, batch: Batch, attempt: Attempt, answer: Answer) -> None:
    """A late refusal of a call that was given up: it did nothing."""
    if not batch.permitted_by_id:
        correct(run, attempt, dict.fromkeys(batch.account_ids, _refused(batch, answer)))


def _other(fates: Mapping[str, Fate], known: Mapping[str, str]) -> dict[str, str]:
    """The vendor's numbers where they are others than those of the invoices."""
    told = {id_: fates[id_].invoice_number for id_ in known}
    return {id_: number for id_, number in told.items() if number not in ("", known[id_])}


def move(run: Run, outcome: Outcome, state: str, *, reason: str, source: str) -> None:
    """Give one account another fate, and count it there."""
    now, picked = clock.now(), (outcome.predicted, outcome.currency, outcome.outstanding)
    tally.count(run, [(outcome.state, outcome.reason, *picked)], sign=-1)
    tally.count(run, [(state, reason, *picked)])
    outcome.state, outcome.reason, outcome.source, outcome.settled_at = state, reason, source, now
    outcome.looks, outcome.look_at = 0, next_look(state, 0, now) if state in LOOKED_AT else None
    outcome.save()


def mark(run: Run, rows: Sequence[Outcome], state: Outcome.State, note: str) -> None:
    """A person's word on any number of accounts."""
    tally.count(run, map(_tallied_of, rows), sign=-1)
    tally.count(run, ((state, "marked", *_tallied_of(row)[2:]) for row in rows))
    told = {
        "reason": "marked",
        "source": Outcome.Source.PERSON,
        "error": note[:500],
        "settled_at": clock.now(),
    }
    change(rows, state=state, looks=0, look_at=None, **told)


def change(rows: Sequence[Outcome], **values: Any) -> None:
    """Write the same to each of these rows, which the caller's lock of the run holds."""
    for chunk in in_chunks((row.pk for row in rows), AT_ONCE):
        Outcome.objects.filter(pk__in=chunk).update(**values)


def snapshot_of(outcome: Outcome) -> dict[str, Any]:
    """What is known of an account, in the shape of `Batch.accounts`."""
    known = {
        "id": outcome.account_id,
        "number": outcome.invoice_number,
        "outstanding": None if outcome.outstanding is None else str(outcome.outstanding),
        "currency": outcome.currency,
        "verdict": outcome.predicted,
    }
    return {name: value for name, value in known.items() if value}


def _refused(batch: Batch, answer: Answer) -> Fate:
    """What a refusal of the whole call says of each account; of a lone one it may say what a row would."""
    code = reasons.code_of(answer.message) if batch.size == 1 else "other"
    reason = "call_refused" if code in ("other", "no_reason_given") else code
    return Fate(STATE.FAILED, reason=reason, error=answer.message[:500])


def _after_second_try(fate: Fate) -> Fate:
    """Refused as active when sent again: most likely the first try did it."""
    if fate.state == STATE.FAILED and fate.reason == "active_execution":
        return Fate(
            STATE.ALREADY_ACTIVE, fate.invoice_number, fate.vendor_status, "already_active", fate.error
        )
    return fate


def _may_correct(outcome: Outcome, attempt: Attempt, fate: Fate) -> bool:
    """The vendor's "enrolled" beats whatever was believed; its other words count while nothing better is known."""
    if fate.state == STATE.UNKNOWN:
        return False
    if fate.state == STATE.ENROLLED:
        return outcome.state != STATE.ENROLLED
    return outcome.attempt_id == attempt.pk and (outcome.state == STATE.UNKNOWN or outcome.reason == NOT_SURE)


def _rows(run: Run, batch: Batch, attempt: Attempt, fates: Mapping[str, Fate]) -> Iterator[tuple[Any, ...]]:
    """The values of `_COLUMNS` for each account of a batch, as the database takes them."""
    now, stored = attempt.ended_at or clock.now(), connection.ops.adapt_datetimefield_value
    looked_at = (
        LOOKS if batch.permitted_by_id else LOOKED_AT
    )  # a first try may have enrolled what a second could not
    looks = {state: stored(next_look(state, 0, now)) if state in looked_at else None for state in STATE}
    same = (run.pk, batch.pk, attempt.pk, stored(now), str(Outcome.Source.ANSWER), 0, None, "")
    for place, account in enumerate(batch.accounts, start=batch.first):
        fate = fates[account["id"]]
        number = fate.invoice_number or account.get("number") or ""
        said = (str(fate.state), fate.vendor_status, fate.reason, fate.error, looks[STATE(fate.state)])
        picked = (account.get("outstanding"), account.get("currency", ""), account.get("verdict", ""))
        folded = fold(number)[: Outcome.LONGEST_NUMBER]
        yield (*same, place, account["id"], number, folded, *said, *picked)


def _insert(rows: Sequence[tuple[Any, ...]], *, again: bool) -> None:
    """Plain SQL: `bulk_create` spends six times as long on these rows, which come a hundred at a time."""
    table, names = Outcome._meta.db_table, ", ".join(_COLUMNS)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql" and not again:
            _copy(cursor, f"COPY {table} ({names}) FROM STDIN", rows)
            return
        places = ", ".join(["%s"] * len(_COLUMNS))
        sql = f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608 - names of our own
        if again:
            kept = {name: f"COALESCE(NULLIF(excluded.{name}, ''), {table}.{name})" for name in _NUMBERS}
            new = {name: f"excluded.{name}" for name in _COLUMNS if name not in _PICKED}
            changes = ", ".join(f"{name} = {value}" for name, value in (new | kept).items())
            sql += f" ON CONFLICT (run_id, account_id) DO UPDATE SET {changes}"
        cursor.executemany(sql, rows)


def _copy(cursor: Any, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """PostgreSQL's own way in, three times as fast as inserting. Django does not wrap its errors by itself."""
    with connection.wrap_database_errors, cursor.copy(statement) as stream:
        for row in rows:
            stream.write_row(row)
