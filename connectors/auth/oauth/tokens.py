"""Codes and refresh tokens become access tokens; tokens are taken back.

Source: OAuth 2.1 sections 3.2 and 4.3, RFC 8707 section 2.2, RFC 7009.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.auth.oauth import wire
from connectors.auth.oauth.authorization import Pending
from connectors.auth.oauth.clients import Client
from connectors.auth.oauth.metadata import AuthorizationServer
from connectors.auth.oauth.wire import Answer, Leg
from connectors.errors import (
    ClientRefused,
    GrantWithdrawn,
    ServerError,
    SignInFailed,
)
from connectors.text import clean

MAX_TOKEN = 8000
MAX_LIFETIME_S = 10 * 366 * 86_400
# Of a refused refresh: the grant is gone. That includes `invalid_request`, which some
# answer instead (RFC 6749 section 5.2).
_ENDED = frozenset(
    """
    access_denied invalid_grant invalid_request invalid_scope unsupported_grant_type
    """.split()
)
# RFC 6749 section 5.2: it is us whom the server does not know, or lets do this.
_UNKNOWN_CLIENT = frozenset({"invalid_client", "unauthorized_client"})


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """What a token endpoint gave. `lifetime_s` is None where it did not say."""

    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    lifetime_s: int | None = None
    scope: str = ""
    # The whole answer, for whose account it is; never stored.
    answer: Mapping[str, Any] = field(default_factory=dict, repr=False)


async def exchange(leg: Leg, *, pending: Pending, client: Client, code: str) -> Tokens:
    """Exchange the code of a callback, once.

    Raises:
        ClientRefused: the client is not known there.
        SignInFailed: it was refused, or what came is no token.
        ServerFailure: no answer came; the code may be spent.
    """
    data = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": pending.redirect_uri,
        "code_verifier": pending.verifier,
    }
    answer = await _ask(leg, pending.server, client, data, pending.resource)
    if _is_refusal(answer):
        if answer.error in _UNKNOWN_CLIENT:
            raise ClientRefused
        said = f" It said {answer.error}." if answer.error else ""
        raise SignInFailed(
            f"The sign-in service did not accept the sign-in.{said}",
            reason="exchange_failed",
        )
    return _tokens(answer, scope=pending.scope)


async def refresh(
    leg: Leg,
    *,
    server: AuthorizationServer,
    client: Client,
    refresh_token: str,
    scope: str,
    resource: str,
) -> Tokens:
    """Get a new access token; the old refresh token stays if none comes with it.

    Raises:
        GrantWithdrawn: the grant has ended; only the person can give another.
        ClientRefused: the client that it was given to is not known there.
        ServerFailure: anything else; the grant may be as good as before.
    """
    data = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    answer = await _ask(leg, server, client, data, resource)
    if _is_refusal(answer):
        if answer.error in _ENDED:
            raise GrantWithdrawn
        if answer.error in _UNKNOWN_CLIENT:
            raise ClientRefused
        raise ServerError(f"Its sign-in service has HTTP status {answer.status}.")
    found = _tokens(answer, scope=scope)
    if found.refresh_token:
        return found
    return Tokens(
        access_token=found.access_token,
        refresh_token=refresh_token,
        lifetime_s=found.lifetime_s,
        scope=found.scope,
        answer=found.answer,
    )


async def revoke(
    leg: Leg,
    *,
    server: AuthorizationServer,
    client: Client,
    token: str,
    hint: str,
) -> None:
    """Take a token back; `hint` is refresh_token or access_token.

    Raises:
        ServerFailure: that is not known to have happened.
    Source: RFC 7009 section 2; a token that is not known there is one that ended.
    """
    form, headers = client.authenticate(
        {"token": token, "token_type_hint": hint}, server=server
    )
    url = server.revocation_endpoint
    answer = await wire.post(leg, url, data=form, headers=headers)
    # Some, such as Google, tell of a token that ended before as of an error.
    has_ended = answer.status == 400 and answer.error == "invalid_token"
    if not (200 <= answer.status < 300 or has_ended):
        raise ServerError(f"Its sign-in service has HTTP status {answer.status}.")


async def _ask(
    leg: Leg,
    server: AuthorizationServer,
    client: Client,
    data: dict[str, str],
    resource: str,
) -> Answer:
    if resource:
        data["resource"] = resource
    form, headers = client.authenticate(data, server=server)
    answer = await wire.post(leg, server.token_endpoint, data=form, headers=headers)
    if answer.is_unavailable:
        raise ServerError(f"Its sign-in service has HTTP status {answer.status}.")
    return answer


def _is_refusal(answer: Answer) -> bool:
    # Some answer 200 with an error in it.
    return answer.status not in (200, 201) or bool(answer.error)


def _tokens(answer: Answer, *, scope: str) -> Tokens:
    body = answer.body or {}
    kind = body.get("token_type", "bearer")
    token, refresh_token = body.get("access_token"), body.get("refresh_token")
    if not _is_token(token) or not isinstance(kind, str) or kind.lower() != "bearer":
        raise SignInFailed(
            "What the sign-in service answered is no token that can be used.",
            reason="exchange_failed",
        )
    granted = body.get("scope")
    return Tokens(
        access_token=str(token),
        refresh_token=str(refresh_token) if _is_token(refresh_token) else "",
        lifetime_s=_lifetime(body.get("expires_in")),
        scope=clean(granted, limit=2000) if isinstance(granted, str) else scope,
        answer=body,
    )


def _is_token(value: Any) -> bool:
    """Tell whether it can stand in a header (RFC 6750 section 2.1, with more signs)."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TOKEN:
        return False
    return all("!" <= char <= "~" for char in value)


def _lifetime(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value[:12])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Not a number fails both comparisons.
    return int(value) if 0 < value <= MAX_LIFETIME_S else None
