"""Taking many things in parts that a statement or a transaction can hold."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def in_chunks(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """The things in lists of this size, the last one shorter."""
    rest = iter(things)
    while chunk := list(islice(rest, size)):
        yield chunk
