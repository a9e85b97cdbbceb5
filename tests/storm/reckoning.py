"""After the storm: what the vendor did, what our tables hold and what the page says must be one story."""

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import User
from django.test import Client as Browser

from dashboard.models import Attempt, Batch, Outcome, Run
from dashboard.sandbox.ledger import Call, Enrollment
from dashboard.sandbox.server import Sandbox
from dashboard.services import results

CLASS = Attempt.AnswerClass
STATE = Outcome.State
NOTHING_DONE = (CLASS.NOT_SENT, CLASS.REJECTED)
Key = tuple[str, tuple[str, ...]]


class Reckoning:
    """Reads everything once; each finding is a list of sentences, empty when all is well."""

    def __init__(self, sandbox: Sandbox, reader: User) -> None:
        self.sandbox = sandbox
        self.reader = reader
        self.runs = list(Run.objects.order_by("pk"))
        self.attempts = list(Attempt.objects.select_related("batch__run").order_by("started_at", "pk"))
        # A call whose worker was killed while it wrote comes without its end, and does nothing.
        self.posts = [post for post in sandbox.ledger.posts if isinstance(post.body, dict)]
        self.attempt_of, self._without = matched(self.posts, self.attempts)

    def findings(self) -> dict[str, list[str]]:
        checks: dict[str, Callable[[], Iterator[str]]] = {
            "not at rest": self.not_at_rest,
            "accounts lost": self.lost,
            "counts that do not add up": self.unbalanced,
            "pages that say otherwise": self.pages,
            "posts without an attempt": self.without_attempt,
            "posts of wrong size": self.wrong_size,
            "attempts called not sent that arrived": self.not_sent_but_seen,
            "accounts sent twice without an action": self.sent_twice,
            "accounts in flight twice at once": self.in_flight_twice,
            "enrolled on screen only": self.enrolled_on_screen_only,
            "enrolled at the vendor only": self.enrolled_at_vendor_only,
        }
        return {name: list(check()) for name, check in checks.items()}

    def not_at_rest(self) -> Iterator[str]:
        """Runs that did not end, and calls that nobody gave up."""
        yield from (f"{run} is {run.state} {run.pause}" for run in self.runs if not run.is_ended)
        yield from (f"{attempt} has no end" for attempt in self.attempts if not attempt.answer_class)

    def lost(self) -> Iterator[str]:
        """Every account that was picked has exactly one row in the result."""
        for run in self.runs:
            picked = Counter(
                i
                for b in run.batches.exclude(state=Batch.State.SPLIT).filter(permitted_by=None)
                for i in b.account_ids
            )
            told = Counter(row["account_id"] for row in results.rows(run))
            for account_id in picked.keys() | told.keys():
                if not picked[account_id] == told[account_id] == 1:
                    yield f"{account_id} in {run}: picked {picked[account_id]}, told {told[account_id]}"
            if len(picked) != run.size:
                yield f"{run} has {len(picked)} of {run.size} accounts in its batches"

    def unbalanced(self) -> Iterator[str]:
        """A run's counts are those of its rows, and make up all that was picked."""
        for run in self.runs:
            told = Counter(row["outcome"] for row in results.rows(run))
            counts = results.counts(run)
            picked = counts.pop("picked")
            if {word: n for word, n in counts.items() if n} != dict(told) or sum(counts.values()) != picked:
                yield f"{run}: counts {counts}, rows {dict(told)}, size {picked}"

    def pages(self) -> Iterator[str]:
        """The rendered page shows the counts of the table."""
        browser = Browser(SERVER_NAME="localhost")
        browser.force_login(self.reader, backend="dashboard.people.RoleBackend")
        for run in self.runs:
            text = browser.get(run.get_absolute_url()).text
            shown = {
                word: int(n.replace(",", ""))
                for word, n in re.findall(r'id="n-(\w+)".*?<b>([\d,]+)</b>', text)
            }
            wanted = {**run.counts, "waiting": run.waiting, "all": run.size}
            if {w: n for w, n in shown.items() if n} != {w: n for w, n in wanted.items() if n}:
                yield f"{run}: the page says {shown}, the table {wanted}"

    def without_attempt(self) -> Iterator[str]:
        yield from (f"call {post.number} of {len(ids_of(post))} at {post.at}" for post in self._without)

    def wrong_size(self) -> Iterator[str]:
        for post in self.posts:
            ids = ids_of(post)
            if not 1 <= len(ids) <= 100 or len(set(ids)) != len(ids):
                yield f"call {post.number} carries {len(ids)} ids, {len(set(ids))} different"

    def not_sent_but_seen(self) -> Iterator[str]:
        for post in self.posts:
            attempt = self.attempt_of.get(post.number)
            if attempt and attempt.answer_class == CLASS.NOT_SENT:
                yield f"call {post.number} is {attempt}, {attempt.message}"

    def sent_twice(self) -> Iterator[str]:
        """Within a run, an account goes again only when nothing was done before, or on a recorded action."""
        open_before: dict[tuple[int, str], Attempt] = {}
        for attempt in self.attempts:
            run_id, permitted = attempt.batch.run_id, attempt.batch.permitted_by_id
            for account_id in attempt.batch.account_ids:
                before = open_before.get((run_id, account_id))
                if before and (not permitted or before.batch.permitted_by_id == permitted):
                    yield f"{account_id}: {before}, then {attempt}"
                if attempt.answer_class not in NOTHING_DONE:
                    open_before[run_id, account_id] = attempt

    def in_flight_twice(self) -> Iterator[str]:
        """No account is in two calls at the same time, over all runs."""
        busy: dict[str, Attempt] = {}
        for attempt in self.attempts:
            for account_id in attempt.batch.account_ids:
                before = busy.get(account_id)
                if before and before.batch_id != attempt.batch_id and attempt.started_at < held_until(before):
                    times = f"{held_until(before)}, from {attempt.started_at}"
                    yield f"{account_id}: {before} and {attempt}, until {times}"
                busy[account_id] = attempt

    def enrolled_on_screen_only(self) -> Iterator[str]:
        started = {(entry.account_id, entry.campaign_id) for entry in self.sandbox.ledger.enrollments}
        for outcome in (
            Outcome.objects.filter(state=STATE.ENROLLED)
            .exclude(source=Outcome.Source.PERSON)
            .select_related("run")
        ):
            if (outcome.account_id, outcome.run.campaign_id) not in started:
                yield f"{outcome.account_id} in {outcome.run} ({outcome.source} {outcome.reason})"

    def enrolled_at_vendor_only(self) -> Iterator[str]:
        """The vendor enrolled it by a call of this run; then the run never says "failed" or "not sent"."""
        told: dict[int, dict[str, str]] = defaultdict(dict)
        for run in self.runs:
            told[run.pk] = {row["account_id"]: row["outcome"] for row in results.rows(run)}
        for entry in self.sandbox.ledger.enrollments:
            attempt = self.attempt_of.get(entry.call)
            word = told[attempt.batch.run_id].get(entry.account_id) if attempt else "nothing"
            if word in (STATE.FAILED, STATE.SKIPPED, STATE.NOT_SENT, "nothing", None):
                yield f"{entry.account_id} by call {entry.call} at {entry.at} ({attempt}): {word}, {self._seen(entry)}"

    @staticmethod
    def _seen(entry: Enrollment) -> list[dict[str, Any]]:
        """All that is known of the account, to find out why."""
        shown = ("run_id", "state", "reason", "source", "settled_at", "looks", "looked_at", "seen")
        return list(Outcome.objects.filter(account_id=entry.account_id).values(*shown))


