"""Where a page stands in its list, for lists of ours and of the vendor's."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.core.paginator import Page

    from dashboard.api.schema import Page as ApiPage

NEIGHBOURS = 2


@dataclass(frozen=True)
class Paging:
    """`number` counts from 1; `total` and `last` are None where nobody knows them."""

    number: int
    per_page: int
    has_next: bool
    total: int | None = None
    last: int | None = None

    @classmethod
    def of_api(cls, page: "ApiPage[Any]") -> "Paging":
        """Of a page as the vendor gave it."""
        last = page.total_pages
        if last is None and page.total is not None:
            last = -(-page.total // page.per_page)
        return cls(
            page.page, page.per_page, page.has_next, page.total, last if last is None else max(last, 1)
        )

    @classmethod
    def of_rows(cls, page: "Page[Any]") -> "Paging":
        """Of a page of Django's paginator."""
        paginator = page.paginator
        return cls(page.number, paginator.per_page, page.has_next(), paginator.count, paginator.num_pages)

    @property
    def previous(self) -> int | None:
        """The page before; from past the end, the last one."""
        if self.number == 1:
            return None
        return self.last if self.is_past_end else self.number - 1

    @property
    def next(self) -> int:
        return self.number + 1

    @property
    def is_past_end(self) -> bool:
        return self.last is not None and self.number > self.last

    @property
    def window(self) -> list[int | None]:
        """Page numbers to offer, None for a gap; the page itself alone where the last one is not known."""
        if self.last is None or self.is_past_end:
            return [self.number]
        near = range(max(self.number - NEIGHBOURS, 1), min(self.number + NEIGHBOURS, self.last) + 1)
        shown = sorted({1, *near, self.last})
        window: list[int | None] = []
        for number in shown:
            if window and window[-1] is not None and number > window[-1] + 1:
                window.append(None)
            window.append(number)
        return window


@dataclass(frozen=True)
class Stretch:
    """Rows between two of a list that is walked row by row: `before` and `after` lead on, None where it ends.

    `total` is None where nobody counts.
    """

    before: int | None
    after: int | None
    total: int | None
