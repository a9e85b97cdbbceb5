"""What the invoices of a run are listed and searched by: a text for each batch stands for its hundred rows.

Numbers are part of a text as invoices were picked with them, and as they are listed where the vendor gave another: where few
texts have a word, whatever has it is among theirs.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from django.db.models import Q, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Least, StrIndex
from django.db.models.lookups import GreaterThan

from dashboard.models import Batch, BatchText, Run
from dashboard.models.batches import fold

FEW_BATCHES, FEW = 200, 400
START = 8
Candidates = Mapping[int, Mapping[int, str]]


class Picked(NamedTuple):
    """An account of a batch as it was picked; `outstanding` is decimal text, empty where it is not known."""

    account_id: str
    verdict: str
    number: str
    outstanding: str
    currency: str


def write(batches: Iterable[Batch]) -> None:
    """The texts of fresh batches."""
    BatchText.objects.bulk_create(map(_text_of, batches), batch_size=200)


def name(batch: Batch, numbers: Mapping[str, str]) -> None:
    """The numbers that the first answer gives: of all accounts where they were picked by id alone, so in one statement."""
    lines = (
        "\t".join(map(fold, filter(None, (account.get("number"), numbers.get(account["id"])))))
        for account in batch.accounts
    )
    BatchText.objects.filter(batch=batch).update(numbers="\n".join(lines))


def add(batch_id: int | None, numbers: Mapping[str, str]) -> None:
    """The vendor gives these accounts of a batch other numbers than they were picked with."""
    for text in BatchText.objects.filter(batch=batch_id):
        lines = (
            f"{line}\t{fold(numbers[account_id])}" if account_id in numbers else line
            for account_id, line in _lines(text)
        )
        text.numbers = "\n".join(lines)
        text.save(update_fields=["numbers"])


def candidates(run: Run, search: str) -> Candidates | None:
    """By batch, and by line of it from 0, the ids of the invoices that a part of a number may mean; None where they are many.

    None too for a whole id.
    """
    if account_id_of(search):
        return None
    word = fold(search)
    batches = run.texts.filter(having(position("numbers", word))).values_list("pk", flat=True)
    some = list(batches[: FEW_BATCHES + 1])
    if len(some) > FEW_BATCHES:
        return None
    texts = BatchText.objects.filter(pk__in=some).values_list("pk", "account_ids", "numbers")
    found = {batch: _named(ids.split("\n"), word, numbers) for batch, ids, numbers in texts}
    return found if sum(map(len, found.values())) <= FEW else None


def _named(ids: Sequence[str], word: str, numbers: str) -> dict[int, str]:
    return {line: ids[line] for line, number in enumerate(numbers.split("\n")) if word in number}


def position(field: str | Combinable, part: str | Combinable) -> StrIndex:
    """Where a text has it, from 1; 0: nowhere."""
    return StrIndex(field, Value(part) if isinstance(part, str) else part)


def having(*positions: Combinable) -> Q:
    """Those that have them all. For what PostgreSQL can tell that is every third: it walks an order until a page is full.

    Of `LIKE`, or of one condition more, it expects so few that it reads everything there is, and sorts what it finds.
    """
    return Q(GreaterThan(Least(*positions) if len(positions) > 1 else positions[0], 0))


def holding(account_id: str) -> Q:
    """The batches that hold an account; whole ids are kept apart on PostgreSQL, so they are looked at last."""
    return Q(text__id_starts__contains=account_id[:START]) & Q(text__account_ids__contains=account_id)


def account_id_of(search: str) -> str:
    """The account id that is searched for, in the API's form; empty where it is a part of a number."""
    try:
        return str(UUID(search))
    except ValueError:
        return ""


def rows(
    account_ids: str,
    verdicts: str,
    picked: str,
    lines: Iterable[int] | None = None,
    only: Container[str] | None = None,
    part: str = "",
) -> Iterator[tuple[int, Picked]]:
    """The accounts of a batch as they are listed, numbered from 0: all, or those on these lines, with only these verdicts.

    `part`, as `fold` gives it, is somewhere in what is listed of them: to look there first spares reading the others.
    """
    codes = verdicts.split("\n")[1:-1]
    possible = _with(picked, part) if lines is None else lines
    found = [line for line in possible if only is None or codes[line] in only]
    if not found:
        return
    ids, words = account_ids.split("\n"), picked.split("\n")
    for line in found:
        yield line, Picked(ids[line], codes[line], *words[line].split("\t"))


def _with(text: str, part: str) -> Iterator[int]:
    """The lines of a text that have it, from 0; all where there is nothing to look for."""
    if not part:
        yield from range(text.count("\n") + 1)
        return
    text = text.casefold()
    line = end = 0
    while (at := text.find(part, end)) >= 0:
        line += text.count("\n", end, at)
        yield line
        end = text.find("\n", at)
        if end < 0:
            return


def _text_of(batch: Batch) -> BatchText:
    verdicts, numbers, picked = [], [], []
    for account in batch.accounts:
        number, currency = account.get("number") or "", account.get("currency") or ""
        verdicts.append(account.get("verdict") or "")
        numbers.append(fold(number))
        picked.append(f"{_line(number)}\t{account.get('outstanding') or ''}\t{_line(currency)}")
    return BatchText(
        batch=batch,
        run_id=batch.run_id,
        verdicts="\n".join(["", *verdicts, ""]),
        numbers="\n".join(numbers),
        account_ids="\n".join(map(_line, batch.account_ids)),
        id_starts="\n".join(account_id[:START] for account_id in batch.account_ids),
        picked="\n".join(picked),
    )


def _lines(text: BatchText) -> Iterator[tuple[str, str]]:
    return zip(text.account_ids.split("\n"), text.numbers.split("\n"), strict=True)


def _line(word: str) -> str:
    return word.replace("\n", " ").replace("\t", " ")
