"""Files and receipts over the test client: who gets them, what they are called, and that they are sent in pieces."""

import csv
import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from openpyxl import load_workbook

from dashboard.models import Attempt, Run, Upload, UploadFile, UploadUse
from dashboard.services import receipts, runs, uploads
from dashboard.views import exports
from tests import ledger

pytestmark = pytest.mark.django_db
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
KINDS = ["export.csv", "export.xlsx", "receipt/"]


@pytest.fixture
def run(collector: User) -> Run:
    made = ledger.queued(150, starter=collector, name="Chase <b>", known={"due_on": "2026-03-04"})
    return ledger.answered(made, "SUCCESS", "FAILED", error=ledger.ACTIVE)


@pytest.fixture
def web(viewer: User, browser_of: Any) -> Client:
    """Whoever may see a run may take its files away."""
    client: Client = browser_of(viewer)
    return client


def content(response: Any) -> bytes:
    assert response.status_code == 200
    assert response.streaming
    return b"".join(response.streaming_content)


def page(client: Client, run: Run) -> str:
    return content(client.get(f"/runs/{run.pk}/receipt/")).decode()


def test_a_csv_of_all_has_a_heading_and_every_invoice(web: Client, run: Run) -> None:
    response = web.get(f"/runs/{run.pk}/export.csv")

    rows = list(csv.reader(io.StringIO(content(response).decode("utf-8-sig"), newline="")))
    assert rows[0][:5] == ["Invoice number", "Account id", "Customer id", "Customer", "Outcome"]
    assert rows[0][15:17] == ["Sent at (UTC)", "Settled at (UTC)"]
    assert len(rows) == 151
    assert rows[1][11:14] == ["12.50", "USD", "2026-03-04"]
    assert response["Content-Type"] == "text/csv"
    assert response["Content-Disposition"] == f'attachment; filename="run-{run.pk}.csv"'
    assert "no-store" in response["Cache-Control"]


def test_times_are_in_the_persons_zone(web: Client, run: Run) -> None:
    run.outcomes.update(settled_at="2026-01-02T03:04:05Z")
    web.cookies["zone"] = "America/New_York"

    rows = list(csv.reader(io.StringIO(content(web.get(f"/runs/{run.pk}/export.csv")).decode())))

    assert (rows[0][16], rows[1][16]) == ("Settled at (America/New_York)", "2026-01-01 22:04:05")


def test_a_part_is_what_the_page_shows_with_the_same_query(web: Client, run: Run) -> None:
    query = "outcome=failed&reason=active_execution&search=INV-2"

    response = web.get(f"/runs/{run.pk}/export.xlsx?{query}")

    rows = list(load_workbook(io.BytesIO(content(response))).worksheets[0].values)
    shown = web.get(f"/runs/{run.pk}/?{query}&per_page=100").context["table"].rows
    assert [row[1] for row in rows[1:]] == [row.record.outcome.account_id for row in shown] != []
    assert (response["Content-Type"], response["Content-Disposition"]) == (
        XLSX,
        f'attachment; filename="run-{run.pk}-failed-active_execution-found.xlsx"',
    )


def test_a_query_that_is_not_known_leads_to_the_page_that_says_so(web: Client, run: Run) -> None:
    response = web.get(f"/runs/{run.pk}/export.csv?outcome=nonsense", follow=True)

    assert response.redirect_chain == [(f"/runs/{run.pk}/?outcome=nonsense", 302)]
    assert "“nonsense” is not an outcome" in response.content.decode()


@pytest.mark.parametrize("kind", KINDS)
def test_there_is_nothing_of_a_run_that_is_not_there(web: Client, kind: str) -> None:
    assert web.get(f"/runs/999/{kind}").status_code == 404


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_gets_anything_without_signing_in(run: Run, kind: str) -> None:
    response = Client().get(f"/runs/{run.pk}/{kind}")

    assert response.status_code == 302
    assert response["Location"].startswith("/sign-in/")


def test_the_run_page_offers_the_files_of_what_is_shown_and_of_all(web: Client, run: Run) -> None:
    whole = web.get(f"/runs/{run.pk}/").content.decode()
    part = web.get(f"/runs/{run.pk}/?outcome=failed&search=a%26b").content.decode()

    link = f'href="/runs/{run.pk}/export.csv?outcome=failed&amp;reason=&amp;predicted=&amp;search=a%26b"'
    assert link in part
    assert link not in whole
    for text in (whole, part):
        assert f'href="/runs/{run.pk}/export.xlsx"' in text
        assert f'href="/runs/{run.pk}/receipt/"' in text


