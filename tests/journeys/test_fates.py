"""A run with every kind of fate: what the result page says of each, how many, what they come to, and what to do next."""

import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from dashboard.api.schema import Campaign
from dashboard.models import Outcome, Run
from dashboard.services import fates, finding, outcomes, runs
from dashboard.services.fates import Group
from tests import ledger

pytestmark = pytest.mark.django_db
NOT_FOUND = "Invoice or Customer not found or access denied"
WRONG_CUSTOMER = "Invoice does not belong to this customer"
PAST_DUE = (
    "Invoice is past its due date and cannot be enrolled in a payment reminder campaign. "
    "Please use an early stage or first party campaign instead."
)
SAID = [
    *[("SUCCESS", "")] * 4,
    ("FAILED", ledger.ACTIVE),
    ("FAILED", PAST_DUE),
    ("FAILED", PAST_DUE),
    ("FAILED", NOT_FOUND),
    ("FAILED", WRONG_CUSTOMER),
    ("FAILED", "The moon is <b>wrong</b>."),
    ("FAILED", "Contact limit reached."),
    ("FAILED", ""),
    ("SKIPPED", ""),
    ("SKIPPED", "On a do-not-contact list"),
    ("PENDING", ""),
    ("TELEPORTED", ""),
]
# state, code: how many, the advice, words of the title, words of the next step
EXPECTED = {
    ("failed", "other"): (12, "other", "in the vendor's own words", "Read the vendor's words"),
    ("failed", "past_due"): (12, "switch", "Past its due date", "early stage or first party campaign"),
    ("failed", "active_execution"): (6, "wait", "Already active", "Wait until that campaign has completed"),
    ("failed", "no_reason_given"): (6, "other", "No reason given", "Look at the invoice"),
    ("failed", "not_found"): (6, "check", "Not found", "Refresh the list"),
    ("failed", "wrong_customer"): (6, "fix", "do not belong together", "Correct the invoice's customer"),
    ("unknown", "no_answer"): (100, "settle", "No answer came", "wait for the next reading"),
    ("unrecognised", ""): (6, "check", "unfamiliar word", "cannot be told from it whether"),
    ("skipped", ""): (6, "check", "no reason given", "Look at them in Agile Receivables"),
    ("skipped", "other"): (6, "other", "Skipped, in the vendor's own words", "Read the vendor's words"),
    ("pending", ""): (6, "wait", "pending at the vendor", "Do not send them again"),
    ("not_sent", ""): (50, "check", "Never sent", "Resume the run"),
}


@pytest.fixture
def run() -> Run:
    """The first 100 answered, the next 100 unknown, the last 50 never sent; every tenth without an amount."""
    accounts = [
        {
            "id": ledger.account_id(each),
            "number": f"INV-{each}",
            "verdict": "enters",
            **({"outstanding": f"{each}.10", "currency": ("EUR", "USD")[each % 2]} if each % 10 else {}),
        }
        for each in range(1, 251)
    ]
    campaign = Campaign(id=ledger.CAMPAIGN_ID, name="Early stage chase")
    run = runs.queue(starter=None, campaign=campaign, accounts=accounts, token=uuid.uuid4())
    run = ledger.told(run, *SAID)
    run = ledger.unanswered(run, given_up=False)
    return runs.stop(run=run, who=None)


def accounts_of(run: Run, group: Group) -> list[Outcome]:
    """The invoices that the group's link leads to."""
    reason = "" if group.state == "not_sent" else group.code or "none"
    found = finding.find(run, outcome=group.state.value, reason=reason, per_page=200)
    return [row.outcome for row in found.rows]


def test_each_group_says_how_many_why_and_what_to_do_next(run: Run) -> None:
    groups = {(group.state.value, group.code): group for group in fates.groups(run)}

    assert {key: (group.number, group.advice) for key, group in groups.items()} == {
        key: (number, advice) for key, (number, advice, *_) in EXPECTED.items()
    }
    for key, (*_, title, what_to_do) in EXPECTED.items():
        assert title in groups[key].title
        assert what_to_do in groups[key].what_to_do
    assert [state for state, _ in groups][:6] == ["failed"] * 6
    assert list(groups) == list(EXPECTED)


def test_each_group_adds_up_what_its_invoices_come_to(run: Run) -> None:
    for group in fates.groups(run):
        mine = accounts_of(run, group)
        assert len(mine) == group.number
        assert group.without == sum(each.outstanding is None for each in mine)
        for currency, amount in group.amounts.items():
            assert amount == sum(each.outstanding or Decimal(0) for each in mine if each.currency == currency)


