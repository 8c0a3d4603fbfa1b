"""What this Google knows of people and of what they allowed."""

import time
from dataclasses import dataclass, field
from typing import Any

from demo.authority.records import ACCOUNTS, Account, Refused, digest
from demo.ports import GOOGLE_CLIENT_ID as CLIENT_ID
from demo.ports import GOOGLE_CLIENT_SECRET as CLIENT_SECRET

__all__ = [
    "ACCOUNTS",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "READONLY",
    "SCOPES",
    "SEND",
    "AccessToken",
    "Account",
    "Asked",
    "Code",
    "Grant",
    "Refused",
    "Seen",
    "digest",
]

CALLBACK = "/api/oauth/callback"

_PREFIX = "https://www.googleapis.com/auth/"
SEND, READONLY = f"{_PREFIX}gmail.send", f"{_PREFIX}gmail.readonly"
EMAIL = f"{_PREFIX}userinfo.email"
# What can be allowed, in the words of the page that asks; the first two always are.
SCOPES = {
    "openid": "Know which account it is",
    EMAIL: "See your e-mail address",
    SEND: "Send e-mail on your behalf",
    READONLY: "View your e-mail messages and settings",
}
ALWAYS = frozenset({"openid", EMAIL})
# Short words that stand for a scope.
ALIASES = {"email": EMAIL}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request that waits for its person."""

    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str
    state: str | None
    # Whether a refresh token comes: offline access was asked for, with consent.
    stays: bool


@dataclass(kw_only=True)
class Grant:
    """What one person allowed: every token of it lives and dies with it."""

    account: Account
    scopes: tuple[str, ...]
    alive: bool = True


@dataclass(kw_only=True)
class Code:
    asked: Asked
    grant: Grant
    expires_at: float
    used: bool = False


@dataclass(kw_only=True)
class AccessToken:
    grant: Grant
    expires_at: float

    @property
    def valid(self) -> bool:
        return self.grant.alive and time.monotonic() < self.expires_at


@dataclass(kw_only=True)
class Seen:
    """What happened so far; nothing of it is secret but what was written."""

    token_requests: list[dict[str, str]] = field(default_factory=list)
    revocations: list[dict[str, str]] = field(default_factory=list)
    gmail_requests: list[dict[str, Any]] = field(default_factory=list)
