"""What a server says about the sign-in that it asks for. Pure protocol."""

import re
from dataclasses import dataclass
from typing import Any

from connectors.errors import InvalidInput
from connectors.text import clean

_SCHEME = re.compile(r"\s*,?\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?:\s+|$)")
# RFC 9110 section 11.2: name = token / quoted-string.
_PARAMETER = re.compile(
    r"\s*,?\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*=\s*"
    r'(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))'
)


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """One `WWW-Authenticate` challenge, as far as a person can use it."""

    scheme: str = ""
    realm: str = ""
    scope: str = ""
    error: str = ""
    resource_metadata: str = ""

    @property
    def wants_oauth(self) -> bool:
        """Whether it names OAuth metadata (RFC 9728 section 5.1)."""
        return bool(self.resource_metadata)

    def public(self) -> dict[str, str]:
        """Return what may be stored and shown."""
        return {
            "scheme": self.scheme,
            "realm": self.realm,
            "scope": self.scope,
            "error": self.error,
            "resource_metadata": self.resource_metadata,
        }


def check(config: Any) -> dict[str, Any] | None:
    """Return the client settings of an OAuth connector.

    Raises:
        InvalidInput: it is not an object of text values.
    """
    if config in (None, {}):
        return None
    if not isinstance(config, dict) or not all(
        isinstance(value, str) for value in config.values()
    ):
        raise InvalidInput.at(
            "auth_config", "object", msg="Client settings are texts.", type_="object"
        )
    return dict(config)


def challenge(header: str | None) -> Challenge:
    """Read the first challenge of a `WWW-Authenticate` header.

    What is malformed is left out rather than refused: it is shown, not obeyed.
    Source: RFC 9110 section 11.6.1, RFC 6750 section 3, RFC 9728 section 5.1.
    """
    if not header or not (match := _SCHEME.match(header[:4096])):
        return Challenge()
    found: dict[str, str] = {}
    position = match.end()
    while parameter := _PARAMETER.match(header, position):
        name = parameter[1].lower()
        value = re.sub(r"\\(.)", r"\1", parameter[2] or parameter[3] or "")
        found.setdefault(name, clean(value, limit=500))
        position = parameter.end()
    return Challenge(
        scheme=clean(match[1], limit=40),
        realm=found.get("realm", ""),
        scope=found.get("scope", ""),
        error=found.get("error", ""),
        resource_metadata=found.get("resource_metadata", ""),
    )
