"""A made-up portfolio that looks like a real one: the same for the same seed, with due dates around today."""

import datetime as dt
import random
from itertools import islice
from typing import Any

from .rules import accepts_enrollments
from .store import Record, Store, made_id

CHAIN = ("payment_reminder", "early_stage", "first_party")
STAGE_NAMES = {
    "payment_reminder": "Payment reminder",
    "early_stage": "Early stage",
    "first_party": "First party",
    "statement_acknowledgement": "Statement acknowledgement",
    "legal_notice": "Legal notice",
}
SEGMENTS = (
    "US Mid-Market",
    "US Enterprise",
    "Canada",
    "United Kingdom",
    "Euro Zone",
    "Wholesale",
    "Retail Partners",
    "Healthcare",
    "Public Sector",
    "Logistics",
    "Construction",
    "Hospitality",
    "Key Accounts",
    "Subscriptions",
)
# Both vocabularies of the vendor, in the mixed case that people meet; the first chains are open.
CAMPAIGN_STATUSES = (
    *("ACTIVE", "RUNNING", "ACTIVE", "active", "PAUSED", "RUNNING", "Active", "DRAFT", "RUNNING"),
    *("SCHEDULED", "ACTIVE", "running", "COMPLETED", "paused", "ACTIVE", "CANCELLED", "archived"),
)
ODD_KINDS = {10: "statement_acknowledgement", 22: "statement_acknowledgement", 25: "legal_notice"}

ACCOUNT_STATUSES = {
    "not_assigned": 46,
    "pending_collection": 23,
    "in_progress": 14,
    "settled": 8,
    "disputed": 4,
    "suspended": 3,
    "uncollectible": 2,
}
CAMPAIGN_SHARES = {
    "in_progress": 1.0,
    "pending_collection": 0.4,
    "disputed": 0.6,
    "suspended": 0.8,
    "settled": 0.5,
}
CURRENCIES = {"USD": 72, "EUR": 11, "GBP": 7, "CAD": 6, "AUD": 2, "CHF": 1}
SOURCES = {"api": 70, "sheets": 20, "in_app": 10}
TERMS = (15, 30, 30, 30, 45, 60)

COMPANY_STEMS = (
    *("Alder", "Beacon", "Bluewater", "Brightline", "Cascade", "Cedar Grove", "Clearwater", "Copperfield"),
    *("Crestview", "Deltawave", "Eastgate", "Fairmont", "Fjordline", "Foxhall", "Granite Peak", "Greenfield"),
    *("Halcyon", "Harborview", "Hawthorne", "Ironbridge", "Juniper", "Kestrel", "Lakeshore", "Larkspur"),
    *("Meridian", "Midland", "Nordhaus", "Northwind", "Oakridge", "Orchard Park", "Pinnacle", "Quayside"),
    *("Redstone", "Riverbend", "Saint-Émile", "Silverton", "Summit", "Thistle", "Vandermeer", "Westbrook"),
)
COMPANY_TRADES = (
    *("Logistics", "Foods", "Dental Group", "Builders", "Textiles", "Software", "Motors", "Medical Supply"),
    *("Printing", "Hospitality", "Energy", "Packaging", "Furniture", "Security", "Landscaping", "Freight"),
)
COMPANY_FORMS = ("Inc.", "LLC", "Ltd", "GmbH", "Corp.", "& Sons", "Co.", "S.A.")
FIRST_NAMES = (
    *("Amara", "Benjamin", "Chloé", "Daniel", "Elena", "Farid", "Grace", "Hiroshi", "Ingrid", "Jamal"),
    *("Katarzyna", "Liam", "Maria", "Noah", "Olivia", "Priya", "Quentin", "Rosa", "Søren", "Yara"),
)
LAST_NAMES = (
    *("Andersson", "Baptiste", "Carter", "Delgado", "Edwards", "Fischer", "García", "Hughes", "Ivanova"),
    *("Johnson", "Kowalski", "Larsen", "Müller", "Nguyen", "O'Brien", "Patel", "Rossi", "Smith", "Tanaka"),
)
TAGS = ("vip", "wholesale", "net-60", "new", "watchlist", "auto-pay")


def fill(store: Store, *, seed: int, campaigns: int, accounts: int, customers: int) -> None:
    """Add that many made-up records to an empty store."""
    add_campaigns(store, seed, campaigns)
    add_customers(store, seed, customers)
    add_accounts(store, seed, accounts)


