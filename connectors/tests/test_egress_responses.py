"""Responses: bytes, time and headers are capped, whatever a server sends."""

import asyncio
import gzip
import socket
import struct
import time
import tracemalloc
from math import inf

import httpx2
import pytest

from connectors import egress
from connectors.tests.loopback import (
    BIG_CHUNK,
    OPEN_BODY,
    SMALL_CHUNK,
    always,
    dial,
    endless,
    hang,
    limited,
    listen,
    passed,
    reply,
)

# --- Bodies ------------------------------------------------------------------


async def test_a_body_over_the_cap_is_refused_by_its_announced_length():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 209715200\r\n\r\n"
    operation = limited()
    async with listen(always(head)) as peer, dial(operation=operation) as (client, _):
        with pytest.raises(egress.BodyTooLarge):
            await client.get(peer.url)
    assert operation.too_large
    assert operation.last.error == "too_large"
    assert operation.last.response_bytes == 0


async def test_memory_stays_flat_whatever_a_server_sends():
    operation = limited(max_bytes=8 << 20)
    async with (
        listen(endless(OPEN_BODY, BIG_CHUNK)) as peer,
        dial(operation=operation) as (client, _),
    ):
        tracemalloc.start()
        try:
            async with client.stream("GET", peer.url) as response:
                with pytest.raises(egress.BodyTooLarge):
                    async for _chunk in response.aiter_bytes():
                        pass
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert operation.too_large
    assert peak < 4 << 20


async def test_reading_a_whole_body_over_the_cap_holds_no_more_than_the_cap():
    operation = limited(max_bytes=2 << 20)
    async with (
        listen(endless(OPEN_BODY, BIG_CHUNK)) as peer,
        dial(operation=operation) as (client, _),
    ):
        with pytest.raises(egress.BodyTooLarge):
            await client.get(peer.url)
    assert operation.last.response_bytes <= (2 << 20) + 65536


async def test_a_body_of_exactly_the_cap_is_read():
    operation = limited(max_bytes=10)
    async with (
        listen(always(reply(b"x" * 10))) as peer,
        dial(operation=operation) as (client, _),
    ):
        assert len((await client.get(peer.url)).content) == 10
    assert not operation.too_large
    assert operation.last.response_bytes == 10


async def test_all_responses_together_have_a_cap_of_their_own():
    operation = egress.Operation(max_bytes=10, max_total_bytes=25, deadline_s=5)
    async with (
        listen(always(reply(b"x" * 10))) as peer,
        dial(operation=operation) as (client, _),
    ):
        await client.get(peer.url)
        await client.get(peer.url)
        with pytest.raises(egress.BodyTooLarge):
            await client.get(peer.url)
    assert operation.too_large


