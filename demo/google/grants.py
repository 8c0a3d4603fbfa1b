"""Codes and tokens of this Google: given, exchanged, renewed, revoked."""

import base64
import hashlib
import json
import secrets
import time
from typing import Any

from demo.google.records import (
    SCOPES,
    AccessToken,
    Account,
    Asked,
    Code,
    Grant,
    Refused,
    digest,
)
from demo.google.switches import Switches

CODE_LIFE_S = 600
ISSUER = "https://accounts.google.com"


class Grants:
    """Everything that was allowed; its owner holds a lock around each call."""

    def __init__(self, switches: Switches) -> None:
        self.switches = switches
        self.grants: list[Grant] = []
        self.codes: dict[str, Code] = {}
        self.access_tokens: dict[str, AccessToken] = {}
        self.refresh_tokens: dict[str, Grant] = {}

    def give_code(self, asked: Asked, account: Account, scopes: tuple[str, ...]) -> str:
        code = f"4/{secrets.token_urlsafe(32)}"
        grant = Grant(account=account, scopes=scopes)
        self.codes[digest(code)] = Code(
            asked=asked, grant=grant, expires_at=time.monotonic() + CODE_LIFE_S
        )
        return code

    def redeem(self, form: dict[str, str]) -> tuple[Grant, dict[str, Any]]:
        """Exchange a code for tokens, once.

        Raises:
            Refused: it is used, expired, or proven wrongly.
        """
        code = self.codes.get(digest(form.get("code", "")))
        if code is None or code.used or time.monotonic() > code.expires_at:
            raise Refused("invalid_grant", "Malformed auth code.")
        if form.get("redirect_uri") != code.asked.redirect_uri:
            raise Refused("redirect_uri_mismatch", "Bad Request")
        if not _proves(form.get("code_verifier", ""), code.asked.challenge):
            raise Refused("invalid_grant", "Invalid code verifier.")
        code.used = True
        self.grants.append(code.grant)
        answer = self._tokens(code.grant)
        if code.asked.stays and self.switches.issues_refresh_token:
            token = f"1//{secrets.token_urlsafe(32)}"
            self.refresh_tokens[digest(token)] = code.grant
            answer["refresh_token"] = token
        return code.grant, answer

    def refresh(self, form: dict[str, str]) -> tuple[Grant, dict[str, Any]]:
        """Give another access token; the refresh token stays.

        Raises:
            Refused: it is not known, or revoked.
        """
        grant = self.refresh_tokens.get(digest(form.get("refresh_token", "")))
        if grant is None or not grant.alive:
            raise Refused("invalid_grant", "Token has been expired or revoked.")
        return grant, self._tokens(grant)

    def revoke(self, offered: str) -> Grant:
        """End all that was allowed with a token.

        Raises:
            Refused: it is not known, or ended before.
        """
        key = digest(offered)
        access = self.access_tokens.get(key)
        grant = self.refresh_tokens.get(key) or (access.grant if access else None)
        if grant is None or not grant.alive:
            raise Refused("invalid_token", "Token expired or revoked")
        grant.alive = False
        return grant

    def access(self, offered: str) -> AccessToken | None:
        token = self.access_tokens.get(digest(offered))
        return token if token and token.valid else None

    def withdraw(self) -> None:
        for grant in self.grants:
            grant.alive = False

    def expire_all(self) -> None:
        for token in self.access_tokens.values():
            token.expires_at = 0.0

    def clear(self) -> None:
        self.grants.clear()
        self.codes.clear()
        self.access_tokens.clear()
        self.refresh_tokens.clear()

    def _tokens(self, grant: Grant) -> dict[str, Any]:
        token, life_s = f"ya29.{secrets.token_urlsafe(48)}", self.switches.expires_in_s
        self.access_tokens[digest(token)] = AccessToken(
            grant=grant, expires_at=time.monotonic() + life_s
        )
        answer: dict[str, Any] = {
            "access_token": token,
            "expires_in": life_s,
            "scope": " ".join(grant.scopes),
            "token_type": "Bearer",
        }
        if "openid" in grant.scopes:
            answer["id_token"] = _id_token(grant.account)
        return answer


def ordered(scopes: set[str]) -> tuple[str, ...]:
    return tuple(scope for scope in SCOPES if scope in scopes)


def _id_token(account: Account) -> str:
    """Make an ID token; whoever takes it from the token endpoint need not check it."""
    claims = {"iss": ISSUER, "sub": account.sub, "email": account.email}
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256"}, claims)]
    encoded = [base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, "c2lnbmF0dXJl"])


def _proves(verifier: str, challenge: str) -> bool:
    hashed = hashlib.sha256(verifier.encode()).digest()
    made = base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()
    return bool(verifier) and secrets.compare_digest(made, challenge)
