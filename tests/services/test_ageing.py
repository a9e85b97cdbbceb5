"""Which bucket a due date falls into, by the same borders in the database and on paper."""

from datetime import date, timedelta

import pytest
from django.contrib.auth.models import User

from dashboard.models import SelectedAccount
from dashboard.services import ageing, selection

TODAY = date(2026, 8, 17)


@pytest.mark.parametrize(
    ("days_past", "bucket"),
    [
        *((-3, "not_due"), (0, "not_due"), (1, "1_30"), (30, "1_30"), (31, "31_60"), (60, "31_60")),
        *((61, "61_90"), (90, "61_90"), (91, "over_90"), (2000, "over_90"), (None, "no_date")),
    ],
)
def test_a_due_date_falls_into_one_bucket(collector: User, days_past: int | None, bucket: str) -> None:
    due_on = None if days_past is None else (TODAY - timedelta(days=days_past)).isoformat()
    picked = selection.of(collector, "c")
    SelectedAccount.objects.create(selection=picked, account_id="a", snapshot={"due_on": due_on})

    found = picked.accounts.annotate(due=ageing.class_on(TODAY)).get().due

    assert ageing.BUCKET_OF[found] == bucket
    assert [name for name in ageing.BUCKET_OF if picked.accounts.filter(ageing.in_class(name, TODAY))] == [
        found
    ]