@pytest.fixture
def team(collector: User, browser_of: Any) -> Client:
    """A list has all the columns of whoever brought it: it is for those who may bring lists themselves."""
    client: Client = browser_of(collector)
    return client


@pytest.fixture
def used(collector: User, run: Run) -> Upload:
    """A list that the run was made from."""
    upload = uploads.keep(collector, ledger.CAMPAIGN_ID, content=b"invoice\nINV-1\n", name="März.csv")
    Upload.objects.update(token=run.token, used_at=run.created_at, state="done", is_read=True)
    UploadUse.objects.create(upload=upload, token=run.token)
    upload.entries.create(line=2, value="INV-1", state="found", account_id=ledger.account_id(1))
    return upload


def test_a_persons_own_list_is_offered_and_given_back(team: Client, run: Run, used: Upload) -> None:
    address = f"/runs/{run.pk}/lists/{used.pk}/"
    assert address in team.get(f"/runs/{run.pk}/").content.decode()

    response = team.get(address)

    assert content(response) == b"invoice,Outcome,Reason,Error\nINV-1,enrolled,,\n"
    assert f"M%C3%A4rz-run-{run.pk}.csv" in response["Content-Disposition"]


def test_a_list_that_is_not_kept_any_more_is_said_plainly(team: Client, run: Run, used: Upload) -> None:
    UploadFile.objects.all().delete()

    assert "is not kept any more" in team.get(f"/runs/{run.pk}/").content.decode()
    response = team.get(f"/runs/{run.pk}/lists/{used.pk}/")

    assert response.status_code == 410
    assert "not kept any more" in response.content.decode()


def test_a_viewer_gets_no_list_of_others(web: Client, run: Run, used: Upload) -> None:
    address = f"/runs/{run.pk}/lists/{used.pk}/"

    assert address not in web.get(f"/runs/{run.pk}/").content.decode()
    assert web.get(address).status_code == 403


def test_a_list_of_another_run_is_not_there(team: Client, run: Run, used: Upload) -> None:
    other = ledger.queued(1)

    assert team.get(f"/runs/{other.pk}/lists/{used.pk}/").status_code == 404


def test_a_receipt_tells_who_when_into_what_and_what_came_of_it(web: Client, run: Run) -> None:
    text = page(web, run)

    assert f"Receipt of run {run.pk}" in text
    assert str(run.token) in text
    assert "<bdi>collector</bdi>" in text
    assert "Chase &lt;b&gt;" in text
    assert "Chase <b>" not in text
    assert text.count("<tr>") == 3 + 1 + 1 + 150 + 4  # counts, record, call, invoices, headings
    assert "1,875.00\N{NO-BREAK SPACE}USD" in text
    assert receipts.fingerprint(run) in text
    assert "The run has not ended." in text


def test_a_receipt_tells_the_reasons_that_people_gave(web: Client, run: Run, manager: User) -> None:
    runs.stop(run=run, who=manager, note="The debtor called <i>.")

    text = page(web, run)

    assert "Run stopped" in text
    assert "The debtor called &lt;i&gt;." in text


def test_the_vendors_words_on_a_receipt_are_text(web: Client, run: Run) -> None:
    run.outcomes.update(error="<script>alert(1)</script>", vendor_status="<b>", invoice_number="<i>")
    Attempt.objects.update(message="<u>")

    text = page(web, run)

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert not [markup for markup in ("<script>alert", "<b><b>", "<i>", "<u>") if markup in text]


def test_raw_answers_are_linked_for_those_who_may_read_them(
    web: Client, run: Run, manager: User, browser_of: Any
) -> None:
    link = f"/runs/{run.pk}/calls/{Attempt.objects.get().pk}/"

    assert link in page(browser_of(manager), run)
    assert link not in page(web, run)


def test_a_receipt_is_sent_in_pieces(web: Client, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "AT_ONCE", 10)

    pieces = list(web.get(f"/runs/{run.pk}/receipt/").streaming_content)

    assert 15 < len(pieces) < 30
    assert not any(b"<!-- " in piece for piece in pieces)
