"""The database's clock, which all machines share; leases and waits in the ledger go by it."""

from datetime import datetime

from django.db import connection
from django.utils import timezone


def now() -> datetime:
    """The time on the database's clock. SQLite has none of its own: there it is this machine's."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment
