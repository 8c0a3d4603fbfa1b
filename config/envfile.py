"""What settings.py reads from the environment, where that takes more than a line.

Run as a program it prints new secrets: `./dev secrets`.
"""

import base64
import binascii
import secrets
import sys
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

KEY_BYTES = 32
MAIL_TIMEOUT_S = 10
# PostgreSQL. A statement or a lock that takes longer is a bug or an outage; a
# person gets 503 then. `?options=` in DATABASE_URL overrides them.
STATEMENT_TIMEOUT_S, LOCK_TIMEOUT_S, IDLE_IN_TRANSACTION_S = 30, 5, 60
CONNECT_TIMEOUT_S = 3
# How long a request waits for a connection, before the answer is 503.
POOL_TIMEOUT_S = 1.5
# A database that is back is used again after this at most.
POOL_RECONNECT_S = 5
REDIS_TIMEOUT_S = 0.5
# Where servers listen that nobody may be made to talk to.
DENIED_PORTS = [
    *(22, 25, 110, 143, 465, 587, 993, 995, 2375, 3306, 5432, 6379, 9200, 11211, 27017)
]


def secret(env: environ.Env, name: str, *, default: str | None = None) -> str:
    """Return the secret `name`, from `name` or the file that `name_FILE` names."""
    path = env.str(f"{name}_FILE", default="")
    value = Path(path).read_text().strip() if path else env.str(name, default="")
    if not value and default is not None:
        return default
    if not value:
        raise ImproperlyConfigured(
            f"{name} is not set. `./dev secrets` prints new ones for .env."
        )
    return value


def keyring(text: str) -> dict[str, bytes]:
    """Parse `kid:base64,kid:base64`; the first encrypts, all of them decrypt."""
    keys: dict[str, bytes] = {}
    for entry in text.split(","):
        kid, _, encoded = entry.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if not kid or len(kid) > 31 or len(key) != KEY_BYTES or kid in keys:
            raise ImproperlyConfigured(
                "ENCRYPTION_KEYS must be `kid:base64 of 32 bytes`, separated by commas,"
                " each kid once. `./dev secrets` prints a new one."
            )
        keys[kid] = key
    if len(set(keys.values())) != len(keys):
        raise ImproperlyConfigured("ENCRYPTION_KEYS has one key under two names.")
    return keys


def public_url(host: str, port: int) -> str:
    """Return the address of a process that is reached without a proxy."""
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def database(parsed: dict[str, Any], *, pool_max: int) -> dict[str, Any]:
    """Complete what environ reads from DATABASE_URL; its own options win.

    No connection outlives its request: under ASGI nobody would find it again, and
    PostgreSQL runs out of them.
    """
    given = parsed.get("OPTIONS", {})
    options: dict[str, Any] = {}
    if parsed["ENGINE"].endswith("sqlite3"):
        # FULL: what was answered "saved" survives a power cut. IMMEDIATE: a
        # transaction that reads first would fail when it writes.
        options = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
    elif parsed["ENGINE"].endswith("postgresql"):
        options = _postgresql_options(pool_max)
    return {
        **parsed,
        "CONN_MAX_AGE": 0,
        # Of a pool: a connection that died with the server is not handed out.
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
        "OPTIONS": {**options, **given},
    }


def _postgresql_options(pool_max: int) -> dict[str, Any]:
    limits = {
        "statement_timeout": STATEMENT_TIMEOUT_S,
        "lock_timeout": LOCK_TIMEOUT_S,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_S,
    }
    options: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "options": " ".join(f"-c {name}={s}s" for name, s in limits.items()),
    }
    if pool_max:
        options["pool"] = {
            "min_size": 1,
            "max_size": pool_max,
            "timeout": POOL_TIMEOUT_S,
            "reconnect_timeout": POOL_RECONNECT_S,
        }
    return options


def channel_layer(redis_url: str) -> dict[str, Any]:
    """Return what wakes open pages: Redis if there is one, else only this process."""
    if not redis_url:
        return {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    return {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [redis_url]},
    }


def cache(redis_url: str) -> dict[str, Any]:
    """Return the cache: Redis if there is one, else this process's memory."""
    if not redis_url:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    timeouts = {
        "socket_timeout": REDIS_TIMEOUT_S,
        "socket_connect_timeout": REDIS_TIMEOUT_S,
    }
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": redis_url,
        "OPTIONS": timeouts,
    }


def mailer(parsed: dict[str, Any]) -> dict[str, Any]:
    """Turn what environ reads from EMAIL_URL into one entry of MAILERS."""
    backend: str = parsed["EMAIL_BACKEND"]
    options: dict[str, Any] = {}
    if backend.endswith("smtp.EmailBackend"):
        options = {
            "host": parsed["EMAIL_HOST"],
            "port": parsed["EMAIL_PORT"],
            "username": parsed["EMAIL_HOST_USER"],
            "password": parsed["EMAIL_HOST_PASSWORD"],
            "use_tls": parsed.get("EMAIL_USE_TLS", False),
            "use_ssl": parsed.get("EMAIL_USE_SSL", False),
            "timeout": MAIL_TIMEOUT_S,
        }
    elif backend.endswith("console.EmailBackend"):
        backend = "config.console_mail.EmailBackend"
    elif backend.endswith("filebased.EmailBackend"):
        options = {"file_path": parsed["EMAIL_FILE_PATH"]}
    return {"BACKEND": backend, "OPTIONS": options}


def new_secrets() -> str:
    """Return fresh lines for `.env`."""
    key = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    return f"SECRET_KEY={secrets.token_urlsafe(50)}\nENCRYPTION_KEYS=k1:{key}\n"


if __name__ == "__main__":
    sys.stdout.write(new_secrets())
