"""How these tests walk through a sign-in: by hand, one request at a time."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2

from demo.authority.running import RunningAuthority
from demo.tests.dialling import PATIENCE_S, http

REDIRECT = "https://patchbay.example/callback"
VERIFIER = "a-verifier-of-at-least-forty-three-characters-long"
SCOPE = "journal:read offline_access openid"


def challenge(verifier: str = VERIFIER) -> str:
    hashed = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()


def get(url: str, **headers: str) -> httpx2.Response:
    with http() as client:
        return client.get(url, headers=headers)


def query(location: str) -> dict[str, str]:
    return {name: value for name, [value] in parse_qs(urlsplit(location).query).items()}


@dataclass(kw_only=True)
class Walk:
    """A client of the authority that does what a test says, and nothing else."""

    authority: RunningAuthority
    client_id: str = ""
    secret: str = ""
    redirect_uri: str = REDIRECT
    auth: str = "none"

    def registered(self, auth: str = "none") -> "Walk":
        """Register by itself (RFC 7591)."""
        told = self.register(token_endpoint_auth_method=auth).json()
        self.auth, self.client_id = auth, told["client_id"]
        self.secret = told.get("client_secret", "")
        return self

    def register(self, **metadata: Any) -> httpx2.Response:
        usual = {
            "client_name": "Walker <b>",
            "redirect_uris": [self.redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"],
        }
        with http() as client:
            return client.post(
                f"{self.authority.issuer}/register", json=usual | metadata
            )

    def url(self, **changes: str | None) -> str:
        """Return an authorization URL; None leaves a parameter out."""
        usual: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code_challenge": challenge(),
            "code_challenge_method": "S256",
            "scope": SCOPE,
            "state": "a state",
            "resource": self.authority.mcp_url,
        }
        asked = {name: text for name, text in (usual | changes).items() if text}
        return f"{self.authority.issuer}/authorize?{urlencode(asked)}"

    def code(self, account: str = "ada", **changes: str | None) -> str:
        return query(self.authority.sign_in(self.url(**changes), account))["code"]

    def redeem(self, code: str, /, **changes: str | None) -> httpx2.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": VERIFIER,
            "resource": self.authority.mcp_url,
        }
        return self.post("/token", form | changes)

    def refresh(
        self, token: str, *, timeout_s: float = PATIENCE_S, **changes: str | None
    ) -> httpx2.Response:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": token,
            "resource": self.authority.mcp_url,
        }
        return self.post("/token", form | changes, timeout_s=timeout_s)

    def revoke(self, token: str) -> httpx2.Response:
        return self.post("/revoke", {"token": token})

    def tokens(self, account: str = "ada", **changes: str | None) -> dict[str, Any]:
        """Sign in and return the answer of the token endpoint."""
        answer = self.redeem(self.code(account, **changes))
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def post(
        self, path: str, form: dict[str, Any], *, timeout_s: float = PATIENCE_S
    ) -> httpx2.Response:
        """Send a form as this client."""
        if self.auth == "none":
            form = {"client_id": self.client_id} | form
        elif self.auth == "client_secret_post":
            proof = {"client_id": self.client_id, "client_secret": self.secret}
            form = proof | form
        with http(timeout_s) as client:
            if self.auth == "client_secret_basic":
                client.auth = httpx2.BasicAuth(self.client_id, self.secret)
            return client.post(
                f"{self.authority.issuer}{path}",
                data={name: text for name, text in form.items() if text is not None},
            )
