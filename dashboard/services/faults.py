"""What to tell people about a failed call to the vendor, and what they can do about it."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from dashboard.api import errors


@dataclass(frozen=True)
class Fault:
    """`status` is the HTTP status of our own page; `vendor_words` what the vendor said, verbatim."""

    title: str
    advice: str
    status: int
    vendor_words: str = ""
    retry_after: int | None = None
    may_have_happened: bool = False


def explain(error: errors.ApiError) -> Fault:
    """The fault as people see it; says whether a write may have happened."""
    title, advice, status = _words_for(error)
    return Fault(
        title=title,
        advice=advice,
        status=status,
        vendor_words=error.message,
        retry_after=None if error.retry_after is None else round(error.retry_after),
        may_have_happened=error.may_have_happened,
    )


def _words_for(error: errors.ApiError) -> tuple[str, str, int]:
    match error:
        case errors.Unreachable(certificate=True):
            return (
                _("The vendor's certificate was refused"),
                _("Tell your administrator: the address or the CA file is wrong. Going on would be unsafe."),
                502,
            )
        case errors.Unreachable():
            return (
                _("The vendor's API cannot be reached"),
                _("Try again in a moment. If it stays like this, tell your administrator."),
                503,
            )
        case errors.RateLimited():
            return _("The vendor asks us to slow down"), _("Wait a little, then try again."), 503
        case errors.NotAllowed(scope=str(scope)):
            return (
                _("The API key may not do this"),
                _("Ask your administrator for a key with the scope %(scope)s.") % {"scope": scope},
                502,
            )
        case errors.NotAllowed():
            return (
                _("The API key was rejected"),
                _("Tell your administrator: the key is missing, wrong, expired or revoked."),
                502,
            )
        case errors.NotFound():
            return (
                _("Not found in this workspace"),
                _("It may have been deleted, or belongs to another workspace or to test data."),
                404,
            )
        case errors.Malformed():
            return (
                _("The vendor's answer could not be read"),
                _("Try again. If it stays like this, give your administrator the reference number."),
                502,
            )
        case errors.Refused():
            return _("The vendor refused this"), _("Read the vendor's words below before trying again."), 502
        case _:
            return (
                _("The vendor's API is not working right now"),
                _("Try again in a moment. If it stays like this, it is for the vendor to mend."),
                503,
            )
