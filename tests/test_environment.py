"""A setting that is wrong stops the start and is named; a secret is never repeated."""

import re
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from dashboard.environment import Environment, read_environment

ROOT = Path(__file__).resolve().parent.parent
KEY = "sk_live_51Hsecretsecret"
NAMES = {f"ROLLCALL_{field}".upper() for field in Environment.model_fields}


def read(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Environment:
    """The settings as read from `ROLLCALL_*` variables with exactly these values."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(f"ROLLCALL_{name}".upper(), value)
    return read_environment()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "0"),
        ("port", "65536"),
        ("port", "http"),
        ("sandbox_port", "-1"),
        ("parallel_calls", "0"),
        ("parallel_calls", "65"),
        ("post_deadline", "0"),
        ("post_deadline", "nan"),
        ("get_deadline", "inf"),
        ("connect_timeout", "soon"),
        ("settle_after", "-1"),
        ("debug", "perhaps"),
        ("ca_file", "/nowhere/ca.pem"),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "America"),
        ("time_zone", "../etc"),
        ("api_key", "   "),
        ("proxy_url", "nonsense"),
        ("proxy_url", "http://proxy.example.com:99999"),
        ("public_url", "rollcall.example.com"),
        ("email_from", "nobody"),
        ("email_from", "a@example.com\nBcc: b@example.com"),
        ("email_security", "some"),
        ("email_port", "0"),
    ],
)
def test_a_bad_value_stops_the_start_and_names_the_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"ROLLCALL_{name.upper()} "):
        read(monkeypatch, **{name: value})


@pytest.mark.parametrize(
    "url",
    [
        "api.example.com",
        "ftp://api.example.com",
        "https://",
        "https://user:word@api.example.com",
        "https://api.example.com/?key=1",
        "https://api.example.com/#part",
        "https://api.example.com:99999",
        "https://api.example.com:0",
    ],
)
def test_an_address_that_is_not_one_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="ROLLCALL_API_URL"):
        read(monkeypatch, api_url=url, api_key=KEY)


def test_every_bad_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"ROLLCALL_PORT.*ROLLCALL_LEASE"):
        read(monkeypatch, port="0", lease="0")


def test_blanks_around_a_key_are_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    key = read(monkeypatch, api_key=f"  {KEY} ").api_key

    assert key
    assert key.get_secret_value() == KEY


def test_an_address_without_its_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImproperlyConfigured, match="ROLLCALL_API_KEY is missing"):
        read(monkeypatch, api_url="https://api.example.com")


@pytest.mark.parametrize("missing", ["email_from", "public_url"])
def test_a_mail_server_needs_a_sender_and_an_address_for_links(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    given = {"email_from": "rollcall@example.com", "public_url": "https://rollcall.example.com/"}
    assert read(monkeypatch, email_host="mail", **given).public_url == "https://rollcall.example.com"

    with pytest.raises(ImproperlyConfigured, match=f"ROLLCALL_{missing.upper()} is missing"):
        read(monkeypatch, email_host="mail", **{name: v for name, v in given.items() if name != missing})


@pytest.mark.parametrize("host", ["api.example.com", "192.168.1.5", "127.0.0.1.example.com"])
def test_the_key_does_not_travel_in_clear_to_another_machine(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"ROLLCALL_API_URL .*in clear"):
        read(monkeypatch, api_url=f"http://{host}/api", api_key=KEY)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.9:9000", "[::1]"])
def test_plain_http_is_fine_on_this_machine(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    assert read(monkeypatch, api_url=f"http://{host}/api/", api_key=KEY).api_url == f"http://{host}/api"


@pytest.mark.parametrize("odd", ["\n", "\x07", "é", "\N{ZERO WIDTH SPACE}"])
def test_a_key_that_does_not_fit_a_header_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, odd: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match="ROLLCALL_API_KEY") as refusal:
        read(monkeypatch, api_url="https://api.example.com", api_key=KEY + odd + "x")

    assert KEY not in str(refusal.value)


def test_the_key_is_in_no_message_and_no_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, api_url="https://api.example.com", api_key=KEY)
    with pytest.raises(ImproperlyConfigured) as refusal:
        read(monkeypatch, api_url="http://api.example.com", api_key=KEY, port="0")

    assert KEY not in repr(settings)
    assert KEY not in str(refusal.value)
    assert refusal.value.__suppress_context__


def test_an_empty_value_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, port="", api_url="").port == 8000


def test_hosts_are_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = read(monkeypatch, allowed_hosts="rollcall.example.com, localhost,").allowed_hosts

    assert hosts == ["rollcall.example.com", "localhost"]


def named_in(path: str) -> set[str]:
    return set(re.findall(r"ROLLCALL_[A-Z_]+", (ROOT / path).read_text()))


@pytest.mark.parametrize("path", [".env.example", "docs/operations.md"])
def test_each_setting_is_documented_and_no_other(path: str) -> None:
    assert named_in(path) == NAMES


def test_the_documented_defaults_are_the_real_ones() -> None:
    table = (ROOT / "docs/operations.md").read_text()
    rows = dict(re.findall(r"^\| `(ROLLCALL_[A-Z_]+)` \| `([^`]*)` \|", table, re.MULTILINE))

    defaults = {f"ROLLCALL_{name}".upper(): field.default for name, field in Environment.model_fields.items()}

    assert rows == {name: written(value) for name, value in defaults.items() if value is not None}


def written(value: object) -> str:
    """As a person writes it in a variable."""
    if isinstance(value, list):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
