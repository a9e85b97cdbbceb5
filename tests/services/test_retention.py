"""Lists go after their time, and none that may still be wanted."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from dashboard.models import CustomerName, Entry, Errand, Run, Selection, Upload, UploadFile, UploadUse
from dashboard.services import clock, retention, selection, uploads
from dashboard.services.errands import Clerk

OLD, YOUNG = timedelta(days=91), timedelta(days=89)


def brought(picked: Selection, *, age: timedelta = OLD, **fields: Any) -> Upload:
    """A list that was brought so long ago, with two lines."""
    upload = uploads.keep(picked.user, picked.campaign_id, content=b"INV-1 INV-2")
    for place in (1, 2):
        Entry.objects.create(upload=upload, line=1, place=place, value=f"INV-{place}")
    given = {"state": Errand.State.DONE, "created_at": clock.now() - age} | fields
    Upload.objects.filter(pk=upload.pk).update(**given)
    if "used_at" in given:
        UploadUse.objects.create(upload=upload, token=upload.token)
    return upload


def is_kept(upload: Upload) -> bool:
    upload.refresh_from_db()
    has_file = UploadFile.objects.filter(upload=upload).exists()
    has_lines = upload.entries.exists()
    assert has_file == has_lines == (upload.removed_at is None)
    return has_file


def ran(upload: Upload, **fields: Any) -> None:
    """Its selection was sent: the run carries the token."""
    Run.objects.create(token=upload.token, campaign_id=upload.selection.campaign_id, size=2, **fields)
    Selection.objects.update(token=uuid.uuid4())


def test_an_old_list_goes_with_its_lines_and_a_young_one_stays(picked: Selection) -> None:
    old, young = brought(picked), brought(picked, age=YOUNG)

    assert retention.remove_old_lists() == 1

    assert (is_kept(old), is_kept(young)) == (False, True)


@pytest.mark.parametrize("state", [Errand.State.QUEUED, Errand.State.RUNNING])
def test_one_that_waits_for_a_worker_stays(picked: Selection, state: str) -> None:
    upload = brought(picked, state=state)

    retention.remove_old_lists()

    assert is_kept(upload)


def test_one_that_is_in_a_selection_stays(picked: Selection) -> None:
    upload = brought(picked, used_at=clock.now() - OLD)

    retention.remove_old_lists()

    assert is_kept(upload)


@pytest.mark.parametrize(("ended", "kept"), [(None, True), (YOUNG, True), (OLD, False)])
def test_one_of_a_run_stays_until_the_run_ended_long_ago(
    picked: Selection, ended: timedelta | None, kept: bool
) -> None:
    upload = brought(picked, used_at=clock.now() - OLD)
    ran(upload, finished_at=clock.now() - ended if ended else None)

    retention.remove_old_lists()

    assert is_kept(upload) == kept


def test_one_whose_invoices_wait_in_another_selection_stays(picked: Selection) -> None:
    upload = brought(picked, used_at=clock.now() - OLD)
    ran(upload, finished_at=clock.now() - OLD)
    UploadUse.objects.create(upload=upload, token=picked.user.selections.get().token)

    retention.remove_old_lists()

    assert is_kept(upload)


def test_one_whose_selection_was_cleared_goes(picked: Selection) -> None:
    upload = brought(picked, used_at=clock.now() - OLD)
    selection.clear(picked)

    retention.remove_old_lists()

    assert not is_kept(upload)


def test_a_customers_name_goes_when_it_was_not_seen_for_so_long(db: None) -> None:
    for key, age in (("old", OLD), ("young", YOUNG)):
        CustomerName.objects.create(pk=key, name="Acme", seen_at=clock.now() - age)

    retention.remove_old_names()

    assert [one.pk for one in CustomerName.objects.all()] == ["young"]


def test_the_time_is_a_setting(picked: Selection, settings: Any) -> None:
    settings.KEEP_LISTS_DAYS = 365
    upload = brought(picked)

    assert retention.remove_old_lists() == 0
    assert is_kept(upload)


def test_lines_left_by_a_worker_that_was_stopped_go_the_next_time(picked: Selection) -> None:
    upload = brought(picked, removed_at=clock.now())
    UploadFile.objects.filter(upload=upload).delete()

    retention.remove_old_lists()

    assert not is_kept(upload)


def test_a_worker_with_nothing_else_to_do_removes_them(picked: Selection, clerk: Clerk) -> None:
    upload = brought(picked)
    CustomerName.objects.create(pk="old", name="Acme", seen_at=clock.now() - OLD)

    clerk.work()

    assert not is_kept(upload)
    assert not CustomerName.objects.exists()


def test_a_removed_list_is_neither_used_nor_read(picked: Selection) -> None:
    upload = brought(picked, removed_at=clock.now())
    upload.refresh_from_db()

    assert not uploads.may_use(upload)
    with pytest.raises(uploads.NotPossible):
        uploads.use(upload)
