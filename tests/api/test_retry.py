import random

import pytest

from dashboard.api.errors import (
    ApiError,
    Malformed,
    NotAllowed,
    NotFound,
    RateLimited,
    Refused,
    Unavailable,
    Unreachable,
)
from dashboard.api.retry import wait_before_retry


class Longest(random.Random):
    """Chance at its worst: always the longest wait."""

    def uniform(self, a: float, b: float) -> float:
        return b


def test_the_wait_for_an_unreachable_vendor_doubles_up_to_a_minute() -> None:
    waits = [
        wait_before_retry(tries, Unreachable("gone"), False, Longest()) for tries in (*range(1, 9), 10_000)
    ]

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_the_wait_is_spread_over_its_whole_range() -> None:
    rng = random.Random(1)

    waits = [wait_before_retry(4, Unreachable("gone"), False, rng) or 0 for _ in range(1000)]

    assert 0 <= min(waits) < 0.1
    assert 7.9 < max(waits) <= 8


def test_the_first_wait_can_be_shorter() -> None:
    assert wait_before_retry(2, Unreachable("gone"), True, Longest(), first=0.5) == 1.0


@pytest.mark.parametrize("repeatable", [True, False])
def test_an_untrusted_certificate_is_not_tried_again(repeatable: bool) -> None:
    assert wait_before_retry(1, Unreachable("no", certificate=True), repeatable) is None


@pytest.mark.parametrize("repeatable", [True, False])
def test_a_rate_limit_is_obeyed(repeatable: bool) -> None:
    assert wait_before_retry(1, RateLimited("slow", asked_wait=17), repeatable) == 17


@pytest.mark.parametrize("asked_wait", [None, 0, -5])
def test_a_rate_limit_without_a_wait_is_met_with_our_own(asked_wait: float | None) -> None:
    assert wait_before_retry(2, RateLimited("slow", asked_wait=asked_wait), False, Longest()) == 2


@pytest.mark.parametrize("status", [502, 503, 504])
def test_passing_trouble_is_tried_again_for_a_read(status: int) -> None:
    assert wait_before_retry(1, Unavailable("later", status=status), True, Longest()) == 1


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("lost", may_have_happened=True),
        Unavailable("later", may_have_happened=True, status=503),
        Malformed("what", may_have_happened=True),
    ],
)
def test_never_repeats_a_write_that_may_have_happened(error: ApiError) -> None:
    assert wait_before_retry(1, error, False) is None


@pytest.mark.parametrize(
    "error",
    [
        Refused("no"),
        NotAllowed("no"),
        NotFound("no"),
        Malformed("what"),
        Unavailable("lost"),
        Unavailable("x", status=500),
    ],
)
def test_what_would_only_fail_again_is_not_repeated(error: ApiError) -> None:
    assert wait_before_retry(1, error, True) is None
