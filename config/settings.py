"""Every setting of an installation, read from the environment and `.env`.

Production and development differ by the environment alone. A secret has no
default: without it the process refuses to start and says what to do.
"""

import logging
import re
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import environ

from config import browser_settings as browser
from config import rest_settings as rest
from config.envfile import DENIED_PORTS, cache, channel_layer, database, keyring

from config.envfile import mailer, public_url, secret  # isort: skip
from config.oauth_clients import oauth_clients

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
# ENV_FILE names another file, or none at all (tests, containers).
if _env_file := env.str("ENV_FILE", default=".env"):
    environ.Env.read_env(BASE_DIR / _env_file)

# --- Secrets -----------------------------------------------------------------

SECRET_KEY = secret(env, "SECRET_KEY")
# Name -> 32 bytes; the first encrypts, all decrypt (connectors.encryption).
ENCRYPTION_KEYS = keyring(secret(env, "ENCRYPTION_KEYS"))

# --- Where it runs -----------------------------------------------------------

DEBUG = env.bool("DEBUG", default=False)
DEVELOPMENT = env.bool("DEVELOPMENT", default=False)
HOST = env.str("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=8000)
PUBLIC_URL = env.str("PUBLIC_URL", default=public_url(HOST, PORT)).rstrip("/")
PUBLIC = urlsplit(PUBLIC_URL)
# The name as it stands in a Host header: IPv6 in brackets, no port.
PUBLIC_NAME = re.sub(r":\d+$", "", PUBLIC.netloc) or "localhost"
LOOPBACK_NAMES = ["localhost", "127.0.0.1", "[::1]"] if DEVELOPMENT else []
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[PUBLIC_NAME, *LOOPBACK_NAMES])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[PUBLIC_URL])
# Behind a proxy that sets X-Forwarded-Proto and X-Forwarded-For itself.
TRUST_PROXY = env.bool("TRUST_PROXY", default=False)
WEB_PROCESSES = env.int("WEB_CONCURRENCY", default=1)

# --- Applications ------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "channels",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "django_structlog",
    "django_tasks_db",
    "config",
    "accounts",
    "connectors",
    "systemtools",
    "agent",
]
MIDDLEWARE = [
    "config.middleware.probes",
    "config.hops.refuse_own",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.htmx.for_htmx",
    "config.middleware.PageErrors",
    "config.middleware.RequestLog",
    "config.api.known_length",
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
APPEND_SLASH = False
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
                "accounts.context_processors.installation",
                "connectors.context_processors.attention",
            ]
        },
    }
]

# --- Database, cache, tasks --------------------------------------------------

DATABASE_POOL_MAX = env.int("DATABASE_POOL_MAX", default=8)
_database_url = env.db("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}")
DATABASES = {"default": database(_database_url, pool_max=DATABASE_POOL_MAX)}
REDIS_URL = env.str("REDIS_URL", default="")
CACHES = {"default": cache(REDIS_URL)}
CHANNEL_LAYERS = {"default": channel_layer(REDIS_URL)}
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

# --- Accounts ----------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.AccountBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
SIGNUP_OPEN = env.bool("SIGNUP_OPEN", default=DEVELOPMENT)
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {"signup": "accounts.forms.SignupForm"}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none" if DEVELOPMENT else "mandatory"
ACCOUNT_CHANGE_EMAIL = True  # one address a person, replaced once it is confirmed
ACCOUNT_REAUTHENTICATION_REQUIRED = True  # for what a stolen session must not do
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Patchbay] "
ACCOUNT_SESSION_REMEMBER = True
# allauth limits by address: behind a proxy, by the last one that it added.
ALLAUTH_TRUSTED_PROXY_COUNT = int(TRUST_PROXY)
TOKEN_TTL_DAYS = env.int("TOKEN_TTL_DAYS", default=90)
TOKENS_PER_PERSON = env.int("TOKENS_PER_PERSON", default=20)
MAILERS = {"default": mailer(env.email_url("EMAIL_URL", default="consolemail://"))}
_FROM = f"Patchbay <patchbay@{PUBLIC.hostname}>"
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", default=_FROM)

