"""Why an invoice was not enrolled, as a code with words for people and what to do about it."""

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from dashboard.models import Outcome


class Advice(StrEnum):
    """What a person can do about a reason."""

    WAIT = "wait"
    SWITCH = "switch"
    CHECK = "check"
    FIX = "fix"
    OTHER = "other"
    SETTLE = "settle"


@dataclass(frozen=True)
class Reason:
    """`title` heads a group of invoices, `what_to_do` is the next step; `retry` says whether sending again can succeed."""

    code: str
    title: str
    what_to_do: str
    advice: Advice
    retry: bool = False


REASONS = {
    reason.code: reason
    for reason in (
        Reason(
            "active_execution",
            "Already active in a campaign",
            "Wait until that campaign has completed for this invoice, then enroll it again. "
            "Trying again now would be refused again.",
            Advice.WAIT,
            retry=True,
        ),
        Reason(
            "past_due",
            "Past its due date",
            "A payment reminder campaign takes no invoices past due. Enroll these into an early stage or first party campaign.",
            Advice.SWITCH,
        ),
        Reason(
            "not_found",
            "Not found, or not this workspace's",
            "The invoice was deleted, belongs to another workspace, or the API key sees only test or only live records. "
            "Refresh the list.",
            Advice.CHECK,
        ),
        Reason(
            "wrong_customer",
            "Invoice and customer do not belong together",
            "Correct the invoice's customer in Agile Receivables; sending again would be refused again.",
            Advice.FIX,
        ),
        Reason(
            "other",
            "Refused in the vendor's own words",
            "Read the vendor's words beside each invoice.",
            Advice.OTHER,
            retry=True,
        ),
        Reason(
            "no_reason_given",
            "No reason given",
            "The vendor gave no reason. Look at the invoice in Agile Receivables before you try again.",
            Advice.OTHER,
            retry=True,
        ),
        Reason(
            "call_refused",
            "The vendor refused the call",
            "Nothing was enrolled by this call. Read the vendor's words beside each invoice.",
            Advice.OTHER,
            retry=True,
        ),
        Reason(
            "no_answer",
            "No answer came",
            "The call ended without an answer, so it cannot be told whether it was carried out.",
            Advice.SETTLE,
        ),
        Reason(
            "unreadable_answer",
            "The answer could not be read",
            "An answer came, but not one that says what was done. It is kept.",
            Advice.SETTLE,
        ),
        Reason(
            "worker_stopped",
            "Our worker stopped while sending",
            "Rollcall was cut off between sending and the answer.",
            Advice.SETTLE,
        ),
        Reason(
            "not_mentioned",
            "Not mentioned in the answer",
            "The vendor answered the call but did not name these invoices.",
            Advice.SETTLE,
        ),
        Reason(
            "conflicting_rows",
            "Named twice, with different results",
            "The vendor contradicted itself.",
            Advice.SETTLE,
        ),
        Reason(
            "our_error",
            "Rollcall could not process the answer",
            "The answer is kept, and is read once more by a newer version.",
            Advice.SETTLE,
        ),
        Reason(
            "not_enrolled_when_read",
            "No answer, and not enrolled when read again",
            "The vendor may still be at work. Look again before you send these invoices again.",
            Advice.WAIT,
            retry=True,
        ),
        Reason(
            "pending_then_not",
            "Accepted at first, then not enrolled",
            "The vendor said pending, and a later reading showed that the invoice is not in this campaign.",
            Advice.CHECK,
            retry=True,
        ),
        Reason(
            "already_active",
            "Already active when sent again",
            "Most likely the first try enrolled it; the second was refused because it is active.",
            Advice.WAIT,
        ),
        Reason(
            "perhaps_before",
            "Enrolled, perhaps already before this run",
            "The invoice is active in this campaign; it was not read before sending, so it may have been there already.",
            Advice.CHECK,
        ),
        Reason("marked", "Marked by a person", "See the note in the run's record.", Advice.OTHER),
    )
}

