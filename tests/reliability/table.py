"""Writes docs/reliability.md, the table of what may go wrong and the tests that stand for it.

    .venv/bin/python -m tests.reliability.table

Tests are found by their marker `row`, which names the rows they stand for.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "reliability.md"

VENDOR = {
    "U1": (
        "Nobody takes the connection",
        "Pages say so after three tries; calls wait and go on by themselves",
    ),
    "U2": ("The host's name is not found", "As U1; the host is named, the key never is"),
    "U3": (
        "The certificate cannot be trusted",
        "Not one call is made, the run pauses, nothing offers to go on regardless",
    ),
    "U4": ("The connection is not taken in time", "As U1"),
    "U5": (
        "No answer in time, and nothing was done",
        "Unknown until the invoices are read; never sent again by itself",
    ),
    "U6": ("No answer in time, and it was done", "The same screen as U5: nobody can tell them apart"),
    "U7": ("The connection is closed or reset without an answer", "As U5"),
    "U8": (
        "401: the key is not accepted",
        "One call, then the run pauses; it goes on with the old or another key",
    ),
    "U9": ("403: the key lacks a scope", "As U8, and the scope is named"),
    "U10": ("404: the campaign is not there", "The page says so; a run pauses after one call"),
    "U11": ("409", "The vendor's words beside each invoice, no second call"),
    "U12": ("400 or 422 for a whole call", "Halved down to the invoice to blame; the others are enrolled"),
    "U13": ("The call is too large", "Smaller calls for the rest of the run"),
    "U14": ("429 with seconds to wait", "All workers wait, the page says until when, nothing has failed"),
    "U15": ("429 with a date to wait for", "Reckoned by the answer's own clock"),
    "U16": (
        "429 with nonsense or nothing",
        "A random wait; over five minutes the run says it is paused and resumes by itself",
    ),
    "U17": ("429 for half an hour", "Paused and said; every invoice is still there"),
    "U18": ("500 to 504, often with HTML", "As U5; no HTML of the vendor's is shown"),
    "U19": ("A redirect", "Not followed; the key stays where it belongs"),
    "U20": ("A cut-off or damaged body", "As U5; what came is kept"),
    "U21": ("JSON under a wrong content type", "Read all the same"),
    "U22": ("A web page with status 200", "As U5; pages say that the answer could not be read"),
    "U23": ("An empty answer", "As U5"),
    "U24": ("`success: false` without rows", "The vendor's message beside each invoice"),
    "U25": ("`success: false` with rows", "The rows count, and the call is marked"),
    "U26": ("Another status in the body than in HTTP", "HTTP counts"),
    "U27": ("No rows where rows belong", "Calls: as U5. Pages: a panel, never an empty list"),
    "U28": ("Fewer rows than invoices", "Those without a row are unknown until they are read"),
    "U29": ("Rows for invoices that were not sent", "Kept as a remark on the call"),
    "U30": ("One invoice twice, same result", "Counted once, kept as a remark"),
    "U31": ("One invoice twice, different results", "That invoice is unknown until it is read"),
    "U32": ("Rows in another order", "Matched by id"),
    "U33": ("Totals that differ from the rows", "The rows count"),
    "U34": (
        "Other case, spaces, unknown words",
        "Read where possible; else shown as they came and never a success",
    ),
    "U35": ("Fields that we do not know", "Kept in the raw answer"),
    "U36": ("Nothing in a name, number or error", "A dash, or “no reason given”"),
    "U37": ("Texts of a megabyte", "Cut at 500 characters"),
    "U38": (
        "Markup, scripts, turned text, control characters",
        "Shown as text, each apart from its neighbours",
    ),
    "U39": ("Hostile JSON", "One row may suffer, the others do not"),
    "U40": ("A body over 10 MB, also unpacked", "Cut: as U5"),
    "U41": ("A page past the end", "Empty, with a link to the last page"),
    "U42": (
        "Pages of another size than asked for",
        "What came is shown; walks go on until nothing new comes",
    ),
    "U43": ("Page numbers missing or odd", "Rows with previous and next"),
    "U44": ("Rows move between pages", "Each is shown once"),
    "U45": ("Campaigns twice, or without id", "A row without a link"),
    "U46": ("A filter is ignored", "It is applied here"),
    "U47": ("An answer that drips", "A deadline for the whole of it, then as U5"),
    "U48": (
        "Answers that take seconds",
        "The frame of the page at once, its rows when they come; pages of our own do not wait",
    ),
    "U49": (
        "The campaign closes during the run",
        "Two refused calls, one look at the campaign, then a pause",
    ),
    "U50": ("PENDING", "Apart from enrolled, and followed up by reading"),
    "U51": ("Every row already active", "A normal result with its reason"),
    "U52": ("Cookies, wrong clocks", "Ignored"),
}
OURS = {
    "O1": ("Worker killed before the attempt is written", "Nothing was sent; another worker goes on"),
    "O2": (
        "Worker killed after that, before its answer is committed",
        "Unknown until read; one call only; the others go on",
    ),
    "O3": ("Worker killed after the commit", "No difference"),
    "O4": ("Worker told to stop", "Its call ends and is committed, then it leaves"),
    "O5": ("Web process killed", "The run does not notice"),
    "O6": ("No worker alive", "The run's page and the health check say so"),
    "O7": ("Many workers want one batch", "One gets it"),
    "O8": ("A worker stalls, or loses a call", "Unknown once; its late answer still counts"),
    "O9": ("A worker comes back under its old name", "It is another one"),
    "O10": ("The database is locked", "Waited out; then the answer is kept in a file and replayed"),
    "O11": ("The database is down", "Nothing is sent, pages say 503, work goes on by itself"),
    "O12": ("The disk is full", "Nothing is claimed, and the page says why; an answer in hand is held"),
    "O13": ("Double click, two tabs", "One run"),
    "O14": ("The same invoices in two runs", "Shown before confirming; held back while in flight"),
    "O15": ("The page is closed or loaded again", "The run is found again"),
    "O16": ("The session ends during a run", "Run and selection stay; the way leads to the sign-in and back"),
    "O17": ("The starter loses the right", "The run pauses"),
    "O18": ("The key or address changes during a run", "The run pauses and asks; each attempt keeps its own"),
    "O19": ("Stop is pressed", "Calls under way end, the rest is not sent and can be resumed"),
    "O20": ("Clocks jump", "Nothing is lost; leases go by the database's clock"),
    "O21": ("100,000 invoices", "A worker's memory does not grow with the run"),
    "O22": (
        "A list with wrong bytes, marks, doubles, bad ids",
        "Bad entries are named by line; nothing is sent",
    ),
    "O23": ("An upgrade during a run", "Old rows are read, the run goes on"),
    "O25": ("A mistake of ours in reading an answer", "The answer is kept and read again; never sent again"),
}


def tests_by_row() -> dict[str, list[str]]:
    """The names of the tests, as `file::test`, by the rows that they stand for."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                for row in rows_of(node):
                    found[row].append(f"{path.relative_to(ROOT / 'tests')}::{node.name}")
    return found


