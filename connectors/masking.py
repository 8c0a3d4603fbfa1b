"""A secret that its server says back is shown to nobody.

Servers repeat what they were sent: "Invalid token abc" in an error, a header in a
description. What is kept or shown of a test or a failure goes through here first.
What a tool answers is left as it is: it is the answer.
"""

from collections.abc import Collection
from typing import Any

MASK = "[hidden]"
# Shorter ones are in ordinary words, and are no secrets.
MIN_CHARS = 6


def secrets_of(auth_config: dict[str, Any] | None) -> set[str]:
    """Return the values to hide: a token, each header, each word of a header."""
    config = auth_config or {}
    values = {str(value) for value in (config.get("headers") or {}).values()}
    values |= {word for value in values for word in value.split()}
    values.add(str(config.get("token", "")))
    return {value for value in values if len(value) >= MIN_CHARS}


def hide(value: Any, secrets: Collection[str]) -> Any:
    """Return a JSON value without the secrets in its keys and texts."""
    if not secrets:
        return value
    match value:
        case str():
            # The longest first: a shorter one may be a part of it.
            for secret in sorted(secrets, key=len, reverse=True):
                value = value.replace(secret, MASK)
            return value
        case dict():
            return {hide(key, secrets): hide(v, secrets) for key, v in value.items()}
        case list():
            return [hide(item, secrets) for item in value]
        case _:
            return value
