"""`manage.py person`: give somebody a sign-in and a role."""

import sys
from argparse import ArgumentParser
from getpass import getpass
from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import transaction

from dashboard.people import ROLES, create_roles


class Command(BaseCommand):
    help = "Create a person who may sign in, change the role and password of one, or disable one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the name to sign in with")
        change = parser.add_mutually_exclusive_group(required=True)
        change.add_argument("--role", choices=ROLES, help="what the person may do")
        change.add_argument(
            "--disable", action="store_true", help="end the person's sign-in; the record stays"
        )
        parser.add_argument("--email", help="where news of the person's runs goes; empty for nowhere")
        parser.add_argument("--password-stdin", action="store_true", help="read it from standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["disable"]:
                done = disable(options["name"])
            else:
                done = give_role(
                    options["name"],
                    options["role"],
                    email=options["email"],
                    from_stdin=options["password_stdin"],
                )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(done)


def disable(name: str) -> str:
    """What was done. Raises: CommandError when there is no such person."""
    if not User.objects.filter(username=name).update(is_active=False):
        raise CommandError(f"There is no person named {name}.")
    return f"{name} can no longer sign in."


def give_role(name: str, role: str, *, email: str | None, from_stdin: bool) -> str:
    """What was done; without `email` the address is kept. Raises: ValidationError for what will not do."""
    user = User.objects.filter(username=name).first() or User(username=name)
    User.username_validator(name)
    if email:
        validate_email(email)
    user.email = user.email if email is None else email
    is_new = user.pk is None
    if password := read_password(user, from_stdin=from_stdin):
        user.set_password(password)
    save(user, role)
    kept = "" if password else "; the password is kept"
    return f"{name} {'was created as' if is_new else 'is now a'} {role}{kept}."


def read_password(user: User, *, from_stdin: bool) -> str:
    """Empty when a person who has a password keeps it. Raises: ValidationError, CommandError."""
    has_one = user.pk is not None and user.has_usable_password()
    password = sys.stdin.readline().rstrip("\n") if from_stdin else ask_twice(has_one)
    if password or not has_one:
        validate_password(password, user)
    return password


def ask_twice(has_one: bool) -> str:
    """Raises: CommandError when the two differ."""
    password = getpass("Password (empty: keep the present one): " if has_one else "Password: ")
    if password and getpass("The same again: ") != password:
        raise CommandError("The two passwords differ; nothing was changed.")
    return password


@transaction.atomic
def save(user: User, role: str) -> None:
    """With that role and no other."""
    create_roles()
    user.is_active = True
    user.save()
    user.groups.remove(*Group.objects.filter(name__in=ROLES))
    user.groups.add(Group.objects.get(name=role))
