import pickle

import pytest

from dashboard.api.errors import ApiError, Malformed, NotAllowed, RateLimited, Unavailable, Unreachable


def test_nothing_may_have_happened_unless_said() -> None:
    assert not any(kind("no").may_have_happened for kind in (Unreachable, Unavailable, Malformed, NotAllowed))


@pytest.mark.parametrize(
    ("asked_wait", "retry_after"), [(None, None), (7, 7), (-1, 0), (0, 0), (300, 300), (1e9, 300)]
)
def test_the_wait_stays_within_five_minutes(asked_wait: float | None, retry_after: float | None) -> None:
    error = RateLimited("slow down", asked_wait=asked_wait)

    assert error.retry_after == retry_after
    assert error.asked_wait == asked_wait


def test_a_missing_scope_is_not_a_rejected_key() -> None:
    assert not NotAllowed("no", scope="accounts:write").key_rejected
    assert NotAllowed("no").key_rejected


def test_an_error_survives_being_stored() -> None:
    error: ApiError = Unavailable("gone", may_have_happened=True, status=502, raw="<html>")

    copy = pickle.loads(pickle.dumps(error))

    assert (str(copy), vars(copy)) == (str(error), vars(error))
