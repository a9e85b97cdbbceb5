"""What is looked at again: accounts whose fate is open, campaigns under suspicion, and a vendor that was down."""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from dashboard.api.client import Client
from dashboard.api.errors import ApiError, Malformed, NotFound, Unavailable, Unreachable
from dashboard.api.schema import Account, AccountStatus, Campaign, CampaignKind
from dashboard.models import Outcome, Run
from dashboard.services import clock, outcomes, pace, recheck, runs, searching
from dashboard.services.eligibility import acceptance
from dashboard.services.sending import PROBE_EVERY

STATE = Outcome.State
AT_ONCE = 100
LIST_PAGE = 100
ENROLLABLE = (AccountStatus.NOT_ASSIGNED, AccountStatus.PENDING_COLLECTION)
CLOSED = (AccountStatus.SETTLED, AccountStatus.UNCOLLECTIBLE, AccountStatus.PAID_IN_FULL)
RETRY_READING = timedelta(seconds=30)


# --------------------------------------------------------------------------------------------------- accounts, re-read


def anything_due() -> bool:
    """Whether some account, campaign or vendor is to be looked at now."""
    now = clock.now()
    return (
        Outcome.objects.filter(look_at__lte=now).exists()
        or Run.objects.filter(state=Run.State.PAUSED, resume_at__lte=now).exists()
        or Run.objects.filter(check_campaign=True, state__in=Run.ACTIVE).exists()
    )


def tend(*, client: Client) -> int:
    """Look at whatever is due, with one call of the cap at a time. Gives how many accounts were read again."""
    with pace.one_call_to_look() as allowed:
        if not allowed:
            return 0
        check_campaigns(client)
        resume_paused(client)
        return look_again(client=client)


def look_again(*, client: Client) -> int:
    """Re-read up to 100 accounts that are due, of one run. Gives how many."""
    due = _claim_due()
    if due:
        _judge(due, read_accounts(client, [outcome.account_id for outcome in due]))
    return len(due)


@transaction.atomic
def _claim_due() -> list[Outcome]:
    """The next accounts to read, put off for all other workers meanwhile."""
    now = clock.now()
    first = (
        Outcome.objects.filter(look_at__lte=now).order_by("look_at").values_list("run_id", flat=True).first()
    )
    if first is None:
        return []
    runs.lock(first)
    due = list(
        Outcome.objects.filter(run=first, look_at__lte=now)
        .select_related("run")
        .order_by("look_at", "pk")[:AT_ONCE]
    )
    Outcome.objects.filter(pk__in=[outcome.pk for outcome in due]).update(look_at=now + RETRY_READING)
    return due


def read_accounts(
    client: Client,
    account_ids: Sequence[str],
    stop_at: tuple[type[ApiError], ...] = (Unreachable, Unavailable),
) -> dict[str, Account | ApiError]:
    """Each account as it is now, or why it could not be read: one by one, or from the list where that is fewer calls.

    After an error of `stop_at`, or half a lease, no more are read.
    """
    seen: dict[str, Account | ApiError] = dict(_from_list(client, account_ids))
    give_up_at = time.monotonic() + settings.LEASE / 2
    for account_id in account_ids:
        if account_id not in seen and time.monotonic() < give_up_at:
            try:
                seen[account_id] = _the_one(client.account(account_id), account_id)
            except ApiError as error:
                seen[account_id] = error
                if isinstance(error, stop_at):
                    break
    return seen


def _the_one(account: Account, account_id: str) -> Account:
    if account.id != account_id:
        raise Malformed("The vendor answered with another invoice.")
    return account


def _from_list(client: Client, account_ids: Sequence[str]) -> dict[str, Account]:
    """The accounts that a walk of the whole list shows, if it takes fewer calls than reading each; else none."""
    wanted = set(account_ids)
    found: dict[str, Account] = {}
    try:
        for number in range(1, len(wanted) if len(wanted) > 2 else 1):
            page = client.accounts(page=number, per_page=LIST_PAGE)
            if not page.total_pages or page.total_pages >= len(wanted):
                break
            found |= {account.id: account for account in page.items if account.id in wanted}
            if number >= page.total_pages or len(found) == len(wanted):
                break
    except ApiError:
        return found
    return found


