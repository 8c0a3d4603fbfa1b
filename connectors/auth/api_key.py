"""A token or headers that the person got from the server's owner."""

import re
from typing import Any

from connectors.errors import InvalidInput

MAX_HEADERS = 20
# "Bearer " and the token together are one header value, of 8,192 at most.
MAX_VALUE_CHARS = 8000

_TOKEN = re.compile(r"[!-~]+")
_AS_HEADER = re.compile(r"^(?:authorization:\s*)?bearer\s+", re.IGNORECASE)
# RFC 9110 section 5.6.2 (token) and 5.5 (field value, visible ASCII and blanks).
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}")
_HEADER_VALUE = re.compile(r"[ -~]+")

# Headers that would change the framing, the protocol or the destination of a
# request, forge where it comes from, or open a session by cookie.
_REFUSED = frozenset(
    """
    accept accept-encoding connection content-encoding content-length content-type
    cookie cookie2 expect forwarded host http2-settings keep-alive last-event-id
    origin proxy-authenticate proxy-authorization proxy-connection set-cookie te
    trailer transfer-encoding upgrade via x-patchbay-hop
    """.split()
)
_REFUSED_PREFIXES = ("mcp-", "proxy-", "sec-", "x-forwarded-", ":")


def check(config: Any) -> dict[str, Any]:
    """Return `{"token"}` or `{"headers"}`, trimmed.

    Raises:
        InvalidInput: neither or both are given, or a value cannot be a header.
    """
    if not isinstance(config, dict) or not config:
        raise _refuse("required", msg="Give a token or headers.")
    unknown = set(config) - {"token", "headers"}
    if unknown or len(config) != 1:
        raise _refuse("shape", msg="Give either a token or headers, nothing else.")
    if "token" in config:
        return {"token": _check_token(config["token"])}
    return {"headers": _check_headers(config["headers"])}


def headers(config: dict[str, Any]) -> dict[str, str]:
    """Return the headers of a checked config (RFC 6750 section 2.1 for a token)."""
    if token := config.get("token"):
        return {"Authorization": f"Bearer {token}"}
    return dict(config.get("headers") or {})


def _check_token(given: Any) -> str:
    if not isinstance(given, str):
        raise _refuse("token", "string", msg="The token must be text.")
    # People copy the whole header as often as the token alone.
    token = _AS_HEADER.sub("", given.strip())
    if len(token) > MAX_VALUE_CHARS:
        raise _refuse("token", "max_length", msg="The token is too long.")
    if not _TOKEN.fullmatch(token):
        raise _refuse(
            "token",
            "pattern",
            msg="The token is empty or has characters that no token has.",
        )
    return token


def _check_headers(given: Any) -> dict[str, str]:
    if not isinstance(given, dict) or not given:
        raise _refuse("headers", "object", msg="Headers are names with values.")
    if len(given) > MAX_HEADERS:
        raise _refuse("headers", "max_items", msg=f"At most {MAX_HEADERS} headers.")
    checked: dict[str, str] = {}
    for name, value in given.items():
        checked[_check_name(name, taken=checked)] = _check_value(name, value)
    return checked


def _check_name(name: str, *, taken: dict[str, str]) -> str:
    name = name.strip()
    lowered = name.lower()
    if not _HEADER_NAME.fullmatch(name):
        raise _refuse("headers", "name", msg="A header has a name that none may have.")
    if lowered in _REFUSED or lowered.startswith(_REFUSED_PREFIXES):
        raise _refuse(
            "headers", name, "forbidden", msg=f"The header {name} cannot be set here."
        )
    if lowered in {other.lower() for other in taken}:
        raise _refuse("headers", name, "unique", msg=f"The header {name} came twice.")
    return name


def _check_value(name: str, given: Any) -> str:
    if not isinstance(given, str):
        raise _refuse("headers", name, "string", msg="A header's value must be text.")
    value = given.strip()
    if len(value) > MAX_VALUE_CHARS:
        raise _refuse("headers", name, "max_length", msg="A header is too long.")
    if not _HEADER_VALUE.fullmatch(value):
        raise _refuse(
            "headers",
            name,
            "pattern",
            msg="A header's value is empty or has characters that none may have.",
        )
    return value


def _refuse(*loc: str, msg: str) -> InvalidInput:
    return InvalidInput.at("auth_config", *loc, msg=msg, type_=loc[-1])
