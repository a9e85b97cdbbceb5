"""The database's clock, which all machines share; leases and waits in the ledger go by it."""

from datetime import UTC, datetime

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


def moment(value: datetime | str | None) -> datetime | None:
    """What a plain query gave, as the ORM would give it: SQLite keeps text, in UTC."""
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value
