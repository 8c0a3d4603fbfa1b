"""Which destinations connectors may reach."""

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from django.conf import settings

from connectors.egress.addresses import Address, embedded, is_public

type Resolver = Callable[[str], Awaitable[list[str]]]

ENTRY = re.compile(
    r"(?:\[(?P<bracketed>[^\]]+)\]|(?P<plain>[^\[\]/]+))"
    r"/(?P<prefix>\d{1,3})(?::(?P<port>\d{1,5}))?"
)
# RFC 1123 labels, plus the underscore that is met in practice.
NAME = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+"
    r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
)
# What inet_aton() would read as a number: 2130706433, 0x7f.1, 0177.0.0.1, 127.1
NUMERIC_LABEL = re.compile(r"\d+|0x[0-9a-f]*")
LOOPBACK = tuple(ip_address(text) for text in ("127.0.0.1", "::1"))


@dataclass(frozen=True, slots=True)
class Allowed:
    """One entry of EGRESS_ALLOW: a network, on one port or on all but the denied."""

    network: IPv4Network | IPv6Network
    port: int | None

    @classmethod
    def parse(cls, text: str) -> "Allowed":
        """Read `127.0.0.1/32`, `127.0.0.1/32:8101`, `::1/128:8101` or `[::1]/128:8101`.

        Raises:
            ValueError: it is none of these, or has host bits set.
        """
        match = ENTRY.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is not like 127.0.0.1/32 or 127.0.0.1/32:8101")
        address = match["bracketed"] or match["plain"]
        port = int(match["port"]) if match["port"] else None
        if port is not None and not 0 < port < 65536:
            raise ValueError(f"{text!r} names no valid port")
        return cls(ip_network(f"{address}/{match['prefix']}"), port)

    def covers(self, address: Address) -> bool:
        return address.version == self.network.version and address in self.network


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The rules of one connection pool. An empty one permits the public internet.

    `allow` are the entries of EGRESS_ALLOW. `own_hosts` are names (`.example.com`
    stands for its subdomains too) and addresses of this installation, which only
    an entry of `allow` opens. `resolver` is given an absolute name, with its
    trailing dot, and answers addresses; without one the system is asked.
    """

    allow: Sequence[str] = ()
    deny_ports: frozenset[int] = frozenset()
    own_hosts: frozenset[str] = frozenset()
    resolver: Resolver | None = None
    resolve_timeout_s: float = 2.0
    _allowed: tuple[Allowed, ...] = field(init=False, repr=False)
    _own_names: frozenset[str] = field(init=False, repr=False)
    _own_addresses: frozenset[Address] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        hosts = {host: literal(host) for host in map(normal, self.own_hosts)}
        names = frozenset(host for host, address in hosts.items() if address is None)
        own = frozenset(address for address in hosts.values() if address is not None)
        object.__setattr__(self, "_allowed", tuple(map(Allowed.parse, self.allow)))
        object.__setattr__(self, "_own_names", names - {"", "*"})
        object.__setattr__(self, "_own_addresses", own)

    @classmethod
    def from_settings(cls) -> "Policy":
        """Build the policy of this installation."""
        return cls(
            allow=tuple(settings.EGRESS_ALLOW),
            deny_ports=frozenset(settings.EGRESS_DENY_PORTS),
            own_hosts=_own_hosts(settings.PUBLIC_URL, settings.ALLOWED_HOSTS),
            resolve_timeout_s=settings.RESOLVE_TIMEOUT_S,
        )

    def permits(self, address: Address, port: int) -> bool:
        """Say whether a connection to `address` and `port` may be opened."""
        if not self._plain(address, port):
            return False
        if self.allows(address, port):
            return True
        return (
            port not in self.deny_ports
            and address not in self._own_addresses
            and is_public(address)
        )

    def allows(self, address: Address, port: int) -> bool:
        """Say whether an entry of `allow` opens `address` and `port`.

        An entry with a port wins over the denied ports, one without does not.
        """
        return self._plain(address, port) and any(
            port == entry.port
            if entry.port is not None
            else port not in self.deny_ports
            for entry in self._allowed
            if entry.covers(address)
        )

    def permits_all(self, host: str, addresses: Iterable[Address], port: int) -> bool:
        """Say whether `host`, which has these addresses, may be dialled.

        One forbidden address refuses the name: a mixed answer is an attack or a
        split horizon. A name of our own needs entries of `allow`, else a connector
        could make the installation call itself.
        """
        rule = self.allows if self.is_own(host) else self.permits
        answers = [rule(address, port) for address in addresses]
        return bool(answers) and all(answers)

    def is_own(self, host: str) -> bool:
        """Say whether `host` is a name under which this installation is reached."""
        return any(
            host == name.removeprefix(".") or (name[:1] == "." and host.endswith(name))
            for name in self._own_names
        )

    def _plain(self, address: Address, port: int) -> bool:
        # A scope id picks an interface of this machine: never remote input's to say.
        if getattr(address, "scope_id", None):
            return False
        return all(self.permits(inner, port) for inner in embedded(address))


def normal(host: str) -> str:
    """Write a host the one way in which it is compared."""
    return host.lower().removeprefix("[").removesuffix("]").removesuffix(".")


def literal(host: str) -> Address | None:
    """Read `host` as an IP address in its only accepted spelling."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def is_name(host: str) -> bool:
    """Say whether `host` may be looked up: two labels or more, and not a number.

    A single label would be completed by the search domains of this machine. A
    last label that is a number makes the C library read an IPv4 address, in
    spellings that nobody checked. Source: WHATWG URL, "ends in a number".
    """
    if NAME.fullmatch(host) is None:
        return False
    return NUMERIC_LABEL.fullmatch(host.rpartition(".")[2]) is None


def is_localhost(host: str) -> bool:
    """Source: RFC 6761, 6.3: such names are never looked up."""
    return host == "localhost" or host.endswith(".localhost")


def _own_hosts(public_url: str, allowed_hosts: Iterable[str]) -> frozenset[str]:
    authority = public_url.partition("://")[2].partition("/")[0].rpartition("@")[2]
    host = re.sub(r":\d+\Z", "", authority)
    return frozenset({host, *allowed_hosts})
