"""Which selections and runs a list went into: one that was used went into that which it was brought for."""

import django.db.models.deletion
from django.db import migrations, models

FILL = """INSERT INTO dashboard_uploaduse (upload_id, token)
SELECT id, token FROM dashboard_upload WHERE used_at IS NOT NULL"""


class Migration(migrations.Migration):
    dependencies = [("dashboard", "0013_runs_listed")]

    operations = [
        migrations.CreateModel(
            name="UploadUse",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("token", models.UUIDField(db_index=True)),
                (
                    "upload",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="uses",
                        to="dashboard.upload",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("upload", "token"), name="used_once_by_each")
                ]
            },
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
