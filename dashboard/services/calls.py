"""The calls that invoices of a run travelled in, for many of them at once."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from dashboard.models import Run
from dashboard.services import clock
from dashboard.services.unsent import LARGEST

# The batches of a run that hold each of these places, and begin after the other. To look for each place by itself takes less than
# to look at all batches: CROSS JOIN has SQLite do so.
HOLDING = """
WITH wanted (place, low) AS (VALUES {})
SELECT wanted.place, batch.id FROM wanted CROSS JOIN dashboard_batch AS batch
    WHERE batch.run_id = %s AND batch.first > wanted.low AND batch.first <= wanted.place
        AND batch.first + batch.size > wanted.place
"""
# In a third of the time that the ORM takes for a hundred batches.
TRIES = """
SELECT batch.id, batch.number, attempt.id, attempt.number, started_at, answer_class, http_status
    FROM dashboard_batch AS batch LEFT JOIN dashboard_attempt AS attempt ON attempt.batch_id = batch.id
    WHERE batch.id IN ({}) ORDER BY started_at
"""


class Call(NamedTuple):
    """A try of a batch, which it names by number; `answer_class` is empty while it is under way."""

    batch: int
    pk: int
    number: int
    started_at: datetime
    answer_class: str
    http_status: int | None


def by_place(run: Run, batches: Mapping[int, int]) -> dict[int, list[Call]]:
    """Of each of these places the calls, oldest first, with its batch and with those that the batch was cut from.

    Batches beyond the first ones of a run are pieces of them, or sent again: then the tries before count too.
    """
    mine = {place: {batch} for place, batch in batches.items()}
    carriers = _carriers(set(batches.values()))
    moved = [place for place, own in batches.items() if carriers[own].number > -(-run.size // LARGEST)]
    if moved:
        places = ", ".join(f"({place:d}, {max(0, place - LARGEST):d})" for place in moved)
        with connection.cursor() as cursor:
            cursor.execute(HOLDING.format(places), [run.pk])
            for place, batch in cursor.fetchall():
                mine[place].add(batch)
        carriers |= _carriers(set().union(*mine.values()) - carriers.keys())
    return {
        place: [call for batch in sorted(held) for call in carriers[batch].calls]
        for place, held in mine.items()
    }


class _Carrier(NamedTuple):
    """A batch: its number, and its tries, oldest first."""

    number: int
    calls: list[Call]


def _carriers(batches: set[int]) -> dict[int, _Carrier]:
    found: dict[int, _Carrier] = {}
    if not batches:
        return found
    with connection.cursor() as cursor:
        cursor.execute(TRIES.format(", ".join(f"{batch:d}" for batch in batches)))
        for pk, batch, call, number, started_at, *answer in cursor.fetchall():
            carrier = found.setdefault(pk, _Carrier(batch, []))
            if call:  # else it has not been sent yet
                carrier.calls.append(Call(batch, call, number, clock.moment(started_at), *answer))
    return found
