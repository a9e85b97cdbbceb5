"""`manage.py runs`: what the pages show of runs, for scripts."""

import json
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from dashboard.forms.runs import ResultFilter
from dashboard.models import Run
from dashboard.services import exports, history, receipts, results

BAD_CALL = 2
DEFAULT_LIMIT = 50


class Command(BaseCommand):
    help = "List runs, show one, or export its invoices. Exit: 0 done, 2 bad call, or no such run."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="list|show|export")
        listing = actions.add_parser("list", help="Runs, newest first.")
        listing.add_argument("--state", choices=Run.State.values)
        listing.add_argument("--user", metavar="NAME", help="Started by this person.")
        listing.add_argument(
            "--campaign", metavar="ID|TEXT", help="Into this campaign: its id, or part of its name."
        )
        listing.add_argument("--since", metavar="YYYY-MM-DD", help="Started on this day (UTC) or later.")
        listing.add_argument(
            "--has-failures", action="store_true", help="With failed, skipped or unrecognised ones."
        )
        listing.add_argument("--has-unknowns", action="store_true")
        listing.add_argument(
            "--limit", type=int, default=DEFAULT_LIMIT, help=f"At most so many; {DEFAULT_LIMIT}."
        )
        listing.add_argument(
            "--json", action="store_true", help="A list of objects, as `show` without the results."
        )
        show = actions.add_parser("show", help="One run.")
        show.add_argument("run_id", type=int, metavar="RUN_ID")
        show.add_argument("--json", action="store_true", help="The same object that `enroll --json` prints.")
        export = actions.add_parser("export", help="A run's invoices with all that is known of each.")
        export.add_argument("run_id", type=int, metavar="RUN_ID")
        export.add_argument("--format", choices=sorted(exports.FORMATS), default="csv")
        export.add_argument(
            "--json", action="store_const", const="json", dest="format", help="The same as --format json."
        )
        export.add_argument(
            "--outcome", default="", help="Only this outcome: a word of the column, or waiting."
        )
        export.add_argument(
            "--reason", default="", metavar="CODE", help="Only this reason: a word of the column."
        )
        export.add_argument(
            "--predicted", default="", metavar="WORD", help="enter, refuse, unsure, none, or otherwise."
        )
        export.add_argument(
            "--search", default="", metavar="TEXT", help="Part of an invoice number or account id."
        )
        export.add_argument("--output", default="-", metavar="FILE|-", help="- is standard output.")

    def handle(self, *, action: str, **options: Any) -> None:
        try:
            getattr(self, f"_{action}")(**options)
        except DatabaseError as error:
            self._refuse(
                f"The database cannot be used ({error}). Check ROLLCALL_DATABASE_URL, and run `manage.py migrate`."
            )

    def _list(self, *, json: bool, limit: int, since: str | None, **options: Any) -> None:
        if limit < 1:
            self._refuse("--limit must be 1 or more.")
        names = ("state", "user", "campaign", "has_failures", "has_unknowns")
        runs = history.pick_runs(
            since=self._moment(since) if since else None, **{name: options[name] for name in names}
        )[:limit]
        if json:
            self._write(as_list(about(run) for run in runs))
        else:
            self._write(f"{sentence(run)}\n" for run in runs)

    def _show(self, *, run_id: int, json: bool, **_: Any) -> None:
        run = self._run(run_id)
        self._write(results.as_json(run) if json else (f"{line}\n" for line in in_words(run)))

    def _export(self, *, run_id: int, output: str, **options: Any) -> None:
        run, kind = self._run(run_id), options["format"]
        chosen = {name: options[name] for name in ("outcome", "reason", "predicted", "search")}
        if notes := ResultFilter(chosen).notes:
            self._refuse(" ".join(map(str, notes)))
        pieces = exports.FORMATS[kind](run, **chosen)
        as_bytes = (piece.encode() if isinstance(piece, str) else piece for piece in pieces)
        if output == "-":
            sys.stdout.buffer.writelines(as_bytes)
            sys.stdout.buffer.flush()
            return
        try:
            with Path(output).open("wb") as file:
                file.writelines(as_bytes)
        except OSError as error:
            self._refuse(f"{output} cannot be written: {error.strerror}.")

    def _write(self, pieces: Iterable[str]) -> None:
        for piece in pieces:
            self.stdout.write(piece, ending="")

    def _run(self, run_id: int) -> Run:
        run = Run.objects.select_related("starter").filter(pk=run_id).first()
        return run or self._refuse(f"There is no run {run_id}.")

    def _moment(self, text: str) -> datetime:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            self._refuse(f"--since {text!r} is no day; a day looks like 2026-11-22.")
        return datetime(day.year, day.month, day.day, tzinfo=UTC)

    def _refuse(self, sentence: str) -> NoReturn:
        raise CommandError(sentence, returncode=BAD_CALL)


def about(run: Run) -> dict[str, Any]:
    """What `show --json` says but for the results, and who, when and into what."""
    return results.summary(run) | {
        "campaign": run.campaign_name,
        "user": run.starter.get_username() if run.starter else None,
        "source": run.source,
        "pause": run.pause,
        "created_at": run.created_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
    }


def as_list(things: Iterable[dict[str, Any]]) -> Iterable[str]:
    """A JSON list, one thing a line."""
    yield "["
    for number, thing in enumerate(things):
        yield f"{',' if number else ''}\n{json.dumps(thing)}"
    yield "\n]\n"


def sentence(run: Run) -> str:
    """A run in a line: number, time, state, counts, person, campaign."""
    told = ", ".join(
        f"{word.replace('_', ' ')} {number}" for word, number in results.counts(run).items() if number
    )
    person = run.starter.get_username() if run.starter else "-"
    return (
        f"{run.pk}  {run.created_at:%Y-%m-%d %H:%M}  {state_of(run)}  {told}  {person}  {run.campaign_name}"
    )


def state_of(run: Run) -> str:
    """The state, and why it is paused."""
    return run.get_state_display().lower() + (f" ({run.get_pause_display()})" if run.pause else "")


def in_words(run: Run) -> Iterable[str]:
    """One run for people, line by line."""
    yield f"Run {run.pk}: {state_of(run)}"
    yield f"  campaign: {run.campaign_name} ({run.campaign_id})"
    yield f"  started: {run.created_at:%Y-%m-%d %H:%M:%S} UTC by {run.starter or 'nobody named'}, {run.get_source_display()}"
    if run.finished_at:
        yield f"  ended: {run.finished_at:%Y-%m-%d %H:%M:%S} UTC"
    if run.duplicates:
        yield f"  {run.duplicates} given more than once, dropped"
    yield from (f"  {word.replace('_', ' ')}: {number}" for word, number in results.counts(run).items())
    yield f"  fingerprint of the invoices, as on the receipt: {receipts.fingerprint(run)}"
