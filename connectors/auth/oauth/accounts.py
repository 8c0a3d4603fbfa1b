"""Whose account a token is for: so that two connectors to one server differ.

For display only. It is never what a decision is made by.
"""

import asyncio
import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings

from connectors.auth.oauth import quirks, wire
from connectors.auth.oauth.metadata import AuthorizationServer
from connectors.auth.oauth.tokens import Tokens
from connectors.auth.oauth.wire import Leg
from connectors.errors import ServerFailure
from connectors.text import clean

LABEL_CHARS = 200
# OpenID Connect Core section 5.1, the most telling first.
_CLAIMS = ("email", "preferred_username", "name", "nickname")


async def account_label(
    leg: Leg, *, server: AuthorizationServer, tokens: Tokens
) -> str:
    """Return what people call the account; "" if the provider does not tell.

    Looked for in the token answer, in its ID token, and at the userinfo endpoint if
    the scope lets us. Never fails: a sign-in is as good without.
    """
    for label in _known(server, tokens):
        if label:
            return label
    if not server.userinfo_endpoint or "openid" not in tokens.scope.split():
        return ""
    headers = {
        "Accept": "application/json",
        "Authorization": f"Bearer {tokens.access_token}",
    }
    # The tokens are there: waiting for a name must not cost them.
    limit_s = min(settings.DISCOVER_TIMEOUT_S, leg.operation.left_s / 2)
    try:
        async with asyncio.timeout(limit_s):
            answer = await wire.get(leg, server.userinfo_endpoint, headers=headers)
    except (ServerFailure, TimeoutError):
        return ""
    return _claimed(answer.body or {}) if answer.status == 200 else ""


def _known(server: AuthorizationServer, tokens: Tokens) -> Iterator[str]:
    for path in quirks.of(server.authorization_endpoint).label:
        yield _at(tokens.answer, path)
    yield _claimed(_id_token(tokens.answer.get("id_token")))


def _claimed(claims: Mapping[str, Any]) -> str:
    found = (claims.get(name) for name in _CLAIMS)
    texts = (
        clean(value, limit=LABEL_CHARS) for value in found if isinstance(value, str)
    )
    return next(filter(None, texts), "")


def _at(answer: Mapping[str, Any], path: str) -> str:
    value: Any = answer
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return clean(value, limit=LABEL_CHARS) if isinstance(value, str) else ""


def _id_token(token: Any) -> Mapping[str, Any]:
    """Read the claims of an ID token.

    Its signature is not checked: it came from the token endpoint itself (OpenID
    Connect Core section 3.1.3.7), and it is only shown.
    """
    parts = token.split(".") if isinstance(token, str) else []
    if len(parts) != 3:
        return {}
    try:
        text = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
