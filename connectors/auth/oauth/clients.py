"""Who we are towards an authorization server.

In the order of the specification: a client that somebody registered there, the
address of our metadata document, a registration of our own.
Source: specification 2026-07-28, "Client Registration".
"""

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from connectors.auth.oauth import wire
from connectors.auth.oauth.metadata import AuthorizationServer
from connectors.auth.oauth.wire import Leg
from connectors.errors import ServerError, SignInFailed
from connectors.text import clean

NAME = "Patchbay"
BASIC, POST, NONE = "client_secret_basic", "client_secret_post", "none"
_MAX_ID, _MAX_SECRET = 500, 4000


@dataclass(frozen=True, kw_only=True)
class Client:
    """A registered client; `auth_method` is "" where nobody said which."""

    client_id: str
    client_secret: str = field(default="", repr=False)
    auth_method: str = ""
    # When the secret ends, in seconds of the epoch; 0: never.
    expires_at: int = 0

    def authenticate(
        self, data: Mapping[str, str], *, server: AuthorizationServer
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Return the form and the headers of a request in this client's name.

        Source: RFC 6749 section 2.3.1; the id and the secret are form-encoded before
        they become the user and the password of HTTP Basic.
        """
        method = self._method(server)
        form = {**data, "client_id": self.client_id}
        if method == BASIC:
            del form["client_id"]
            pair = ":".join(
                quote(v, safe="") for v in (self.client_id, self.client_secret)
            )
            encoded = base64.b64encode(pair.encode()).decode()
            return form, {"Authorization": f"Basic {encoded}"}
        if method == POST:
            form["client_secret"] = self.client_secret
        return form, {}

    def _method(self, server: AuthorizationServer) -> str:
        if not self.client_secret:
            return NONE
        if self.auth_method in (BASIC, POST, NONE):
            return self.auth_method
        # Nothing named means Basic (RFC 8414 section 2).
        offered = server.auth_methods or (BASIC,)
        return next((one for one in (BASIC, POST) if one in offered), BASIC)


def client_document(*, redirect_uri: str, uri: str) -> dict[str, Any]:
    """Return what we say of ourselves, published or registered.

    Source: RFC 7591 section 2; OpenID Connect Registration for `application_type`.
    """
    host = urlsplit(redirect_uri).hostname or ""
    on_this_machine = host in ("localhost", "::1") or host.startswith("127.")
    return {
        "client_name": NAME,
        "client_uri": uri,
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": NONE,
        "application_type": "native" if on_this_machine else "web",
    }


async def register(
    leg: Leg,
    *,
    server: AuthorizationServer,
    document: dict[str, Any],
    scope: str,
) -> Client:
    """Register a client dynamically.

    Raises:
        SignInFailed: it was refused, or the answer is none.
        ServerFailure: no answer came.
    Source: RFC 7591 section 3.
    """
    method = _preferred(server)
    wanted = {**document, "token_endpoint_auth_method": method}
    if scope:
        wanted["scope"] = scope
    answer = await wire.post(leg, server.registration_endpoint, json=wanted)
    if answer.is_unavailable:
        raise ServerError(f"Its sign-in service has HTTP status {answer.status}.")
    body = answer.body or {}
    client_id, secret = body.get("client_id"), body.get("client_secret", "")
    if answer.status not in (200, 201) or not _is_value(client_id, _MAX_ID):
        said = f" It said {answer.error}." if answer.error else ""
        raise SignInFailed(
            f"Its sign-in service does not let us register ourselves.{said}",
            reason="registration_refused",
        )
    named = clean(body.get("token_endpoint_auth_method", ""), limit=40) or method
    return Client(
        client_id=str(client_id),
        client_secret=secret if _is_value(secret, _MAX_SECRET) else "",
        auth_method=named,
        expires_at=_expiry(body.get("client_secret_expires_at")),
    )


def _preferred(server: AuthorizationServer) -> str:
    """Return how we want to authenticate: with no secret, if that is possible."""
    offered = server.auth_methods
    if not offered or NONE in offered:
        return NONE
    return next((one for one in (BASIC, POST) if one in offered), NONE)


def _is_value(value: Any, limit: int) -> bool:
    if not isinstance(value, str) or not 0 < len(value) <= limit:
        return False
    return value.isascii() and value.isprintable()


def _expiry(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    # In the past, or in seconds from now: some say it so.
    return int(value) if value > time.time() else 0
