"""Opening a socket: what is resolved, checked, dialled and compared."""

import asyncio
import time
from ipaddress import ip_address

import httpx2
import pytest
from pytest_django import Settings
from structlog.testing import capture_logs

from connectors import egress
from connectors.egress.backend import GuardedBackend
from connectors.tests.loopback import always, answers, dial, hang, listen, reply
from demo.hostile import sockets

LOCAL = ("127.0.0.1/32",)
# Every way to write loopback, and URLs whose host is not what it seems.
SPELLINGS = [
    "http://127.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.0.0.1:{port}/",
    "http://0x7f.1:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://017700000001:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST.:{port}/",
    "http://mcp.localhost:{port}/",
    "http://[::1]:{port}/",
    "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[0:0:0:0:0:ffff:7f00:1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[::1%25lo]:{port}/",
    "http://１２７.0.0.1:{port}/",
    "http://①②⑦.0.0.1:{port}/",
    "http://127。0。0。1:{port}/",
    "http://127%2e0%2e0%2e1:{port}/",
    "http://127.0.0.1%00.example.com:{port}/",
    "http://user@127.0.0.1:{port}/",
    "http://example.com@127.0.0.1:{port}/",
    "http://example.com:80@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@example.com/",
    "http://127.0.0.1:{port}#@example.com/",
    "http://intranet:{port}/",
    "http://name.example.test:{port}/",
    "http://127.0.0.1:99999/",
    "http://name.example.test:65536/",
    "ws://127.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}/",
    "file:///etc/passwd",
    "//127.0.0.1:{port}/",
]


@pytest.mark.parametrize("url", SPELLINGS)
async def test_no_spelling_reaches_an_address_that_is_not_allowed(url: str):
    async def resolve(name: str) -> list[str]:
        return ["127.0.0.1"]

    async with (
        listen(always(reply())) as peer,
        dial(policy=egress.Policy(resolver=resolve)) as (client, _),
    ):
        with pytest.raises((httpx2.InvalidURL, httpx2.TransportError)):
            await client.get(url.format(port=peer.port))
        assert peer.connections == 0


async def test_an_allowed_address_is_reached_in_its_plain_spelling():
    async with listen(always(reply(b"ok"))) as peer, dial() as (client, _):
        assert (await client.get(peer.url)).text == "ok"


async def test_an_allowed_ipv6_address_is_reached():
    async with (
        listen(always(reply(b"six")), host="::1") as peer,
        dial(policy=egress.Policy(allow=("::1/128",))) as (client, _),
    ):
        assert (await client.get(peer.url)).text == "six"


async def test_an_internal_service_beside_an_allowed_address_stays_unreachable():
    async with (
        listen(always(reply()), host="127.0.0.66") as internal,
        dial() as (client, operation),
    ):
        with pytest.raises(httpx2.ConnectError):
            await client.get(internal.url)
        assert internal.connections == 0
        assert operation.blocked


async def test_a_block_tells_nothing_about_the_address():
    resolve = answers(name_example_test=["10.11.12.13"])
    async with dial(policy=egress.Policy(resolver=resolve)) as (client, operation):
        with capture_logs() as logs, pytest.raises(httpx2.ConnectError) as seen:
            await client.get("http://name.example.test/")
    assert logs == [{"event": "egress.blocked", "log_level": "info"}]
    assert "10.11.12.13" not in f"{seen.value} {operation.transcript()}"
    assert operation.last.error == "blocked"
    assert not operation.last.sent


async def test_a_name_is_looked_up_once_with_a_trailing_dot():
    asked: list[str] = []

    async def resolve(name: str) -> list[str]:
        asked.append(name)
        return ["127.0.0.1"]

    policy = egress.Policy(allow=LOCAL, resolver=resolve)
    async with listen(always(reply())) as peer, dial(policy=policy) as (client, _):
        await client.get(f"http://Name.Example.Test:{peer.port}/")
    assert asked == ["name.example.test."]
    assert peer.sent_header("host") == [f"name.example.test:{peer.port}"]


