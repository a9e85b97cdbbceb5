"""What came of one POST, in one of the four classes, as a value that can be stored and replayed."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from dashboard.api.answers import Answer as VendorAnswer
from dashboard.api.answers import read_enrollment
from dashboard.api.errors import ApiError, Malformed, NotAllowed, NotFound, RateLimited, Refused, Unreachable
from dashboard.api.schema import EnrollmentAnswer, EnrollmentRow, EnrollmentWord
from dashboard.models import Attempt, Outcome
from dashboard.services import reasons

CLASS = Attempt.AnswerClass
SPLITTABLE = (400, 413, 422)
OWN_CAUSES = ("worker_stopped", "our_error")
OPEN_CAUSES = ("unreadable_answer", *OWN_CAUSES)
_LIMIT = re.compile(r"(?:max(?:imum)?|at most|up to|limit|no more than)\D{0,30}(\d{1,6})", re.IGNORECASE)


class Answer(BaseModel):
    """One POST's answer. `cause` names why there are no rows; waits are in seconds."""

    model_config = ConfigDict(frozen=True)

    answer_class: str
    cause: str = ""
    status: int | None = None
    message: str = ""
    raw: str = ""
    success: bool = True
    rows: tuple[EnrollmentRow, ...] = ()
    total: int | None = None
    successful: int | None = None
    failed: int | None = None
    asked_wait: float | None = None

    @property
    def most_per_call(self) -> int | None:
        """The limit that a refusal of a too large call names, if it names one."""
        found = _LIMIT.search(self.message)
        return max(1, int(found[1])) if found else None

    @property
    def splits(self) -> bool:
        """Refused for its contents: smaller calls find the invoice that is to blame."""
        return self.answer_class == CLASS.REJECTED and self.status in SPLITTABLE


def of_answer(answer: EnrollmentAnswer) -> Answer:
    """Rows were read: each invoice's own row is the truth."""
    return Answer(
        answer_class=CLASS.DONE,
        status=answer.status,
        success=answer.success,
        message=answer.message,
        raw=answer.raw,
        rows=answer.rows,
        total=answer.total,
        successful=answer.successful,
        failed=answer.failed,
    )


def of_error(error: ApiError) -> Answer:
    """The class of a call that gave no rows; whatever is not provably unsent or refused is unknown."""
    if error.may_have_happened:
        answer_class = CLASS.UNKNOWN
    elif isinstance(error, Unreachable):
        answer_class = CLASS.NOT_SENT
    else:
        answer_class = CLASS.REJECTED
    return Answer(
        answer_class=answer_class,
        cause=_cause_of(error),
        status=error.status,
        message=error.message,
        raw=error.raw,
        asked_wait=getattr(error, "asked_wait", None) or error.retry_after,
    )


def of_kept(attempt: Attempt, account_ids: Sequence[str]) -> Answer:
    """What this version reads in the raw answer of an attempt. Raises: ApiError when it can read nothing."""
    kept = VendorAnswer(
        is_write=True, status=attempt.http_status or 200, headers={}, text=attempt.raw, elapsed=0
    )
    return of_answer(read_enrollment(kept, account_ids[0] if attempt.single else None))


def of_surprise(cause: str, message: str) -> Answer:
    """Nobody knows what happened: our own worker or code failed after the attempt was written."""
    return Answer(answer_class=CLASS.UNKNOWN, cause=cause, message=message)


def _cause_of(error: ApiError) -> str:
    match error:
        case Unreachable(certificate=True):
            return "certificate"
        case Unreachable():
            return "unreachable"
        case RateLimited():
            return "rate_limited"
        case NotAllowed():
            return "key_rejected" if error.key_rejected else "not_allowed"
        case NotFound():
            return "not_found"
        case Refused():
            return "campaign_refused" if error.fields == {"campaign_id"} else "refused"
        case Malformed():
            return "unreadable_answer"
    return "no_answer"


@dataclass(frozen=True)
class Fate:
    """What an answer says of one account."""

    state: str
    invoice_number: str = ""
    vendor_status: str = ""
    reason: str = ""
    error: str = ""


_STATE_OF_WORD = {
    EnrollmentWord.SUCCESS: Outcome.State.ENROLLED,
    EnrollmentWord.PENDING: Outcome.State.PENDING,
    EnrollmentWord.SKIPPED: Outcome.State.SKIPPED,
    EnrollmentWord.FAILED: Outcome.State.FAILED,
}


def read_rows(answer: Answer, account_ids: Sequence[str]) -> dict[str, Fate]:
    """Each sent account's fate by its own row; order and totals count for nothing. Accounts without a row are unknown."""
    by_id = _by_id(answer)
    return {account_id: _fate_of(by_id.get(account_id, [])) for account_id in account_ids}


def _by_id(answer: Answer) -> dict[str, list[EnrollmentRow]]:
    rows: dict[str, list[EnrollmentRow]] = defaultdict(list)
    for row in answer.rows:
        rows[row.account_id].append(row)
    return rows


def _fate_of(rows: list[EnrollmentRow]) -> Fate:
    if not rows:
        return Fate(
            Outcome.State.UNKNOWN, reason="not_mentioned", error="Not mentioned in the vendor's answer."
        )
    fates = [_fate_of_row(row) for row in rows]
    if len({fate.state for fate in fates}) == 1:
        return fates[0]
    said = " and ".join(row.vendor_status or "—" for row in rows)
    return Fate(
        Outcome.State.UNKNOWN,
        invoice_number=rows[0].invoice_number,
        vendor_status=said[:500],
        reason="conflicting_rows",
        error=f"Named {len(rows)} times with different results: {said}"[:500],
    )


def _fate_of_row(row: EnrollmentRow) -> Fate:
    if row.word is None:
        error = row.error or "Named in the vendor's answer, but without a result."
        return Fate(
            Outcome.State.UNKNOWN, row.invoice_number[:500], reason="unreadable_answer", error=error[:500]
        )
    state = _STATE_OF_WORD.get(row.word, Outcome.State.UNRECOGNISED)
    failed = state == Outcome.State.FAILED
    return Fate(
        state,
        invoice_number=row.invoice_number[:500],
        vendor_status=row.vendor_status[:500],
        reason=reasons.code_of(row.error) if failed or row.error else "",
        error=row.error[:500],
    )


def remarks_on(answer: Answer, account_ids: Sequence[str]) -> dict[str, object]:
    """What was odd about an answer: rows never asked for, rows given twice, totals that differ. Empty when nothing was."""
    by_id, sent = _by_id(answer), set(account_ids)
    remarks: dict[str, object] = {
        "strays": [
            _as_text(row) for account_id, rows in by_id.items() if account_id not in sent for row in rows
        ][:100],
        "twice": [_as_text(row) for account_id, rows in by_id.items() if len(rows) > 1 for row in rows][:100],
        "totals_differ": _totals_differ(answer),
        "not_successful": answer.answer_class == CLASS.DONE and not answer.success,
    }
    return {name: remark for name, remark in remarks.items() if remark}


def _totals_differ(answer: Answer) -> bool:
    words = Counter(row.word for row in answer.rows)
    claims = (
        (answer.total, len(answer.rows)),
        (answer.successful, words[EnrollmentWord.SUCCESS]),
        (answer.failed, words[EnrollmentWord.FAILED]),
    )
    return any(claimed is not None and claimed != counted for claimed, counted in claims)


def _as_text(row: EnrollmentRow) -> dict[str, str]:
    return {
        "account_id": row.account_id[:64],
        "invoice_number": row.invoice_number[:500],
        "vendor_status": row.vendor_status[:500],
        "error": row.error[:500],
    }
