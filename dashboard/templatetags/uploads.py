"""How an invoice is told from another of the same name."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard.api.schema import AccountStatus
from dashboard.templatetags.rollcall import badge, day, money

register = template.Library()


@register.filter
def standing_of(account: Mapping[str, Any]) -> SafeString:
    """Of a snapshot (shape as in `Batch.accounts`): what is outstanding, when it is due, its status."""
    outstanding = (
        money(Decimal(account["outstanding"]), account["currency"]) if account["outstanding"] else "—"
    )
    due = day(date.fromisoformat(account["due_on"])) if account["due_on"] else "—"
    status = badge(AccountStatus(account["status"]) if account["status"] else None)
    return format_html("{} · {} {} {}", outstanding, _("due"), due, status)
