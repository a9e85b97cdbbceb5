"""The vendor's endpoints over the store: keys, scopes, fields, then the answer."""

import datetime as dt
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import answers, rules
from .answers import Answer, Refused, Style
from .request import BASE_PATH, Fields, Request, json_fields
from .store import Record, Row, Store, Test, made_id

BULK_LIMIT = 100
PAGE_LIMIT = 100
PAGE_DEFAULT = 20

Shown = Callable[[Style, Record], Record]


@dataclass
class Key:
    """An API key; with no scopes it may do everything."""

    scopes: list[str] = field(default_factory=list)
    valid: bool = True


@dataclass(frozen=True)
class Route:
    """An endpoint; `{id}` in the path stands for one part, handed to the handler."""

    method: str
    path: str
    scope: str
    answer: Callable[["Api", Request, str], Answer]

    def match(self, path: str) -> str | None:
        """The id in the path ("" where the route has none), or None when the path is another's."""
        own, other = self.path.split("/"), path.split("/")
        pairs = [pair for pair in zip(own, other, strict=False) if pair[0] != pair[1]]
        if len(own) != len(other) or any(part != "{id}" or not given for part, given in pairs):
            return None
        return pairs[0][1] if pairs else ""


class Api:
    """Answers requests; `keys` and `style` may be changed between calls."""

    def __init__(self, store: Store, keys: Mapping[str, Key], style: Style) -> None:
        self.store = store
        self.keys = keys
        self.style = style

    def answer(self, request: Request) -> Answer:
        try:
            route, record_id = self._route(request)
            self._authorize(request.key, route.scope)
            return route.answer(self, request, record_id)
        except Refused as refused:
            return refused.answer

    def list_campaigns(self, request: Request, _id: str) -> Answer:
        fields = self._fields(request)
        status, kind = fields.choice("status", rules.CAMPAIGN_FILTERS), request.query.get("type")
        search = request.query.get("search", "").lower()
        tests: list[Test] = []
        if status:
            tests.append(lambda campaign: str(campaign["status"]).lower() == status)
        if kind:
            tests.append(lambda campaign: str(campaign["type"]).lower() == kind.lower())
        if search:
            tests.append(lambda campaign: search in str(campaign["name"]).lower())
        return self._listing(request, fields, "campaigns", tests, answers.shown_campaign)

    def show_campaign(self, _request: Request, record_id: str) -> Answer:
        campaign = self._find("campaigns", record_id, "Campaign not found")
        shown = answers.shown_campaign(self.style, campaign)
        return answers.success(self.style, shown, message="Campaign retrieved")

    def list_accounts(self, request: Request, _id: str) -> Answer:
        fields = self._fields(request)
        tests = self._account_tests(request, fields)
        return self._listing(request, fields, "accounts", tests, answers.shown_account)

    def show_account(self, request: Request, record_id: str) -> Answer:
        shown = answers.shown_account(self.style, self._account(request, record_id))
        return answers.success(self.style, shown, message="Account retrieved")

    def show_account_status(self, request: Request, record_id: str) -> Answer:
        account, today = self._account(request, record_id), self.store.today
        overdue = rules.is_overdue(account, today)
        days = (today - dt.date.fromisoformat(account["due_date"])).days
        shown = {
            "account_id": account["id"],
            "status": answers.word(self.style, account["status"]),
            "campaign_id": account["campaign_id"],
            "is_overdue": overdue,
            "days_overdue": days if overdue else 0,
        }
        return answers.success(self.style, shown, message="Account status retrieved")

    def show_payment_status(self, request: Request, record_id: str) -> Answer:
        account = self._account(request, record_id)
        shown = {
            "invoice_id": account["id"],
            "amount": account["amount"],
            "paid_amount": account["paid_amount"],
            "outstanding_amount": round(account["amount"] - account["paid_amount"], 2),
            "payments": [],
        }
        return answers.success(self.style, shown, message="Payment status retrieved")

    def list_customers(self, request: Request, _id: str) -> Answer:
        fields = self._fields(request)
        search = request.query.get("search", "").lower()
        tags = {tag.strip().lower() for tag in request.query.get("tags", "").split(",") if tag.strip()}
        tests: list[Test] = []
        if search:
            tests.append(lambda customer: search in searched_text(customer))
        if tags:
            tests.append(lambda customer: bool(tags & {tag.lower() for tag in customer["tags"]}))
        return self._listing(request, fields, "customers", tests, answers.shown_customer)

    def show_customer(self, request: Request, record_id: str) -> Answer:
        customer = self._find("customers", record_id, "Customer not found", request.key)
        shown = answers.shown_customer(self.style, customer)
        return answers.success(self.style, shown, message="Customer retrieved")

    def enroll_one(self, request: Request, record_id: str) -> Answer:
        account = self._account(request, record_id)
        campaign_id = self._single_campaign_id(request)
        [row] = self._enroll(request, campaign_id, [account["id"]])
        if row.error:
            return answers.bad_request(row.error, "account_id")
        data = {
            "customer_id": account["customer_id"],
            "invoice_id": row.account_id,
            "execution_id": made_id(f"execution/{campaign_id}/{row.account_id}", request.call),
            "status": answers.word(self.style, "enrolled" if row.status == "SUCCESS" else row.status),
        }
        return answers.success(self.style, data, message="Account enrolled in campaign")

    def enroll_many(self, request: Request, _id: str) -> Answer:
        fields = json_fields(request, self.style)
        campaign_id = fields.record_id("campaign_id", required=True)
        account_ids = fields.record_ids("account_ids", BULK_LIMIT)
        fields.check()
        rows = self._enroll(request, campaign_id or "", account_ids)
        failed = sum(row.error is not None for row in rows)
        data = {
            "campaign_id": campaign_id,
            "total_enrollments": len(rows),
            "successful_enrollments": len(rows) - failed,
            "failed_enrollments": failed,
            "results": [self._shown_row(row) for row in rows],
        }
        return answers.success(self.style, data, message="Campaign assignment processed")

    def _route(self, request: Request) -> tuple[Route, str]:
        matches = [(route, route.match(request.path)) for route in ROUTES]
        for route, record_id in matches:
            if record_id is not None and route.method == request.method and not self._is_absent(route):
                return route, record_id
        methods = [route.method for route, record_id in matches if record_id is not None]
        raise Refused(self._no_route(request.path, methods))

    def _is_absent(self, route: Route) -> bool:
        return route.path == "/accounts/{id}/campaign" and self.style.single_style == "absent"

    def _no_route(self, path: str, methods: list[str]) -> Answer:
        if methods:
            return answers.error(self.style, 405, "Method Not Allowed", {"Allow": ", ".join(methods)})
        plain = path.rstrip("/")
        if plain != path and any(route.match(plain) is not None for route in ROUTES):
            return Answer(307, headers={"Location": BASE_PATH + plain}, body=b"")
        return answers.error(self.style, 404, "Not Found")

    def _authorize(self, name: str | None, scope: str) -> None:
        key = self.keys.get(name or "")
        if key is None or not key.valid:
            raise Refused(answers.error(self.style, 401, "Invalid or expired API key"))
        if key.scopes and scope not in key.scopes:
            raise Refused(answers.error(self.style, 403, f"API key lacks required scope: {scope}"))

    def _fields(self, request: Request) -> Fields:
        return Fields("query", request.query, self.style)

    def _account_tests(self, request: Request, fields: Fields) -> list[Test]:
        status = fields.choice("status", rules.ACCOUNT_STATUSES)
        customer_id = fields.record_id("customer_id")
        lowest, highest = fields.number("amount_min"), fields.number("amount_max")
        today, tests = self.store.today, list[Test]()
        if search := request.query.get("search", "").lower():
            tests.append(self._account_search(search))
        if status:
            tests.append(lambda account: account["status"].lower() == status)
        if customer_id:
            tests.append(lambda account: account["customer_id"] == customer_id)
        if fields.boolean("overdue_only"):
            tests.append(lambda account: rules.is_overdue(account, today))
        if lowest is not None:
            tests.append(lambda account: account["amount"] >= lowest)
        if highest is not None:
            tests.append(lambda account: account["amount"] <= highest)
        return tests

    def _account_search(self, search: str) -> Test:
        with self.store.lock:
            customers = self.store.customers.values()
            named = {customer["id"] for customer in customers if search in searched_text(customer)}
        return lambda account: (
            search in str(account["invoice_number"]).lower() or account["customer_id"] in named
        )

    def _listing(
        self, request: Request, fields: Fields, kind: str, tests: list[Test], shown: Shown
    ) -> Answer:
        page, per_page = fields.integer("page", 1), fields.integer("per_page", PAGE_DEFAULT, PAGE_LIMIT)
        fields.check()
        if kind != "campaigns" and (sees := sight(request.key)):
            tests = [*tests, sees]
        rows, total = self.store.page(
            kind,
            start=max(0, (page - 1) * per_page - request.shift),
            count=per_page,
            matches=all_of(tests),
            name=self._search_name(request),
        )
        shown_rows = [shown(self.style, row) for row in rows]
        return answers.listing(self.style, kind, shown_rows, page=page, per_page=per_page, total=total)

    def _search_name(self, request: Request) -> Hashable:
        """What tells one search from another: its filters, the kind of key and the day."""
        filters = tuple(sorted((k, v) for k, v in request.query.items() if k not in ("page", "per_page")))
        return filters, (request.key or "")[:8], self.store.today

    def _account(self, request: Request, record_id: str) -> Record:
        return self._find("accounts", record_id, rules.NOT_FOUND, request.key)

    def _find(self, kind: str, record_id: str, absent: str, key: str | None = None) -> Record:
        path = Fields("path", {"id": record_id}, self.style)
        found_id = path.record_id("id")
        path.check()
        record, sees = self.store.find(kind, found_id or ""), sight(key)
        if record is None or (sees and not sees(record)):
            raise Refused(answers.error(self.style, 404, absent))
        return record

    def _single_campaign_id(self, request: Request) -> str:
        in_query = self.style.single_style == "query"
        fields = self._fields(request) if in_query else json_fields(request, self.style)
        campaign_id = fields.record_id("campaign_id", required=True)
        fields.check()
        return campaign_id or ""

    def _enroll(self, request: Request, campaign_id: str, account_ids: list[str]) -> list[Row]:
        if (request.key or "").startswith("sk_test_"):
            raise Refused(answers.bad_request(rules.TEST_KEY))
        if campaign_id not in self.store.campaigns:
            raise Refused(answers.error(self.style, 404, "Campaign not found"))
        return self.store.enroll(
            campaign_id, account_ids, call=request.call, commit=request.commit, sees=sight(request.key)
        )

    def _shown_row(self, row: Row) -> Record:
        shown: dict[str, Any] = {
            "invoice_id": row.account_id,
            "invoice_number": row.invoice_number,
            "status": answers.word(self.style, row.status),
        }
        return shown | {"error": row.error} if row.error else shown