def ids_of(post: Call) -> list[str]:
    if post.path == "/accounts/campaign/bulk":
        return list(post.body["account_ids"])
    return [post.path.split("/")[2]]


def held_until(attempt: Attempt) -> datetime:
    """When it was answered or given up; the answer may have come later still."""
    given_up_at = attempt.remarks.get("given_up_at")
    return (
        datetime.fromisoformat(given_up_at)
        if given_up_at
        else attempt.ended_at or datetime.max.replace(tzinfo=UTC)
    )


def key_of(campaign_id: str, ids: Sequence[str]) -> Key:
    return campaign_id, tuple(ids)


def matched(posts: Sequence[Call], attempts: Sequence[Attempt]) -> tuple[dict[int, Attempt], list[Call]]:
    """Each call's attempt, the last over its accounts written before it came; and the calls without one."""
    written: dict[Key, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        written[key_of(attempt.batch.run.campaign_id, attempt.batch.account_ids)].append(attempt)
    found: dict[int, Attempt] = {}
    without, taken = [], set[int]()
    for post in posts:
        candidates = written[key_of(post.body["campaign_id"], ids_of(post))]
        times: list[datetime] = [attempt.started_at for attempt in candidates]
        place = bisect_right(times, post.at) - 1
        if place < 0 or candidates[place].pk in taken:
            without.append(post)
        else:
            taken.add(candidates[place].pk)
            found[post.number] = candidates[place]
    return found, without


def figures(reckoning: Reckoning) -> dict[str, Any]:
    """What there was to compare."""
    classes = Counter(attempt.answer_class for attempt in reckoning.attempts)
    return {
        "runs": len(reckoning.runs),
        "accounts in runs": sum(run.size for run in reckoning.runs),
        "attempts": len(reckoning.attempts),
        **{f"attempts {word}": classes[word] for word in CLASS.values},
        "posts the vendor saw": len(reckoning.posts),
        "enrollments at the vendor": len(reckoning.sandbox.ledger.enrollments),
        **{f"accounts {word}": sum(getattr(run, word) for run in reckoning.runs) for word in STATE.values},
    }
