"""Every call over real HTTP, against the sandbox where a well-behaved vendor will do."""

import random
import threading
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from dashboard.api.client import Client
from dashboard.api.errors import (
    ApiError,
    Malformed,
    NotAllowed,
    NotFound,
    RateLimited,
    Refused,
    Unavailable,
    Unreachable,
)
from dashboard.api.schema import Account, Campaign, EnrollmentRow, EnrollmentWord
from dashboard.sandbox.api import Key
from dashboard.sandbox.server import DEMO_KEY, Sandbox

from .conftest import KEY, LONG, SHORT, ClientFactory, Play, ScriptedVendor, http


def open_campaign(client: Client) -> Campaign:
    """One that takes any enrollable invoice."""
    return next(
        campaign
        for campaign in client.campaigns(status="active", per_page=100).items
        if campaign.kind in ("early_stage", "first_party")
    )


def enrollable(client: Client, count: int) -> list[str]:
    accounts = client.accounts(status="not_assigned", per_page=100).items
    usable = [
        account.id
        for account in accounts
        if account.id and not account.is_statement and not account.is_sandbox
    ]
    assert len(usable) >= count
    return usable[:count]


# Reading


def test_lists_campaigns_page_by_page(client: Client, sandbox: Sandbox) -> None:
    first, second = client.campaigns(per_page=5), client.campaigns(per_page=5, page=2)

    assert {campaign.id for campaign in first.items + second.items} == set(sandbox.store.campaigns)
    assert (first.total, first.total_pages, first.has_next, second.has_next) == (8, 2, True, False)


def test_sends_the_filters_of_campaigns(client: Client, sandbox: Sandbox) -> None:
    client.campaigns(search="spring & co", status="active", type="early_stage", page=2, per_page=50)

    assert dict(sandbox.ledger.calls[0].query) == {
        "search": "spring & co",
        "status": "active",
        "type": "early_stage",
        "page": "2",
        "per_page": "50",
    }


def test_sends_the_filters_of_accounts(client: Client, sandbox: Sandbox) -> None:
    customer_id = next(iter(sandbox.store.customers))

    client.accounts(
        customer_id=customer_id, overdue_only=True, amount_min=Decimal("1E+2"), amount_max=Decimal("0.50")
    )

    assert dict(sandbox.ledger.calls[0].query) == {
        "customer_id": customer_id,
        "overdue_only": "true",
        "amount_min": "100",
        "amount_max": "0.50",
        "page": "1",
        "per_page": "20",
    }


@pytest.mark.parametrize(("asked", "sent"), [((0, 0), ("1", "1")), ((-3, 101), ("1", "100"))])
def test_page_numbers_stay_within_the_contract(
    asked: tuple[int, int], sent: tuple[str, str], client: Client, sandbox: Sandbox
) -> None:
    client.customers(page=asked[0], per_page=asked[1], tags="vip")

    query = sandbox.ledger.calls[0].query
    assert (query["page"], query["per_page"], query["tags"]) == (*sent, "vip")


def test_reads_one_record_of_each_kind(client: Client, sandbox: Sandbox) -> None:
    ids = [
        next(iter(records))
        for records in (sandbox.store.campaigns, sandbox.store.accounts, sandbox.store.customers)
    ]

    read = [client.campaign(ids[0]).id, client.account(ids[1]).id, client.customer(ids[2]).id]

    assert read == ids


def test_an_unknown_record_is_not_found(client: Client) -> None:
    with pytest.raises(NotFound):
        client.campaign("00000000-0000-0000-0000-000000000000")


@pytest.mark.parametrize("record_id", ["", " ", ".", ".."])
def test_what_names_no_record_is_not_found_without_a_call(
    record_id: str, client: Client, sandbox: Sandbox
) -> None:
    with pytest.raises(NotFound):
        client.account(record_id)

    assert sandbox.ledger.calls == []


def test_an_id_cannot_reach_another_path(vendor: ScriptedVendor, client_of: ClientFactory) -> None:
    vendor.answers(http({"id": "x"}))

    client_of(vendor.url).account("../campaigns?x=1#\ud800")

    assert vendor.requests[0].line == "GET /api/accounts/..%2Fcampaigns%3Fx%3D1%23%EF%BF%BD HTTP/1.1"