ROUTES = (
    Route("GET", "/campaigns", "campaigns:read", Api.list_campaigns),
    Route("GET", "/campaigns/{id}", "campaigns:read", Api.show_campaign),
    Route("GET", "/accounts", "accounts:read", Api.list_accounts),
    Route("GET", "/accounts/{id}", "accounts:read", Api.show_account),
    Route("GET", "/accounts/{id}/status", "accounts:read", Api.show_account_status),
    Route("GET", "/accounts/{id}/payment-status", "accounts:read", Api.show_payment_status),
    Route("GET", "/customers", "customers:read", Api.list_customers),
    Route("GET", "/customers/{id}", "customers:read", Api.show_customer),
    Route("POST", "/accounts/campaign/bulk", "accounts:write", Api.enroll_many),
    Route("POST", "/accounts/{id}/campaign", "accounts:write", Api.enroll_one),
)


def sight(key: str | None) -> Test | None:
    """What the key is shown: a test key sandbox records only, a live key the others; None: all."""
    if (key or "").startswith("sk_test_"):
        return lambda record: bool(record["is_sandbox"])
    if (key or "").startswith("sk_live_"):
        return lambda record: not record["is_sandbox"]
    return None


def all_of(tests: list[Test]) -> Test | None:
    if len(tests) < 2:
        return tests[0] if tests else None
    return lambda record: all(test(record) for test in tests)


def searched_text(customer: Record) -> str:
    """The names a customer is found by, in lower case."""
    names = (customer["company_name"], customer["first_name"], customer["last_name"])
    return " ".join(name for name in names if name).lower()
