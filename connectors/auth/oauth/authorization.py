"""The person is sent to sign in, and comes back with a code.

Source: OAuth 2.1 section 4.1; specification 2026-07-28, "Authorization Flow Steps".
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from connectors.auth.oauth import endpoints, quirks
from connectors.auth.oauth.discovery import Discovery
from connectors.auth.oauth.metadata import PKCE_METHOD, AuthorizationServer
from connectors.auth.oauth.scopes import OFFLINE
from connectors.errors import SignInFailed

MAX_CODE = 8192
# RFC 6749 section 4.1.2.1: what the person, or the service in their name, answered.
_DECLINED = frozenset({"access_denied", "consent_required", "login_required"})


@dataclass(frozen=True, kw_only=True)
class Pending:
    """A sign-in that was begun: what is needed to finish it, anywhere and once.

    `url` is where the person is sent; `state` and `url` are not kept.
    """

    server: AuthorizationServer
    verifier: str = field(repr=False)
    redirect_uri: str
    scope: str
    resource: str
    state: str = field(default="", repr=False)
    url: str = field(default="", repr=False)

    def stored(self) -> dict[str, Any]:
        """Return as JSON what `finish` needs; it is to be sealed."""
        return {
            "server": self.server.stored(),
            "verifier": self.verifier,
            "redirect_uri": self.redirect_uri,
            "scope": self.scope,
            "resource": self.resource,
        }

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """Return what `stored` gave; other keys are left out."""
        names = ("verifier", "redirect_uri", "scope", "resource")
        server = AuthorizationServer.of(stored["server"])
        return cls(server=server, **{name: stored[name] for name in names})


def begin(
    *,
    discovery: Discovery,
    client_id: str,
    redirect_uri: str,
    scope: str,
    prompt: str = "",
    extra: Mapping[str, str] | None = None,
) -> Pending:
    """Begin a sign-in: make the address that the person is sent to.

    `prompt` asks the provider to ask the person (OpenID Connect Core 3.1.2.1).
    `extra` are parameters that this one provider wants beside the standard.

    Raises:
        SignInFailed: the address is none that a browser may be sent to.
    """
    server = discovery.server
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "state": state,
        "code_challenge": _challenge(verifier),
        "code_challenge_method": PKCE_METHOD,
    }
    if discovery.resource:
        query["resource"] = discovery.resource
    if scope:
        query["scope"] = scope
    # Staying signed in is only granted with consent (OpenID Connect Core, 11).
    consent = "consent" if OFFLINE in scope.split() else ""
    if prompts := f"{prompt} {consent}".strip():
        query["prompt"] = prompts
    query.update(quirks.of(server.authorization_endpoint).authorize)
    query.update(extra or {})
    return Pending(
        server=server,
        verifier=verifier,
        redirect_uri=redirect_uri,
        scope=scope,
        resource=discovery.resource,
        state=state,
        url=_with_query(endpoints.check(server.authorization_endpoint), query),
    )


def check_callback(params: Mapping[str, str], server: AuthorizationServer) -> str:
    """Return the code of an answer that was sent to our callback.

    Whose answer it is, is looked at before anything that it says: an attacker's
    server must not get a code that is another's, nor put its words on our page.

    Raises:
        SignInFailed: another issuer's, or without a code; or the person said no.
    Source: RFC 9207 section 2.4 (compared to the letter), RFC 6749 section 4.1.2.
    """
    issuer = params.get("iss")
    if (issuer is not None and issuer != server.issuer) or (
        issuer is None and server.sends_issuer
    ):
        raise SignInFailed(
            "The answer came from another sign-in service than the one that was asked.",
            reason="issuer_mismatch",
        )
    if "error" in params:
        raise _refusal(params["error"])
    code = params.get("code", "")
    if not 0 < len(code) <= MAX_CODE:
        raise SignInFailed("The sign-in service sent no code.", reason="no_code")
    return code


def _refusal(error: str) -> SignInFailed:
    if error in _DECLINED:
        return SignInFailed(
            "The sign-in was cancelled at the provider.", reason="access_denied"
        )
    if error in ("temporarily_unavailable", "server_error"):
        return SignInFailed(
            "The sign-in service does not work at the moment.", reason="unavailable"
        )
    # Another word of theirs is nobody's to read: it stands in a link that anybody
    # can make.
    return SignInFailed(
        "The sign-in service refused the request.", reason="provider_error"
    )


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _with_query(url: str, query: Mapping[str, str]) -> str:
    """Add parameters to an address that may have some; ours win (RFC 6749, 3.1)."""
    parts = urlsplit(url)
    theirs = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if name not in query
    ]
    text = urlencode([*theirs, *query.items()])
    return urlunsplit(parts._replace(query=text, fragment=""))