def test_a_page_that_cannot_be_read_is_not_empty(client: Client, sandbox: Sandbox) -> None:
    sandbox.faults.queue("no_results", method="GET")

    with pytest.raises(Malformed):
        client.campaigns()


# Trying again


def waits_of(client_of: ClientFactory, url: str, **options: Any) -> tuple[Client, list[float]]:
    waits: list[float] = []
    return client_of(url, sleep=waits.append, get_deadline=15, key=SecretStr(DEMO_KEY), **options), waits


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_read_is_tried_again_after_passing_trouble(
    status: int, sandbox: Sandbox, client_of: ClientFactory
) -> None:
    sandbox.faults.queue("status", method="GET", status=status, times=2)
    client, waits = waits_of(client_of, sandbox.url)

    page = client.campaigns()

    assert page.total == 8
    assert len(waits) == 2


def test_a_read_is_tried_three_times_within_two_seconds(sandbox: Sandbox, client_of: ClientFactory) -> None:
    sandbox.faults.queue("status", method="GET", status=503, times=None)
    client, waits = waits_of(client_of, sandbox.url)

    with pytest.raises(Unavailable) as caught:
        client.campaigns()

    assert len(sandbox.ledger.calls) == 3
    assert sum(waits) < 2
    assert not caught.value.may_have_happened


def test_an_unreachable_vendor_is_tried_again(client_of: ClientFactory) -> None:
    with Sandbox(port=0, campaigns=1, accounts=1, customers=1) as gone:
        url = gone.url
    client, waits = waits_of(client_of, url)

    with pytest.raises(Unreachable):
        client.campaigns()

    assert len(waits) == 2


def test_a_patient_client_waits_as_long_as_asked(sandbox: Sandbox, client_of: ClientFactory) -> None:
    sandbox.faults.queue("rate_limit", method="GET", retry_after=5)
    client, waits = waits_of(client_of, sandbox.url, patient=True)

    page = client.campaigns()

    assert page.total == 8
    assert waits == [5]


def test_an_impatient_client_does_not_wait_long(sandbox: Sandbox, client_of: ClientFactory) -> None:
    sandbox.faults.queue("rate_limit", method="GET", retry_after=5)
    client, waits = waits_of(client_of, sandbox.url)

    with pytest.raises(RateLimited) as caught:
        client.campaigns()

    assert caught.value.retry_after == 5
    assert waits == []


@pytest.mark.parametrize("status", [400, 401, 404, 422, 500])
def test_a_read_that_would_only_fail_again_is_tried_once(
    status: int, client: Client, sandbox: Sandbox
) -> None:
    sandbox.faults.queue("status", method="GET", status=status, times=None)

    with pytest.raises(ApiError):
        client.campaigns()

    assert len(sandbox.ledger.calls) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 503},
        {"kind": "status", "status": 500},
        {"kind": "rate_limit", "retry_after": 0},
        {"kind": "close"},
        {"kind": "reset"},
        {"kind": "truncate"},
        {"kind": "html200"},
    ],
)
def test_a_write_is_never_tried_again(fault: dict[str, Any], client: Client, sandbox: Sandbox) -> None:
    campaign, account_ids = open_campaign(client), enrollable(client, 2)
    sandbox.faults.queue(**fault)

    with pytest.raises(ApiError):
        client.enroll(campaign.id or "", account_ids)

    assert len(sandbox.ledger.posts) == 1


# Enrolling


def test_enrolls_in_bulk_and_says_what_became_of_each(client: Client, sandbox: Sandbox) -> None:
    campaign, account_ids = open_campaign(client), enrollable(client, 3)
    unknown = "00000000-0000-0000-0000-000000000000"

    read = client.enroll(campaign.id or "", [*account_ids, unknown])

    words = {row.account_id: row.word for row in read.rows}
    assert words == dict.fromkeys(account_ids, EnrollmentWord.SUCCESS) | {unknown: EnrollmentWord.FAILED}
    assert {enrollment.account_id for enrollment in sandbox.ledger.enrollments} == set(account_ids)
    assert (read.success, read.total, read.successful, read.failed) == (True, 4, 3, 1)


@pytest.mark.parametrize("count", [0, 101, 250])
def test_a_call_for_too_few_or_too_many_is_not_made(count: int, client: Client, sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="1 to 100"):
        client.enroll("c1", [str(number) for number in range(count)])

    assert sandbox.ledger.calls == []


