"""How long invoices are past due: the buckets that people think in, and the finer classes that verdicts need."""

from datetime import date, timedelta

from django.db.models import Case, CharField, Q, Value, When

NO_DATE = "no_date"

# Class -> days past due, first and last; what is not due yet counts below zero.
_CLASSES: dict[str, tuple[int | None, int | None]] = {
    "later": (None, -3),
    "soon": (-2, -1),
    "today": (0, 0),
    "1_30": (1, 30),
    "31_60": (31, 60),
    "61_90": (61, 90),
    "over_90": (91, None),
}
BUCKETS: dict[str, tuple[str, ...]] = {
    "not_due": ("later", "soon", "today"),
    **{name: (name,) for name in ("1_30", "31_60", "61_90", "over_90", NO_DATE)},
}
LABELS = {
    "not_due": "Not due",
    "1_30": "1 to 30 days",
    "31_60": "31 to 60 days",
    "61_90": "61 to 90 days",
    "over_90": "Over 90 days",
    NO_DATE: "No due date",
}
BUCKET_OF = {name: bucket for bucket, names in BUCKETS.items() for name in names}


def class_on(today: date) -> Case:
    """The class of a row with a `due_on` (ISO date or NULL), as an SQL expression."""
    cases = [When(_within(name, today), then=Value(name)) for name in _CLASSES]
    return Case(*cases, default=Value(NO_DATE), output_field=CharField())


def in_class(name: str, today: date) -> Q:
    """The rows of a class."""
    return Q(due_on=None) if name == NO_DATE else _within(name, today)


def _within(name: str, today: date) -> Q:
    first, last = _CLASSES[name]
    newest = Q(due_on__lte=_day(today, first)) if first is not None else Q()
    oldest = Q(due_on__gte=_day(today, last)) if last is not None else Q()
    return newest & oldest


def _day(today: date, days_past: int) -> str:
    return (today - timedelta(days=days_past)).isoformat()
