"""The invoice numbers of a batch beside its accounts, to be searched."""

from typing import Any

from django.db import migrations, models


def fill(apps: Any, schema_editor: Any) -> None:
    batches = apps.get_model("dashboard", "Batch").objects
    for batch in batches.only("accounts").iterator(chunk_size=50):
        numbers = "\n".join(account.get("number") or "" for account in batch.accounts)
        batches.filter(pk=batch.pk).update(numbers=numbers)


class Migration(migrations.Migration):
    dependencies = [("dashboard", "0008_lists")]

    operations = [
        migrations.AddField(
            model_name="batch",
            name="numbers",
            field=models.TextField(
                blank=True,
                default="",
                help_text="Their invoice numbers, a line each: searched where the accounts would take too long.",
            ),
            preserve_default=False,
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
