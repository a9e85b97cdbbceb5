"""What an administrator sets: `ROLLCALL_*` variables (or `.env`) are read and checked here; a bad one names itself."""

import ipaddress
import sys
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured
from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

BASE_DIR = Path(__file__).resolve().parent.parent
TESTING = "pytest" in sys.modules  # then a person's own .env must not lead to a real API
API_PATH = "/api/v1/external"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _api_url(value: str) -> str:
    parts = urlsplit(value)
    _check_port(parts)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"give the whole address, such as https://api.example.com{API_PATH}")
    if parts.username or parts.query or parts.fragment:
        raise ValueError("leave out user name, query and fragment")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError("http:// would send the key in clear; use https:// (http is for this machine only)")
    return value.rstrip("/")


def _public_url(value: str) -> str:
    parts = urlsplit(value)
    _check_port(parts)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("give the address as people type it, such as https://rollcall.example.com")
    return value.rstrip("/")


def _mail_address(value: str) -> str:
    _, address = parseaddr(value)
    if "@" not in address or any(not character.isprintable() for character in value):
        raise ValueError("give an address such as rollcall@example.com")
    return value


def _proxy_url(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    _check_port(parts)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("give the whole address, such as http://proxy.example.com:3128")
    return value


def _check_port(parts: SplitResult) -> None:
    try:
        legal = parts.port != 0
    except ValueError:
        legal = False
    if not legal:
        raise ValueError("its port must be a number from 1 to 65535")


Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


class Environment(BaseSettings):
    """What an administrator may set. Times are in seconds, fractions allowed."""

    model_config = SettingsConfigDict(
        env_prefix="ROLLCALL_",
        env_file=None if TESTING else BASE_DIR / ".env",
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    api_url: Annotated[str, AfterValidator(_api_url)] | None = None
    api_key: SecretStr | None = None
    database_url: SecretStr | None = None
    secret_key: SecretStr | None = None
    debug: bool = False
    allowed_hosts: Annotated[list[str], NoDecode] = ["127.0.0.1", "localhost", "[::1]"]
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    sandbox_port: int | None = Field(None, ge=1, le=65535)
    https: bool = False
    ca_file: Path | None = None
    proxy_url: Annotated[SecretStr, AfterValidator(_proxy_url)] | None = None
    parallel_calls: int = Field(4, ge=1, le=64)
    connect_timeout: Seconds = 3
    get_deadline: Seconds = 15
    post_deadline: Seconds = 60
    settle_after: Annotated[float, Field(ge=0, le=86400, allow_inf_nan=False)] = 60
    lease: Seconds = 30
    large_run: int = Field(1000, ge=1)
    keep_lists_days: int = Field(90, ge=1, le=36500)
    time_zone: str = "UTC"
    public_url: Annotated[str, AfterValidator(_public_url)] | None = None
    email_host: str | None = None
    email_port: int = Field(587, ge=1, le=65535)
    email_security: Literal["starttls", "tls", "none"] = "starttls"
    email_user: str | None = None
    email_password: SecretStr | None = None
    email_from: Annotated[str, AfterValidator(_mail_address)] | None = None

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        )

    @field_validator("api_key")
    @classmethod
    def _key_fits_a_header(cls, key: SecretStr | None) -> SecretStr | None:
        if key is None:
            return None
        text = key.get_secret_value().strip()
        if not (text and text.isascii() and text.isprintable()):
            raise ValueError("the key is empty or holds characters that cannot be sent; copy it again")
        return SecretStr(text)

    @field_validator("ca_file")
    @classmethod
    def _ca_file_exists(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError("no such file")
        return path

    @field_validator("time_zone")
    @classmethod
    def _time_zone_exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("no such time zone; give one such as Europe/Berlin") from error
        return name

    @model_validator(mode="after")
    def _key_goes_with_url(self) -> "Environment":
        if self.api_url and not self.api_key:
            raise ValueError(
                "ROLLCALL_API_KEY is missing: ROLLCALL_API_URL is set, so give the key that goes with it"
            )
        return self

    @model_validator(mode="after")
    def _mail_has_a_sender_and_links(self) -> "Environment":
        for name in ("email_from", "public_url"):
            if self.email_host and not getattr(self, name):
                raise ValueError(
                    f"ROLLCALL_{name.upper()} is missing: ROLLCALL_EMAIL_HOST is set, so give it"
                )
        return self


def read_environment() -> Environment:
    try:
        return Environment()
    except ValidationError as error:
        problems = "; ".join(
            " ".join(
                filter(
                    None,
                    [
                        "_".join(["ROLLCALL", *map(str, e["loc"])]).upper() if e["loc"] else "",
                        e["msg"].removeprefix("Value error, "),
                    ],
                )
            )
            for e in error.errors(include_url=False, include_input=False)
        )
        raise ImproperlyConfigured(f"A setting is wrong. {problems}") from None
