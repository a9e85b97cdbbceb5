"""Numbers with their case folded, by which lists are sorted and searched."""

from collections.abc import Iterator
from typing import Any

from django.db import migrations, models
from django.db.models.functions import Collate, Lower

from dashboard.models.batches import FoldedField, fold

AT_ONCE = 500
BEYOND_ASCII = r"[^\x20-\x7e]"  # or a tab, or a line's end
INDEXES = {
    "outcome_as_picked": ("run", "place", "state", "reason", "predicted", "folded"),
    "outcome_by_state": ("run", "state", "place", "reason", "predicted", "folded", "outstanding"),
    "outcome_by_number": ("run", "folded", "place", "state", "reason", "predicted"),
    "outcome_by_amount": ("run", "outstanding", "place", "state", "reason", "predicted", "folded"),
}


def fill(apps: Any, schema_editor: Any) -> None:
    """Letters beyond ASCII are folded here, as databases do it in ways of their own.

    Each row is changed once: PostgreSQL would look at a row's keys again if it is changed twice, and makes no index before that.
    """
    plain = "C" if schema_editor.connection.vendor == "postgresql" else "BINARY"
    outcomes, texts = (apps.get_model("dashboard", name).objects for name in ("Outcome", "BatchText"))
    others = outcomes.filter(invoice_number__regex=BEYOND_ASCII)
    for some in in_chunks(others.only("invoice_number", "folded")):
        for row in some:
            row.folded = fold(row.invoice_number)[:500]
        outcomes.bulk_update(some, ["folded"], batch_size=100)
    outcomes.exclude(invoice_number__regex=BEYOND_ASCII).update(folded=Lower(Collate("invoice_number", plain)))
    for some in in_chunks(texts.filter(numbers__regex=r"[^\x01-\x7e]").only("numbers")):
        for text in some:
            text.numbers = text.numbers.casefold()
        texts.bulk_update(some, ["numbers"], batch_size=100)


def in_chunks(rows: Any) -> Iterator[list[Any]]:
    after = 0
    while some := list(rows.filter(pk__gt=after).order_by("pk")[:AT_ONCE]):
        yield some
        after = some[-1].pk


class Migration(migrations.Migration):
    dependencies = [("dashboard", "0018_attempts_of_runs")]

    operations = [
        *(migrations.RemoveIndex("outcome", name) for name in INDEXES),
        migrations.AddField(
            "outcome",
            "folded",
            FoldedField(blank=True, help_text="The number, as `fold` gives it.", max_length=500),
        ),
        migrations.AlterField(
            "batchtext",
            "numbers",
            models.TextField(
                blank=True, help_text="As `fold` gives them; after a tab the vendor's own where it differs."
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        *(
            migrations.AddIndex("outcome", models.Index(fields=fields, name=name))
            for name, fields in INDEXES.items()
        ),
    ]
