"""Places in the pick, and a tally of each run. Runs from before get theirs from what their batches and outcomes hold."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.db import connection, migrations, models


def fill(apps: Any, schema_editor: Any) -> None:
    for run in apps.get_model("dashboard", "Run").objects.only("pk"):
        accounts = list(_placed(run))
        with connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE dashboard_outcome SET place = %s WHERE run_id = %s AND account_id = %s",
                [(place, run.pk, account["id"]) for place, account in enumerate(accounts, start=1)],
            )
        run.tally = _tally(
            ("picked", "", account.get("verdict", ""), account.get("currency", ""), account.get("outstanding"))
            for account in accounts
        ) | _tally(run.outcomes.values_list("state", "reason", "predicted", "currency", "outstanding").iterator())
        run.save(update_fields=["tally"])


def _placed(run: Any) -> Iterable[dict[str, Any]]:
    """What was picked, in order; the pieces of a batch that was split stand where they are."""
    first = 1
    for batch in run.batches.exclude(state="split").filter(permitted_by=None).order_by("number").iterator():
        type(batch).objects.filter(pk=batch.pk).update(first=first)
        first += batch.size
        yield from batch.accounts


def _tally(fates: Iterable[tuple[Any, ...]]) -> dict[str, list[Any]]:
    tally: dict[str, list[Any]] = {}
    for state, reason, predicted, currency, amount in fates:
        kept = currency if len(currency) == 3 and currency.isascii() and currency.isupper() else ""
        is_known = bool(kept) and amount not in (None, "")
        entry = tally.setdefault(f"{state}/{reason}/{predicted}/{kept}", [0, "0", 0])
        entry[0] += 1
        entry[1] = str(Decimal(entry[1]) + (Decimal(amount) if is_known else 0))
        entry[2] += not is_known
    return tally


class Migration(migrations.Migration):
    dependencies = [("dashboard", "0004_lighter_outcomes")]

    operations = [
        migrations.RemoveIndex(model_name="outcome", name="dashboard_o_run_id_eae68c_idx"),
        migrations.AddField(
            model_name="batch",
            name="first",
            field=models.PositiveIntegerField(
                default=0,
                help_text="Its first account's place in the pick, from 1; 0 where accounts are sent again.",
            ),
        ),
        migrations.AddField(
            model_name="outcome",
            name="place",
            field=models.PositiveIntegerField(
                default=0, help_text="Which of the picked accounts it is, from 1."
            ),
        ),
        migrations.AddField(
            model_name="run",
            name="tally",
            field=models.JSONField(
                default=dict,
                help_text="Numbers and sums by state, reason, verdict and currency: see services.tally.",
            ),
        ),
        migrations.AddIndex(
            model_name="batch",
            index=models.Index(fields=["run", "first", "state"], name="dashboard_b_run_id_92a628_idx"),
        ),
        migrations.AddIndex(
            model_name="outcome",
            index=models.Index(
                fields=["run", "place", "state", "reason", "predicted", "invoice_number", "outstanding"],
                name="outcome_as_picked",
            ),
        ),
        migrations.AddIndex(
            model_name="outcome",
            index=models.Index(
                condition=models.Q(("look_at__isnull", False)),
                fields=["run", "state", "look_at", "reason"],
                name="outcome_next_look",
            ),
        ),
        migrations.AddIndex(
            model_name="outcome",
            index=models.Index(
                condition=models.Q(("looked_at__isnull", False)),
                fields=["run", "state", "looked_at", "reason"],
                name="outcome_last_look",
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
