"""The run of each call, by which they are counted and listed."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def fill(apps: Any, schema_editor: Any) -> None:
    batches = apps.get_model("dashboard", "Batch").objects.filter(pk=OuterRef("batch"))
    apps.get_model("dashboard", "Attempt").objects.update(run=Subquery(batches.values("run")))


def run(**options: Any) -> Any:
    return models.ForeignKey(
        "dashboard.Run",
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.CASCADE,
        related_name="attempts",
        **options,
    )


class Migration(migrations.Migration):
    dependencies = [("dashboard", "0017_batch_texts")]

    operations = [
        migrations.AddField(model_name="attempt", name="run", field=run(null=True)),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AlterField(model_name="attempt", name="run", field=run()),
        migrations.AddIndex(
            model_name="attempt", index=models.Index(fields=["run", "id"], name="attempt_of_run")
        ),
        migrations.AlterField(
            model_name="attempt",
            name="batch",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="attempts",
                to="dashboard.batch",
            ),
        ),
    ]
