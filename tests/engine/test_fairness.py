"""A small run does not wait behind a large one: counted in calls, not in seconds."""

import uuid

import pytest
from django.conf import settings

from dashboard.models import Run
from dashboard.sandbox.server import Sandbox
from dashboard.services import runs, sending
from tests.drive import Hands, queue, queue_ids, until, working

pytestmark = pytest.mark.django_db(transaction=True)
LARGE = 100_000
MOST_ROUNDS = 3  # call times


def queue_large(sandbox: Sandbox) -> Run:
    """A run over accounts that the vendor does not know: it costs as many calls as any."""
    return queue_ids(sandbox, [str(uuid.UUID(int=number)) for number in range(LARGE)])


def test_the_next_free_call_is_the_small_run_s(sandbox: Sandbox) -> None:
    hands = Hands()
    large = queue_large(sandbox)
    hands.step()
    under_way = [hands.claim() for _ in range(settings.PARALLEL_CALLS)]
    small = queue(sandbox, 5)
    assert {claim.run_id for claim in under_way if claim} == {large.pk}
    assert hands.claim() is None

    first = under_way[0]
    assert first
    sending.settle(first, sending.send(first, hands.client))
    following = hands.claim()

    assert following
    assert (following.run_id, len(following.account_ids)) == (small.pk, 5)


def test_a_run_of_5_ends_within_3_call_times_of_a_run_of_100_000(sandbox: Sandbox) -> None:
    large = queue_large(sandbox)
    sandbox.latency = 0.05

    with working():
        until(large, Run.State.RUNNING)
        small = queue(sandbox, 5)
        before = len(sandbox.ledger.posts)
        until(small, *Run.ENDED)
        runs.stop(run=large, who=None)

    campaigns = [post.body["campaign_id"] for post in sandbox.ledger.posts[before:]]
    assert campaigns.index(small.campaign_id) < (MOST_ROUNDS - 1) * settings.PARALLEL_CALLS