async def test_a_length_that_lies_is_a_broken_answer():
    async def answer(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
        writer.close()

    async with listen(answer) as peer, dial() as (client, operation):
        with pytest.raises(httpx2.RemoteProtocolError):
            await client.get(peer.url)
    assert operation.last.error == "protocol"
    assert operation.last.sent


async def test_a_connection_that_is_reset_has_a_code_of_its_own():
    async def cut(head: bytes, writer: asyncio.StreamWriter) -> None:
        at_once = struct.pack("ii", 1, 0)
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        writer.transport.abort()

    async with listen(cut) as peer, dial() as (client, operation):
        with pytest.raises(httpx2.ReadError):
            await client.get(peer.url)
    assert operation.last.error == "network"
    assert operation.last.sent


async def test_what_follows_a_response_never_answers_the_next_request():
    """Else one person would be given what was sent to another."""
    two = reply(b"ok") + reply(b"smuggled")
    async with listen(always(two)) as peer, dial() as (client, _):
        for _ in range(3):
            assert (await client.get(peer.url)).content == b"ok"
    assert peer.connections == 3


async def test_a_slow_drip_ends_at_the_deadline():
    drip = endless(OPEN_BODY, SMALL_CHUNK, every_s=0.05)
    operation = limited(deadline_s=0.5)
    started = time.monotonic()
    async with listen(drip) as peer, dial(operation=operation) as (client, _):
        with pytest.raises(httpx2.ReadTimeout):
            await client.get(peer.url)
    assert time.monotonic() - started < 3
    assert operation.last.error == "deadline"
    assert operation.last.status == 200


async def test_a_stream_without_an_end_ends_at_the_deadline():
    events = endless(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
        b": still here\n\n",
        every_s=0.02,
    )
    operation = limited(deadline_s=1)
    started = time.monotonic()
    async with (
        listen(events) as peer,
        dial(operation=operation) as (client, _),
        client.stream("POST", peer.url) as response,
    ):
        with pytest.raises(httpx2.ReadTimeout):
            async for _chunk in response.aiter_bytes():
                pass
    assert time.monotonic() - started < 3


async def test_a_clock_that_stands_ends_nothing_that_is_under_way():
    operation = limited(deadline_s=0.3)

    async def late(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await passed(0.6)
        writer.write(SMALL_CHUNK + b"0\r\n\r\n")

    async with listen(late) as peer, dial(operation=operation) as (client, _):
        under_way = asyncio.ensure_future(client.post(peer.url))
        await peer.was_asked.wait()
        with operation.paused():
            assert operation.left_s == inf
            assert (await under_way).status_code == 200
        assert operation.left_s <= 0.3


async def test_a_clock_that_goes_on_ends_what_is_under_way():
    operation = limited(deadline_s=0.3)
    async with listen(hang) as peer, dial(operation=operation) as (client, _):
        under_way = asyncio.ensure_future(client.post(peer.url))
        await peer.was_asked.wait()
        with operation.paused():
            await passed(0.4)
            assert not under_way.done()
        with pytest.raises(httpx2.ReadTimeout):
            await under_way


async def test_a_spent_deadline_lets_nothing_leave():
    operation = limited(deadline_s=0)
    async with listen(always(reply())) as peer, dial(operation=operation) as (c, _):
        with pytest.raises(httpx2.ConnectTimeout):
            await c.get(peer.url)
        assert peer.requests == []


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip", "x"])
async def test_a_compressed_reply_is_refused_unread(encoding: str):
    bomb = reply(
        gzip.compress(b"0" * (1 << 20)), headers=(f"Content-Encoding: {encoding}",)
    )
    async with listen(always(bomb)) as peer, dial() as (client, operation):
        with pytest.raises(egress.CompressedReply):
            await client.get(peer.url, headers={"accept-encoding": "gzip"})
        assert peer.sent_header("accept-encoding") == ["identity"]
    assert operation.last.error == "encoding"
    assert operation.last.response_bytes == 0


async def test_a_compressed_transfer_is_refused():
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"
    async with listen(always(head)) as peer, dial() as (client, _):
        with pytest.raises(httpx2.RemoteProtocolError):
            await client.get(peer.url)


async def test_an_encoding_called_identity_is_no_encoding():
    plain = reply(b"ok", headers=("Content-Encoding: Identity",))
    async with listen(always(plain)) as peer, dial() as (client, _):
        assert (await client.get(peer.url)).text == "ok"


# --- Heads of responses ------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        ("X-Long: " + "a" * (1 << 20),),
        tuple(f"X-{n}: {'a' * 100}" for n in range(10_000)),
        tuple(f"a{n}:" for n in range(10_000)),
        tuple(f"a{n}:" for n in range(201)),
        ("X-Long: " + "a" * 70_000,),
        tuple("Set-Cookie: a=b" for _ in range(300)),
    ],
    ids=["1 MB", "10,000 long", "10,000 short", "201", "70 kB", "300 cookies"],
)
async def test_too_many_or_too_long_headers_are_too_large(headers: tuple[str, ...]):
    answer = always(reply(headers=headers))
    async with listen(answer) as peer, dial() as (client, operation):
        with pytest.raises(httpx2.TransportError):
            await client.get(peer.url)
    assert operation.too_large
    assert operation.last.error == "too_large"


async def test_headers_without_an_end_are_given_up():
    start = b"HTTP/1.1 200 OK\r\n"
    answer = endless(start, b"X-More: " + b"a" * 1000 + b"\r\n")
    async with listen(answer) as peer, dial() as (client, operation):
        with pytest.raises(httpx2.TransportError):
            await client.get(peer.url)
    assert operation.too_large


async def test_headers_that_drip_end_at_the_deadline():
    answer = endless(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n", every_s=0.05)
    operation = limited(deadline_s=0.4)
    started = time.monotonic()
    async with listen(answer) as peer, dial(operation=operation) as (client, _):
        with pytest.raises(httpx2.ReadTimeout):
            await client.get(peer.url)
    assert time.monotonic() - started < 3


async def test_interim_answers_without_an_end_stop_nobody_else():
    answer = endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500)
    operation = limited(deadline_s=0.5)
    started = time.monotonic()
    async with (
        listen(answer) as peer,
        listen(always(reply(b"ok"))) as good,
        dial(operation=operation) as (client, _),
        dial() as (other, _),
    ):
        flooded = asyncio.create_task(client.get(peer.url))
        assert (await other.get(good.url)).text == "ok"
        with pytest.raises(httpx2.TransportError):
            await flooded
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade"
        b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBad Header: x\r\n\r\n",
        b"HTTP/1.1 99 Low\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_a_broken_answer(answer: bytes):
    operation = limited(deadline_s=1)
    async with listen(always(answer)) as peer, dial(operation=operation) as (client, _):
        with pytest.raises(httpx2.TransportError):
            await client.get(peer.url)
    assert operation.last.error in ("protocol", "too_large")


async def test_cookies_are_not_kept_between_requests():
    answer = always(reply(headers=("Set-Cookie: sid=1; Path=/",)))
    async with listen(answer) as peer, dial() as (client, operation):
        first = await client.get(peer.url)
        await client.get(peer.url)
    assert peer.sent_header("cookie") == []
    assert "set-cookie" not in first.headers
    assert len(client.cookies) == 0
    assert "set-cookie" in operation.last.response_header_names
