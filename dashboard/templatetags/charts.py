"""Figures over time as SVG: bars per day, drawn here, colored by classes; the numbers stand in a table beside each."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard.templatetags.rollcall import MARKS, mark
from dashboard.templatetags.runs import SHORT

register = template.Library()

WIDTH, HEIGHT, SMALL = 720, 150, 60
SMALL_WIDTH = 300
GAP = 0.2  # of a day's width
FOOT, HEAD = 16, 14


@register.simple_tag
def stacked_bars(trends: Any) -> SafeString:
    """Per day what became of its invoices, one on the other."""
    most = max((sum(day) for day in zip(*(s.numbers for s in trends.outcomes), strict=True)), default=0)
    parts = []
    for number, day in enumerate(trends.days):
        shown = [(s, s.numbers[number]) for s in trends.outcomes if s.numbers[number]]
        bars, top = [], float(HEIGHT)
        for series, value in shown:
            height = HEIGHT * value / most
            top -= height
            bars.append(_bar(number, len(trends.days), WIDTH, top, height, MARKS[series.code][0]))
        words = ", ".join(f"{SHORT[series.code]} {intcomma(value)}" for series, value in shown)
        parts.append(_day(day, words, bars))
    name = _("Invoices per day by outcome, %(total)s in all; the numbers are in the table below") % {
        "total": intcomma(trends.total)
    }
    return _frame(name, WIDTH, HEIGHT, trends.days, intcomma(most), parts)


@register.simple_tag
def small_bars(days: Sequence[date], series: Any, tone: str) -> SafeString:
    """One reason's numbers per day; each picture has its own scale, which it names."""
    most = max(series.numbers)
    parts = [
        _day(day, intcomma(value), [_of(number, days, value, most, SMALL_WIDTH, SMALL, tone)])
        for number, (day, value) in enumerate(zip(days, series.numbers, strict=True))
    ]
    name = _("%(name)s: %(total)s in %(days)s days, at most %(most)s a day") % {
        "name": series.label,
        "total": intcomma(series.total),
        "days": len(days),
        "most": intcomma(most),
    }
    return _frame(name, SMALL_WIDTH, SMALL, days, intcomma(most), parts)


@register.simple_tag
def rate_bars(trends: Any) -> SafeString:
    """Percent per day; a day without a prediction has no bar."""
    rates = trends.rates
    most = max((rate for rate in rates if rate is not None), default=0.0)
    scale = max(most, 1.0)
    parts = [
        _day(day, f"{rate:.1f} %", [_of(number, trends.days, rate, scale, WIDTH, SMALL, "warn")])
        for number, (day, rate) in enumerate(zip(trends.days, rates, strict=True))
        if rate is not None
    ]
    name = _("Predicted to enter but refused, percent per day, at most %(most)s") % {"most": f"{most:.1f} %"}
    return _frame(name, WIDTH, SMALL, trends.days, f"{scale:.1f} %", parts)


@register.filter
def rate(percent: float | None) -> str:
    return "—" if percent is None else f"{percent:.1f} %"


@register.filter
def legend(series: Any) -> SafeString:
    """The mark of an outcome with its number."""
    return mark(*MARKS[series.code], f"{SHORT[series.code]} {intcomma(series.total)}")


@register.simple_tag
def by_day(trends: Any) -> list[dict[str, Any]]:
    """The days, newest first, for tables: those on which something happened."""
    rates = trends.rates
    rows = [
        {
            "day": day,
            "numbers": [series.numbers[number] for series in trends.outcomes],
            "reasons": [series.numbers[number] for series in trends.reasons],
            "expected": trends.expected.numbers[number],
            "refused": trends.refused.numbers[number],
            "rate": rates[number],
        }
        for number, day in enumerate(trends.days)
    ]
    return [row for row in reversed(rows) if any(row["numbers"])]


def _of(
    number: int, days: Sequence[date], value: float, most: float, width: int, height: int, tone: str
) -> SafeString:
    tall = height * value / most if most else 0.0
    return _bar(number, len(days), width, height - tall, tall, tone)


def _bar(number: int, days: int, width: int, top: float, height: float, tone: str) -> SafeString:
    step = width / days
    return format_html(
        '<rect class="mark-{}" x="{}" y="{}" width="{}" height="{}"/>',
        tone,
        f"{step * (number + GAP / 2):.1f}",
        f"{HEAD + top:.1f}",
        f"{step * (1 - GAP):.1f}",
        f"{height:.1f}",
    )


def _day(day: date, words: str, bars: Sequence[SafeString]) -> SafeString:
    return format_html(
        "<g><title>{}: {}</title>{}</g>", date_format(day, "M j"), words, SafeString("").join(bars)
    )


def _frame(
    name: str, width: int, height: int, days: Sequence[date], most: str, parts: Sequence[SafeString]
) -> SafeString:
    """The picture with its base line, its first and last day, and what its full height stands for."""
    ends = format_html_join(
        "",
        '<text x="{}" y="{}" text-anchor="{}">{}</text>',
        [
            (0, HEAD + height + FOOT - 3, "start", date_format(days[0], "M j")),
            (width, HEAD + height + FOOT - 3, "end", date_format(days[-1], "M j")),
            (0, HEAD - 4, "start", most),
        ],
    )
    return format_html(
        '<svg class="chart" viewBox="0 0 {0} {1}" role="img" aria-label="{2}">'
        '<path class="grid" d="M0 {3}H{0}M0 {4}H{0}"/>{5}{6}</svg>',
        width,
        HEAD + height + FOOT,
        name,
        HEAD,
        HEAD + height,
        SafeString("").join(parts),
        ends,
    )
