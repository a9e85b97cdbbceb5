"""Runs: queueing them, and pausing, resuming and stopping them."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.dispatch import Signal

from dashboard.api.schema import Campaign
from dashboard.models import AuditEntry, Batch, Outcome, Run, RunCustomer
from dashboard.services import audit, clock, notices, outcomes, searching, tally
from dashboard.services.chunks import in_chunks

CALL_SIZE = 100
# The columns that a holder of the lock may change; the rest never changes after queueing.
_CHANGING = [
    "state",
    "pause",
    "pause_text",
    "resume_at",
    *Outcome.State.values,
    "tally",
    "call_size",
    "feeling",
    "not_before",
    "check_campaign",
    "recheck",
    "unanswered_in_row",
    "refused_in_row",
    "host",
    "key_fingerprint",
    "started_at",
    "finished_at",
    "served_at",
    "is_tallied",
]
# Columns that whoever sends or settles a call can leave unread.
UNREAD = ("token", "campaign_name", "campaign", "pause_text", "recheck")

# Sent, inside the transaction, when a run has calls to make; couriers listen to it. Carries `run_id`.
work_waiting = Signal()
# A person who resumes after these says that the key is right now.
KEY_PAUSES = (Run.Pause.KEY_CHANGED, Run.Pause.KEY_REJECTED, Run.Pause.NOT_ALLOWED)


class NotPossible(Exception):
    """The run is not in a state that allows this; the message says so for people."""


def queue(
    *,
    starter: User | None,
    campaign: Campaign,
    accounts: Sequence[dict[str, Any]],
    token: uuid.UUID,
    duplicates: int = 0,
    source: str = "web",
    check_first: bool = False,
) -> Run:
    """A run over these accounts (snapshots as in `Batch.accounts`), in batches of 100. The same token gives the same run.

    With `check_first` the campaign is read again before the first call.

    Raises: ValueError for no accounts, or one account twice.
    """
    if run := Run.objects.filter(token=token).first():
        return run
    if not accounts:
        raise ValueError("No invoice was chosen.")
    if len({account["id"] for account in accounts}) != len(accounts):
        raise ValueError("An invoice was given twice.")
    try:
        return _queue(starter, campaign, accounts, token, duplicates, source, check_first)
    except IntegrityError:
        return Run.objects.get(token=token)


@transaction.atomic
def _queue(
    starter: User | None,
    campaign: Campaign,
    accounts: Sequence[dict[str, Any]],
    token: uuid.UUID,
    duplicates: int,
    source: str,
    check_first: bool,
) -> Run:
    run = Run.objects.create(
        token=token,
        campaign_id=campaign.id or "",
        campaign_name=campaign.name[:500],
        campaign=campaign.fields,
        starter=starter,
        source=source,
        size=len(accounts),
        duplicates=duplicates,
        check_campaign=check_first,
        tally=tally.picked(accounts),
    )
    _add_batches(run, accounts, CALL_SIZE, number=1, first=1)
    customers = {account["customer_id"] for account in accounts if account.get("customer_id")}
    RunCustomer.objects.bulk_create(
        [RunCustomer(run=run, customer_id=customer_id) for customer_id in customers], batch_size=1000
    )
    audit.record(
        "run queued",
        who=starter,
        run=run,
        invoices=len(accounts),
        campaign_id=campaign.id,
        campaign=campaign.name,
    )
    work_waiting.send(Run, run_id=run.pk)
    return run


def _add_batches(
    run: Run,
    accounts: Sequence[dict[str, Any]],
    size: int,
    *,
    number: int,
    first: int,
    permitted_by: AuditEntry | None = None,
) -> list[Batch]:
    pieces = [(start, list(accounts[start : start + size])) for start in range(0, len(accounts), size)]
    batches = Batch.objects.bulk_create(
        (
            Batch(
                run=run,
                number=each,
                first=first and first + start,
                accounts=piece,
                size=len(piece),
                permitted_by=permitted_by,
            )
            for each, (start, piece) in enumerate(pieces, start=number)
        ),
        batch_size=200,
    )
    searching.write(batches)
    return batches


# ------------------------------------------------------------------------------------------- for those who hold the run


def lock(run_id: int) -> Run:
    """The run, locked until the transaction ends."""
    return Run.objects.select_for_update().get(pk=run_id)


def save(run: Run) -> None:
    """Save what a holder of the lock has changed."""
    known, before = run.__dict__, run.loaded
    changed = [n for n in _CHANGING if n in known and (n not in before or known[n] != before[n])]
    if changed:
        run.save(update_fields=changed)
    if "state" in changed:
        notices.follow(run)


def add_batches(
    run: Run,
    accounts: Sequence[dict[str, Any]],
    size: int,
    *,
    permitted_by: AuditEntry | None,
    first: int = 0,
) -> list[Batch]:
    """More batches at the end of a run; `first` as in `Batch`."""
    last = run.batches.order_by("-number").values_list("number", flat=True).first() or 0
    return _add_batches(run, accounts, size, number=last + 1, first=first, permitted_by=permitted_by)


def cut(run: Run, batch: Batch, size: int) -> list[Batch]:
    """Put batches of at most `size` in the place of a batch of which nothing was enrolled."""
    pieces = add_batches(run, batch.accounts, size, permitted_by=batch.permitted_by, first=batch.first)
    close(batch, Batch.State.SPLIT)
    if run.state == Run.State.STOPPED:
        for piece in pieces:
            put_back(run, piece)
    return pieces


def close(batch: Batch, state: Batch.State) -> None:
    """The batch leaves the queue."""
    batch.state = state
    batch.save(update_fields=["state"])


def put_back(run: Run, batch: Batch) -> None:
    """A batch of which nothing reached or moved the vendor waits again, or stays unsent in a stopped run."""
    if run.state != Run.State.STOPPED:
        close(batch, Batch.State.WAITING)
        return
    close(batch, Batch.State.NOT_SENT)
    if not batch.permitted_by_id:
        run.not_sent += batch.size


def pause_for(run: Run, cause: Run.Pause, text: str, *, resume_at: datetime | None = None) -> None:
    """Rollcall pauses a run by itself; a run that a person paused or stopped stays as it is."""
    if run.state in Run.ACTIVE:
        run.state, run.pause, run.pause_text, run.resume_at = Run.State.PAUSED, cause, text[:500], resume_at


def finish_if_done(run: Run) -> None:
    """A run is finished when every batch has an end and no account of unknown fate will be read again by itself.

    What a stop left unsent stays so: then it is stopped again.
    """
    if run.waiting or run.is_ended or run.batches.filter(state__in=Batch.OPEN).exists():
        return
    if not run.outcomes.filter(state=Outcome.State.UNKNOWN, look_at__isnull=False).exists():
        unsent = run.batches.filter(state=Batch.State.NOT_SENT).exists()
        run.state = Run.State.STOPPED if unsent else Run.State.FINISHED
        run.pause, run.pause_text, run.resume_at = "", "", None
        run.finished_at = clock.now()


def go_on(run: Run) -> None:
    """Back to work, one careful call first."""
    run.state, run.pause, run.pause_text, run.resume_at = Run.State.RUNNING, "", "", None
    run.feeling, run.not_before, run.unanswered_in_row, run.refused_in_row = True, None, 0, 0
    run.finished_at = None
    work_waiting.send(Run, run_id=run.pk)


# -------------------------------------------------------------------------------------------------------- for people


@transaction.atomic
def pause(*, run: Run, who: User | None, note: str = "") -> Run:
    """No new call is made; one under way ends. Raises: NotPossible when the run has ended."""
    run = lock(run.pk)
    if run.is_ended:
        raise NotPossible("This run has ended; there is nothing left to pause.")
    if run.state != Run.State.PAUSED or run.pause != Run.Pause.PERSON:
        run.state, run.pause, run.pause_text, run.resume_at = (
            Run.State.PAUSED,
            Run.Pause.PERSON,
            note[:500],
            None,
        )
        save(run)
        audit.record("run paused", who=who, run=run, note=note)
    return run


@transaction.atomic
def resume(*, run: Run, who: User | None, note: str = "") -> Run:
    """A paused or stopped run goes on. Raises: NotPossible when nothing is left to send."""
    run = lock(run.pk)
    unsent = run.batches.filter(state=Batch.State.NOT_SENT)
    if run.state in Run.ACTIVE and not unsent.exists():
        return run
    if run.state == Run.State.FINISHED or (run.state == Run.State.STOPPED and not unsent.exists()):
        raise NotPossible("Nothing is left to send in this run.")
    if run.pause in KEY_PAUSES:
        run.key_fingerprint = ""
    if run.pause == Run.Pause.KEY_CHANGED:
        run.host = ""
    run.not_sent -= _size_of(unsent)
    unsent.update(state=Batch.State.WAITING)
    go_on(run)
    save(run)
    audit.record("run resumed", who=who, run=run, note=note)
    return run


@transaction.atomic
def stop(*, run: Run, who: User | None, note: str = "") -> Run:
    """No new call is made; calls under way end, the rest is not sent. Raises: NotPossible when the run has ended."""
    run = lock(run.pk)
    if run.state == Run.State.STOPPED:
        return run
    if run.state == Run.State.FINISHED:
        raise NotPossible("This run has finished; every invoice was sent.")
    waiting = run.batches.filter(state=Batch.State.WAITING)
    run.not_sent += _size_of(waiting)
    waiting.update(state=Batch.State.NOT_SENT)
    run.state, run.pause, run.pause_text, run.resume_at = Run.State.STOPPED, "", "", None
    run.finished_at = clock.now()
    save(run)
    audit.record(
        "run stopped", who=who, run=run, note=note, sent=run.size - run.not_sent, not_sent=run.not_sent
    )
    return run


def _size_of(batches: Any) -> int:
    """How many accounts these batches would count as not sent; those sent before have a fate already."""
    return batches.filter(permitted_by=None).aggregate(total=Sum("size"))["total"] or 0


@transaction.atomic
def send_again(*, run: Run, who: User, note: str, account_ids: Iterable[str] | None = None) -> int:
    """Send accounts of unknown fate again, on a person's word. Gives how many.

    Raises: NotPossible when none is left, or the first try is less than a minute old.
    """
    run = lock(run.pk)
    rows = _unknown(run, account_ids)
    too_young = clock.now() - outcomes.AGAIN_AFTER
    if any(row.settled_at > too_young for row in rows):
        raise NotPossible(
            "The first try is less than a minute old; the vendor may still be at work. Try again in a minute."
        )
    if not rows:
        raise NotPossible("No invoice of unknown fate is left in this run.")
    entry = audit.record(
        "sent again", who=who, run=run, note=note, account_ids=[row.account_id for row in rows]
    )
    add_batches(run, _as_picked(rows), run.call_size, permitted_by=entry)
    outcomes.change(rows, look_at=None)
    if run.state != Run.State.PAUSED:
        go_on(run)
    save(run)
    return len(rows)


def _as_picked(rows: Sequence[Outcome]) -> list[dict[str, Any]]:
    """The snapshots of these accounts as they were picked, with what was learned since."""
    picked = {
        account["id"]: account
        for chunk in in_chunks({row.batch_id for row in rows}, 500)
        for accounts in Batch.objects.filter(pk__in=chunk).values_list("accounts", flat=True)
        for account in accounts
    }
    return [picked.get(row.account_id, {}) | outcomes.snapshot_of(row) for row in rows]


@transaction.atomic
def mark(*, run: Run, who: User, note: str, enrolled: bool, account_ids: Iterable[str] | None = None) -> int:
    """Record a person's word on accounts of unknown fate. Gives how many. Raises: NotPossible when none is left."""
    run = lock(run.pk)
    rows = _unknown(run, account_ids)
    if not rows:
        raise NotPossible("No invoice of unknown fate is left in this run.")
    outcomes.mark(run, rows, Outcome.State.ENROLLED if enrolled else Outcome.State.FAILED, note)
    finish_if_done(run)
    save(run)
    word = "marked as enrolled" if enrolled else "marked as not enrolled"
    audit.record(word, who=who, run=run, note=note, account_ids=[row.account_id for row in rows])
    return len(rows)


def _unknown(run: Run, account_ids: Iterable[str] | None) -> list[Outcome]:
    """Accounts of unknown fate that are not about to be sent again."""
    again = {
        account["id"]
        for accounts in run.batches.filter(
            state__in=(*Batch.OPEN, Batch.State.NOT_SENT), permitted_by__isnull=False
        ).values_list("accounts", flat=True)
        for account in accounts
    }
    unknown = run.outcomes.filter(state=Outcome.State.UNKNOWN)
    chosen = unknown if account_ids is None else unknown.filter(account_id__in=list(account_ids))
    return [row for row in chosen if row.account_id not in again]