def add_campaigns(store: Store, seed: int, count: int) -> None:
    kinds = [ODD_KINDS.get(number, CHAIN[number % 3]) for number in range(count)]
    for number, kind in enumerate(kinds):
        segment = SEGMENTS[number // 3 % len(SEGMENTS)]
        started = store.today - dt.timedelta(days=400 - 9 * (number % 40))
        store.add_campaign(
            id=made_id("campaign", number, seed),
            name=f"{segment}: {STAGE_NAMES[kind]}" + (f" {number // 42 + 1}" if number >= 42 else ""),
            type=kind,
            status=CAMPAIGN_STATUSES[number % len(CAMPAIGN_STATUSES)],
            next_campaign_id=made_id("campaign", number + 1, seed) if leads_on(kinds, number) else None,
            description=f"{STAGE_NAMES[kind]} messages for {segment} by e-mail and SMS.",
            created_at=f"{started}T09:00:00Z",
            updated_at=f"{started + dt.timedelta(days=3)}T14:30:00.250Z",
        )


def leads_on(kinds: list[str], number: int) -> bool:
    """Whether the next campaign is the next stage of the same chain."""
    return tuple(kinds[number : number + 2]) in (CHAIN[:2], CHAIN[1:])


def add_customers(store: Store, seed: int, count: int) -> None:
    chance = random.Random(f"{seed}/customers")  # noqa: S311
    for number in range(count):
        person = number % 7 == 3
        first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
        company = " ".join(map(chance.choice, (COMPANY_STEMS, COMPANY_TRADES, COMPANY_FORMS)))
        store.add_customer(
            id=made_id("customer", number, seed),
            email=f"accounts{number}@example.com",
            phone=f"+1555{number:07}" if number % 3 else None,
            first_name=first if person or number % 4 else None,
            last_name=last if person or number % 4 else None,
            company_name=None if person else company,
            external_id=f"CUST-{number + 1:05}",
            tags=chance.sample(TAGS, k=number % 3),
            is_sandbox=number % 100 == 99,
        )


def add_accounts(store: Store, seed: int, count: int) -> None:
    chance = random.Random(f"{seed}/accounts")  # noqa: S311
    owners = [(customer["id"], customer["external_id"]) for customer in store.customers.values()]
    if count and not owners:
        owners = [(customer["id"], customer["external_id"]) for customer in [store.add_customer()]]
    open_ids = [campaign["id"] for campaign in islice(store.campaigns.values(), 40) if is_ordinary(campaign)]
    statuses = chance.choices([*ACCOUNT_STATUSES], [*ACCOUNT_STATUSES.values()], k=count)
    currencies = chance.choices([*CURRENCIES], [*CURRENCIES.values()], k=count)
    for number in range(count):
        owner = owners[int(len(owners) * chance.random() ** 1.6)]
        account = drawn_account(chance, store.today, number, statuses[number], owner[1])
        campaign_id = drawn_campaign(chance, statuses[number], open_ids)
        status = statuses[number] if campaign_id or statuses[number] != "in_progress" else "not_assigned"
        store.add_account(
            **account,
            id=made_id("account", number, seed),
            customer_id=owner[0],
            status=status,
            campaign_id=campaign_id,
            currency=currencies[number],
        )


def is_ordinary(campaign: Record) -> bool:
    """Whether invoices may be seen in this campaign: it is open and not for statements."""
    return accepts_enrollments(campaign) and campaign["type"] != "statement_acknowledgement"


def drawn_account(
    chance: random.Random, today: dt.date, number: int, status: str, external_id: str
) -> dict[str, Any]:
    """The dates, money and marks of an invoice; one in 60 bills a statement, one in 100 is a sandbox one."""
    terms = 180 if number % 60 == 59 else chance.choice(TERMS)
    due = today + dt.timedelta(days=drawn_due_day(chance, number))
    issued = due - dt.timedelta(days=terms)
    amount = min(250_000.0, round(15 + chance.lognormvariate(6.6, 1.2), 2))
    fields = {
        "external_invoice_id": f"ERP-{100_000 + number}",
        "invoice_number": f"INV-{issued.year}-{number + 1:06}",
        "amount": amount,
        "paid_amount": drawn_payment(chance, status, amount),
        "issue_date": issued.isoformat(),
        "due_date": due.isoformat(),
        "created_at": f"{issued}T08:{number % 60:02}:00Z",
        "updated_at": f"{issued}T08:{number % 60:02}:00.500Z",
        "source": drawn(chance, SOURCES),
        "payment_terms": terms,
        "is_written_off": status == "uncollectible",
        "is_sandbox": number % 100 == 97,
    }
    if terms == 180:
        statement_number = f"STMT-{issued:%Y-%m}-{external_id}"
        fields |= {
            "billing_type": "statement",
            "invoice_number": statement_number,
            "external_invoice_id": statement_number,
        }
    return fields


def drawn_due_day(chance: random.Random, number: int) -> int:
    """Days from today, -200 to 60, most of them near; one in 40 is due today."""
    return 0 if number % 40 == 7 else round(chance.triangular(-200, 60, 5))


def drawn_payment(chance: random.Random, status: str, amount: float) -> float:
    if status == "settled":
        return amount
    return round(amount * chance.uniform(0.1, 0.9), 2) if chance.random() < 0.12 else 0.0


def drawn_campaign(chance: random.Random, status: str, campaign_ids: list[str]) -> str | None:
    """The campaign an account is or was in; whether one that is over keeps it is undocumented, so some do."""
    if campaign_ids and chance.random() < CAMPAIGN_SHARES.get(status, 0.0):
        return chance.choice(campaign_ids)
    return None


def drawn(chance: random.Random, weights: dict[str, int]) -> str:
    return chance.choices([*weights], [*weights.values()])[0]