def _judge(due: Iterable[Outcome], seen: Mapping[str, Account | ApiError]) -> None:
    by_run: dict[int, list[Outcome]] = defaultdict(list)
    for outcome in due:
        by_run[outcome.run_id].append(outcome)
    for run_id, mine in by_run.items():
        with transaction.atomic():
            run = runs.lock(run_id)
            fresh = {
                outcome.pk: outcome
                for outcome in run.outcomes.filter(pk__in=[o.pk for o in mine]).select_related("batch")
            }
            for outcome in mine:
                if _is_open(fresh[outcome.pk], outcome) and outcome.account_id in seen:
                    _conclude(run, fresh[outcome.pk], seen[outcome.account_id])
            runs.finish_if_done(run)
            runs.save(run)


def _is_open(now: Outcome, before: Outcome) -> bool:
    """Nothing became of it while it was read: no answer, no word of a person, no sending again."""
    return now.state == before.state and now.attempt_id == before.attempt_id and now.look_at is not None


def _conclude(run: Run, outcome: Outcome, seen: Account | ApiError) -> None:
    """What one reading says of an open fate. One that failed says nothing: the same is made once more."""
    now = clock.now()
    outcome.looked_at, outcome.seen = now, _seen(seen, run)[:200]
    patience = timedelta(seconds=outcomes.MOST_PATIENCE * settings.SETTLE_AFTER)
    if not _has_failed(seen) or now >= outcome.settled_at + patience:
        outcome.looks += 1
    if isinstance(seen, Account) and seen.invoice_number and not outcome.invoice_number:
        outcome.invoice_number = seen.invoice_number[:500]
        searching.add(outcome.batch_id, {outcome.account_id: outcome.invoice_number})
    state, reason = _verdict(run, outcome, seen)
    if state != outcome.state:
        outcomes.move(run, outcome, state, reason=reason, source=Outcome.Source.READING)
        if state == STATE.FAILED:
            outcome.looks, outcome.look_at = 1, outcomes.next_look(state, 1, now)
    else:
        outcome.look_at = outcomes.next_look(outcome.state, outcome.looks, now)
    outcome.save()


def _has_failed(seen: Account | ApiError) -> bool:
    return isinstance(seen, ApiError) and not isinstance(seen, NotFound)


def _verdict(run: Run, outcome: Outcome, seen: Account | ApiError) -> tuple[str, str]:
    """The state and reason after a reading; the same state as before where the reading proves nothing."""
    unchanged = outcome.state, outcome.reason
    if not isinstance(seen, Account):
        return unchanged
    if seen.status == AccountStatus.IN_PROGRESS and seen.campaign_id == run.campaign_id:
        if outcome.state == STATE.FAILED and _enrolled_by_another(run, outcome):
            return unchanged
        return STATE.ENROLLED, "perhaps_before" if _may_have_been_active(run, outcome) else ""
    if outcome.state == STATE.UNKNOWN and seen.status in ENROLLABLE and seen.campaign_id is None:
        return STATE.FAILED, outcomes.NOT_SURE
    elsewhere = seen.status == AccountStatus.IN_PROGRESS and seen.campaign_id is not None
    if outcome.state == STATE.PENDING and (elsewhere or seen.status in CLOSED):
        return STATE.FAILED, "pending_then_not"
    return unchanged


def _may_have_been_active(run: Run, outcome: Outcome) -> bool:
    """Whether the account may have been active in this campaign before the run: nobody read it, or it was."""
    accounts: list[dict[str, Any]] = outcome.batch.accounts if outcome.batch else []
    picked = next((account for account in accounts if account["id"] == outcome.account_id), {})
    status = str(picked.get("status", "")).lower()
    return not status or (
        status == AccountStatus.IN_PROGRESS and picked.get("campaign_id") == run.campaign_id
    )


