"""Django's settings, and ours, from what the environment says; a bad value stops the start and names itself."""

import os
import secrets
from typing import Any

import dj_database_url
import structlog
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from pydantic import SecretStr

from dashboard.environment import API_PATH, BASE_DIR, TESTING, read_environment

STATE_DIR = BASE_DIR / "var"
SANDBOX_KEY = "sk_sandbox_demo"


def _secret_key() -> str:
    """The configured key, or one made at the first start and kept in `var/`."""
    if env.secret_key:
        return env.secret_key.get_secret_value()
    path = STATE_DIR / "secret-key"
    try:
        STATE_DIR.mkdir(exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass
    except OSError as error:
        raise ImproperlyConfigured(
            f"ROLLCALL_SECRET_KEY is not set and {path} cannot be written: {error.strerror}"
        ) from error
    if not (key := path.read_text().strip()):
        raise ImproperlyConfigured(f"{path} is empty; delete it and start again")
    return key


def _database() -> dict[str, Any]:
    url = (
        env.database_url.get_secret_value()
        if env.database_url
        else f"sqlite:///{STATE_DIR / 'rollcall.sqlite3'}"
    )
    try:
        config: dict[str, Any] = dict(dj_database_url.parse(url))
    except (ValueError, KeyError, dj_database_url.ParseError) as error:
        raise ImproperlyConfigured(
            "ROLLCALL_DATABASE_URL cannot be read; examples: sqlite:////srv/rollcall.sqlite3, postgres://user:password@host/name"
        ) from error
    config["CONN_MAX_AGE"] = 60  # each thread keeps its own, and SQLite's what it has read
    if config["ENGINE"] == "django.db.backends.sqlite3":
        config["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA cache_size=-8000;",
        }
    elif config["ENGINE"] == "django.db.backends.postgresql":
        # The server keeps plans of what is asked again and again: a worker asks the same for each call.
        prepared = {"server_side_binding": True, "prepare_threshold": 5}
        config["CONN_HEALTH_CHECKS"] = True
        config["OPTIONS"] = prepared | config.get("OPTIONS", {})
    else:
        raise ImproperlyConfigured("ROLLCALL_DATABASE_URL must name SQLite or PostgreSQL")
    return config


env = read_environment()

# The vendor's API, or the sandbox on this machine when none is set.
DEMO = env.api_url is None
SANDBOX_PORT = env.sandbox_port or (env.port + 1 if env.port < 65535 else env.port - 1)
API_URL = env.api_url or f"http://127.0.0.1:{SANDBOX_PORT}{API_PATH}"
API_KEY = SecretStr(SANDBOX_KEY) if DEMO or env.api_key is None else env.api_key
CA_FILE = env.ca_file
PROXY_URL = env.proxy_url
CONNECT_TIMEOUT = env.connect_timeout
GET_DEADLINE = env.get_deadline
POST_DEADLINE = env.post_deadline
PARALLEL_CALLS = env.parallel_calls
SETTLE_AFTER = env.settle_after
LEASE = env.lease
LARGE_RUN = env.large_run
KEEP_LISTS_DAYS = env.keep_lists_days
HOST, PORT = env.host, env.port

# E-mail goes out where a mail server is set; the demo prints it where the worker runs.
MAIL_IS_ON = DEMO or env.email_host is not None
PUBLIC_URL = env.public_url or f"http://{env.host}:{env.port}"
_MAIL = "dashboard.services.smtp" if env.email_host else "django.core.mail.backends.console"
EMAIL_BACKEND = f"{_MAIL}.EmailBackend"
EMAIL_HOST, EMAIL_PORT = env.email_host or "localhost", env.email_port
EMAIL_HOST_USER = env.email_user or ""
EMAIL_HOST_PASSWORD = env.email_password.get_secret_value() if env.email_password else ""
EMAIL_USE_TLS, EMAIL_USE_SSL = env.email_security == "starttls", env.email_security == "tls"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.email_from or "rollcall@localhost"

SECRET_KEY = _secret_key()
DEBUG = env.debug
ALLOWED_HOSTS = env.allowed_hosts
DATABASES = {"default": _database()}
ON_POSTGRESQL = DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "dashboard",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "axes",
    "csp",
    "django_htmx",
    "django_structlog",
    "django_tables2",
]
if ON_POSTGRESQL:
    INSTALLED_APPS.append("procrastinate.contrib.django")

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "dashboard.middleware.Compressed",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "dashboard.middleware.EndedSessions",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "dashboard.middleware.PersonsZone",
    "dashboard.middleware.ApiErrors",
    "dashboard.middleware.FrameFirst",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "dashboard.urls"
WSGI_APPLICATION = "dashboard.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.context.frame",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
DJANGO_TABLES2_TEMPLATE = "tables/table.html"

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "dashboard.people.DemoBackend",
    "dashboard.people.RoleBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
PASSWORD_HASHERS = [f"django.contrib.auth.hashers.{'MD5' if TESTING else 'Argon2'}PasswordHasher"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "registration/locked.html"
AXES_VERBOSE = False

SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "dashboard.views.errors.csrf_failure"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = env.https
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.https else None
SECURE_HSTS_SECONDS = 31_536_000 if env.https else 0
SILENCED_SYSTEM_CHECKS = [
    "security.W005",
    "security.W021",
]  # subdomains and preload lists: the domain's owner decides
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
PERMISSIONS_POLICY: dict[str, list[str]] = {
    name: [] for name in ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")
}

# One field holds a pasted or uploaded list; forms state the limit before these do.
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
FILE_UPLOAD_HANDLERS = [
    "dashboard.forms.uploads.Limit",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = env.time_zone
USE_TZ = True
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = LOCALE_PATHS[0].is_dir()  # else each word of a page would be looked up in vain
USE_THOUSAND_SEPARATOR = True

STATIC_URL = "static/"
STATIC_ROOT = STATE_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if TESTING or DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

DJANGO_STRUCTLOG_USER_ID_FIELD = None
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.LogfmtRenderer(bool_as_flag=False),
            ],
            "foreign_pre_chain": [
                structlog.processors.TimeStamper(fmt="iso"),
                structlog.stdlib.add_log_level,
            ],
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"dashboard": {"level": "INFO"}},
}
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.filter_by_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.format_exc_info,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
