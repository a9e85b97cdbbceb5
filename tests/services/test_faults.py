"""What people are told about a failed call."""

import pytest

from dashboard.api import errors
from dashboard.services import faults


@pytest.mark.parametrize(
    ("error", "title", "status"),
    [
        (errors.Unreachable("x"), "The vendor's API cannot be reached", 503),
        (errors.Unreachable("x", certificate=True), "The vendor's certificate was refused", 502),
        (errors.Unavailable("x", status=500), "The vendor's API is not working right now", 503),
        (errors.RateLimited("x"), "The vendor asks us to slow down", 503),
        (errors.NotAllowed("x", status=401), "The API key was rejected", 502),
        (errors.NotAllowed("x", scope="campaigns:read"), "The API key may not do this", 502),
        (errors.NotFound("x", status=404), "Not found in this workspace", 404),
        (errors.Refused("x", status=409), "The vendor refused this", 502),
        (errors.Malformed("x"), "The vendor's answer could not be read", 502),
        (errors.ApiError("x"), "The vendor's API is not working right now", 503),
    ],
)
def test_each_kind_of_error_has_its_own_words_and_status(
    error: errors.ApiError, title: str, status: int
) -> None:
    fault = faults.explain(error)

    assert (fault.title, fault.status, fault.vendor_words) == (title, status, "x")


def test_a_missing_scope_is_named_with_what_to_do() -> None:
    fault = faults.explain(errors.NotAllowed("x", scope="accounts:write"))

    assert fault.advice == "Ask your administrator for a key with the scope accounts:write."


def test_the_wait_is_in_whole_seconds() -> None:
    assert faults.explain(errors.RateLimited("x", asked_wait=2.6)).retry_after == 3


def test_a_write_that_may_have_happened_is_said() -> None:
    assert faults.explain(errors.Unavailable("x", may_have_happened=True)).may_have_happened
