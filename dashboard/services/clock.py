"""The database's clock, which all machines share; leases and waits in the ledger go by it."""

from datetime import UTC, datetime
from typing import overload

from django.db import connection
from django.db.models import DateTimeField, Func, Value
from django.db.models.expressions import Expression
from django.utils import timezone


def now() -> datetime:
    """The time on the database's clock. SQLite has none of its own: there it is this machine's."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def column() -> Expression:
    """The same time as a column of a query, which spares one of its own."""
    if connection.vendor != "postgresql":
        return Value(timezone.now(), DateTimeField())
    return Func(function="clock_timestamp", output_field=DateTimeField())


@overload
def moment(value: datetime | str) -> datetime: ...
@overload
def moment(value: datetime | str | None) -> datetime | None: ...
def moment(value: datetime | str | None) -> datetime | None:
    """What a plain query gave, as the ORM would give it: from SQLite it comes without its zone, also as text."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value