def test_a_call_that_names_an_account_twice_is_not_made(client: Client, sandbox: Sandbox) -> None:
    account_id = next(iter(sandbox.store.accounts))

    with pytest.raises(ValueError, match="twice"):
        client.enroll("c1", [account_id, account_id.upper()])

    assert sandbox.ledger.calls == []


@pytest.mark.parametrize("count", [1, 100])
def test_a_call_for_one_and_for_a_hundred_is_made(
    count: int, vendor: ScriptedVendor, client_of: ClientFactory
) -> None:
    rows = [{"invoice_id": str(number), "status": "SUCCESS"} for number in range(count)]
    vendor.answers(http({"data": {"results": rows}}))

    read = client_of(vendor.url).enroll("c1", [str(number) for number in range(count)])

    assert len(read.rows) == count


def test_enrolls_one_with_the_single_call(client: Client, sandbox: Sandbox) -> None:
    campaign, (account_id,) = open_campaign(client), enrollable(client, 1)

    (row,) = client.enroll_one(account_id, campaign.id or "").rows

    assert (row.account_id, row.word) == (account_id, EnrollmentWord.SUCCESS)
    assert [call.path for call in sandbox.ledger.posts] == [f"/accounts/{account_id}/campaign"]


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 405, 409, 422, 429, 408, 500, 503])
def test_nothing_follows_a_failed_answer_to_the_single_call(
    status: int, client: Client, sandbox: Sandbox
) -> None:
    campaign, (account_id,) = open_campaign(client), enrollable(client, 1)
    sandbox.faults.queue("status", status=status)

    with pytest.raises(ApiError):
        client.enroll_one(account_id, campaign.id or "")

    assert len(sandbox.ledger.posts) == 1


def test_a_no_around_a_yes_about_one_account_is_not_taken_for_either(
    client: Client, sandbox: Sandbox
) -> None:
    campaign, [account_id] = open_campaign(client), enrollable(client, 1)
    sandbox.faults.queue("not_success_with_results")

    with pytest.raises(Malformed) as caught:
        client.enroll_one(account_id, campaign.id or "")

    assert caught.value.may_have_happened
    assert [entry.account_id for entry in sandbox.ledger.enrollments] == [account_id]


@pytest.mark.parametrize("play", [Play(then="close"), Play((b"HTTP/1.1 404 Not Found\r\n",), then="close")])
def test_nothing_follows_a_lost_answer_to_the_single_call(
    play: Play, vendor: ScriptedVendor, client_of: ClientFactory
) -> None:
    vendor.answers(play)

    with pytest.raises(Unavailable) as caught:
        client_of(vendor.url).enroll_one("a1", "c1")

    assert caught.value.may_have_happened
    assert len(vendor.requests) == 1