def test_the_vendors_own_sentences_stand_verbatim_with_their_numbers(run: Run) -> None:
    words = {(group.state.value, group.code): dict(group.words) for group in fates.groups(run)}

    assert words["failed", "other"] == {"The moon is <b>wrong</b>.": 6, "Contact limit reached.": 6}
    assert words["skipped", "other"] == {"On a do-not-contact list": 6}
    assert words["unrecognised", ""] == {"TELEPORTED": 6}
    assert not words["failed", "past_due"]


def test_the_page_shows_it_all_and_its_links_lead_to_exactly_those(
    run: Run, collector: User, browser_of: Callable[[User], Client]
) -> None:
    browser = browser_of(collector)
    page = browser.get(run.get_absolute_url()).content.decode()
    _, _, panel = page.partition('id="reasons"')
    panel, _, _ = panel.partition('id="results"')
    items = {unescape(item.split("</h3>")[0].split("<h3>")[-1]): item for item in panel.split("<h3>")[1:]}

    for group in fates.groups(run):
        item = unescape(items[group.title])
        assert group.what_to_do in item
        assert f'class="advice">{group.advice}' in item
        for currency, amount in group.amounts.items():
            assert f"{amount:,.2f}\u00a0{currency}" in item
        if group.without:
            assert f"{group.without} invoice" in item
        [link] = re.findall(r'id="show-[^"]*" href="([^"]*)"', item)
        shown = parse_qs(urlsplit(link).query)
        assert shown["outcome"] == [group.state.value]
        listed = browser.get(run.get_absolute_url() + link.replace("#results", "&per_page=100"))
        assert listed.content.decode().count('name="account_ids"') == group.number
    assert "The moon is &lt;b&gt;wrong&lt;/b&gt;." in panel
    assert "60 invoices predicted to enter were refused or skipped." in " ".join(page.split())


def test_sums_by_outcome_stand_above_and_say_what_has_no_amount(
    run: Run, collector: User, browser_of: Callable[[User], Client]
) -> None:
    page = browser_of(collector).get(run.get_absolute_url()).content.decode()
    table = unescape(page.partition('id="came"')[2].partition("</table>")[0])

    for currency, odd in (("EUR", 0), ("USD", 1)):
        picked = sum(Decimal(f"{each}.10") for each in range(1, 251) if each % 10 and each % 2 == odd)
        assert f"{picked:,.2f}\u00a0{currency}" in table
    assert "25 invoices without a known amount" in table
    assert re.findall(r'id="sum-(\w+)"', table) == [
        "failed",
        "unknown",
        "unrecognised",
        "skipped",
        "pending",
        "enrolled",
        "not_sent",
    ]


def test_the_next_step_for_unknowns_changes_when_they_are_read_no_more(run: Run) -> None:
    Outcome.objects.filter(state="unknown").update(
        look_at=None, looked_at=timezone.now() - timedelta(minutes=3), seen="Disputed, no campaign"
    )

    [unknown] = [group for group in fates.groups(run) if group.state == "unknown"]

    assert unknown.look_at is None
    assert unknown.looked_at is not None
    assert "mark it, or send it again" in unknown.what_to_do
    assert "by itself" not in unknown.what_to_do


def test_a_next_step_is_true_for_each_reason_apart(run: Run) -> None:
    some = list(run.outcomes.filter(state="unknown").values_list("pk", flat=True)[:40])
    moved = Run.objects.get(pk=run.pk)
    for outcome in run.outcomes.filter(pk__in=some):
        outcomes.move(moved, outcome, "unknown", reason="not_mentioned", source="answer")
    runs.save(moved)
    Outcome.objects.filter(pk__in=some).update(look_at=None)

    steps = {group.code: group.what_to_do for group in fates.groups(moved) if group.state == "unknown"}

    assert "wait for the next reading" in steps["no_answer"]
    assert "is not read again" in steps["not_mentioned"]


def test_pending_says_when_it_was_last_read_and_when_next(run: Run) -> None:
    Outcome.objects.filter(state="pending").update(looked_at=timezone.now())

    [pending] = [group for group in fates.groups(run) if group.state == "pending"]

    assert pending.looked_at is not None
    assert pending.look_at is not None


def test_a_viewer_reads_everything_and_can_tick_nothing(
    run: Run, viewer: User, browser_of: Callable[[User], Client]
) -> None:
    page = browser_of(viewer).get(run.get_absolute_url()).content.decode()

    assert "Past its due date" in page
    assert "account_ids" not in page
    assert "send-again" not in page
