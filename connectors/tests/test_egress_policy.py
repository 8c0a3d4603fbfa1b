"""Which addresses and names may be dialled. Everything here is decided offline."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from connectors.egress.addresses import DENIED_V4, embedded
from connectors.egress.policy import Allowed, Policy, is_name, normal

PUBLIC_V4 = (
    "1.1.1.1 8.8.8.8 93.184.216.34 11.0.0.0 9.255.255.255 100.63.255.255 100.128.0.0 "
    "168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 "
    "172.32.0.0 192.0.1.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 "
    "223.255.255.255"
).split()
PUBLIC_V6 = (
    "2606:4700:4700::1111 2a00:1450:4001:830::200e 2001:4860:4860::8888 2003:: "
    "2606:4700::5efe:808:808"
).split()
FORBIDDEN = (
    # this network, private, carrier-grade, loopback, link-local
    "0.0.0.0 0.1.2.3 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1 "
    "127.0.0.2 127.255.255.255 169.254.0.1 172.16.0.0 172.31.255.255 192.168.0.1 "
    "192.168.255.255 "
    # metadata services: AWS and most others, ECS, Azure, Alibaba, Oracle
    "169.254.169.254 169.254.170.2 168.63.129.16 100.100.100.200 192.0.0.192 "
    # protocols, documentation, benchmarks, relays, multicast, reserved, broadcast
    "192.0.0.1 192.0.0.8 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.175.48.1 "
    "198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.250 "
    "240.0.0.1 255.255.255.254 255.255.255.255 "
    # IPv6: unspecified, loopback, discard, unique local, link- and site-local
    ":: ::1 100::1 fc00::1 fd00:ec2::254 fd12:3456::1 fe80::1 fe80::1%lo fec0::1 "
    "2606:4700::1%eth0 "
    # multicast, documentation, benchmarks, ORCHID, AS112, 6bone, segment routing
    "ff02::1 ff05::1:3 ff0e::1 2001:db8::1 3fff::1 2001:2::1 2001:10::1 2001:20::1 "
    "2620:4f:8000::1 3ffe::1 5f00::1 4000::1 "
    # IPv4 inside IPv6: mapped, compatible, translated
    "::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:8.8.8.8 "
    "::127.0.0.1 ::8.8.8.8 ::2 ::ffff:0:127.0.0.1 ::ffff:0:8.8.8.8 "
    # NAT64 (public ones too), 6to4, Teredo, ISATAP
    "64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b::808:808 64:ff9b:1::a00:1 "
    "2002:7f00:1:: 2002:a9fe:a9fe::1 2002:808:808:: 2001::1 "
    "2001:0:808:808:0:0:80ff:fffe 2606:4700::5efe:7f00:1 2606:4700::200:5efe:a00:1"
).split()


@pytest.mark.parametrize("address", FORBIDDEN)
def test_a_forbidden_address_is_refused(address: str):
    assert not Policy().permits(ip_address(address), 443)


@pytest.mark.parametrize("address", [*PUBLIC_V4, *PUBLIC_V6])
def test_a_public_address_is_permitted(address: str):
    assert Policy().permits(ip_address(address), 443)


def hidden(inner: IPv4Address) -> list[IPv6Address]:
    """Give `inner` in each of its IPv6 disguises."""
    number = int(inner)
    public = int(ip_address("8.8.8.8"))
    return [
        IPv6Address(number),
        IPv6Address(0xFFFF << 32 | number),
        IPv6Address(0xFFFF << 48 | number),
        IPv6Address(int(IPv6Address("64:ff9b::")) | number),
        IPv6Address(int(IPv6Address("64:ff9b:1::")) | number),
        IPv6Address(0x2002 << 112 | number << 80),
        IPv6Address(0x20010000 << 96 | number << 64 | (~public & 0xFFFFFFFF)),
        IPv6Address(0x20010000 << 96 | public << 64 | (~number & 0xFFFFFFFF)),
        IPv6Address(int(IPv6Address("2606:4700::5efe:0:0")) | number),
        IPv6Address(int(IPv6Address("2606:4700::200:5efe:0:0")) | number),
    ]


@given(st.sampled_from(DENIED_V4), st.data())
def test_a_denied_network_is_refused_in_each_disguise(network, data: st.DataObject):
    offset = data.draw(st.integers(0, network.num_addresses - 1))
    inner = network.network_address + offset
    for address in (inner, *hidden(inner)):
        assert not Policy().permits(address, 443), address


@given(st.ip_addresses(v=4), st.integers(1, 65535))
def test_allowing_every_ipv6_address_opens_no_hidden_ipv4_one(inner, port: int):
    policy = Policy(allow=("::/0",))
    for address in hidden(inner):
        # An address below ::2 hides nothing: those are :: and ::1 themselves.
        if list(embedded(address)):
            assert policy.permits(address, port) <= policy.permits(inner, port)


def test_allowing_an_ipv4_address_does_not_allow_its_mapped_form():
    policy = Policy(allow=("127.0.0.1/32", "127.0.0.1/32:8101"))
    assert policy.permits(ip_address("127.0.0.1"), 8101)
    assert not policy.permits(ip_address("::ffff:127.0.0.1"), 8101)
    assert not policy.permits(ip_address("64:ff9b::7f00:1"), 8101)
    assert not Policy(allow=("::ffff:127.0.0.1/128",)).permits(
        ip_address("::ffff:127.0.0.1"), 8101
    )


def test_allowing_one_address_does_not_allow_its_neighbours():
    policy = Policy(allow=("127.0.0.1/32",))
    for address in ("127.0.0.2", "127.0.0.66", "::1", "10.0.0.1"):
        assert not policy.permits(ip_address(address), 80)


def test_a_scoped_address_is_refused_even_if_its_network_is_allowed():
    policy = Policy(allow=("fe80::/10", "::1/128"))
    assert policy.permits(ip_address("fe80::1"), 80)
    assert not policy.permits(ip_address("fe80::1%lo"), 80)
    assert not policy.permits(ip_address("::1%lo"), 80)


@pytest.mark.parametrize(
    ("entry", "address", "port", "is_permitted"),
    [
        ("127.0.0.1/32", "127.0.0.1", 1, True),
        ("127.0.0.1/32", "127.0.0.1", 6379, False),
        ("127.0.0.1/32:8101", "127.0.0.1", 8101, True),
        ("127.0.0.1/32:8101", "127.0.0.1", 8102, False),
        ("127.0.0.1/32:6379", "127.0.0.1", 6379, True),
        (" 10.0.0.0/8 ", "10.200.3.4", 80, True),
        ("::1/128", "::1", 80, True),
        ("::1/128:8101", "::1", 8101, True),
        ("::1/128:8101", "::1", 8102, False),
        ("[::1]/128:8101", "::1", 8101, True),
        ("[::1]/128", "::1", 6379, False),
        ("8.8.8.8/32:6379", "8.8.8.8", 6379, True),
    ],
)
def test_an_entry_opens_its_network_and_port(
    entry: str, address: str, port: int, is_permitted: bool
):
    policy = Policy(allow=(entry,), deny_ports=frozenset({6379}))
    assert policy.permits(ip_address(address), port) is is_permitted


def test_a_denied_port_is_refused_on_a_public_address():
    policy = Policy(deny_ports=frozenset({22, 6379}))
    assert not policy.permits(ip_address("8.8.8.8"), 22)
    assert policy.permits(ip_address("8.8.8.8"), 23)


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "127.0.0.1",
        "localhost/32",
        "127.0.0.1/33",
        "127.0.0.1/24",
        "127.0.0.1/32:",
        "127.0.0.1/32:0",
        "127.0.0.1/32:65536",
        "127.0.0.1:80/32",
        "[::1/128",
        "::1]/128",
        "127.1/32",
        "0177.0.0.1/32",
    ],
)
def test_an_entry_that_is_not_understood_is_an_error(entry: str):
    with pytest.raises(ValueError, match=r"."):
        Allowed.parse(entry)


def test_our_own_names_need_an_entry_although_their_address_is_public():
    policy = Policy(own_hosts=frozenset({"Patchbay.Example.com", ".tenant.example"}))
    public = [ip_address("8.8.8.8")]
    for host in ("patchbay.example.com", "a.tenant.example", "tenant.example"):
        assert not policy.permits_all(host, public, 443)
    for host in ("example.com", "notpatchbay.example.com", "atenant.example"):
        assert policy.permits_all(host, public, 443)
    opened = Policy(
        own_hosts=frozenset({"patchbay.example.com"}), allow=("8.8.8.8/32:9000",)
    )
    assert opened.permits_all("patchbay.example.com", public, 9000)
    assert not opened.permits_all("patchbay.example.com", public, 443)


def test_our_own_public_address_needs_an_entry_under_any_name():
    policy = Policy(own_hosts=frozenset({"8.8.8.8", "[2606:4700:4700::1111]"}))
    assert not policy.permits(ip_address("8.8.8.8"), 443)
    assert not policy.permits(ip_address("2606:4700:4700::1111"), 443)
    assert policy.permits(ip_address("1.1.1.1"), 443)


def test_a_star_among_the_allowed_hosts_is_nobodys_name():
    policy = Policy(own_hosts=frozenset({"*"}))
    assert policy.permits_all("example.com", [ip_address("8.8.8.8")], 443)


def test_a_name_without_addresses_is_refused():
    assert not Policy().permits_all("example.com", [], 443)


def test_one_forbidden_address_refuses_the_name():
    mixed = [ip_address("8.8.8.8"), ip_address("10.0.0.1")]
    assert not Policy().permits_all("example.com", mixed, 443)


def test_the_policy_of_the_installation_comes_from_its_settings(settings: Settings):
    settings.EGRESS_ALLOW = ["127.0.0.1/32:8101"]
    settings.EGRESS_DENY_PORTS = [25]
    settings.PUBLIC_URL = "https://user@tools.example.com:8443/base"
    settings.ALLOWED_HOSTS = ["intern.example.com"]
    settings.RESOLVE_TIMEOUT_S = 0.5
    policy = Policy.from_settings()
    assert policy.permits(ip_address("127.0.0.1"), 8101)
    assert not policy.permits(ip_address("8.8.8.8"), 25)
    assert policy.is_own("tools.example.com")
    assert policy.is_own("intern.example.com")
    assert policy.resolve_timeout_s == 0.5


def test_an_ipv6_public_url_makes_its_address_our_own(settings: Settings):
    settings.PUBLIC_URL = "http://[2606:4700:4700::1111]:8000"
    policy = Policy.from_settings()
    assert not policy.permits(ip_address("2606:4700:4700::1111"), 443)


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "a.b.c.example.co.uk",
        "xn--bcher-kva.example",
        "_mcp.example.com",
        "3com.com",
        "1.2.3.4.example",
    ],
)
def test_a_name_may_be_looked_up(host: str):
    assert is_name(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "com",
        "intranet",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "a.0x7f",
        "a.0x",
        "example.com.127",
        "0177.0.0.1",
        "-a.example",
        "a-.example",
        "a..example",
        ".example.com",
        "exa mple.com",
        "127%2e0%2e0%2e1",
        "127.0.0.1%00.example.com",
        "bücher.example",
        "a" * 64 + ".example",
        ".".join(["a" * 60] * 5),
        "example.com\n",
    ],
)
def test_a_number_or_a_single_label_is_never_looked_up(host: str):
    assert not is_name(host)


def test_a_host_is_compared_in_one_spelling():
    assert normal("EXAMPLE.com.") == "example.com"
    assert normal("[::1]") == "::1"
