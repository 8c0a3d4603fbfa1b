"""What an MCP server and its authorization server publish about themselves.

Documents of strangers: each field is checked and bounded, what is not known is left
out. Both are kept as plain dicts between the phases of a sign-in.
"""

from dataclasses import asdict, dataclass
from typing import Any, Self

from connectors.auth.oauth import endpoints
from connectors.errors import SignInFailed
from connectors.text import clean

MAX_URL = 2048
# What can be kept of an issuer.
MAX_ISSUER = 500
MAX_ITEMS = 200
# SHA-256 is the only method that a client which can do it may use (RFC 7636, 4.2).
PKCE_METHOD = "S256"


@dataclass(frozen=True, kw_only=True)
class ProtectedResource:
    """What an MCP server says of itself (RFC 9728 section 2)."""

    resource: str
    authorization_servers: tuple[str, ...]
    scopes: tuple[str, ...] | None = None

    @classmethod
    def read(cls, document: dict[str, Any] | None) -> Self | None:
        """Return it, or None for what is no such document."""
        resource = _url(document, "resource")
        if document is None or not resource:
            return None
        return cls(
            resource=resource,
            authorization_servers=_texts(document, "authorization_servers") or (),
            scopes=_texts(document, "scopes_supported"),
        )


@dataclass(frozen=True, kw_only=True)
class AuthorizationServer:
    """What an authorization server says of itself (RFC 8414 section 2)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    registration_endpoint: str = ""
    revocation_endpoint: str = ""
    userinfo_endpoint: str = ""
    scopes: tuple[str, ...] | None = None
    # How clients authenticate at the token endpoint; none named: basic.
    auth_methods: tuple[str, ...] = ()
    # RFC 9207: whether every redirect names the issuer.
    sends_issuer: bool = False
    # Whether a client id may be the address of a metadata document.
    takes_documents: bool = False
    # Nothing is published: these are the addresses that there would be.
    is_assumed: bool = False

    @classmethod
    def read(cls, document: dict[str, Any] | None) -> Self | None:
        """Return it, or None for what is no such document.

        Raises:
            SignInFailed: it cannot be used safely: no PKCE, or an address in clear.
        Source: specification 2026-07-28, "Authorization Code Protection": without
        `code_challenge_methods_supported` a client must refuse to proceed.
        """
        issuer = _url(document, "issuer")
        if document is None or not 0 < len(issuer) <= MAX_ISSUER:
            return None
        names = ("authorization_endpoint", "token_endpoint")
        if not all(_url(document, name) for name in names):
            return None
        if PKCE_METHOD not in (
            _texts(document, "code_challenge_methods_supported") or ()
        ):
            raise SignInFailed(
                "Its sign-in service does not protect sign-ins with PKCE (S256).",
                reason="no_pkce",
                suggestion="Ask the server's owner to switch PKCE on.",
            )
        optional = ("registration_endpoint", "revocation_endpoint", "userinfo_endpoint")
        found: dict[str, Any] = {
            name: _url(document, name) for name in (*names, *optional)
        }
        for address in filter(None, found.values()):
            endpoints.check(address)
        return cls(
            issuer=issuer,
            **found,
            scopes=_texts(document, "scopes_supported"),
            auth_methods=_texts(document, "token_endpoint_auth_methods_supported")
            or (),
            sends_issuer=document.get("authorization_response_iss_parameter_supported")
            is True,
            takes_documents=document.get("client_id_metadata_document_supported")
            is True,
        )

    @classmethod
    def assumed(cls, origin: str) -> Self:
        """Return the addresses that servers of revision 2025-03-26 have by default.

        Source: specification 2025-03-26, "Fallbacks for Servers without Metadata
        Discovery".
        """
        endpoints.check(origin)
        return cls(
            issuer=origin,
            authorization_endpoint=f"{origin}/authorize",
            token_endpoint=f"{origin}/token",
            registration_endpoint=f"{origin}/register",
            is_assumed=True,
        )

    def stored(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)

    @classmethod
    def of(cls, stored: dict[str, Any]) -> Self:
        """Return what `stored` gave."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in stored.items()
        }
        return cls(**values)


def _url(document: dict[str, Any] | None, name: str) -> str:
    value = (document or {}).get(name)
    if not isinstance(value, str) or len(value) > MAX_URL:
        return ""
    return value if value.isascii() and value.isprintable() and " " not in value else ""


def _texts(document: dict[str, Any], name: str) -> tuple[str, ...] | None:
    values = document.get(name)
    if not isinstance(values, list):
        return None
    texts = [value for value in values[:MAX_ITEMS] if isinstance(value, str)]
    return tuple(filter(None, (clean(text, limit=MAX_URL) for text in texts)))
