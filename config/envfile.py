"""Read secrets from the environment or a file; make new ones (`./dev secrets`)."""

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


def secret(env: environ.Env, name: str) -> str:
    """Return the secret `name`, from `name` or the file that `name_FILE` names."""
    path = env.str(f"{name}_FILE", default="")
    value = Path(path).read_text().strip() if path else env.str(name, default="")
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
    elif backend.endswith("filebased.EmailBackend"):
        options = {"file_path": parsed["EMAIL_FILE_PATH"]}
    return {"BACKEND": backend, "OPTIONS": options}


def new_secrets() -> str:
    """Return fresh lines for `.env`."""
    key = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    return f"SECRET_KEY={secrets.token_urlsafe(50)}\nENCRYPTION_KEYS=k1:{key}\n"


if __name__ == "__main__":
    sys.stdout.write(new_secrets())
