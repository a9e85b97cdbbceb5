"""Customers' names as they were last seen."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("dashboard", "0014_list_uses")]

    operations = [
        migrations.CreateModel(
            name="CustomerName",
            fields=[
                ("customer_id", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=500)),
                ("seen_at", models.DateTimeField(db_index=True)),
            ],
        ),
    ]
