"""Files and the receipt in Chromium: fetched by a click, readable on any screen and on paper."""

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from dashboard.models import Run, Upload, UploadUse
from dashboard.services import uploads
from tests import ledger
from tests.browser.test_journey import findings, fits

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def run(collector: User) -> Run:
    run = ledger.queued(150, starter=collector, known={"due_on": "2026-03-04"})
    return ledger.answered(run, "SUCCESS", "FAILED", error=ledger.ACTIVE)


def test_what_is_shown_is_fetched_by_a_click(
    desk: Page, live_server: LiveServer, run: Run, tmp_path: Path
) -> None:
    desk.goto(f"{live_server.url}/runs/{run.pk}/?outcome=failed")

    with desk.expect_download() as download:
        desk.get_by_role("link", name="What is shown here as CSV").click()

    file = tmp_path / "fetched.csv"
    download.value.save_as(file)
    assert download.value.suggested_filename == f"run-{run.pk}-failed.csv"
    assert len(file.read_text(encoding="utf-8-sig").splitlines()) == 51


def test_the_page_of_a_list_gives_it_back_with_the_results_of_each_run(
    desk: Page, live_server: LiveServer, run: Run, collector: User
) -> None:
    upload = uploads.keep(collector, run.campaign_id, content=b"invoice\nINV-1\n", name="mine.csv")
    Upload.objects.update(state="done", is_read=True, used_at=run.created_at)
    upload.entries.create(line=2, value="INV-1", state="found", account_id=ledger.account_id(1))
    UploadUse.objects.create(upload=upload, token=run.token)
    desk.goto(f"{live_server.url}{upload.get_absolute_url()}")
    assert findings(desk) == []

    with desk.expect_download() as download:
        desk.get_by_role("link", name=f"This list with results of run {run.pk}").click()

    assert download.value.suggested_filename == f"mine-run-{run.pk}.csv"
    desk.set_viewport_size({"width": 320, "height": 640})
    assert fits(desk)


def test_a_receipt_reads_well_on_any_screen(desk: Page, live_server: LiveServer, run: Run) -> None:
    desk.goto(f"{live_server.url}/runs/{run.pk}/")
    desk.get_by_role("link", name="Receipt to print").click()

    expect(desk.get_by_role("heading", name=f"Receipt of run {run.pk}")).to_be_visible()
    expect(desk.locator("#fingerprint code")).to_have_text(re.compile("^[0-9a-f]{64}$"))
    assert findings(desk) == []
    desk.set_viewport_size({"width": 320, "height": 640})
    assert fits(desk)


def test_on_paper_the_frame_is_gone(desk: Page, live_server: LiveServer, run: Run) -> None:
    desk.goto(f"{live_server.url}/runs/{run.pk}/receipt/")

    desk.emulate_media(media="print")

    expect(desk.locator(".topbar")).to_be_hidden()
    expect(desk.get_by_text("Back to the run")).to_be_hidden()
    expect(desk.get_by_text("INV-1", exact=True)).to_be_visible()