async def test_a_name_that_changes_its_answer_is_refused_the_second_time():
    replies = iter([["127.0.0.1"], ["127.0.0.66"]])

    async def rebind(name: str) -> list[str]:
        return next(replies)

    policy = egress.Policy(allow=LOCAL, resolver=rebind)
    closing = always(reply(headers=("Connection: close",)))
    async with (
        listen(closing) as peer,
        listen(closing, host="127.0.0.66", port=peer.port) as internal,
        dial(policy=policy) as (client, operation),
    ):
        url = f"http://name.example.test:{peer.port}/"
        assert (await client.get(url)).status_code == 200
        with pytest.raises(httpx2.ConnectError):
            await client.get(url)
        assert (peer.connections, internal.connections) == (1, 0)
        assert operation.blocked


@pytest.mark.parametrize(
    "mixed", [["127.0.0.1", "10.0.0.1"], ["10.0.0.1", "127.0.0.1"], ["::1"] * 9]
)
async def test_a_mixed_answer_refuses_the_whole_name(mixed: list[str]):
    policy = egress.Policy(
        allow=LOCAL, resolver=answers(name_example_test=["127.0.0.1", *mixed])
    )
    async with listen(always(reply())) as peer, dial(policy=policy) as (client, _):
        with pytest.raises(httpx2.ConnectError):
            await client.get(f"http://name.example.test:{peer.port}/")
        assert peer.connections == 0


@pytest.mark.parametrize(
    "failure",
    [OSError("SERVFAIL"), UnicodeError("label too long"), ValueError("not an address")],
)
async def test_a_resolver_that_fails_closes_the_door(failure: Exception):
    async def resolve(name: str) -> list[str]:
        raise failure

    policy = egress.Policy(allow=("0.0.0.0/0", "::/0"), resolver=resolve)
    async with dial(policy=policy) as (client, operation):
        with pytest.raises(httpx2.ConnectError):
            await client.get("http://name.example.test/")
    assert operation.last.error == "name"
    assert not operation.blocked


@pytest.mark.parametrize("found", [[], ["not an address"], ["127.0.0.1", "127.1"]])
async def test_an_answer_without_readable_addresses_closes_the_door(found: list[str]):
    policy = egress.Policy(
        allow=("127.0.0.0/8",), resolver=answers(name_example_test=found)
    )
    async with listen(always(reply())) as peer, dial(policy=policy) as (client, op):
        with pytest.raises(httpx2.ConnectError):
            await client.get(f"http://name.example.test:{peer.port}/")
        assert peer.connections == 0
    assert op.last.error == "name"


async def test_a_resolver_that_hangs_is_given_up():
    async def resolve(name: str) -> list[str]:
        await asyncio.Event().wait()
        return []

    policy = egress.Policy(resolver=resolve, resolve_timeout_s=0.2)
    started = time.monotonic()
    async with dial(policy=policy) as (client, operation):
        with pytest.raises(httpx2.ConnectError):
            await client.get("http://name.example.test/")
    assert time.monotonic() - started < 2
    assert operation.last.error == "name"


async def test_a_denied_port_is_refused_before_anything_is_dialled():
    async with listen(always(reply())) as peer:
        policy = egress.Policy(allow=LOCAL, deny_ports=frozenset({peer.port}))
        async with dial(policy=policy) as (client, operation):
            with pytest.raises(httpx2.ConnectError):
                await client.get(peer.url)
        assert (peer.connections, operation.blocked) == (0, True)


async def test_an_installation_does_not_call_itself():
    async with listen(always(reply())) as peer:
        policy = egress.Policy(
            allow=("127.0.0.1/32:1",),
            own_hosts=frozenset({"name.example.test"}),
            resolver=answers(name_example_test=["127.0.0.1"]),
        )
        async with dial(policy=policy) as (client, operation):
            with pytest.raises(httpx2.ConnectError):
                await client.get(f"http://name.example.test:{peer.port}/")
        assert (peer.connections, operation.blocked) == (0, True)


