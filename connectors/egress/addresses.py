"""Which IP addresses are public, decided on parsed addresses, never on text.

The lists are written out because `ipaddress.is_global` differs between patch
releases of Python (3.12.1 calls NAT64 and multicast global); it is asked as well,
but never alone. Source: the IANA special-purpose address registries (RFC 6890).
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

type Address = IPv4Address | IPv6Address

DENIED_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network, RFC 791
        "10.0.0.0/8",  # private, RFC 1918
        "100.64.0.0/10",  # carrier-grade NAT, RFC 6598; Alibaba's metadata
        "127.0.0.0/8",  # loopback, RFC 1122
        "168.63.129.16/32",  # Azure's wire server: public by its number alone
        "169.254.0.0/16",  # link-local, RFC 3927; metadata of most clouds
        "172.16.0.0/12",  # private, RFC 1918
        "192.0.0.0/24",  # IETF protocols, RFC 6890; Oracle's metadata
        "192.0.2.0/24",  # documentation, RFC 5737
        "192.31.196.0/24",  # AS112, RFC 7535
        "192.52.193.0/24",  # AMT relays, RFC 7450
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "192.168.0.0/16",  # private, RFC 1918
        "192.175.48.0/24",  # AS112, RFC 7534
        "198.18.0.0/15",  # benchmarks, RFC 2544
        "198.51.100.0/24",  # documentation, RFC 5737
        "203.0.113.0/24",  # documentation, RFC 5737
        "224.0.0.0/4",  # multicast, RFC 5771
        "240.0.0.0/4",  # reserved and broadcast, RFC 1112, RFC 919
    )
)
# Only global unicast is public; all else (::1, fc00::/7, fe80::/10, ff00::/8,
# fec0::/10, 64:ff9b::/96, mapped and compatible IPv4) lies outside of it.
UNICAST_V6 = IPv6Network("2000::/3")  # RFC 4291
DENIED_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # IETF protocols: Teredo, ORCHID, benchmarks, RFC 2928
        "2001:db8::/32",  # documentation, RFC 3849
        "2002::/16",  # 6to4, RFC 3056
        "2620:4f:8000::/48",  # AS112, RFC 7534
        "3ffe::/16",  # 6bone, RFC 3701
        "3fff::/20",  # documentation, RFC 9637
    )
)
# The last 32 bits of each are an IPv4 address.
NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))  # 6052, 8215
TRANSLATED = IPv6Network("::ffff:0:0:0/96")  # SIIT, RFC 2765
COMPATIBLE = IPv6Network("::/96")  # RFC 4291, 2.5.5.1
NOT_COMPATIBLE = frozenset({IPv6Address("::"), IPv6Address("::1")})
# An interface identifier [02]00:5efe followed by an IPv4 address, RFC 5214.
ISATAP, ISATAP_MASK = 0x00005EFE, 0xFDFFFFFF


def is_public(address: Address) -> bool:
    """Say whether `address` is an ordinary address of the public internet."""
    if not address.is_global or address.is_multicast:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in DENIED_V4)
    return address in UNICAST_V6 and not any(
        address in network for network in DENIED_V6
    )


def embedded(address: Address) -> Iterator[IPv4Address]:
    """Yield each IPv4 address that hides inside an IPv6 one.

    A translator on the way would connect to the inner address, so the inner one
    has to be permitted too.
    """
    if isinstance(address, IPv4Address):
        return
    number = int(address)
    low = IPv4Address(number & 0xFFFFFFFF)
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if any(address in network for network in (*NAT64, TRANSLATED)):
        yield low
    # A scoped address never equals an unscoped one, so numbers are compared.
    if address in COMPATIBLE and IPv6Address(number) not in NOT_COMPATIBLE:
        yield low
    if (number >> 32) & ISATAP_MASK == ISATAP:
        yield low
