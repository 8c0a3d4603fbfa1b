"""OAuth clients that the operator registered, from the environment."""

import re
from collections.abc import Mapping

from django.core.exceptions import ImproperlyConfigured

_NAME = re.compile(r"OAUTH_CLIENT_([A-Z0-9_]+)_(ID|SECRET|ISSUER)")
_FIELDS = {"ID": "client_id", "SECRET": "client_secret", "ISSUER": "issuer"}


def oauth_clients(environ: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the clients by their key, in lower case; a secret may be missing.

    Raises:
        ImproperlyConfigured: one has no id.
    """
    found: dict[str, dict[str, str]] = {}
    for name, value in environ.items():
        if (match := _NAME.fullmatch(name)) and value.strip():
            client = found.setdefault(match[1].lower(), {})
            client[_FIELDS[match[2]]] = value.strip()
    for key, client in found.items():
        if "client_id" not in client:
            raise ImproperlyConfigured(
                f"OAUTH_CLIENT_{key.upper()}_ID is missing beside its other lines."
            )
    return found