@pytest.mark.parametrize("host", ["localhost", "LocalHost.", "demo.localhost"])
async def test_localhost_is_the_loopback_address_that_is_allowed(host: str):
    async def resolve(name: str) -> list[str]:
        raise AssertionError("never looked up, says RFC 6761")

    policy = egress.Policy(allow=LOCAL, resolver=resolve)
    async with listen(always(reply(b"ok"))) as peer, dial(policy=policy) as (client, _):
        assert (await client.get(f"http://{host}:{peer.port}/")).text == "ok"


async def test_localhost_may_be_the_ipv6_loopback_alone():
    async with (
        listen(always(reply(b"six")), host="::1") as peer,
        dial(policy=egress.Policy(allow=("::1/128",))) as (client, _),
    ):
        assert (await client.get(f"http://localhost:{peer.port}/")).text == "six"


async def test_addresses_are_tried_in_their_order_until_one_answers():
    async with listen(always(reply(b"second"))) as peer:
        policy = egress.Policy(
            allow=("127.0.0.0/8",),
            resolver=answers(name_example_test=["127.0.0.9", "127.0.0.1"]),
        )
        async with dial(policy=policy) as (client, _):
            response = await client.get(f"http://name.example.test:{peer.port}/")
        assert response.text == "second"


async def test_a_refused_connection_is_a_connect_error():
    async with listen(always(reply())) as peer:
        pass
    async with dial() as (client, operation):
        with pytest.raises(httpx2.ConnectError):
            await client.get(peer.url)
    assert (operation.last.error, operation.blocked) == ("connect", False)
    assert not operation.last.sent


async def test_silent_addresses_share_the_connect_timeout(settings: Settings):
    settings.CONNECT_TIMEOUT_S = 0.4
    silent = ["127.0.0.1"] * 6
    policy = egress.Policy(allow=LOCAL, resolver=answers(name_example_test=silent))
    started = time.monotonic()
    with sockets.unaccepting() as port:
        async with dial(policy=policy) as (client, operation):
            with pytest.raises(httpx2.ConnectTimeout):
                await client.get(f"http://name.example.test:{port}/")
    assert time.monotonic() - started < 2
    assert operation.last.error == "connect_timeout"


@pytest.mark.parametrize(("address", "port"), [("127.0.0.66", 0), ("127.0.0.1", 1)])
async def test_a_socket_that_ended_elsewhere_is_refused(address: str, port: int):
    """What the system says of the peer counts, not what was asked for."""
    async with listen(always(reply())) as peer:
        backend = GuardedBackend(egress.Policy(allow=LOCAL))
        stream = await backend.connect_tcp("127.0.0.1", peer.port, timeout=2)
        with pytest.raises(egress.EgressBlocked):
            await backend._check_peer(stream, ip_address(address), port or peer.port)


async def test_unix_sockets_are_refused():
    with pytest.raises(egress.EgressBlocked):
        await GuardedBackend(egress.Policy()).connect_unix_socket("/run/x.sock")


async def test_the_operation_hears_how_far_a_connection_came():
    heard: list[str] = []
    operation = egress.Operation(max_bytes=100, deadline_s=5)
    operation.on_event = heard.append
    async with listen(always(reply())) as peer, dial(operation=operation) as (c, _):
        await c.get(peer.url)
        assert heard == ["resolved", "connected"]
        await c.get(peer.url)
        assert heard == ["resolved", "connected", "connected"]
        with pytest.raises(httpx2.ConnectError):
            await c.get("http://127.0.0.66/")
    assert len(heard) == 3


async def test_a_server_that_hangs_ends_at_the_deadline():
    operation = egress.Operation(max_bytes=100, deadline_s=0.3)
    started = time.monotonic()
    async with listen(hang) as peer, dial(operation=operation) as (client, _):
        with pytest.raises(httpx2.ReadTimeout):
            await client.post(peer.url, content=b"x")
    assert time.monotonic() - started < 2
    assert operation.last.error == "deadline"
    assert operation.last.sent
