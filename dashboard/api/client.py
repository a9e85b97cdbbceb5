"""The vendor's API, one method per endpoint. Calls raise `ApiError`s, whatever goes wrong on the way."""

import hashlib
import random
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Self, TypeVar
from urllib.parse import quote

from django.conf import settings
from pydantic import SecretStr

from .answers import Answer, read_enrollment, read_one, read_page
from .cleaning import canonical_id, clean_text
from .errors import ApiError, NotFound
from .retry import wait_before_retry
from .schema import Account, Campaign, Customer, EnrollmentAnswer, JsonObject, Page, Record
from .transport import Transport

BATCH_LIMIT = 100
PER_PAGE_LIMIT = 100
_MAX_TRIES = 3
_SHORTEST_TRY = 0.1

T = TypeVar("T")


class Client:
    """May be shared by threads: each gets its own connection.

    Reads are tried up to three times, writes once. An impatient client (for pages) stops trying after some 2
    seconds; a `patient` one (for workers) uses all of `get_deadline`.
    """

    def __init__(
        self,
        *,
        base_url: str,
        key: SecretStr,
        connect_timeout: float,
        get_deadline: float,
        post_deadline: float,
        patient: bool = False,
        ca_file: Path | None = None,
        proxy_url: SecretStr | None = None,
        sleep: Callable[[float], object] = time.sleep,
        rng: random.Random | None = None,
    ) -> None:
        """Times are in seconds; a deadline counts from the call to the last byte of the answer."""
        self._transport = Transport(
            base_url=base_url.rstrip("/"),
            key=key,
            connect_timeout=connect_timeout,
            ca_file=ca_file,
            proxy_url=proxy_url,
        )
        self.host = self._transport.host
        self.fingerprint = _fingerprint(key)
        self._get_deadline = get_deadline
        self._post_deadline = post_deadline
        self._patience = get_deadline if patient else min(get_deadline, 2.0)
        self._first_wait = 1.0 if patient else 0.5
        self._sleep = sleep
        self._rng = rng

    @classmethod
    def from_settings(cls, *, patient: bool = False, get_deadline: float | None = None) -> Self:
        """`get_deadline` stands in for the configured one, in seconds."""
        return cls(
            base_url=settings.API_URL,
            key=settings.API_KEY,
            connect_timeout=settings.CONNECT_TIMEOUT,
            get_deadline=get_deadline or settings.GET_DEADLINE,
            post_deadline=settings.POST_DEADLINE,
            patient=patient,
            ca_file=settings.CA_FILE,
            proxy_url=settings.PROXY_URL,
        )

    def __repr__(self) -> str:
        return f"<Client {self.host} key={self.fingerprint}>"

    def campaigns(
        self, *, search: str = "", status: str = "", type: str = "", page: int = 1, per_page: int = 20
    ) -> Page[Campaign]:
        """`GET /campaigns`. `per_page` is kept within 1 to 100."""
        params = {"search": search, "status": status, "type": type}
        return self._list("/campaigns", Campaign, params, page, per_page)

    def campaign(self, campaign_id: str) -> Campaign:
        """`GET /campaigns/{campaign_id}`. Raises NotFound for one of another workspace, too."""
        return self._one("/campaigns", campaign_id, Campaign)

    def accounts(
        self,
        *,
        search: str = "",
        status: str = "",
        customer_id: str = "",
        overdue_only: bool = False,
        amount_min: Decimal | None = None,
        amount_max: Decimal | None = None,
        page: int = 1,
        per_page: int = 20,
    ) -> Page[Account]:
        """`GET /accounts`. Amounts are in major units; `per_page` is kept within 1 to 100."""
        params = {
            "search": search,
            "status": status,
            "customer_id": customer_id,
            "overdue_only": "true" if overdue_only else "",
            "amount_min": "" if amount_min is None else f"{amount_min:f}",
            "amount_max": "" if amount_max is None else f"{amount_max:f}",
        }
        return self._list("/accounts", Account, params, page, per_page)

    def account(self, account_id: str) -> Account:
        """`GET /accounts/{account_id}`."""
        return self._one("/accounts", account_id, Account)

    def customers(
        self, *, search: str = "", tags: str = "", page: int = 1, per_page: int = 20
    ) -> Page[Customer]:
        """`GET /customers`. `per_page` is kept within 1 to 100."""
        return self._list("/customers", Customer, {"search": search, "tags": tags}, page, per_page)

    def customer(self, customer_id: str) -> Customer:
        """`GET /customers/{customer_id}`."""
        return self._one("/customers", customer_id, Customer)

    def enroll(self, campaign_id: str, account_ids: Sequence[str]) -> EnrollmentAnswer:
        """`POST /accounts/campaign/bulk`, once, for 1 to 100 different accounts.

        Raises: ApiError; ValueError for no, too many or repeated ids.
        """
        if not 1 <= len(account_ids) <= BATCH_LIMIT:
            raise ValueError(f"1 to {BATCH_LIMIT} accounts go into one call, not {len(account_ids)}")
        if len({canonical_id(account_id) for account_id in account_ids}) < len(account_ids):
            raise ValueError("an account is named twice")
        body: JsonObject = {"campaign_id": campaign_id, "account_ids": list(account_ids)}
        return _read_enrollment(self._transport.post("/accounts/campaign/bulk", body, self._post_deadline))

    def enroll_one(self, account_id: str, campaign_id: str) -> EnrollmentAnswer:
        """`POST /accounts/{account_id}/campaign`, once.

        After a 404, 405 or 422 nothing was done, and the bulk call may be made instead.
        """
        path = f"/accounts/{_segment(account_id)}/campaign"
        answer = self._transport.post(path, {"campaign_id": campaign_id}, self._post_deadline)
        return _read_enrollment(answer, canonical_id(account_id))

    def close(self) -> None:
        """Closes the connections of all threads."""
        self._transport.close()

    def _list(
        self, path: str, of: type[Record], filters: dict[str, str], page: int, per_page: int
    ) -> Page[Record]:
        page, per_page = max(page, 1), min(max(per_page, 1), PER_PAGE_LIMIT)
        params = {name: clean_text(value) for name, value in filters.items() if value}
        params |= {"page": str(page), "per_page": str(per_page)}
        return self._get(path, params, lambda answer: read_page(answer, of, page=page, per_page=per_page))

    def _one(self, path: str, record_id: str, of: type[Record]) -> Record:
        return self._get(f"{path}/{_segment(record_id)}", {}, lambda answer: read_one(answer, of))

    def _get(self, path: str, params: dict[str, str], read: Callable[[Answer], T]) -> T:
        started, tries = time.monotonic(), 0
        while True:
            tries += 1
            try:
                left = self._get_deadline - (time.monotonic() - started)
                return read(self._transport.get(path, params, max(left, _SHORTEST_TRY)))
            except ApiError as error:
                wait = self._wait(tries, error, time.monotonic() - started)
                if wait is None:
                    raise
            self._sleep(wait)

    def _wait(self, tries: int, error: ApiError, elapsed: float) -> float | None:
        """Seconds before the next try of a read; None where tries or patience are used up."""
        wait = wait_before_retry(tries, error, repeatable=True, rng=self._rng, first=self._first_wait)
        if wait is None or tries >= _MAX_TRIES or elapsed + wait >= self._patience:
            return None
        return wait


def _read_enrollment(answer: Answer, account_id: str | None = None) -> EnrollmentAnswer:
    """What became of a write is never lost to a mistake in reading it: the answer is kept with the error."""
    try:
        return read_enrollment(answer, account_id)
    except ApiError:
        raise
    except Exception as error:
        raise answer.malformed("Rollcall could not process the vendor's answer; it is kept.") from error


def _segment(record_id: str) -> str:
    """An id as one part of a path. "", "." and ".." would name another path, and so no record."""
    if not record_id.strip(". "):
        raise NotFound("There is no record without an id.")
    return quote(clean_text(record_id), safe="")


def _fingerprint(key: SecretStr) -> str:
    """Tells keys apart without giving them away."""
    return hashlib.sha256(b"rollcall api key " + key.get_secret_value().encode()).hexdigest()[:12]