# --- Connectors: what may be dialled, and the limits of each operation -------

EGRESS_ALLOW = env.list("EGRESS_ALLOW", default=[])
# The second word that production needs before EGRESS_ALLOW may have entries.
EGRESS_ALLOW_IN_PRODUCTION = env.bool("EGRESS_ALLOW_IN_PRODUCTION", default=False)
# What a newcomer is offered: [{"name", "url", "about"}], set by who starts them.
DEMO_SERVERS = env.json("DEMO_SERVERS", default=[])
EGRESS_DENY_PORTS = env.list("EGRESS_DENY_PORTS", cast=int, default=DENIED_PORTS)
CONNECTOR_LIMIT = env.int("CONNECTOR_LIMIT", default=10)
TEST_TIMEOUT_S = env.float("TEST_TIMEOUT_S", default=10)
CONNECT_TIMEOUT_S = env.float("CONNECT_TIMEOUT_S", default=4)
DISCOVER_TIMEOUT_S = env.float("DISCOVER_TIMEOUT_S", default=3)
RESOLVE_TIMEOUT_S = env.float("RESOLVE_TIMEOUT_S", default=2)
CALL_TIMEOUT_S = env.float("CALL_TIMEOUT_S", default=30)
INPUT_WAIT_S = env.float("INPUT_WAIT_S", default=300)
RETRY_DELAY_S = env.float("RETRY_DELAY_S", default=3)
MAX_LISTING_BYTES = env.int("MAX_LISTING_BYTES", default=4 << 20)
MAX_RESULT_BYTES = env.int("MAX_RESULT_BYTES", default=8 << 20)
MAX_JSON_DEPTH = env.int("MAX_JSON_DEPTH", default=64)
MAX_TOOLS = env.int("MAX_TOOLS", default=1000)
MAX_PAGES = env.int("MAX_PAGES", default=20)
MAX_SCHEMA_BYTES = env.int("MAX_SCHEMA_BYTES", default=200_000)
TOOLS_SHOWN = env.int("TOOLS_SHOWN", default=128)
TICKET_TTL_S = env.int("TICKET_TTL_S", default=900)
LISTING_STALE_S = env.int("LISTING_STALE_S", default=600)
OPS_PER_PERSON = env.int("OPS_PER_PERSON", default=10)
CONNECTIONS_PER_ORIGIN = env.int("CONNECTIONS_PER_ORIGIN", default=8)
OPS_PER_PROCESS = env.int("OPS_PER_PROCESS", default=200)
TESTS_PER_MINUTE = env.int("TESTS_PER_MINUTE", default=30)
ADMISSION_WAIT_S, SCHEMA_CHECK_TIMEOUT_S = 5.0, 2.0  # not set by the environment

# --- Signing in to connectors by OAuth ----------------------------------------

OAUTH_FLOW_TTL_S = env.int("OAUTH_FLOW_TTL_S", default=600)
REFRESH_AT_FRACTION = env.float("REFRESH_AT_FRACTION", default=0.8)
REFRESH_LEASE_S = env.float("REFRESH_LEASE_S", default=30)
CLOCK_SKEW_S = env.float("CLOCK_SKEW_S", default=30)
# Where the document is that says who we are; a service can only fetch it by https.
OAUTH_CLIENT_METADATA_URL = env.str(
    "OAUTH_CLIENT_METADATA_URL", default=f"{PUBLIC_URL}/oauth/client-metadata.json"
)
# Registered by the operator: key -> client_id, client_secret, issuer.
OAUTH_CLIENTS = oauth_clients(env.ENVIRON)

# --- System tools -------------------------------------------------------------

