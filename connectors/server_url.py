"""The address of a server: whether it is one, and when two are the same.

Nothing here resolves or dials: whether an address may be reached is decided by
`connectors.egress`, on the resolved address and at the moment of dialling.
"""

import hashlib
import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import urlsplit

import idna

from connectors.errors import InvalidUrl

MAX_CHARS = 2048
MAX_HOST_CHARS = 253  # RFC 1035, section 2.3.4, without the closing dot
DEFAULT_PORTS = {"http": 80, "https": 443}

_BLANKS = " \t\r\n\f\v"
# Controls, invisible formatting, surrogates and every kind of blank.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"})
# The underscore is no host name by RFC 952, but names in use have it.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# WHATWG URL, "ends in a number checker": such a host is an IPv4 address.
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
_USER_INFO = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.-]*:[/\\]+|[/\\]+)?[^/\\]*@")


@dataclass(frozen=True, kw_only=True)
class _Parts:
    scheme: str
    host: str
    port: int | None
    path: str
    query: str

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{host}{port}"


def check(url: str) -> str:
    """Return `url` without the blanks around it if it is one that can be dialled.

    Raises:
        InvalidUrl: INVALID_URL; `constraint` is max_length, userinfo or url.
    """
    url = url.strip(_BLANKS)
    _parse(url)
    return url


def canonical(url: str) -> str:
    """Return the one spelling by which two addresses are compared.

    Scheme and host in lower case, IDNA, no default port, path `/` when empty,
    without one trailing `/` and the fragment; the query is kept.

    Raises:
        InvalidUrl: INVALID_URL.
    """
    parts = _parse(url.strip(_BLANKS))
    path = parts.path.removesuffix("/") or "/"
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.origin}{path}{query}"


def key(url: str) -> str:
    """Return the SHA-256 of the canonical address, in hexadecimal.

    Raises:
        InvalidUrl: INVALID_URL.
    """
    return hashlib.sha256(canonical(url).encode()).hexdigest()


def origin(url: str) -> str:
    """Return `scheme://host[:port]`, without a default port.

    Raises:
        InvalidUrl: INVALID_URL.
    """
    return _parse(url.strip(_BLANKS)).origin


def host(url: str) -> str:
    """Return the host in lower case and IDNA; an IPv6 address has no brackets.

    Raises:
        InvalidUrl: INVALID_URL.
    """
    return _parse(url.strip(_BLANKS)).host


def without_fragment(url: str) -> str:
    return url.partition("#")[0]


def without_query(url: str) -> str:
    """Return what may be shown and logged of any text that was given as a URL.

    Secrets are common in the query, and people paste them as user-info.
    """
    return without_user(url.partition("#")[0].partition("?")[0])


def without_user(url: str) -> str:
    """Return any text that was given as a URL without its user-info."""
    address, mark, rest = re.split(r"([?#]|$)", url, maxsplit=1)
    return _USER_INFO.sub(r"\1", address) + mark + rest


def _parse(url: str) -> _Parts:
    if len(url) > MAX_CHARS:
        raise InvalidUrl(
            f"It has more than {MAX_CHARS} characters.", constraint="max_length"
        )
    # Browsers read a backslash as `/`, others as part of the host: two hosts.
    if "\\" in url or any(unicodedata.category(char) in _UNPRINTABLE for char in url):
        raise InvalidUrl("It has characters that no address has.")
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        raise InvalidUrl from None
    scheme = split.scheme.lower()
    if scheme not in DEFAULT_PORTS or not split.netloc:
        raise InvalidUrl
    if "@" in split.netloc:
        raise InvalidUrl(
            "Leave the user name and password out of it.", constraint="userinfo"
        )
    if port == 0:
        raise InvalidUrl("Port 0 does not exist.")
    return _Parts(
        scheme=scheme,
        host=_host(split.netloc, split.hostname or ""),
        port=None if port == DEFAULT_PORTS[scheme] else port,
        path=split.path,
        query=split.query,
    )


def _host(netloc: str, name: str) -> str:
    """Return the host as it is dialled; `name` is in lower case already."""
    if netloc.startswith("["):
        return _ipv6(netloc, name)
    if not name.isascii():
        try:
            name = idna.encode(name).decode()
        except idna.IDNAError:
            raise InvalidUrl("Its host name is not valid.") from None
    labels = name.removesuffix(".").split(".")
    if len(name.removesuffix(".")) > MAX_HOST_CHARS or not all(map(_is_label, labels)):
        raise InvalidUrl("Its host name is not valid.")
    if _NUMERIC.fullmatch(labels[-1]) and not _is_ipv4(name):
        raise InvalidUrl("Write an IP address as four numbers, such as 203.0.113.7.")
    return name


def _ipv6(netloc: str, name: str) -> str:
    """Return the address between brackets; nothing but a port may follow them."""
    after = netloc.partition("]")[2]
    try:
        address = ipaddress.IPv6Address(name)
    except ValueError:
        raise InvalidUrl("Its IP address is not valid.") from None
    if address.scope_id or (after and not after.startswith(":")):
        raise InvalidUrl("Its IP address is not valid.")
    return name


def _is_label(label: str) -> bool:
    if not _LABEL.fullmatch(label):
        return False
    if not label.startswith("xn--"):
        return True
    try:
        idna.decode(label)
    except idna.IDNAError:
        return False
    return True


def _is_ipv4(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True
