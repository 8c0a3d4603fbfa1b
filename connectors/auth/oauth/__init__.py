"""OAuth 2.1 as the MCP specification profiles it, in separate phases.

Pure protocol: values in, values out, no rows. Nothing is kept in the process between
the phases, so that any worker can go on where another one stopped.

    challenges    what a refusal says about the sign-in that it asks for
    settings      what a person can say of the client, under *Advanced*
    endpoints     which addresses may be told a secret
    wire          the HTTP of all phases, bounded and typed
    metadata      what servers publish about themselves
    discovery     from an MCP server to its authorization server
    clients       who we are there: metadata document, registration, authentication
    quirks        what single providers want beside the standard, as data
    authorization the person is sent there, and comes back with a code
    tokens        code and refresh token become an access token; revocation
    accounts      who the person is there, for telling two of them apart
"""

from connectors.auth.oauth.accounts import account_label
from connectors.auth.oauth.authorization import (
    Pending,
    begin,
    check_callback,
)
from connectors.auth.oauth.challenges import Challenge, challenge
from connectors.auth.oauth.clients import Client, client_document, register
from connectors.auth.oauth.discovery import Discovery, discover, protected_resource
from connectors.auth.oauth.metadata import AuthorizationServer
from connectors.auth.oauth.scopes import requested_scope, union
from connectors.auth.oauth.settings import check, client_of
from connectors.auth.oauth.tokens import Tokens, exchange, refresh, revoke
from connectors.auth.oauth.wire import Leg, leg

__all__ = [
    "AuthorizationServer",
    "Challenge",
    "Client",
    "Discovery",
    "Leg",
    "Pending",
    "Tokens",
    "account_label",
    "begin",
    "challenge",
    "check",
    "check_callback",
    "client_document",
    "client_of",
    "discover",
    "exchange",
    "leg",
    "protected_resource",
    "refresh",
    "register",
    "requested_scope",
    "revoke",
    "union",
]


def headers(access_token: str) -> dict[str, str]:
    """Return the header that carries an access token (RFC 6750 section 2.1)."""
    return {"Authorization": f"Bearer {access_token}"}