def rows_of(test: ast.FunctionDef) -> Iterator[str]:
    """What its `@pytest.mark.row(...)` names."""
    for decorator in test.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.row":
            yield from (ast.literal_eval(argument) for argument in decorator.args)


def text() -> str:
    """The whole file."""
    return f"""# What may go wrong, and which test stands for it

Written by `python -m tests.reliability.table`; a test fails when it is out of date or a row has no test.

A call that enrolls ends in one of four ways. **Not sent**: provably nothing reached the vendor, so it is tried again.
**Rejected**: a well-formed no, so nothing was done. **Done**: rows that can be read, each the truth about its invoice.
**Unknown**: anything else. What is unknown is never sent again by itself: the invoices are read after a while, and what
reading cannot settle waits for a person.

## The vendor's side

{table(VENDOR)}

## Our own side

{table(OURS)}
"""


def table(rows: dict[str, tuple[str, str]]) -> str:
    tests = tests_by_row()
    lines = ["| # | What goes wrong | What people get | Tests |", "|---|---|---|---|"]
    for row, (wrong, get) in rows.items():
        lines.append(f"| {row} | {wrong} | {get} | {'<br>'.join(f'`{test}`' for test in tests[row])} |")
    return "\n".join(lines)


if __name__ == "__main__":
    TABLE.write_text(text())
    print(f"{TABLE.relative_to(ROOT)} is written")
