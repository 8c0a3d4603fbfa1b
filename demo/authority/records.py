"""What the authority knows of people, clients and what they were allowed."""

import hashlib
import time
from dataclasses import dataclass, field
from typing import Any

# What can be allowed, in the words of the page that asks.
SCOPES = {
    "journal:read": "Read your journal",
    "journal:write": "Write into your journal",
    "openid": "See your name and e-mail address",
    "offline_access": "Stay connected when you are away",
}
AUTH_METHODS = ("none", "client_secret_basic", "client_secret_post")


class Refused(Exception):
    """An answer of OAuth's own words: an error code, a sentence, a status."""

    def __init__(self, code: str, description: str, *, status: int = 400) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Account:
    """Somebody who can sign in here."""

    key: str
    sub: str
    name: str
    email: str


ACCOUNTS = {
    "ada": Account(key="ada", sub="demo-1", name="Ada", email="ada@demo.example"),
    "grace": Account(
        key="grace", sub="demo-2", name="Grace", email="grace@demo.example"
    ),
}


@dataclass(frozen=True, kw_only=True)
class Client:
    """A program that may ask people, and where their answers go."""

    client_id: str
    redirect_uris: tuple[str, ...]
    secret: str = ""
    auth_method: str = "none"
    name: str = ""
    grant_types: tuple[str, ...] = ("authorization_code", "refresh_token")

    @property
    def label(self) -> str:
        return self.name or self.client_id


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An authorization request that waits for its person (RFC 6749 section 4.1.1)."""

    client: Client
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str
    resource: str
    state: str | None


@dataclass(kw_only=True)
class Grant:
    """What one person allowed one client: every token of it lives and dies with it."""

    client_id: str
    account: Account
    scopes: tuple[str, ...]
    resource: str
    alive: bool = True


@dataclass(kw_only=True)
class Code:
    """An authorization code, good for one use."""

    asked: Asked
    account: Account
    expires_at: float
    grant: Grant | None = None


@dataclass(kw_only=True)
class RefreshToken:
    grant: Grant
    used: bool = False


@dataclass(kw_only=True)
class AccessToken:
    grant: Grant
    scopes: tuple[str, ...]
    expires_at: float

    @property
    def valid(self) -> bool:
        return self.grant.alive and time.monotonic() < self.expires_at


@dataclass(kw_only=True)
class Seen:
    """What happened so far; says nothing that is secret."""

    token_requests: list[dict[str, str]] = field(default_factory=list)
    reuses: int = 0
    registrations: list[dict[str, Any]] = field(default_factory=list)
    revocations: list[dict[str, str]] = field(default_factory=list)
    mcp_calls: list[dict[str, str]] = field(default_factory=list)
    mcp_refusals: list[dict[str, Any]] = field(default_factory=list)


def digest(secret: str) -> str:
    """Return what a secret is filed under, so that none of them is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()
