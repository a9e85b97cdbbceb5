"""Figures over time as SVG: bars per day, drawn here, colored by classes; the numbers stand in a table beside each."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard.templatetags.rollcall import MARKS, mark
from dashboard.templatetags.runs import SHORT

register = template.Library()

WIDTH, HEIGHT = 600, 100
GAP = 0.2  # of a day's width


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
            bars.append(_bar(number, len(trends.days), top, height, MARKS[series.code][0]))
        words = ", ".join(f"{SHORT[series.code]} {intcomma(value)}" for series, value in shown)
        parts.append(_day(day, words, bars))
    name = _("Invoices per day by outcome, %(total)s in all; the numbers are in the table below") % {
        "total": intcomma(trends.total)
    }
    return _frame(name, trends.days, intcomma(most), parts)


@register.simple_tag
def small_bars(days: Sequence[date], series: Any, tone: str) -> SafeString:
    """One reason's numbers per day; each picture has its own scale, which it names."""
    most = max(series.numbers)
    parts = [
        _day(day, intcomma(value), [_of(number, days, value, most, tone)])
        for number, (day, value) in enumerate(zip(days, series.numbers, strict=True))
    ]
    name = _("%(name)s: %(total)s in %(days)s days, at most %(most)s a day") % {
        "name": series.label,
        "total": intcomma(series.total),
        "days": len(days),
        "most": intcomma(most),
    }
    return _frame(name, days, intcomma(most), parts)


@register.simple_tag
def rate_bars(trends: Any) -> SafeString:
    """Percent per day; a day without a prediction has no bar."""
    rates = trends.rates
    most = max((rate for rate in rates if rate is not None), default=0.0)
    scale = max(most, 1.0)
    parts = [
        _day(day, f"{rate:.1f} %", [_of(number, trends.days, rate, scale, "warn")])
        for number, (day, rate) in enumerate(zip(trends.days, rates, strict=True))
        if rate is not None
    ]
    name = _("Predicted to enter but refused, percent per day, at most %(most)s") % {"most": f"{most:.1f} %"}
    return _frame(name, trends.days, f"{scale:.1f} %", parts)


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


def _of(number: int, days: Sequence[date], value: float, most: float, tone: str) -> SafeString:
    height = HEIGHT * value / most if most else 0.0
    return _bar(number, len(days), HEIGHT - height, height, tone)


def _bar(number: int, days: int, top: float, height: float, tone: str) -> SafeString:
    step = WIDTH / days
    return format_html(
        '<rect class="mark-{}" x="{}" y="{}" width="{}" height="{}"/>',
        tone,
        f"{step * (number + GAP / 2):.1f}",
        f"{top:.1f}",
        f"{step * (1 - GAP):.1f}",
        f"{height:.1f}",
    )


def _day(day: date, words: str, bars: Sequence[SafeString]) -> SafeString:
    return format_html("<g><title>{}: {}</title>{}</g>", date_format(day, "M j"), words, _together(bars))


def _frame(name: str, days: Sequence[date], most: str, parts: Sequence[SafeString]) -> SafeString:
    """The picture, stretched to its place, with what its full height stands for, and its first and last day."""
    return format_html(
        '<figure class="chart"><div class="chart-ends" aria-hidden="true"><span>{0}</span></div>'
        '<svg viewBox="0 0 {1} {2}" preserveAspectRatio="none" role="img" aria-label="{3}">{4}</svg>'
        '<div class="chart-ends" aria-hidden="true"><span>{5}</span><span>{6}</span></div></figure>',
        most,
        WIDTH,
        HEIGHT,
        name,
        _together(parts),
        date_format(days[0], "M j"),
        date_format(days[-1], "M j"),
    )


def _together(parts: Sequence[SafeString]) -> SafeString:
    return SafeString("".join(parts))
