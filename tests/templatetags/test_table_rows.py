"""Rows of tables."""

from typing import Any

import django_tables2 as tables
from django.utils.html import format_html

from dashboard.templatetags.table_rows import table_rows


class Coloured(tables.Table):
    name = tables.Column(attrs={"td": {"data-label": "Name", "class": lambda value: f"is-{value}"}})
    size = tables.Column(attrs={"td": {"class": "number"}})


def test_table_rows_escape_their_cells_and_keep_attributes_reckoned_per_row() -> None:
    table = Coloured([{"name": "<b>", "size": 1}, {"name": "x", "size": 2}])

    assert table_rows(table) == (
        '<tr><td data-label="Name" class="is-&lt;b&gt;">&lt;b&gt;</td><td class="number">1</td></tr>'
        '<tr><td data-label="Name" class="is-x">x</td><td class="number">2</td></tr>'
    )


class Rendered(tables.Table):
    name = tables.Column(linkify=lambda record: f"/{record['name']}/")
    size = tables.TemplateColumn("{{ value }} of {{ record.name }}")
    note = tables.Column(empty_values=(), default="—")

    class Meta:
        row_attrs = {"id": lambda record: f"row-{record['name']}"}

    def render_note(self, record: dict[str, Any], table: tables.Table) -> str:
        return format_html("<i>{}</i>", record["size"] * len(table.columns))


def test_render_methods_links_and_row_attributes_work_as_in_a_template() -> None:
    table = Rendered([{"name": "a", "size": 2}])

    assert table_rows(table) == (
        '<tr id="row-a" class="even"><td><a href="/a/">a</a></td><td>2 of a</td><td><i>6</i></td></tr>'
    )


def test_a_missing_value_is_the_column_s_default() -> None:
    assert table_rows(Coloured([{"name": "x"}])).endswith('<td class="number">—</td></tr>')
