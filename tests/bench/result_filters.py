"""Every way to list a run's invoices, and the ten slowest: `python -m tests.bench.result_filters`.

    [--one-in N]        of the filters, for a look that takes no minutes; a prime that is not 2, 3, 5 or 7 takes some of each

Over runs of 100,000, ended and half sent: every outcome, prediction, order and kind of search, from the beginning and from far
into it, on and back as the pages' own links lead. Each is asked of the service once, then the slowest of the server again: the
list as htmx asks for it, the whole page, and the whole page with as many rows as it can have; DEBUG off; SQLite, or what
ROLLCALL_DATABASE_URL names. Prints their medians in ms by the clock, as PostgreSQL does its work elsewhere, and, by turns, that
of the whole page without a filter. The exit code is 1 past the limit: give the program the machine (`chrt -r 20`) before you
believe that.
"""

import argparse
import sys
from collections.abc import Iterator
from itertools import islice, product
from time import perf_counter
from typing import Any
from urllib.parse import urlencode

from tests.bench import asking, scratch, signed_in, taken_in_turns
from tests.bench.result_page import HTMX, LARGE, PAGE_MS, run_of

SLOWEST, LOOKED_AT, ROUNDS = 10, 60, 7
# In one of ten, in one of a thousand, in a few, in none, in none but in what else is known of each, and an id of none.
SEARCHES = ("", "NV-1", "NV-123", "9959", "xyz", "enter", "3f2a77c1-1b2c-4d3e-8f90-a1b2c3d4e5f6")


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--one-in", type=int, default=1)
    one_in = options.parse_args().one_in
    with scratch(or_named=True):
        return measure(one_in)


def measure(one_in: int) -> int:
    from django.db import connection

    browser = signed_in()
    runs = {"ended": run_of(LARGE, 1.0), "half sent": run_of(LARGE, 0.5)}
    if connection.vendor == "postgresql":  # which does it by itself, by and by
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    return max([report(words, browser, run, one_in) for words, run in runs.items()])


def report(words: str, browser: Any, run: Any, one_in: int) -> int:
    """The ten slowest pages of this run."""
    first = sorted(ways(run, one_in), key=lambda pair: -pair[0])
    slow = [(by_turns(browser, run, wanted), wanted) for _, wanted in first[:LOOKED_AT]]
    slow.sort(key=lambda measured: -max(measured[0][:-1]))
    print(f"\n{LARGE:,} invoices, {words}: {len(first):,} ways to list them; the slowest, in ms")
    print("   list   page  100 rows  (plain page)")
    for (listed, page, longest, plain), wanted in slow[:SLOWEST]:
        said = ", ".join(f"{name} {value}" for name, value in wanted.items())
        over = "  OVER" if max(listed, page, longest) > PAGE_MS else ""
        print(f"{listed:7.1f}{page:7.1f}{longest:10.1f}  ({plain:.1f})  {said}{over}")
    return int(max(slow[0][0][:-1]) > PAGE_MS)


def ways(run: Any, one_in: int) -> Iterator[tuple[float, dict[str, Any]]]:
    """Ways to list it, with what the service took for each: the beginning, the next page and back, far into it and back."""
    from dashboard.forms.runs import ResultFilter

    fields = ResultFilter.base_fields
    outcomes, predicted, sorts = (
        [str(value) for value, _ in fields[name].choices]  # type: ignore[attr-defined]
        for name in ("outcome", "predicted", "sort")
    )
    searches = (*SEARCHES, run.batches.get(first=run.size * 3 // 4 + 1).account_ids[50])
    kinds = product(outcomes, ("", "past_due"), predicted, sorts, searches)
    for values in islice(kinds, 0, None, one_in):
        wanted = dict(zip(("outcome", "reason", "predicted", "sort", "search"), values, strict=True))
        wanted = {name: value for name, value in wanted.items() if value}
        yield from from_page_to_page(run, wanted, 0)
        yield from from_page_to_page(run, wanted, run.size // 4)


def from_page_to_page(run: Any, wanted: dict[str, Any], start: int) -> Iterator[tuple[float, dict[str, Any]]]:
    """There, on and back."""
    from dashboard.services import finding

    place: int | None = start
    for way, to in (("after", "after"), ("after", "before"), ("before", "after")):
        if place is None:
            return
        asked = wanted | ({way: place} if place else {})
        began = perf_counter()
        stretch = finding.find(run, **asked).stretch
        yield (perf_counter() - began) * 1000, asked
        place = getattr(stretch, to)


def by_turns(browser: Any, run: Any, wanted: dict[str, Any]) -> tuple[float, ...]:
    """The medians of the list, of the whole page, of the longest, and of the one without a filter."""
    address = run.get_absolute_url()
    page = f"{address}?{urlencode(wanted)}"
    acts = {
        "list": asking(browser, page, HTMX),
        "page": asking(browser, page, {}),
        "longest": asking(browser, f"{address}?{urlencode(wanted | {'per_page': 100})}", {}),
        "plain": asking(browser, address, {}),
    }
    return tuple(clock for clock, _ in taken_in_turns(acts, ROUNDS, 0).values())


if __name__ == "__main__":
    sys.exit(main())
