"""Programs that may ask people: registered, described, recognised."""

import base64
import binascii
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus, urlsplit

import httpx2

from demo.authority.records import AUTH_METHODS, Client, Refused

DOCUMENT_TIMEOUT_S = 3.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def described(client_id: str, metadata: Mapping[str, Any]) -> Client:
    """Make a client of its description (RFC 7591 section 2).

    Raises:
        Refused: the description is not one.
    """
    redirect_uris = metadata.get("redirect_uris")
    if not isinstance(redirect_uris, list) or not redirect_uris:
        raise Refused("invalid_redirect_uri", "At least one redirect_uri is needed.")
    if not all(isinstance(uri, str) and _may_lead(uri) for uri in redirect_uris):
        raise Refused(
            "invalid_redirect_uri", "A redirect_uri is https, or http on this machine."
        )
    method = metadata.get("token_endpoint_auth_method") or "client_secret_basic"
    if method not in AUTH_METHODS:
        raise Refused("invalid_client_metadata", "No such way to authenticate.")
    grant_types = metadata.get("grant_types") or ["authorization_code"]
    if not isinstance(grant_types, list):
        raise Refused("invalid_client_metadata", "grant_types is a list.")
    return Client(
        client_id=client_id,
        redirect_uris=tuple(redirect_uris),
        auth_method=method,
        secret="" if method == "none" else secrets.token_urlsafe(24),
        name=str(metadata.get("client_name") or "")[:80],
        grant_types=tuple(grant_types),
    )


def described_by_itself(client_id: str, document: Mapping[str, Any]) -> Client:
    """Make a client of the document at its own address.

    Source: draft-ietf-oauth-client-id-metadata-document section 4.

    Raises:
        Refused: the document describes another client, or asks for a secret.
    """
    if document.get("client_id") != client_id:
        raise Refused("invalid_client", "The document describes another client.")
    public = {"token_endpoint_auth_method": "none"}
    client = described(client_id, public | dict(document))
    if client.auth_method != "none":
        raise Refused("invalid_client", "A client with a document has no secret.")
    return client


async def fetch_document(client_id: str) -> dict[str, Any]:
    """Read the document at a client's address.

    Raises:
        Refused: there is none.
    """
    if not is_document_address(client_id):
        raise Refused("invalid_client", "The client is not known.", status=401)
    try:
        async with httpx2.AsyncClient(
            timeout=DOCUMENT_TIMEOUT_S, trust_env=False
        ) as http:
            answer = await http.get(client_id)
        document = answer.raise_for_status().json()
    except (httpx2.HTTPError, ValueError) as error:
        raise Refused(
            "invalid_client", "The client's document is not there."
        ) from error
    if not isinstance(document, dict):
        raise Refused("invalid_client", "The client's document is no object.")
    return document


def is_document_address(client_id: str) -> bool:
    parts = urlsplit(client_id)
    return _may_lead(client_id) and parts.path not in {"", "/"}


def credentials(authorization: str, form: Mapping[str, str]) -> tuple[str, str, str]:
    """Read who a client says it is: its id, its secret, and how it was sent.

    Source: RFC 6749 section 2.3.1: inside Basic both are form-encoded.

    Raises:
        Refused: the header is no Basic, or both ways were used.
    """
    if not authorization:
        secret = form.get("client_secret", "")
        method = "client_secret_post" if secret else "none"
        return form.get("client_id", ""), secret, method
    scheme, _, encoded = authorization.partition(" ")
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    client_id, colon, secret = text.partition(":")
    if scheme.lower() != "basic" or not colon or "client_secret" in form:
        raise Refused("invalid_client", "Authenticate in one way.", status=401)
    return unquote_plus(client_id), unquote_plus(secret), "client_secret_basic"


def recognise(client: Client | None, secret: str, method: str) -> Client:
    """Return the client if it proved itself in the way that it registered.

    Raises:
        Refused: it did not.
    """
    if client is None:
        raise Refused("invalid_client", "The client is not known.", status=401)
    if method != client.auth_method:
        raise Refused(
            "invalid_client", "Registered to authenticate otherwise.", status=401
        )
    if not secrets.compare_digest(secret.encode(), client.secret.encode()):
        raise Refused("invalid_client", "The secret is wrong.", status=401)
    return client


def _may_lead(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        local = parts.hostname in LOOPBACK
    except ValueError:
        return False
    return (
        not parts.fragment
        and bool(parts.hostname)
        and (parts.scheme == "https" or (parts.scheme == "http" and local))
    )
