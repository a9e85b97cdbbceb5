"""Roles, and the demo's sign-ins."""

from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.db import connection, transaction
from django.db.models import Model
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


# With what most people have none of, so that a page need not ask for it.
_PERSON = """SELECT auth_user.*,
    EXISTS (SELECT 1 FROM dashboard_notice WHERE user_id = auth_user.id AND seen_at IS NULL) AS has_news,
    EXISTS (SELECT 1 FROM dashboard_savedview WHERE user_id = auth_user.id) AS has_views
    FROM auth_user WHERE id = %s
"""


class RoleBackend(ModelBackend):
    """Users and permissions as Django has them, but in plain queries: every page asks for them.

    A user has `has_news` and `has_views`: whether there are notices and saved views of theirs.
    """

    def get_user(self, user_id: int) -> User | None:
        user = next(iter(User.objects.raw(_PERSON, [user_id])), None)
        return user if user is not None and self.user_can_authenticate(user) else None

    def get_all_permissions(self, user_obj: User | AnonymousUser, obj: Model | None = None) -> set[str]:
        if obj is not None or not user_obj.is_active or user_obj.is_superuser:
            return super().get_all_permissions(user_obj, obj)
        known: set[str] | None = user_obj.__dict__.get("_perm_cache")
        if known is None:
            known = user_obj.__dict__["_perm_cache"] = _permissions(user_obj.pk)
        return known


_GRANTED = """SELECT app_label, codename FROM auth_permission
    JOIN django_content_type ON django_content_type.id = content_type_id
    WHERE auth_permission.id IN (
        SELECT permission_id FROM auth_user_user_permissions WHERE user_id = %s
        UNION SELECT permission_id FROM auth_group_permissions
        JOIN auth_user_groups ON auth_user_groups.group_id = auth_group_permissions.group_id WHERE user_id = %s
    )
"""


def _permissions(user_id: int) -> set[str]:
    """What a person may do in their own name or by a group. Plain SQL: making Django's takes longer than asking."""
    with connection.cursor() as cursor:
        cursor.execute(_GRANTED, [user_id, user_id])
        return {f"{app}.{codename}" for app, codename in cursor.fetchall()}


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
