import io
from collections.abc import Callable

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

PASSWORD = "correct horse battery"
pytestmark = pytest.mark.django_db


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """`person("ada", "--role", "viewer", typed=...)` gives what is printed; `typed` is standard input."""

    def run(*arguments: str, typed: str = "") -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        out = io.StringIO()
        call_command("person", *arguments, stdout=out)
        return out.getvalue()

    return run


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`answers("one", "two")` are typed at the password prompts, in this order."""

    def prepare(*typed: str) -> None:
        waiting = iter(typed)
        monkeypatch.setattr("dashboard.management.commands.person.getpass", lambda _: next(waiting))

    return prepare


def test_creates_a_person_who_may_do_what_the_role_may(person: Callable[..., str]) -> None:
    said = person("ada", "--role", "collector", "--password-stdin", typed=f"{PASSWORD}\n")

    user = User.objects.get(username="ada")
    assert said == "ada was created as collector.\n"
    assert user.check_password(PASSWORD)
    assert user.has_perm("dashboard.enroll")
    assert not user.has_perm("dashboard.view_auditentry")


def test_changes_a_role_and_keeps_the_password(
    person: Callable[..., str], answers: Callable[..., None]
) -> None:
    person("ada", "--role", "manager", "--password-stdin", typed=PASSWORD)
    answers("")

    said = person("ada", "--role", "viewer")

    user = User.objects.get(username="ada")
    assert said == "ada is now a viewer; the password is kept.\n"
    assert [group.name for group in user.groups.all()] == ["viewer"]
    assert user.check_password(PASSWORD)


def test_asks_for_the_password_twice(person: Callable[..., str], answers: Callable[..., None]) -> None:
    answers(PASSWORD, PASSWORD)

    person("ada", "--role", "viewer")

    assert User.objects.get(username="ada").check_password(PASSWORD)


def test_two_different_passwords_change_nothing(
    person: Callable[..., str], answers: Callable[..., None]
) -> None:
    answers(PASSWORD, "something else")

    with pytest.raises(CommandError, match="differ; nothing was changed"):
        person("ada", "--role", "viewer")

    assert not User.objects.exists()


@pytest.mark.parametrize("password", ["", "short", "password123", "adalovelace"])
def test_a_password_that_is_easily_guessed_is_refused(person: Callable[..., str], password: str) -> None:
    with pytest.raises(CommandError, match="password"):
        person("adalovelace", "--role", "viewer", "--password-stdin", typed=password)

    assert not User.objects.exists()


def test_a_name_that_cannot_be_typed_is_refused(person: Callable[..., str]) -> None:
    with pytest.raises(CommandError, match="valid username"):
        person("ada lovelace", "--role", "viewer", "--password-stdin", typed=PASSWORD)


def test_a_disabled_person_stays_on_record_but_cannot_sign_in(person: Callable[..., str]) -> None:
    person("ada", "--role", "manager", "--password-stdin", typed=PASSWORD)

    said = person("ada", "--disable")

    assert said == "ada can no longer sign in.\n"
    assert ModelBackend().authenticate(None, username="ada", password=PASSWORD) is None
    assert User.objects.filter(username="ada").exists()


def test_a_role_lets_a_disabled_person_in_again(
    person: Callable[..., str], answers: Callable[..., None]
) -> None:
    person("ada", "--role", "viewer", "--password-stdin", typed=PASSWORD)
    person("ada", "--disable")
    answers("")

    person("ada", "--role", "viewer")

    assert User.objects.get(username="ada").is_active


def test_nobody_of_that_name_is_said(person: Callable[..., str]) -> None:
    with pytest.raises(CommandError, match="There is no person named nobody"):
        person("nobody", "--disable")


def test_an_address_is_given_kept_and_taken_away(person: Callable[..., str]) -> None:
    def give(*arguments: str) -> str:
        person("ada", "--role", "viewer", "--password-stdin", *arguments, typed=f"{PASSWORD}\n")
        return User.objects.get(username="ada").email

    assert give("--email", "ada@example.com") == "ada@example.com"
    assert give() == "ada@example.com"
    with pytest.raises(CommandError, match="valid email"):
        give("--email", "nonsense")
    assert give("--email", "") == ""
