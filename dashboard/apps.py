"""What happens once when the program starts."""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.db.models.signals import post_migrate


class DashboardConfig(AppConfig):
    name = "dashboard"

    def ready(self) -> None:
        post_migrate.connect(_make_roles, sender=self)
        if settings.ON_POSTGRESQL:
            from dashboard.engine import procrastinate

            procrastinate.connect()


def _make_roles(sender: AppConfig, **kwargs: Any) -> None:
    """The roles are there as soon as the tables are."""
    from dashboard.people import create_roles

    create_permissions(sender, verbosity=0)
    create_roles()
