"""What is removed after a time: the files and lines of lists that people brought, and names of customers."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from dashboard.models import CustomerName, Entry, Errand, Run, Selection, Upload, UploadFile, UploadUse
from dashboard.services import clock

AT_ONCE = 5000


def remove_old_lists() -> int:
    """Remove what is older than ROLLCALL_KEEP_LISTS_DAYS; gives how many lists. What a run may still want is kept."""
    removed = [upload_id for upload_id in _expired().values_list("pk", flat=True) if _remove(upload_id)]
    while _remove_some(Entry.objects.filter(upload__removed_at__isnull=False)):
        pass
    return len(removed)


def remove_old_names() -> None:
    """Remove the names of customers that were not seen for ROLLCALL_KEEP_LISTS_DAYS."""
    while _remove_some(CustomerName.objects.filter(seen_at__lt=_long_ago())):
        pass


def _long_ago() -> datetime:
    return clock.now() - timedelta(days=settings.KEEP_LISTS_DAYS)


def _expired() -> QuerySet[Upload]:
    """Not those that wait in a selection or for a worker, nor those of a run that ended later, or has not."""
    old = _long_ago()
    late = Run.objects.filter(Q(finished_at=None) | Q(finished_at__gte=old), token=OuterRef("token"))
    selected = Selection.objects.filter(token=OuterRef("token"))
    wanted = UploadUse.objects.filter(Exists(late) | Exists(selected), upload=OuterRef("pk"))
    return (
        Upload.objects.filter(removed_at=None, created_at__lt=old)
        .filter(Q(used_at=None) | Q(used_at__lt=old))
        .exclude(state__in=Errand.ACTIVE)
        .exclude(Exists(wanted))
    )


@transaction.atomic
def _remove(upload_id: int) -> bool:
    if not _expired().filter(pk=upload_id).update(removed_at=clock.now()):
        return False
    UploadFile.objects.filter(upload=upload_id).delete()
    return True


def _remove_some(rows: QuerySet[Any]) -> int:
    """In parts, so that nothing waits long for the database."""
    some = list(rows.values_list("pk", flat=True)[:AT_ONCE])
    removed: int = rows.model.objects.filter(pk__in=some).delete()[0]
    return removed