# The vendor's documented sentences, without regard to case, spacing and the last full stop.
_BY_SENTENCE = {
    "invoice has an active execution in another campaign. "
    "please wait for the current campaign to complete before reassigning": "active_execution",
    "invoice or customer not found or access denied": "not_found",
    "invoice does not belong to this customer": "wrong_customer",
    "invoice is past its due date and cannot be enrolled in a payment reminder campaign. "
    "please use an early stage or first party campaign instead": "past_due",
}


_NOT_ENROLLED = (
    Outcome.State.FAILED,
    Outcome.State.SKIPPED,
    Outcome.State.UNRECOGNISED,
    Outcome.State.NOT_SENT,
)


def code_of(error: str) -> str:
    """The code of a vendor's sentence; `other` when it is not one we know."""
    sentence = " ".join(error.split()).lower().rstrip(".")
    return _BY_SENTENCE.get(sentence, "other") if sentence else "no_reason_given"


def acts(state: str, code: str) -> tuple[str, ...]:
    """What may be done in one step with invoices of this fate: retry, park, switch, move (into a selection).

    Nothing with those that are, or may be, enrolled.
    """
    reason = of(code)
    if state != Outcome.State.FAILED or reason is None:
        return ("move",) if state in _NOT_ENROLLED else ()
    if reason.advice == Advice.SWITCH:
        return ("switch",)
    if not reason.retry:
        return ("move",)
    return ("retry", "park", "move") if reason.advice == Advice.WAIT else ("retry", "move")


SKIPPED, PENDING, UNRECOGNISED = Outcome.State.SKIPPED, Outcome.State.PENDING, Outcome.State.UNRECOGNISED
_OF_STATE = {
    PENDING: Reason(
        "",
        "Accepted, pending at the vendor",
        "The vendor has taken these and not finished. Do not send them again.",
        Advice.WAIT,
    ),
    SKIPPED: Reason(
        "",
        "Skipped by the vendor, no reason given",
        "The vendor left these out. Look at them in Agile Receivables before you try again.",
        Advice.CHECK,
        retry=True,
    ),
    UNRECOGNISED: Reason(
        "",
        "Answered with an unfamiliar word",
        "It cannot be told from it whether these are enrolled.",
        Advice.CHECK,
    ),
    Outcome.State.NOT_SENT: Reason(
        "",
        "Never sent",
        "The run was stopped before these went out. Resume the run to send them, or pick them anew.",
        Advice.CHECK,
        retry=True,
    ),
}
_READ_BY_ITSELF = {
    Outcome.State.UNKNOWN: "Each may or may not be enrolled. Nothing is sent again without you: wait for the next reading.",
    PENDING: "Each is read again by itself.",
    Outcome.State.ALREADY_ACTIVE: "Each is read again by itself.",
    UNRECOGNISED: "Each is read again by itself, and counts as enrolled once it is in progress in this campaign.",
}
_READ_ENOUGH = {
    Outcome.State.UNKNOWN: "Each may or may not be enrolled, and is not read again. "
    "Look it up in Agile Receivables and mark it, or send it again.",
    PENDING: "They are not read again: look them up in Agile Receivables.",
    Outcome.State.ALREADY_ACTIVE: "They are not read again: look them up in Agile Receivables.",
    UNRECOGNISED: "Look at them in Agile Receivables.",
}


@lru_cache(maxsize=500)
def explain(state: str, code: str, *, will_be_read: bool) -> Reason:
    """Why invoices are in this state and the next step, true for whether they will be read again by themselves."""
    reason = (
        _OF_STATE.get(Outcome.State(state))
        if state in (PENDING, UNRECOGNISED) or not code
        else REASONS.get(code)
    )
    if reason is None:
        reason = Reason(code, Outcome.State(state).label, "Look at them in Agile Receivables.", Advice.CHECK)
    if state == SKIPPED and code == "other":
        reason = replace(reason, title="Skipped, in the vendor's own words")
    readings = (_READ_BY_ITSELF if will_be_read else _READ_ENOUGH).get(Outcome.State(state), "")
    return replace(reason, code=code, what_to_do=f"{reason.what_to_do} {readings}".strip())


def of(code: str) -> Reason | None:
    """The reason with this code, or None for an empty or unfamiliar code."""
    return REASONS.get(code)
