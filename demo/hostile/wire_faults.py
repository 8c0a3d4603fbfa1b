"""Faults of connections and bodies: what arrives is not a whole HTTP response."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Iterator

from demo.hostile.exchange import Exchange, Fault, Reply
from demo.hostile.http import EVENTS, JSON, event
from demo.hostile.replies import close, endless, hold, reset

MEBIBYTE = 1 << 20
BIG_BODY_MEBIBYTES = 200
BIG_EVENT_MEBIBYTES = 9
RETRY_DIGITS = 4_000
SPACES = b" " * MEBIBYTE
NOTICE = {"jsonrpc": "2.0", "method": "notifications/message", "params": {}}


async def garbage(exchange: Exchange) -> None:
    await exchange.wire.send(bytes(range(256)) * 8 + b"\r\n\r\n")
    exchange.wire.close()


async def head_only(exchange: Exchange) -> None:
    await exchange.wire.head(200, ("Content-Type", JSON), ("Content-Length", "100"))
    await exchange.wire.hold()


async def drip_head(exchange: Exchange) -> None:
    await exchange.wire.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        await exchange.wire.send(b"a")
        await asyncio.sleep(exchange.server.pace_s)


async def huge_head(exchange: Exchange) -> None:
    await exchange.wire.reply(200, b"{}", ("X-Padding", "a" * MEBIBYTE))


async def many_headers(exchange: Exchange) -> None:
    headers = ((f"X-{number}", "a") for number in range(10_000))
    await exchange.wire.reply(200, b"{}", *headers)


async def big_body(exchange: Exchange) -> None:
    length = str(BIG_BODY_MEBIBYTES * MEBIBYTE)
    await exchange.wire.head(200, ("Content-Type", JSON), ("Content-Length", length))
    for part in _spaces():
        await exchange.wire.send(part)


async def big_stream(exchange: Exchange) -> None:
    await exchange.wire.stream(_spaces())


async def big_event(exchange: Exchange) -> None:
    def parts() -> Iterator[bytes]:
        yield b"event: message\ndata: "
        yield from [SPACES] * BIG_EVENT_MEBIBYTES
        yield b"\n\n"

    await exchange.wire.stream(parts(), content_type=EVENTS)


def _spaces() -> Iterator[bytes]:
    """Make a JSON document that is blank as far as anybody reads."""
    yield from [SPACES] * BIG_BODY_MEBIBYTES


async def gzip_body(exchange: Exchange) -> None:
    packed = gzip.compress(b"{}")
    await exchange.wire.reply(200, packed, ("Content-Encoding", "gzip"))


async def gzip_bomb(exchange: Exchange) -> None:
    # Members of a gzip file may follow each other (RFC 1952, section 2.2).
    packed = gzip.compress(SPACES)
    parts = [packed] * BIG_BODY_MEBIBYTES
    await exchange.wire.stream(parts, ("Content-Encoding", "gzip"))


def promised_length(offset: int) -> Reply:
    """Promise a body that is `offset` bytes longer than what comes."""

    async def answer(exchange: Exchange) -> None:
        text = b'{"jsonrpc":"2.0","id":1,"result":{}}'
        length = str(len(text) + offset)
        head = (("Content-Type", JSON), ("Content-Length", length))
        await exchange.wire.head(200, *head)
        await exchange.wire.send(text)
        exchange.wire.close()

    return answer


async def two_lengths(exchange: Exchange) -> None:
    await exchange.wire.head(200, ("Content-Length", "2"), ("Content-Length", "40"))
    await exchange.wire.send(b"{}")
    exchange.wire.close()


async def bad_chunk(exchange: Exchange) -> None:
    head = (("Content-Type", JSON), ("Transfer-Encoding", "chunked"))
    await exchange.wire.head(200, *head)
    await exchange.wire.send(b"not-a-length\r\n{}\r\n")
    exchange.wire.close()


async def endless_resume(exchange: Exchange) -> None:
    """Send an event with an id, ask to come back at once, and end."""
    number = exchange.seen.requests
    parts = [b": hello\nretry: 0\n\n", event(NOTICE, ("id", str(number)))]
    await exchange.wire.stream(parts, content_type=EVENTS)


async def retry_digits(exchange: Exchange) -> None:
    wait = b"id: 1\nretry: " + b"9" * RETRY_DIGITS + b"\ndata: \n\n"
    await exchange.wire.stream([wait], content_type=EVENTS)


async def silent_events(exchange: Exchange) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b": hello\n\n"
        await exchange.wire.hold()

    await exchange.wire.stream(parts(), content_type=EVENTS)


WIRE_FAULTS = {
    "never-answers": Fault(about="reads the request, never answers", reply=hold),
    "closes": Fault(about="hangs up without a byte", reply=close),
    "reset": Fault(about="resets the connection", reply=reset),
    "garbage": Fault(about="answers bytes that are not HTTP", reply=garbage),
    "head-only": Fault(about="sends headers, never the body", reply=head_only),
    "drip-head": Fault(about="sends a header byte at a time", reply=drip_head),
    "drip": Fault(
        about="sends a body byte at a time, for ever",
        reply=endless(lambda _: b" "),
    ),
    "huge-head": Fault(about="sends a header of 1 MiB", reply=huge_head),
    "many-headers": Fault(about="sends 10,000 headers", reply=many_headers),
    "endless-body": Fault(
        about="sends a body without end, as fast as it is read",
        reply=endless(lambda _: b" " * 65_536, paced=False),
    ),
    "endless-stream": Fault(
        about="keeps an event stream alive with comments, for ever",
        reply=endless(lambda _: b": still here\n\n", EVENTS),
    ),
    "endless-events": Fault(
        about="sends notifications with ids and retry: 0, for ever",
        reply=endless(lambda n: event(NOTICE, ("id", str(n)), ("retry", "0")), EVENTS),
    ),
    "endless-resume": Fault(
        about="ends each event stream with an id and retry: 0", reply=endless_resume
    ),
    "silent-events": Fault(
        about="opens an event stream and says nothing", reply=silent_events
    ),
    "retry-digits": Fault(
        about="asks in an event stream to come back in 4,000 digits of ms",
        reply=retry_digits,
    ),
    "big-body": Fault(about="sends 200 MiB and says so", reply=big_body),
    "big-stream": Fault(about="sends 200 MiB in chunks", reply=big_stream),
    "big-event": Fault(about="sends one event of 9 MiB", reply=big_event),
    "gzip": Fault(about="sends gzip that nobody asked for", reply=gzip_body),
    "gzip-bomb": Fault(about="sends gzip of 200 MiB", reply=gzip_bomb),
    "short-body": Fault(
        about="promises more bytes than it sends", reply=promised_length(10)
    ),
    "long-body": Fault(
        about="promises fewer bytes than it sends", reply=promised_length(-10)
    ),
    "two-lengths": Fault(about="promises two lengths", reply=two_lengths),
    "bad-chunk": Fault(about="sends a chunk without a length", reply=bad_chunk),
}
