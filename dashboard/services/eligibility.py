"""What the documented rules say before anything is sent: yes, no, or unknown. Only the vendor decides."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from dashboard.api.schema import AccountStatus, Campaign, CampaignKind, CampaignStatus

Answer = Literal["yes", "no", "unknown"]

CAMPAIGN_CLOSED = "campaign_closed"
DUE_SOON = timedelta(days=2)


@dataclass(frozen=True)
class Acceptance:
    """Whether a campaign takes new invoices. `why` is a sentence for people."""

    answer: Answer
    why: str


@dataclass(frozen=True)
class Rule:
    """What a verdict goes by. `source` says in words where it comes from, `is_stated` whether the vendor states it."""

    name: str
    source: str
    is_stated: bool = True


ONE_EXECUTION = Rule(
    "One campaign at a time", "Stated in the vendor's documentation of campaigns, with this error."
)
DUE_DATE = Rule(
    "Reminders only before the due date",
    "Stated in the vendor's documentation of campaigns, with this error; not for the due date itself.",
)
TAKES_INVOICES = Rule(
    "Which campaigns take invoices", "Stated in the vendor's documentation of campaigns, by their status."
)
FREE_STATUS = Rule(
    "Free invoices may enter",
    "Stated in the vendor's documentation of accounts: not assigned, or pending collection.",
)
CLOSED_STATUS = Rule(
    "Closed invoices stay closed",
    "Follows from the vendor's documentation of accounts: this status ends the collection.",
    is_stated=False,
)
SANDBOX_RULE = Rule(
    "No sandbox invoices", "Stated in the vendor's core concepts: sandbox accounts cannot be enrolled."
)
STATEMENTS_APART = Rule(
    "Statements have their own way", "Stated in the vendor's documentation of statements."
)
KNOWN_INVOICE = Rule(
    "Only invoices of this workspace", "Stated in the vendor's documentation of campaigns, with this error."
)
NOT_DOCUMENTED = Rule("No rule", "The vendor's documentation does not say.", is_stated=False)


@dataclass(frozen=True)
class Verdict:
    """What will become of one invoice. `code` is short and stored, `why` is a sentence for people."""

    answer: Answer
    code: str
    why: str
    rule: Rule = NOT_DOCUMENTED


_ACCEPTANCES = {
    CampaignStatus.DRAFT: Acceptance("no", "It is a draft: it takes invoices once it has been started."),
    CampaignStatus.SCHEDULED: Acceptance("no", "It is scheduled: it takes invoices once it has started."),
    CampaignStatus.RUNNING: Acceptance("yes", "It is running."),
    CampaignStatus.ACTIVE: Acceptance("yes", "It is active."),
    CampaignStatus.PAUSED: Acceptance(
        "yes",
        "It is paused: invoices enter, may sit still, and are locked out of other campaigns meanwhile.",
    ),
    CampaignStatus.COMPLETED: Acceptance("no", "It has completed."),
    CampaignStatus.CANCELLED: Acceptance("no", "It was cancelled."),
    CampaignStatus.ARCHIVED: Acceptance("no", "It is archived."),
}

ENTERS = Verdict("yes", "enters", "Nothing known speaks against it.", FREE_STATUS)
NOT_FOUND = Verdict(
    "no",
    "not_found",
    "Not found in this workspace: deleted, mistyped, or out of this API key's sight.",
    KNOWN_INVOICE,
)
NOT_LOOKED_UP = Verdict("unknown", "not_looked_up", "Given by its id and not looked up: the vendor decides.")
SANDBOX = Verdict("no", "sandbox", "Sandbox invoices cannot be enrolled.", SANDBOX_RULE)
STATEMENT = Verdict("no", "statement", "Statements are not enrolled as invoices.", STATEMENTS_APART)
STATEMENT_CAMPAIGN = Verdict(
    "unknown",
    "statement_campaign",
    "This campaign is for statements; whether it takes invoices is not documented.",
)
PAST_DUE = Verdict(
    "no",
    "past_due",
    "Past its due date: a payment reminder campaign refuses it, early stage and first party do not.",
    DUE_DATE,
)
DUE_TODAY = Verdict(
    "unknown",
    "due_today",
    "Due today: a payment reminder campaign may already count it as past due.",
    DUE_DATE,
)
NO_DUE_DATE = Verdict(
    "unknown",
    "no_due_date",
    "No due date is known, and a payment reminder campaign refuses what is past due.",
    DUE_DATE,
)
OTHER_STATUS = Verdict(
    "unknown", "other_status", "Its status is missing or not a documented one: the vendor decides."
)
OTHER_CAMPAIGN = Verdict(
    "unknown", "other_campaign", "Whether the campaign takes invoices is not known: the vendor decides."
)

_BY_STATUS = {
    AccountStatus.IN_PROGRESS: Verdict(
        "no", "active_execution", "Active in a campaign: it has to complete first.", ONE_EXECUTION
    ),
    AccountStatus.SETTLED: Verdict("no", "settled", "Settled: paid in full.", CLOSED_STATUS),
    AccountStatus.PAID_IN_FULL: Verdict("no", "settled", "Settled: paid in full.", CLOSED_STATUS),
    AccountStatus.UNCOLLECTIBLE: Verdict("no", "uncollectible", "Uncollectible: written off.", CLOSED_STATUS),
    AccountStatus.DISPUTED: Verdict(
        "unknown", "disputed", "Disputed: what the vendor does with it is not documented."
    ),
    AccountStatus.SUSPENDED: Verdict(
        "unknown", "suspended", "Suspended by hand: what the vendor does with it is not documented."
    ),
}
_BY_CODE = {
    one.code: one
    for one in (
        Verdict("no", CAMPAIGN_CLOSED, "The campaign takes no invoices.", TAKES_INVOICES),
        *(ENTERS, NOT_FOUND, NOT_LOOKED_UP, SANDBOX, STATEMENT, STATEMENT_CAMPAIGN, PAST_DUE, DUE_TODAY),
        *(NO_DUE_DATE, OTHER_STATUS, OTHER_CAMPAIGN, *_BY_STATUS.values()),
    )
}
# The codes of verdicts that say: the vendor will refuse it.
REFUSALS = {CAMPAIGN_CLOSED} | {
    one.code for one in (NOT_FOUND, SANDBOX, STATEMENT, PAST_DUE, *_BY_STATUS.values()) if one.answer == "no"
}
_ENROLLABLE = (AccountStatus.NOT_ASSIGNED, AccountStatus.PENDING_COLLECTION)


def acceptance(campaign: Campaign) -> Acceptance:
    """Whether the campaign takes new invoices, by its status."""
    if campaign.status is None:
        return Acceptance("unknown", "The vendor gave no status.")
    unknown = Acceptance(
        "unknown", f"“{campaign.status.label}” is not a documented status: the vendor decides."
    )
    return _ACCEPTANCES.get(campaign.status, unknown)


def marks(campaign: Campaign) -> dict[str, str]:
    """What verdicts depend on, as text: kept to notice that a campaign has changed."""
    return {
        "status": campaign.status.raw if campaign.status else "",
        "kind": campaign.kind.raw if campaign.kind else "",
    }


def differences(before: Mapping[str, str], campaign: Campaign) -> dict[str, list[str]]:
    """Each of the marks that is another now, with its word before and now; none where there are no marks."""
    now = marks(campaign)
    return {name: [before[name], now[name]] for name in now if name in before and before[name] != now[name]}


def sentences(changed: Mapping[str, Any]) -> list[str]:
    """Such differences for people; other keys are passed over."""
    words = {"status": ("status", CampaignStatus), "kind": ("type", CampaignKind)}
    return [
        f"Its {word} was “{kind(changed[name][0]).label}” and is “{kind(changed[name][1]).label}” now."
        for name, (word, kind) in words.items()
        if name in changed
    ]


def why(code: str) -> str:
    """The sentence that goes with a stored code; the code itself where it is none of today's."""
    return _BY_CODE[code].why if code in _BY_CODE else code


