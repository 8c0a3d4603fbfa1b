"""What a server says about the sign-in that it asks for."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from connectors.text import clean

MAX_CHARS = 8192
# What is between two of them is one class: two that overlap take a time that grows with
# the square of a run of blanks.
_SCHEME = re.compile(r"[\s,]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?:\s+|$|(?=,))")
# RFC 9110 section 11.2: name = token / quoted-string.
_PARAMETER = re.compile(
    r"[\s,]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*=\s*"
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
    def wants_more(self) -> bool:
        """Whether the token is good, and too little for this (RFC 6750 section 3.1)."""
        return self.error == "insufficient_scope"

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


def challenge(header: str | None) -> Challenge:
    """Read a `WWW-Authenticate` header: the challenge that can be met by OAuth.

    Of several that is the one that names OAuth metadata, else the Bearer one, else
    the first. What is malformed is left out rather than refused.
    Source: RFC 9110 section 11.6.1, RFC 6750 section 3, RFC 9728 section 5.1.
    """
    found = list(_challenges((header or "")[:MAX_CHARS]))
    if not found:
        return Challenge()
    return max(found, key=_usefulness)


def _challenges(header: str) -> Iterator[Challenge]:
    position = 0
    while match := _SCHEME.match(header, position):
        position = match.end()
        values: dict[str, str] = {}
        while parameter := _PARAMETER.match(header, position):
            name = parameter[1].lower()
            value = re.sub(r"\\(.)", r"\1", parameter[2] or parameter[3] or "")
            values.setdefault(name, clean(value, limit=2048))
            position = parameter.end()
        yield _challenge(match[1], values)


def _challenge(scheme: str, values: dict[str, str]) -> Challenge:
    return Challenge(
        scheme=clean(scheme, limit=40),
        realm=clean(values.get("realm", ""), limit=500),
        scope=values.get("scope", ""),
        error=clean(values.get("error", ""), limit=100),
        resource_metadata=values.get("resource_metadata", ""),
    )


def _usefulness(found: Challenge) -> int:
    return 2 * found.wants_oauth + (found.scheme.lower() == "bearer")
