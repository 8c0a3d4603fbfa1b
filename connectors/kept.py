"""Credentials that a form carries from one request to the next, sealed.

A page never shows a secret, and a form that was answered has to be sent again: to
save what was tested, to test it at another path. So the form carries what was typed
as ciphertext, good for the same person, the same server and some minutes.
"""

import json
import time
from typing import Any

from django.conf import settings

from connectors import encryption, server_url
from connectors.encryption import DecryptionError
from connectors.errors import InvalidUrl

_PURPOSE = "connectors.kept"


def seal(*, user_id: int, url: str, auth_config: dict[str, Any] | None) -> str:
    """Return `auth_config` for a hidden field, good for TICKET_TTL_S seconds.

    It is bound to the origin of `url`: whoever gets hold of the page, or of the
    session, cannot have the secret sent to another server. "" if there is nothing
    to keep, or nowhere to send it.
    """
    if auth_config is None:
        return ""
    try:
        context = _context(user_id, url)
    except InvalidUrl:
        return ""
    return _seal(auth_config, settings.TICKET_TTL_S, context)


def unseal(text: str, *, user_id: int, url: str) -> dict[str, Any] | None:
    """Return what was sealed; None if that was for others, or is over."""
    try:
        context = _context(user_id, url)
    except InvalidUrl:
        return None
    config: dict[str, Any] | None = _unseal(text, context)
    return config


def seal_whole(value: Any, *, user_id: int, purpose: str, ttl_s: float) -> str:
    """Return a JSON value for a hidden field: secrets along with where they go."""
    return _seal(value, ttl_s, (_PURPOSE, purpose, str(user_id)))


def unseal_whole(text: str, *, user_id: int, purpose: str) -> Any:
    """Return what was sealed; None if that was for others, or is over."""
    return _unseal(text, (_PURPOSE, purpose, str(user_id)))


def _seal(value: Any, ttl_s: float, context: tuple[str, ...]) -> str:
    content = json.dumps({"ends_at": time.time() + ttl_s, "value": value})
    return encryption.seal(content.encode(), *context)


def _unseal(text: str, context: tuple[str, ...]) -> Any:
    try:
        content = json.loads(encryption.unseal(text, *context))
    except DecryptionError:
        return None
    return None if content["ends_at"] < time.time() else content["value"]


def _context(user_id: int, url: str) -> tuple[str, ...]:
    return _PURPOSE, str(user_id), server_url.origin(url)
