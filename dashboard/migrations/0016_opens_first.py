"""Which saved view a list opens with."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("dashboard", "0015_customer_names"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="savedview", name="opens_first", field=models.BooleanField(default=False)
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.UniqueConstraint(
                condition=models.Q(("opens_first", True)),
                fields=("user", "page"),
                name="one_view_opens_first",
            ),
        ),
    ]
