"""What a batch is searched by, in a table of its own."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

AT_ONCE = 100


def fill(apps: Any, schema_editor: Any) -> None:
    texts, outcomes = apps.get_model("dashboard", "BatchText"), apps.get_model("dashboard", "Outcome")
    batches = apps.get_model("dashboard", "Batch").objects.order_by("pk")
    after = 0
    while some := list(batches.filter(pk__gt=after).only("run_id", "accounts")[:AT_ONCE]):
        after = some[-1].pk
        listed = outcomes.objects.filter(batch__in=some).values_list("batch_id", "account_id", "invoice_number")
        numbers = {(batch_id, account_id): number for batch_id, account_id, number in listed}
        texts.objects.bulk_create(text_of(texts, batch, numbers) for batch in some)


def text_of(texts: Any, batch: Any, listed: dict[tuple[int, str], str]) -> Any:
    numbers, picked = [], []
    for account in batch.accounts:
        number, currency = account.get("number") or "", account.get("currency") or ""
        other = listed.get((batch.pk, account["id"])) or number
        numbers.append("\t".join(line(each.lower()) for each in dict.fromkeys((number, other))))
        picked.append(f"{line(number)}\t{account.get('outstanding') or ''}\t{line(currency)}")
    return texts(
        batch=batch,
        run_id=batch.run_id,
        verdicts="\n".join(["", *(account.get("verdict") or "" for account in batch.accounts), ""]),
        numbers="\n".join(numbers),
        account_ids="\n".join(line(account["id"]) for account in batch.accounts),
        id_starts="\n".join(account["id"][:8] for account in batch.accounts),
        picked="\n".join(picked),
    )


def line(word: str) -> str:
    return word.replace("\n", " ").replace("\t", " ")


class Migration(migrations.Migration):
    dependencies = [("dashboard", "0016_opens_first")]

    operations = [
        migrations.CreateModel(
            name="BatchText",
            fields=[
                (
                    "batch",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="text",
                        serialize=False,
                        to="dashboard.batch",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="texts", to="dashboard.run"
                    ),
                ),
                ("verdicts", models.TextField()),
                (
                    "numbers",
                    models.TextField(
                        blank=True,
                        help_text="Lower case; after a tab the number that the vendor gave where it differs.",
                    ),
                ),
                ("account_ids", models.TextField()),
                (
                    "id_starts",
                    models.TextField(help_text="The first letters of each id: less to look through."),
                ),
                ("picked", models.TextField(help_text="Number, outstanding and currency between tabs.")),
            ],
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RemoveField(model_name="batch", name="numbers"),
    ]
