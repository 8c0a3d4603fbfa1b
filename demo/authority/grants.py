"""Codes and tokens: given, exchanged, rotated, withdrawn."""

import base64
import hashlib
import secrets
import time
from typing import Any

from demo.authority.records import (
    AccessToken,
    Account,
    Asked,
    Client,
    Code,
    Grant,
    RefreshToken,
    Refused,
    Seen,
    digest,
)
from demo.authority.switches import Switches

CODE_LIFE_S = 60


class Grants:
    """Everything that was allowed; its owner holds a lock around each call."""

    def __init__(self, switches: Switches, seen: Seen) -> None:
        self.switches = switches
        self.seen = seen
        self.grants: list[Grant] = []
        self.codes: dict[str, Code] = {}
        self.access_tokens: dict[str, AccessToken] = {}
        self.refresh_tokens: dict[str, RefreshToken] = {}

    def give_code(self, asked: Asked, account: Account) -> str:
        code = secrets.token_urlsafe(32)
        self.codes[digest(code)] = Code(
            asked=asked, account=account, expires_at=time.monotonic() + CODE_LIFE_S
        )
        return code

    def redeem(
        self, client: Client, form: dict[str, str]
    ) -> tuple[Grant, dict[str, Any]]:
        """Exchange a code for tokens.

        A code that comes twice ends what its first use gave. Source: RFC 6749
        sections 4.1.2 and 4.1.3, RFC 7636 section 4.6, RFC 8707 section 2.2.

        Raises:
            Refused: it is used, expired, somebody else's, or proven wrongly.
        """
        code = self.codes.get(digest(form.get("code", "")))
        if code is None or code.asked.client.client_id != client.client_id:
            raise Refused("invalid_grant", "There is no such code.")
        if code.grant is not None:
            code.grant.alive = False
            raise Refused("invalid_grant", "The code was used before.")
        asked = code.asked
        if time.monotonic() > code.expires_at:
            raise Refused("invalid_grant", "The code has expired.")
        if form.get("redirect_uri") != asked.redirect_uri:
            raise Refused("invalid_grant", "The redirect_uri is another one.")
        if not _proves(form.get("code_verifier", ""), asked.challenge):
            raise Refused("invalid_grant", "The code_verifier does not fit.")
        _check_resource(form, asked.resource)
        grant = Grant(
            client_id=client.client_id,
            account=code.account,
            scopes=asked.scopes,
            resource=asked.resource,
        )
        code.grant = grant
        self.grants.append(grant)
        keeps = (
            self.switches.issues_refresh_token
            and "offline_access" in grant.scopes
            and "refresh_token" in client.grant_types
        )
        return grant, self._tokens(
            grant, grant.scopes, self._refresh_token(grant) if keeps else ""
        )

    def refresh(
        self, client: Client, form: dict[str, str]
    ) -> tuple[Grant, dict[str, Any]]:
        """Exchange a refresh token for tokens.

        A rotated one that comes again was stolen, or is: everything ends. Source:
        RFC 9700 section 4.14.2.

        Raises:
            Refused: it is used, withdrawn, or somebody else's.
        """
        offered = form.get("refresh_token", "")
        token = self.refresh_tokens.get(digest(offered))
        if token is None or token.grant.client_id != client.client_id:
            raise Refused("invalid_grant", "There is no such refresh token.")
        grant = token.grant
        if token.used:
            self.seen.reuses += 1
            grant.alive = False
            raise Refused("invalid_grant", "The refresh token was used before.")
        if not grant.alive:
            raise Refused("invalid_grant", "The sign-in was withdrawn.")
        _check_resource(form, grant.resource)
        scopes = tuple(form.get("scope", "").split()) or grant.scopes
        if not set(scopes) <= set(grant.scopes):
            raise Refused("invalid_scope", "More than what was allowed.")
        fresh = ""
        if self.switches.rotates:
            token.used = True
            fresh = self._refresh_token(grant)
        return grant, self._tokens(grant, scopes, fresh)

    def revoke(self, client: Client, offered: str) -> Grant | None:
        """End what a token belongs to (RFC 7009 2.1); None when it is unknown."""
        key = digest(offered)
        token = self.refresh_tokens.get(key) or self.access_tokens.get(key)
        if token is None or token.grant.client_id != client.client_id:
            return None
        if isinstance(token, RefreshToken):
            token.grant.alive = False
        else:
            token.expires_at = 0.0
        return token.grant

    def access(self, offered: str) -> AccessToken | None:
        """Find a valid access token."""
        token = self.access_tokens.get(digest(offered))
        return token if token and token.valid else None

    def withdraw(self, account: str | None) -> None:
        for grant in self.grants:
            if account is None or grant.account.key == account:
                grant.alive = False

    def expire_all(self) -> None:
        for token in self.access_tokens.values():
            token.expires_at = 0.0

    def clear(self) -> None:
        self.grants.clear()
        self.codes.clear()
        self.access_tokens.clear()
        self.refresh_tokens.clear()

    def _refresh_token(self, grant: Grant) -> str:
        token = secrets.token_urlsafe(32)
        self.refresh_tokens[digest(token)] = RefreshToken(grant=grant)
        return token

    def _tokens(
        self, grant: Grant, scopes: tuple[str, ...], refresh_token: str
    ) -> dict[str, Any]:
        token = secrets.token_urlsafe(32)
        life_s = self.switches.expires_in_s
        self.access_tokens[digest(token)] = AccessToken(
            grant=grant, scopes=scopes, expires_at=time.monotonic() + life_s
        )
        answer = {"access_token": token, "token_type": "Bearer"}
        answer["scope"] = " ".join(scopes)
        if refresh_token:
            answer["refresh_token"] = refresh_token
        return answer | ({"expires_in": life_s} if self.switches.says_expiry else {})


def _proves(verifier: str, challenge: str) -> bool:
    hashed = hashlib.sha256(verifier.encode()).digest()
    made = base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()
    return bool(verifier) and secrets.compare_digest(made, challenge)


def _check_resource(form: dict[str, str], allowed: str) -> None:
    if form.get("resource") != allowed:
        raise Refused("invalid_target", "The resource is not what was allowed.")
