"""The rows of a django-tables2 table, without a template or an inspection for each of hundreds of cells."""

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django import template
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

OF_ROW = ("value", "record", "bound_row")
# How the render methods of most columns are called.
_DIRECT: dict[tuple[str, ...], Callable[[Callable[..., Any], Any, Any], Any]] = {
    ("value",): lambda render, value, record: render(value=value),
    ("record",): lambda render, value, record: render(record=record),
    ("value", "record"): lambda render, value, record: render(value=value, record=record),
}


@register.simple_tag
def table_rows(table: Any) -> SafeString:
    """What `{% for row in table.paginated_rows %}` would give, as `<tr>` elements."""
    cells = [Cells(column, table) for column in table.columns]
    rows = (_row(row, table, cells) for row in table.paginated_rows)
    return mark_safe("".join(rows))  # noqa: S308 - its parts are escaped


class Cells:
    """The cells of a column, which finds out once where its values are and what its render method takes.

    Rows of ours name the label of a choice themselves.
    """

    def __init__(self, column: Any, table: Any) -> None:
        self.column = column
        self.path = column.accessor.split("__")
        self.empty = column.column.empty_values
        self.render, self.link = column.render, column.link
        self.given = {"column": column.column, "bound_column": column, "table": table}
        wanted = _arguments(column.render.__func__) or (*OF_ROW, *self.given)
        self.fixed = {name: self.given[name] for name in wanted if name in self.given}
        self.of_row = [name for name in wanted if name in OF_ROW]
        self.direct = None if self.fixed or self.link else _DIRECT.get(tuple(self.of_row))
        self.attrs = _attrs(column) if _is_fixed(column) else None

    def of(self, row: Any) -> str:
        """As a `<td>`."""
        cell, attrs = self._content(row), self.attrs
        if attrs is None:
            self.column.current_value, self.column.current_record = cell, row.record
            attrs = _attrs(self.column)
        return f"<td{attrs}>{cell if isinstance(cell, SafeString) else conditional_escape(cell)}</td>"

    def _content(self, row: Any) -> Any:
        record = value = row.record
        for name in self.path:
            value = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
        if value in self.empty:
            return self.column.default
        if self.direct:
            return self.direct(self.render, value, record)
        of_row = {"value": value, "record": record, "bound_row": row}
        content = self.render(**{name: of_row[name] for name in self.of_row}, **self.fixed)
        return self.link(content, **of_row, **self.given) if self.link else content


@lru_cache(maxsize=500)
def _arguments(render: Any) -> tuple[str, ...]:
    """The names it takes besides `self`; none where it takes any."""
    parameters = list(inspect.signature(render).parameters.values())[1:]
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    return () if takes_any else tuple(parameter.name for parameter in parameters)


def _row(row: Any, table: Any, cells: list[Cells]) -> str:
    attrs = f" {row.attrs.as_html()}" if table.row_attrs else ""
    return f"<tr{attrs}>{''.join(column.of(row) for column in cells)}</tr>"


def _attrs(column: Any) -> str:
    attrs = column.attrs["td"].as_html()
    return f" {attrs}" if attrs else ""


def _is_fixed(column: Any) -> bool:
    """Whether a column's cells all have the same attributes: none of them is reckoned from the row."""
    return not any(callable(value) for value in column.column.attrs.get("td", {}).values())
