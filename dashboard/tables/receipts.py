"""The long tables of a receipt, row by row as text: there may be 100,000 rows."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache, lru_cache
from html import escape
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from dashboard.models import Attempt, Run
from dashboard.templatetags.rollcall import NOTHING, money, when
from dashboard.templatetags.runs import answer, fate_word

INVOICE_HEADINGS = (
    *(_("Invoice"), _("Outcome"), _("Vendor's word"), _("What happened")),
    *(_("Outstanding"), _("Call"), _("Settled")),
)
CALL_HEADINGS = (
    *(_("Call"), _("Invoices"), _("Sent"), _("Answered"), _("Answer"), _("HTTP")),
    _("The vendor's message"),
)


def invoice_rows(lines: Iterable[Any]) -> Iterator[str]:
    """Lines are those of `services.exports`."""
    openings = _openings(INVOICE_HEADINGS)
    time = cache(_time)
    for line in lines:
        number = f"<b><bdi>{escape(line.invoice_number)}</bdi></b><br>" if line.invoice_number else ""
        yield _row(
            openings,
            f'{number}<bdi class="whole">{escape(line.account_id)}</bdi>',
            fate_word(line.outcome),
            _own_words(line.vendor_status),
            _own_words(line.error) if line.error else escape(line.happened) or NOTHING,
            _whole(money(line.amount, escape(line.currency))),
            _whole(line.call or NOTHING),
            time(line.settled_at),
        )


def call_rows(calls: Iterable[Attempt], *, run: Run, may_read_raw: bool) -> Iterator[str]:
    """Calls link to the raw answer for those who may read it."""
    openings = _openings(CALL_HEADINGS)
    for call in calls:
        name = f"Batch {call.batch.number}, try {call.number}"
        address = reverse("attempt-detail", args=[run.pk, call.pk])
        yield _row(
            openings,
            _whole(f'<a href="{address}">{name}</a>' if may_read_raw else name),
            str(call.batch.size),
            _time(call.started_at),
            _time(call.ended_at),
            answer(call),
            str(call.http_status or NOTHING),
            _own_words(call.message),
        )


def _openings(headings: Iterable[Any]) -> list[str]:
    """Cells that name themselves where the table is stacked on a narrow screen; the first one is the name itself."""
    _first, *rest = headings
    return [
        '<td class="anywhere">',
        *(f'<td class="anywhere" data-label="{escape(str(label))}">' for label in rest),
    ]


def _row(openings: Iterable[str], *cells: str) -> str:
    inner = "</td>".join(f"{opening}{cell}" for opening, cell in zip(openings, cells, strict=True))
    return f"<tr>{inner}</td></tr>\n"


@lru_cache(maxsize=1000)
def _own_words(text: str) -> str:
    return f"<bdi>{escape(text)}</bdi>" if text else NOTHING


def _whole(markup: str) -> str:
    """Not broken over lines where there is room."""
    return f'<span class="whole">{markup}</span>'


def _time(value: datetime | None) -> str:
    return when(value) if value else NOTHING