def _enrolled_by_another(run: Run, outcome: Outcome) -> bool:
    others = Outcome.objects.exclude(run=run).filter(run__campaign_id=run.campaign_id)
    return others.filter(account_id=outcome.account_id, state=STATE.ENROLLED).exists()


def _seen(seen: Account | ApiError, run: Run) -> str:
    if isinstance(seen, NotFound):
        return "not found when read again"
    if isinstance(seen, ApiError):
        return f"could not be read: {seen.message}"
    where = (
        "no campaign"
        if seen.campaign_id is None
        else "this campaign"
        if seen.campaign_id == run.campaign_id
        else f"campaign {seen.campaign_id}"
    )
    return f"{seen.status.label if seen.status else 'no status'}, {where}"


# --------------------------------------------------------------------------------------------- campaigns and the vendor


def check_campaigns(client: Client) -> None:
    """Read the campaigns of runs that are about to start, and of those whose calls were refused whole twice in a row.

    A closed campaign pauses its run; so does one that is of another type than when the run was confirmed.
    """
    for run in Run.objects.filter(check_campaign=True, state__in=Run.ACTIVE):
        seen = _read_campaign(client, run)
        is_first = run.started_at is None
        if isinstance(seen, Campaign):
            _after_check(run.pk, seen, recheck.compare(run, seen) if is_first else {})
        elif isinstance(seen, Unreachable | Unavailable):
            if is_first:
                _put_off(run.pk, seen)
        else:
            _after_check(run.pk, seen, {})


def _read_campaign(client: Client, run: Run) -> Campaign | ApiError:
    try:
        return client.campaign(run.campaign_id)
    except ApiError as error:
        return error


@transaction.atomic
def _after_check(run_id: int, seen: Campaign | ApiError, changes: dict[str, Any]) -> None:
    run = runs.lock(run_id)
    run.check_campaign = False
    run.recheck = changes or run.recheck
    if isinstance(seen, NotFound):
        runs.pause_for(run, Run.Pause.CAMPAIGN_CLOSED, seen.message)
    elif isinstance(seen, Campaign) and (accepts := acceptance(seen)).answer == "no":
        runs.pause_for(run, Run.Pause.CAMPAIGN_CLOSED, accepts.why)
    elif "kind" in changes:
        before, now = (CampaignKind(word).label for word in changes["kind"])
        runs.pause_for(
            run, Run.Pause.CAMPAIGN_CHANGED, f"It was “{before}” when this was confirmed, and is “{now}” now."
        )
    runs.save(run)


@transaction.atomic
def _put_off(run_id: int, error: ApiError) -> None:
    """Nothing is sent unchecked: the run looks again when the vendor answers."""
    run = runs.lock(run_id)
    runs.pause_for(run, Run.Pause.VENDOR_DOWN, error.message, resume_at=clock.now() + PROBE_EVERY)
    runs.save(run)


def resume_paused(client: Client) -> None:
    """Runs that paused until a time go on: at once after a rate limit, after an answer to a GET if the vendor was down."""
    due = Run.objects.filter(state=Run.State.PAUSED, resume_at__lte=clock.now())
    for run in due:
        answers = run.pause != Run.Pause.VENDOR_DOWN or _answers(client, run.campaign_id)
        _after_probe(run.pk, answers=answers)


def _answers(client: Client, campaign_id: str) -> bool:
    try:
        client.campaign(campaign_id)
    except (Unreachable, Unavailable):
        return False
    except ApiError:
        return True
    return True


@transaction.atomic
def _after_probe(run_id: int, *, answers: bool) -> None:
    run = runs.lock(run_id)
    if run.state != Run.State.PAUSED or run.resume_at is None:
        return
    if answers:
        runs.go_on(run)
    else:
        run.resume_at = clock.now() + PROBE_EVERY
    runs.save(run)
