import pytest

from dashboard.sandbox import rules
from dashboard.sandbox.store import REMEMBERED_FROM, Record, Store


@pytest.fixture
def store() -> Store:
    return Store()


def enroll(store: Store, *, commit: bool = True) -> tuple[Record, str]:
    """One account tried in one campaign, and the status it got."""
    campaign, account = store.add_campaign(), store.add_account()
    [row] = store.enroll(campaign["id"], [account["id"]], commit=commit)
    return account, row.status


class TestPending:
    def test_a_pending_account_begins_after_some_reads(self, store: Store) -> None:
        store.pending_rate = 1.0
        account, status = enroll(store)
        seen = [store.find("accounts", account["id"]) for _ in range(store.pending_reads)]
        assert status == "PENDING"
        assert [record and record["status"] for record in seen] == ["not_assigned", "in_progress"]

    def test_reading_a_page_counts_as_reading(self, store: Store) -> None:
        store.pending_rate, store.pending_reads = 1.0, 1
        enroll(store)
        [shown], _ = store.page("accounts", start=0, count=20)
        assert shown["status"] == "in_progress"

    def test_a_pending_account_has_an_active_execution(self, store: Store) -> None:
        store.pending_rate = 1.0
        account, _ = enroll(store)
        [row] = store.enroll(store.add_campaign()["id"], [account["id"]])
        assert row.error == rules.ACTIVE_EXECUTION

    def test_advancing_begins_every_pending_account(self, store: Store) -> None:
        store.pending_rate = 1.0
        account, _ = enroll(store)
        assert (store.advance(), store.advance()) == (1, 0)
        assert account["status"] == "in_progress"

    def test_about_the_given_share_is_pending(self, store: Store) -> None:
        store.pending_rate = 0.3
        accounts = [store.add_account()["id"] for _ in range(1000)]
        rows = store.enroll(store.add_campaign()["id"], accounts)
        assert 240 < sum(row.status == "PENDING" for row in rows) < 360

    def test_pending_counts_as_an_enrollment(self, store: Store) -> None:
        store.pending_rate = 1.0
        enroll(store)
        assert len(store.ledger.enrollments) == 1


class TestCompletion:
    def test_the_last_campaign_of_a_chain_leaves_the_account_pending_collection(self, store: Store) -> None:
        account, _ = enroll(store)
        ended = store.complete_campaign(account["id"])
        assert (ended["status"], ended["campaign_id"]) == ("pending_collection", account["campaign_id"])

    def test_the_campaign_id_may_be_cleared(self, store: Store) -> None:
        account, _ = enroll(store)
        assert store.complete_campaign(account["id"], keep_campaign_id=False)["campaign_id"] is None

    def test_the_account_goes_on_to_the_next_campaign(self, store: Store) -> None:
        account, _ = enroll(store)
        following = store.add_campaign()
        store.change_campaign(account["campaign_id"], next_campaign_id=following["id"])
        ended = store.complete_campaign(account["id"])
        assert (ended["status"], ended["campaign_id"]) == ("in_progress", following["id"])

    def test_an_ended_campaign_can_be_entered_again(self, store: Store) -> None:
        account, _ = enroll(store)
        store.complete_campaign(account["id"])
        [row] = store.enroll(store.add_campaign()["id"], [account["id"]])
        assert row.status == "SUCCESS"


class TestEnrolling:
    def test_a_rehearsal_tells_the_rows_and_changes_nothing(self, store: Store) -> None:
        account, status = enroll(store, commit=False)
        assert (status, account["status"], store.ledger.enrollments) == ("SUCCESS", "not_assigned", [])

    def test_an_unknown_campaign_is_an_error(self, store: Store) -> None:
        with pytest.raises(KeyError):
            store.enroll("nowhere", [])


class TestPages:
    def test_records_shown_are_copies(self, store: Store) -> None:
        store.add_account()
        [shown], _ = store.page("accounts", start=0, count=1)
        shown["status"] = "settled"
        assert next(iter(store.accounts.values()))["status"] == "not_assigned"

    def test_a_large_collection_is_searched_once_for_all_pages(self, store: Store) -> None:
        store.customers["c"] = {"id": "c"}
        for _ in range(REMEMBERED_FROM):
            store.add_account(customer_id="c")
        tried: list[str] = []

        def matches(account: Record) -> bool:
            tried.append(account["id"])
            return True

        pages = [
            store.page("accounts", start=start, count=2, matches=matches, name="all") for start in (0, 2)
        ]
        assert len(tried) == REMEMBERED_FROM
        assert [total for _, total in pages] == [REMEMBERED_FROM] * 2

    def test_a_change_makes_a_new_search(self, store: Store) -> None:
        store.customers["c"] = {"id": "c"}
        accounts = [store.add_account(customer_id="c") for _ in range(REMEMBERED_FROM)]

        def free() -> int:
            found = store.page(
                "accounts", start=0, count=1, matches=lambda a: a["status"] == "not_assigned", name="free"
            )
            return found[1]

        before = free()
        store.change_account(accounts[0]["id"], status="settled")
        assert (before, free()) == (REMEMBERED_FROM, REMEMBERED_FROM - 1)
