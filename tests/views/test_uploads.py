"""Bringing a list, as a browser without JavaScript does it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.urls import reverse

from dashboard.models import SelectedAccount, Upload
from dashboard.sandbox.server import Sandbox
from dashboard.sandbox.store import made_id
from dashboard.services import clock, lists, retention
from dashboard.services.errands import Clerk
from tests import ledger
from tests.drive import drain
from tests.pages import text_of
from tests.services.test_lists import sheets

OPEN = made_id("campaign", 1, 1)
LISTS = reverse("upload-create", args=[OPEN])
REVIEW = reverse("run-review", args=[OPEN])
HTMX = {"HTTP_HX_REQUEST": "true"}


def csv(text: str, name: str = "list.csv") -> dict[str, Any]:
    return {"file": SimpleUploadedFile(name, text.encode())}


def brought(web: Browser, clerk: Clerk, data: dict[str, Any]) -> str:
    """The address of the list, looked up."""
    address = web.post(LISTS, data)["Location"]
    drain(clerk)
    return address


def selected() -> set[str]:
    return set(SelectedAccount.objects.values_list("account_id", flat=True))


@pytest.mark.row("O22")
def test_from_a_file_to_the_review(web: Browser, clerk: Clerk, sandbox: Sandbox) -> None:
    numbers = [account["invoice_number"] for account in list(sandbox.store.accounts.values())[:3]]
    address = brought(web, clerk, csv("\n".join(["Invoice number", *numbers, "NOPE-1", numbers[0]])))

    page = web.get(address)
    assert "Use the 3 found, leave the 2 others" in text_of(page)
    assert "NOPE-1" in text_of(page)
    assert "The same as in line 2." in text_of(page)
    assert selected() == set()

    response = web.post(address, {"then": "use"}, follow=True)

    assert response.redirect_chain[0] == (REVIEW, 303)
    assert selected() == set(list(sandbox.store.accounts)[:3])
    assert "3 invoices of the list are selected" in text_of(response)


def test_pasted_text_goes_the_same_way(web: Browser, clerk: Clerk, sandbox: Sandbox) -> None:
    first, second = list(sandbox.store.accounts.values())[:2]

    address = brought(web, clerk, {"text": f"{first['invoice_number']}; {second['id']}"})

    assert "Use the 2 invoices" in text_of(web.get(address))


def test_text_pasted_into_the_picker_can_be_looked_up(web: Browser, clerk: Clerk, sandbox: Sandbox) -> None:
    account = next(iter(sandbox.store.accounts.values()))

    response = web.post(
        reverse("run-create", args=[OPEN]), {"account_ids": account["invoice_number"], "then": "look_up"}
    )
    drain(clerk)

    assert response.status_code == 303
    assert "Use the 1 invoice" in text_of(web.get(response["Location"]))


def test_looking_up_nothing_is_said(web: Browser) -> None:
    response = web.post(reverse("run-create", args=[OPEN]), {"account_ids": "", "then": "look_up"})

    assert response.status_code == 422
    assert "Nothing was pasted." in text_of(response)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "Paste something, or choose a file."),
        ({"text": "INV-1", **csv("INV-2")}, "not both"),
        ({"text": "x" * (8 * 1024 * 1024 + 1)}, "more than 8 MB"),
        (csv("\n\n"), "There is nothing in it."),
        ({"file": SimpleUploadedFile("list.xls", b"\xd0\xcf\x11\xe0" * 10)}, "old or a locked Excel file"),
    ],
)
def test_what_cannot_be_taken_is_said_and_nothing_kept(web: Browser, data: dict[str, Any], said: str) -> None:
    response = web.post(LISTS, data)

    assert response.status_code == 422
    assert said in text_of(response)
    assert not Upload.objects.exists()


def test_a_file_over_the_limit_is_refused_with_the_limit(web: Browser) -> None:
    file = SimpleUploadedFile("list.csv", b"x" * (lists.MOST_BYTES + 1))

    assert "larger than 20 MB" in text_of(web.post(LISTS, {"file": file}))


def test_a_column_that_is_not_plain_is_chosen_by_the_person(
    web: Browser, clerk: Clerk, sandbox: Sandbox
) -> None:
    number = next(iter(sandbox.store.accounts.values()))["invoice_number"]
    address = brought(web, clerk, csv(f"Ours;Theirs\n{number};x\nB-1;y\n"))
    asked = web.get(address)
    assert "Which column names the invoice?" in text_of(asked)
    assert number in text_of(asked)

    nothing = web.post(address, {"then": "column"})
    assert nothing.status_code == 422
    assert "Choose a column." in text_of(nothing)

    web.post(address, {"then": "column", "column": "0", "heading": "on"})
    drain(clerk)
    assert "Use the 1 found, leave the other one" in text_of(web.get(address))


def test_several_matches_are_chosen_from_on_the_page(web: Browser, clerk: Clerk, sandbox: Sandbox) -> None:
    twins = [sandbox.store.add_account(invoice_number="TWIN") for _ in range(2)]
    address = brought(web, clerk, {"text": "TWIN"})
    page = web.get(address)
    assert "Which invoice is meant?" in text_of(page)
    name = re.findall(r'name="(entry-\d+)"', page.content.decode())[0]

    decided = web.post(address, {"then": "choose", name: twins[1]["id"]}, follow=True)
    assert "Use the 1 invoice" in text_of(decided)
    web.post(address, {"then": "use"})

    assert selected() == {twins[1]["id"]}


def test_a_choice_that_was_not_offered_is_refused(web: Browser, clerk: Clerk, sandbox: Sandbox) -> None:
    for _ in range(2):
        sandbox.store.add_account(invoice_number="TWIN")
    address = brought(web, clerk, {"text": "TWIN"})
    entry = Upload.objects.get().entries.get()

    response = web.post(address, {"then": "choose", f"entry-{entry.pk}": made_id("account", 1, 1)})

    assert response.status_code == 422
    assert Upload.objects.get().entries.get().state == "asked"


def test_while_it_is_looked_up_the_panel_is_asked_for_again(web: Browser) -> None:
    address = web.post(LISTS, {"text": "INV-1"})["Location"]

    page, piece = web.get(address), web.get(f"{address}?progress=1", **HTMX)

    assert "Refresh" in text_of(page)
    assert piece.content.decode().lstrip().startswith('<section id="progress"')
    assert 'data-poll="1"' in piece.content.decode()
    assert len(piece.content) <= 2048


def test_when_it_is_over_the_page_loads_anew(web: Browser, clerk: Clerk) -> None:
    address = brought(web, clerk, {"text": "INV-1"})

    assert web.get(f"{address}?progress=1", **HTMX)["HX-Refresh"] == "true"


def test_it_can_be_cancelled_and_forgotten(web: Browser, clerk: Clerk) -> None:
    address = web.post(LISTS, {"text": "INV-1"})["Location"]

    cancelled = web.post(address, {"then": "cancel"}, follow=True)
    assert "Cancelled. Nothing was added." in text_of(cancelled)

    web.post(address, {"then": "drop"})
    assert not Upload.objects.exists()


def test_a_list_that_was_used_is_kept(web: Browser, clerk: Clerk, sandbox: Sandbox) -> None:
    address = brought(web, clerk, {"text": next(iter(sandbox.store.accounts))})
    web.post(address, {"then": "use"})

    web.post(address, {"then": "drop"})

    assert Upload.objects.filter(used_at__isnull=False).exists()
    assert "was used before" in text_of(web.post(address, {"then": "use"}, follow=True))


def test_lines_are_filtered_by_what_became_of_them(web: Browser, clerk: Clerk, sandbox: Sandbox) -> None:
    address = brought(web, clerk, {"text": f"{next(iter(sandbox.store.accounts))} NOPE-1 NOPE-2"})

    piece = web.get(f"{address}?state=missing", **HTMX)

    assert "2 lines" in text_of(piece)
    assert "was ignored" in text_of(web.get(f"{address}?state=odd"))


def test_an_encoding_of_last_resort_is_said(web: Browser, clerk: Clerk) -> None:
    file = SimpleUploadedFile("list.csv", "Invoice number,Name\nINV-1,Müller\n".encode("cp1252"))

    assert "read as Windows-1252" in text_of(web.get(brought(web, clerk, {"file": file})))


def test_what_looks_like_markup_or_a_formula_is_shown_as_text(web: Browser, clerk: Clerk) -> None:
    address = brought(web, clerk, csv('Invoice number,x\n"<script>alert(1)</script>",1\n=1+1,2\n'))

    page = web.get(address).content.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "=1+1" in page


def test_lists_of_others_are_not_there(web: Browser, manager: User, browser_of: Any) -> None:
    address = web.post(LISTS, {"text": "INV-1"})["Location"]

    assert browser_of(manager).get(address).status_code == 404


def test_a_viewer_brings_nothing(sandbox: Sandbox, viewer: User, browser_of: Any) -> None:
    assert browser_of(viewer).post(LISTS, {"text": "INV-1"}).status_code == 403


def test_the_page_names_the_lists_that_wait(web: Browser, clerk: Clerk) -> None:
    brought(web, clerk, csv("Invoice number\nINV-1\n", "march.csv"))

    words = text_of(web.get(LISTS))

    assert "march.csv" in words
    assert "Not used yet" in words


def test_which_sheet_is_asked_and_shown_before_it_is_read(web: Browser, clerk: Clerk) -> None:
    content = sheets(Notes=[["March"]], March=[["Invoice number"], ["NOPE-1"]])
    address = web.post(LISTS, {"file": SimpleUploadedFile("march.xlsx", content)})["Location"]
    assert "This workbook has 2 sheets with something in them." in text_of(web.get(address))

    page = web.post(address, {"then": "sheet", "sheet": "March"}, follow=True)
    assert "This is read from the sheet March" in text_of(page)
    assert "NOPE-1" in text_of(page)
    web.post(address, {"then": "column", "column": "0", "heading": "on"})
    drain(clerk)

    assert "NOPE-1 Not found" in text_of(web.get(address))


def test_a_sheet_that_is_not_in_the_workbook_is_refused(web: Browser) -> None:
    content = sheets(Notes=[["March"]], March=[["Invoice number"], ["NOPE-1"]])
    address = web.post(LISTS, {"file": SimpleUploadedFile("march.xlsx", content)})["Location"]

    response = web.post(address, {"then": "sheet", "sheet": "April"})

    assert response.status_code == 422
    assert "Choose a sheet of this workbook." in text_of(response)


def test_a_list_that_was_removed_for_age_says_so(web: Browser, clerk: Clerk) -> None:
    address = brought(web, clerk, {"text": "NOPE-1"})
    Upload.objects.update(created_at=clock.now() - timedelta(days=91))

    retention.remove_old_lists()

    words = text_of(web.get(address))
    assert "The file and the lines of this list were removed" in words
    assert "they are kept for 90 days" in words
    assert "NOPE-1" not in words
    assert "Removed for age" in text_of(web.get(LISTS))


@pytest.mark.parametrize("then", ["sheet", "column", "choose", "look_through", "use", "cancel", "drop"])
def test_a_list_of_somebody_else_is_not_there(
    web: Browser, clerk: Clerk, manager: User, browser_of: Any, then: str
) -> None:
    address = brought(web, clerk, {"text": "NOPE-1"})

    other = browser_of(manager)

    assert other.get(address).status_code == 404
    assert other.post(address, {"then": then}).status_code == 404
    assert Upload.objects.get().state == "done"


def test_a_file_that_is_too_large_is_said_to_be_so_and_not_held(
    web: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.forms.uploads.MOST_BYTES", 100_000)
    written: list[int] = []
    monkeypatch.setattr(
        "django.core.files.uploadhandler.MemoryFileUploadHandler.receive_data_chunk",
        lambda handler, raw_data, start: written.append(len(raw_data)),
    )

    response = web.post(LISTS, csv("INV-1\n" * 100_000))

    assert response.status_code == 422
    assert "This file is larger than 20 MB. Nothing was taken" in text_of(response)
    assert sum(written) <= 100_000
    assert not Upload.objects.exists()


def test_the_list_names_the_runs_that_it_was_used_for_and_gives_its_file_for_each(
    web: Browser, clerk: Clerk, sandbox: Sandbox
) -> None:
    number = next(iter(sandbox.store.accounts.values()))["invoice_number"]
    address = brought(web, clerk, csv(f"invoice\n{number}\n"))
    assert "Runs that this list was used for" not in text_of(web.get(address))
    web.post(address, {"then": "use"})
    upload = Upload.objects.get()

    run = ledger.queued(1, name="Chase", token=upload.token)

    page = web.get(address)
    assert f"Run {run.pk} Chase" in text_of(page)
    assert reverse("run-list-file", args=[run.pk, upload.pk]) in page.content.decode()
    Upload.objects.update(removed_at=clock.now())
    page = web.get(address)
    assert f"Run {run.pk} Chase" in text_of(page)
    assert "with results" not in text_of(page)