def codes(answer: Answer) -> list[str]:
    """The stored codes that give this answer."""
    return [code for code, verdict in _BY_CODE.items() if verdict.answer == answer]


def verdict(account: Mapping[str, Any], campaign: Campaign, today: date) -> Verdict:
    """What the rules say about a snapshot (as in `Batch.accounts`); one without status was not looked up."""
    if account.get("missing"):
        return NOT_FOUND
    if "status" not in account:
        return NOT_LOOKED_UP
    findings = [
        finding
        for finding in (_by_account(account), _by_due_date(account, campaign, today), _by_campaign(campaign))
        if finding is not None
    ]
    return next(
        (finding for finding in findings if finding.answer == "no"), findings[0] if findings else ENTERS
    )


def flags(account: Mapping[str, Any], today: date) -> tuple[str, ...]:
    """What a person should know about an invoice that may enter: `part_paid`, `due_soon`."""
    due_on = _due_on(account)
    due_soon = due_on is not None and today <= due_on <= today + DUE_SOON
    return (*(["part_paid"] if account.get("part_paid") else []), *(["due_soon"] if due_soon else []))


def _by_account(account: Mapping[str, Any]) -> Verdict | None:
    if account.get("is_sandbox"):
        return SANDBOX
    if account.get("is_statement"):
        return STATEMENT
    status = account["status"]
    return None if status in _ENROLLABLE else _BY_STATUS.get(status, OTHER_STATUS)


def _by_due_date(account: Mapping[str, Any], campaign: Campaign, today: date) -> Verdict | None:
    if campaign.kind != CampaignKind.PAYMENT_REMINDER:
        return None
    due_on = _due_on(account)
    if due_on is None:
        return NO_DUE_DATE
    if due_on == today:
        return DUE_TODAY
    return PAST_DUE if due_on < today else None


def _by_campaign(campaign: Campaign) -> Verdict | None:
    taking = acceptance(campaign)
    if taking.answer == "no":
        return Verdict("no", CAMPAIGN_CLOSED, f"The campaign takes no invoices. {taking.why}", TAKES_INVOICES)
    if taking.answer == "unknown":
        return OTHER_CAMPAIGN
    return STATEMENT_CAMPAIGN if campaign.kind == CampaignKind.STATEMENT_ACKNOWLEDGEMENT else None


def _due_on(account: Mapping[str, Any]) -> date | None:
    return date.fromisoformat(account["due_on"]) if account.get("due_on") else None
