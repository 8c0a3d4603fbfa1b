"""Google: who signs people in, what they are asked for, and where its API is.

Source: developers.google.com, "Using OAuth 2.0 for Web Server Applications"; the
addresses are those of accounts.google.com/.well-known/openid-configuration.
"""

from typing import Final

from django.conf import settings

from connectors.auth.oauth import AuthorizationServer, Client
from connectors.tool_sign_in import Service
from systemtools.provider import OAuthProvider

_PREFIX: Final = "https://www.googleapis.com/auth/"
SEND: Final = f"{_PREFIX}gmail.send"
READ: Final = f"{_PREFIX}gmail.readonly"
# What can be asked for, by the words of GMAIL_SCOPES.
SCOPES: Final = {"gmail.send": SEND, "gmail.readonly": READ}
_BASES: Final = {
    "accounts": "https://accounts.google.com",
    "oauth": "https://oauth2.googleapis.com",
    "gmail": "https://gmail.googleapis.com",
}


def asked() -> tuple[str, ...]:
    """Return the scopes that this installation asks for."""
    wanted = settings.GMAIL_SCOPES
    return tuple(scope for word, scope in SCOPES.items() if word in wanted)


def service(client: Client, scope: str) -> Service:
    """Return how people are sent there.

    A refresh token only comes where offline access is asked for, with consent.
    """
    accounts, oauth = _base("accounts"), _base("oauth")
    return Service(
        server=AuthorizationServer(
            issuer=accounts,
            authorization_endpoint=f"{accounts}/o/oauth2/v2/auth",
            token_endpoint=f"{oauth}/token",
            revocation_endpoint=f"{oauth}/revoke",
            auth_methods=("client_secret_post", "client_secret_basic"),
        ),
        client=client,
        scope=scope,
        extra={"access_type": "offline", "prompt": "consent"},
    )


def messages(*path: str) -> str:
    """Return the address of the person's messages, or of something below."""
    return "/".join((f"{_base('gmail')}/gmail/v1/users/me/messages", *path))


def _base(name: str) -> str:
    base: str = settings.GOOGLE_BASE_URLS.get(name, _BASES[name])
    return base.rstrip("/")


provider: Final = OAuthProvider(
    name="Google", key="google", asked=asked, service=service
)
