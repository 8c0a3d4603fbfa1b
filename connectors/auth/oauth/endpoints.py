"""Which addresses of an authorization server may be told a secret, or opened."""

import ipaddress
from urllib.parse import urlsplit

from connectors import server_url
from connectors.egress import Policy
from connectors.errors import InvalidUrl, SignInFailed

INSECURE = "Its sign-in service is not encrypted, or at no address of the web."


def check(url: str) -> str:
    """Return `url` if it is https, or http on a loopback address that is allowed.

    The person's browser is sent to the authorization endpoint, and tokens go to the
    others: never another scheme, and never in clear over a network.

    Raises:
        SignInFailed: OAUTH_FAILED.
    Source: OAuth 2.1 section 1.5; specification 2026-07-28, "Communication Security".
    """
    try:
        server_url.check(url)
        parts = urlsplit(url)
        port = parts.port
    except (InvalidUrl, ValueError):
        raise SignInFailed(INSECURE, reason="provider_error") from None
    if parts.scheme == "https":
        return url
    if not _is_allowed_loopback(parts.hostname or "", port or 80):
        raise SignInFailed(INSECURE, reason="provider_error")
    return url


def is_safe(url: str) -> bool:
    """Tell whether `check` lets `url` pass."""
    try:
        check(url)
    except SignInFailed:
        return False
    return True


def _is_allowed_loopback(host: str, port: int) -> bool:
    policy = Policy.from_settings()
    candidates = ["127.0.0.1", "::1"] if host == "localhost" else [host]
    for text in candidates:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        if address.is_loopback and policy.allows(address, port):
            return True
    return False
