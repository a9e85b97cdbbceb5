"""Reading the vendor's whole list where its pages are not what its documentation says."""

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from dashboard.models import Errand, Gathering, Selection, Upload
from dashboard.sandbox.server import Sandbox
from dashboard.services import accounts, gathering, lookup, selection, uploads, vendor, workers
from dashboard.services.errands import Clerk
from tests.odd_vendor import odd_vendor, pages, row

CAMPAIGN = uuid.UUID(int=7)
STATE = Errand.State
ROWS = [row(number) for number in range(1, 251)]

META = {
    "none": None,
    "a total alone": lambda page, asked: {"total": 250},
    "a page size that it does not keep": lambda page, asked: {
        "page": page, "per_page": asked, "total": 250, "total_pages": -(-250 // asked)
    },
    "the number of pages alone": lambda page, asked: {"total_pages": 5},
}  # fmt: skip


@pytest.fixture
def picked(sandbox: Sandbox, collector: User) -> Selection:
    return selection.of(collector, CAMPAIGN)


def gathered(picked: Selection) -> Gathering:
    """All that match, by a worker of its own."""
    errand = gathering.begin(picked, {})
    work()
    errand.refresh_from_db()
    return errand


def looked_up(picked: Selection, text: str) -> Upload:
    upload = uploads.keep(picked.user, CAMPAIGN, content=text.encode())
    work()
    upload.refresh_from_db()
    return upload


def work() -> None:
    with Clerk(vendor.for_workers(), workers.register(name="clerk", threads=1)) as clerk:
        while clerk.work():
            pass


@pytest.mark.row("U42", "U43")
@pytest.mark.parametrize("kind", META)
def test_all_is_taken_whatever_size_pages_have_and_say(
    picked: Selection, settings: Settings, kind: str
) -> None:
    with odd_vendor(settings, pages(ROWS, size=50, meta=META[kind])):
        done = gathered(picked)

    assert (done.state, done.found, done.is_whole) == (STATE.DONE, 250, True)
    assert picked.accounts.count() == 250


@pytest.mark.row("U42")
def test_a_page_past_the_end_that_is_refused_is_the_end(picked: Selection, settings: Settings) -> None:
    whole = pages(ROWS)

    with odd_vendor(
        settings, lambda asked: (404, {"detail": "Not Found"}) if asked["page"] == "4" else whole(asked)
    ):
        done = gathered(picked)

    assert (done.state, done.found) == (STATE.DONE, 250)


def test_a_page_in_the_middle_that_is_refused_fails_it_all(picked: Selection, settings: Settings) -> None:
    whole = pages(ROWS, meta=lambda page, asked: {"total": 250, "total_pages": 3})

    with odd_vendor(
        settings, lambda asked: (422, {"detail": "Odd"}) if asked["page"] == "2" else whole(asked)
    ):
        done = gathered(picked)

    assert (done.state, done.message, picked.accounts.count()) == (STATE.FAILED, "Odd", 0)


@pytest.mark.parametrize("meta", [None, lambda page, asked: {"total": 250, "total_pages": 3}])
def test_the_same_page_again_and_again_ends_it(picked: Selection, settings: Settings, meta: object) -> None:
    first = pages(ROWS, meta=meta)  # type: ignore[arg-type]

    with odd_vendor(settings, lambda asked: first(asked | {"page": "1"})) as vendor_:
        done = gathered(picked)

    assert (done.state, done.message, picked.accounts.count()) == (STATE.FAILED, gathering.SAME_PAGE, 0)
    assert len(vendor_.asked) <= 3


@pytest.mark.parametrize("total", [200, 400])
def test_a_total_that_lies_is_told(picked: Selection, settings: Settings, total: int) -> None:
    with odd_vendor(settings, pages(ROWS, meta=lambda page, asked: {"total": total, "total_pages": 3})):
        done = gathered(picked)

    assert (done.state, done.found, done.last_total, done.is_whole) == (STATE.DONE, 250, total, False)


def test_many_small_pages_are_no_large_list(
    picked: Selection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "MOST_PAGES", 3)
    meta = {"total": 250, "per_page": 50, "total_pages": 5}

    with odd_vendor(settings, pages(ROWS, size=50, meta=lambda page, asked: meta)):
        assert gathered(picked).found == 250


def test_a_row_whose_id_is_no_uuid_is_counted_and_spoils_no_page(
    picked: Selection, settings: Settings, browser_of: Any
) -> None:
    odd = [
        row(number, id=id_) for number, id_ in enumerate([42, None, "a b/../c", "{" + ROWS[0]["id"] + "}"])
    ]

    with odd_vendor(settings, pages([*odd, ROWS[0]], meta=lambda page, asked: {"total": 5})):
        page = browser_of(picked.user).get("/accounts/").content.decode()

    assert page.count("<tr>") == 2
    assert "4 rows of the vendor&#x27;s answer could not be read" in page.replace("'", "&#x27;")


@pytest.mark.row("U46")
def test_a_filter_that_the_vendor_ignores_is_applied_here(picked: Selection, settings: Settings) -> None:
    rows = [row(1, status="settled"), row(2, status="Not_Assigned"), row(3, status=None)]

    with odd_vendor(settings, pages(rows, meta=lambda page, asked: {"total": 3})):
        page = accounts.list_page(status="not_assigned")

    assert ([account.invoice_number for account in page.items], page.unfit) == (["ODD-2", "ODD-3"], 1)


def test_a_number_is_searched_for_on_all_pages_before_it_is_found(
    picked: Selection, settings: Settings
) -> None:
    rows = [*ROWS[:20], row(500, invoice_number="ODD-1")]

    with odd_vendor(settings, pages(rows, size=20)):
        entry = looked_up(picked, "ODD-1").entries.get()

    assert (entry.state, len(entry.matches)) == ("asked", 2)


def test_what_short_pages_did_not_show_is_not_called_missing(picked: Selection, settings: Settings) -> None:
    rows = [row(number) for number in range(1, 101)]
    unseen = "\n".join(f"HID-{number}" for number in range(300))

    def give(asked: dict[str, str]) -> tuple[int, object]:
        found = [] if asked["page"] > "1" else [row(900, invoice_number="HID-7")]
        if "search" in asked:
            return 200, {"data": found if asked["search"] == "HID-7" else [], "meta": {"total": len(found)}}
        return pages(rows, meta=lambda page, size: {"total": 400, "total_pages": 1})(asked)

    with odd_vendor(settings, give):
        done = looked_up(picked, unseen)

    assert done.entries.get(value="HID-7").state == "found"
    assert set(done.entries.filter(state="missing").values_list("reason", flat=True)) == {lookup.NOT_SHOWN}
