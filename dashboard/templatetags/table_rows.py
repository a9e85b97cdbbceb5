"""The rows of a django-tables2 table, without a template or an inspection for each of hundreds of cells."""

import inspect
from functools import lru_cache
from typing import Any

from django import template
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django_tables2.rows import BoundRow

register = template.Library()


@register.simple_tag
def table_rows(table: Any) -> SafeString:
    """What `{% for row in table.paginated_rows %}` would give, as `<tr>` elements."""
    fixed = {column.name: _cell_attrs(column) for column in table.columns if _is_fixed(column)}
    rows = (_row(Row(row.record, table), fixed) for row in table.paginated_rows)
    return mark_safe("".join(rows))  # noqa: S308 - its parts are escaped


class Row(BoundRow):
    """A row that finds out once per column, not once per cell, where its value is and what its render method takes.

    Rows of ours name the label of a choice themselves.
    """

    def _get_and_render_with(self, bound_column: Any, render_func: Any, default: Any) -> Any:
        value = self.record
        for name in bound_column.accessor.split("__"):
            value = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
        return default if value in bound_column.column.empty_values else render_func(bound_column, value)

    def _call_render(self, bound_column: Any, value: Any = None) -> Any:
        given = self._optional_cell_arguments(bound_column, value)
        wanted = _arguments(bound_column.render.__func__)
        content = bound_column.render(**{name: given[name] for name in wanted or given})
        return bound_column.link(content, **given) if bound_column.link else content


@lru_cache(maxsize=500)
def _arguments(render: Any) -> tuple[str, ...]:
    """The names it takes besides `self`; none where it takes any."""
    parameters = list(inspect.signature(render).parameters.values())[1:]
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    return () if takes_any else tuple(parameter.name for parameter in parameters)


def _row(row: Row, fixed: dict[str, str]) -> str:
    cells = (
        (fixed[column.name] if column.name in fixed else _cell_attrs(column), conditional_escape(cell))
        for column, cell in row.items()
    )
    attrs = f" {row.attrs.as_html()}" if row.table.row_attrs else ""
    return f"<tr{attrs}>{''.join(f'<td{cell_attrs}>{cell}</td>' for cell_attrs, cell in cells)}</tr>"


def _cell_attrs(column: Any) -> str:
    attrs = column.attrs["td"].as_html()
    return f" {attrs}" if attrs else ""


def _is_fixed(column: Any) -> bool:
    """Whether a column's cells all have the same attributes: none of them is reckoned from the row."""
    return not any(callable(value) for value in column.column.attrs.get("td", {}).values())