def test_an_answer_is_kept_when_reading_it_goes_wrong(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign, (account_id,) = open_campaign(client), enrollable(client, 1)
    monkeypatch.setattr(EnrollmentRow, "read", lambda *_: 1 / 0)

    with pytest.raises(Malformed) as caught:
        client.enroll(campaign.id or "", [account_id])

    assert caught.value.may_have_happened
    assert account_id in caught.value.raw


# The sandbox's faults, read


@pytest.mark.parametrize(
    "kind",
    ["hostile_json", "deep_nesting", "hostile_strings", "huge_strings", "wrong_content_type", "cookies"],
)
def test_one_bad_row_does_not_lose_the_others(kind: str, client: Client, sandbox: Sandbox) -> None:
    campaign, account_ids = open_campaign(client), enrollable(client, 4)
    sandbox.faults.queue(kind)

    read = client.enroll(campaign.id or "", account_ids)

    assert [row.account_id for row in read.rows] == account_ids
    assert all(len(row.error) <= 2000 for row in read.rows)


@pytest.mark.parametrize(
    "kind",
    [
        "hang",
        "truncate",
        "bad_gzip",
        "gzip_bomb",
        "huge_body",
        "empty200",
        "no_content",
        "no_results",
        "null_data",
    ],
)
def test_an_answer_that_cannot_be_read_may_have_happened(
    kind: str, sandbox: Sandbox, client_of: ClientFactory
) -> None:
    client = client_of(sandbox.url, key=SecretStr(DEMO_KEY), post_deadline=SHORT if kind == "hang" else LONG)
    campaign, account_ids = open_campaign(client), enrollable(client, 2)
    sandbox.faults.queue(kind)

    with pytest.raises((Malformed, Unavailable)) as caught:
        client.enroll(campaign.id or "", account_ids)

    assert caught.value.may_have_happened


@pytest.mark.parametrize("skew", [-86_400, 86_400])
def test_a_429_with_a_date_is_reckoned_against_the_vendors_clock(
    skew: int, vendor: ScriptedVendor, client_of: ClientFactory
) -> None:
    day = 17 + skew // 86_400
    moment = "{} Aug 2026 12:0{}:00 GMT"
    headers = {"Date": moment.format(day, 0), "Retry_After": moment.format(day, 2)}
    vendor.answers(http({"detail": "slow"}, "429 Too Many Requests", **headers))

    with pytest.raises(RateLimited) as caught:
        client_of(vendor.url).enroll("c1", ["a1"])

    assert caught.value.retry_after == 120


# The key


def test_a_rejected_key_and_a_missing_scope_are_told_apart(
    sandbox: Sandbox, client_of: ClientFactory
) -> None:
    sandbox.keys["sk_limited"] = Key(scopes=["campaigns:read"])

    with pytest.raises(NotAllowed) as unscoped:
        client_of(sandbox.url, key=SecretStr("sk_limited")).accounts()
    with pytest.raises(NotAllowed) as rejected:
        client_of(sandbox.url, key=SecretStr("sk_revoked")).accounts()

    assert (unscoped.value.scope, unscoped.value.key_rejected) == ("accounts:read", False)
    assert (rejected.value.status, rejected.value.key_rejected) == (401, True)


def test_a_key_is_told_by_its_fingerprint_alone(client_of: ClientFactory) -> None:
    client, other = client_of("http://127.0.0.1:1"), client_of("http://127.0.0.1:1", key=SecretStr("other"))

    assert client.fingerprint != other.fingerprint
    assert len(client.fingerprint) == 12
    assert KEY not in repr(client)
    assert client.fingerprint in repr(client)


# Threads and settings


def test_each_thread_has_its_own_connection(vendor: ScriptedVendor, client_of: ClientFactory) -> None:
    vendor.answers(http({"data": []}))
    client = client_of(vendor.url)

    for _ in range(2):
        thread = threading.Thread(target=client.campaigns)
        thread.start()
        thread.join()

    assert [request.connection for request in vendor.requests] == [1, 2]


def test_a_closed_client_opens_a_new_connection_when_used_again(client: Client, sandbox: Sandbox) -> None:
    client.campaigns()
    client.close()
    client.campaigns()

    assert [call.connection_id for call in sandbox.ledger.calls] == [1, 2]


def test_is_made_from_the_settings(sandbox: Sandbox, settings: Any) -> None:
    settings.API_URL, settings.API_KEY = sandbox.url, SecretStr(DEMO_KEY)
    settings.CONNECT_TIMEOUT, settings.GET_DEADLINE, settings.POST_DEADLINE = 1, 2, 2
    settings.CA_FILE = settings.PROXY_URL = None

    client = Client.from_settings(patient=True)

    assert client.host == f"127.0.0.1:{sandbox.port}"
    assert client.campaigns().total == 8
    client.close()


def test_the_waits_between_tries_are_spread(sandbox: Sandbox, client_of: ClientFactory) -> None:
    sandbox.faults.queue("status", method="GET", status=503, times=None)
    seen = []
    for seed in range(3):
        client, waits = waits_of(client_of, sandbox.url, rng=random.Random(seed))
        with pytest.raises(Unavailable):
            client.campaigns()
        seen.append(tuple(waits))

    assert len(set(seen)) == 3


def test_a_refusal_of_the_vendors_is_in_its_own_words(client: Client, sandbox: Sandbox) -> None:
    account = next(
        Account.read({"id": record["id"]})
        for record in sandbox.store.accounts.values()
        if record["status"].lower() == "in_progress"
    )

    with pytest.raises(Refused, match=r"^Invoice has an active execution in another campaign\."):
        client.enroll_one(account.id or "", open_campaign(client).id or "")