# Packages whose folders are looked through for tools of this installation.
SYSTEM_TOOL_PACKAGES = ["systemtools"]
# Other addresses than Google's own: accounts, oauth, gmail. OAUTH_CLIENTS["google"]
# is who asks there, GMAIL_SCOPES what for.
GOOGLE_BASE_URLS = env.dict("GOOGLE_BASE_URLS", default={})
GMAIL_SCOPES = env.list("GMAIL_SCOPES", default=["gmail.send", "gmail.readonly"])
# Not set by the environment: how many calls Analytics counts; files of Export.
ANALYTICS_CALLS, EXPORT_MAX_BYTES = 50_000, 8 << 20
EXPORT_TTL_S, EXPORTS_PER_PERSON = 86_400, 20

# --- The agent: its language model, and the limits of a turn -----------------

# Without a model the chat works in Direct mode.
LLM_PROVIDER = env.str("LLM_PROVIDER", default="openai")
LLM_BASE_URL = env.str("LLM_BASE_URL", default="")
LLM_API_KEY = secret(env, "LLM_API_KEY", default="")
LLM_MODEL = env.str("LLM_MODEL", default="")
LLM_TIMEOUT_S = env.float("LLM_TIMEOUT_S", default=60)
TURN_MAX_REQUESTS = env.int("TURN_MAX_REQUESTS", default=20)
TURN_MAX_TOOL_CALLS = env.int("TURN_MAX_TOOL_CALLS", default=40)
TURN_MAX_TOKENS = env.int("TURN_MAX_TOKENS", default=200_000)
TOOL_BUDGET_TOKENS = env.int("TOOL_BUDGET_TOKENS", default=12_000)
TURN_LEASE_S = env.float("TURN_LEASE_S", default=6)
APPROVAL_TTL_S = env.int("APPROVAL_TTL_S", default=86_400)

# --- ChatKit: the agent behind OpenAI's front end ------------------------------

# An extra, requirements-chatkit.txt: without it there is nothing to switch on.
CHATKIT_INSTALLED = find_spec("chatkit") is not None
CHATKIT = env.bool("CHATKIT", default=DEVELOPMENT and CHATKIT_INSTALLED)
CHATKIT_DEMO = env.bool("CHATKIT_DEMO", default=False)
CHATKIT_DOMAIN_KEY = env.str("CHATKIT_DOMAIN_KEY", default="local")
CHATKIT_ORIGINS = env.list("CHATKIT_ORIGINS", default=[])
CORS_ALLOWED_ORIGINS = CHATKIT_ORIGINS

# --- REST --------------------------------------------------------------------

DATA_UPLOAD_MAX_MEMORY_SIZE = 1 << 20
REST_FRAMEWORK, SPECTACULAR_SETTINGS = rest.FRAMEWORK, rest.SPECTACULAR

# --- Browser security --------------------------------------------------------

SECURE_CSP, CORS_URLS_REGEX = browser.POLICY, browser.CORS_PATHS
CORS_ALLOW_METHODS, CORS_ALLOW_HEADERS = browser.CORS_METHODS, browser.CORS_HEADERS
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
HTTPS = PUBLIC.scheme == "https"
SECURE_SSL_REDIRECT = HTTPS and not TRUST_PROXY
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
if TRUST_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    # The proxy redirects to HTTPS; what it asks for itself (probes) has no need to.
    SILENCED_SYSTEM_CHECKS = ["security.W008"]
CSRF_FAILURE_VIEW = "config.error_pages.csrf_failure"

# --- Static files, languages -------------------------------------------------

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"
SERVESTATIC_USE_FINDERS = DEVELOPMENT
SERVESTATIC_AUTOREFRESH = DEVELOPMENT
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEVELOPMENT
        else "servestatic.storage.CompressedManifestStaticFilesStorage"
    },
}
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

# --- Logs --------------------------------------------------------------------

LOG_FORMAT = env.str("LOG_FORMAT", default="console" if DEVELOPMENT else "json")
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING_CONFIG = "config.logs.configure"
LOGGING = {"format": LOG_FORMAT, "level": LOG_LEVEL}
# A request is one line, when it is done; X-Forwarded-For could be anybody's.
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
