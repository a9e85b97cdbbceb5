"""Roles, and the demo's sign-ins."""

from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

VIEWER, COLLECTOR, MANAGER = "viewer", "collector", "manager"
ROLES = {
    VIEWER: (),
    COLLECTOR: ("enroll",),
    MANAGER: ("enroll", "view_raw", "view_auditentry"),
}
DEMO_PASSWORD = "demo"  # noqa: S105 - the sandbox's sign-in is public


def create_roles() -> None:
    """The groups `viewer`, `collector` and `manager` with their permissions; harmless when they exist."""
    for role, codenames in ROLES.items():
        group, _ = Group.objects.get_or_create(name=role)
        group.permissions.add(
            *Permission.objects.filter(content_type__app_label="dashboard", codename__in=codenames)
        )


class RoleBackend(ModelBackend):
    """Users and permissions as Django has them, but the permissions in one query instead of two."""

    def _get_user_permissions(self, user_obj: User) -> QuerySet[Permission]:
        return Permission.objects.filter(Q(user=user_obj) | Q(group__user=user_obj))

    def _get_group_permissions(self, user_obj: User) -> QuerySet[Permission]:
        return Permission.objects.none()


class DemoBackend(RoleBackend):
    """Signs in `viewer`, `collector` and `manager` with the password `demo`, while the sandbox is the API.

    Their rows carry no password: with a real API they can neither sign in nor keep an old session.
    """

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        if not (settings.DEMO and username in ROLES and constant_time_compare(password or "", DEMO_PASSWORD)):
            return None
        user = User.objects.filter(username=username).first() or _create_demo_user(username)
        return user if not user.has_usable_password() and self.user_can_authenticate(user) else None

    def get_user(self, user_id: int) -> User | None:
        return super().get_user(user_id) if settings.DEMO else None


@transaction.atomic
def _create_demo_user(role: str) -> User:
    user = User.objects.create_user(role, email=f"{role}@rollcall.example")
    user.groups.add(Group.objects.get(name=role))
    return user
