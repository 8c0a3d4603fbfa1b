"""The transport of 2024, HTTP+SSE: answers come through another connection.

A GET opens the event stream, whose first event names the address to post to.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from urllib.parse import parse_qs

from demo.hostile.exchange import Exchange, Fault, Reply
from demo.hostile.http import EVENTS, event
from demo.hostile.peer import Refusal, error_response, response, right_result
from demo.hostile.replies import endless, status

type Stream = asyncio.Queue[bytes | None]

CALL = "tools/call"


def two_connections(*, on_call: Reply | None = None) -> Reply:
    """Speak HTTP+SSE correctly, except for what happens on a call."""

    async def answer(exchange: Exchange) -> None:
        stream = exchange.server.streams.get(_session(exchange))
        if exchange.request.method == "GET":
            await _serve_stream(exchange)
        elif stream is None:
            # What a server of 2024 says to a client of 2025.
            await exchange.wire.reply(405, b"", ("Allow", "GET"))
        elif exchange.method == CALL and on_call is not None:
            await on_call(exchange)
        else:
            await exchange.wire.reply(202)
            await _answer_through(stream, exchange)

    return answer


def _session(exchange: Exchange) -> str:
    return parse_qs(exchange.request.query).get("session", [""])[0]


async def _serve_stream(exchange: Exchange) -> None:
    session = secrets.token_hex(16)
    stream: Stream = asyncio.Queue()
    exchange.server.streams[session] = stream
    address = f"/sse/{exchange.name}?session={session}"
    leaving = asyncio.create_task(exchange.wire.hold())
    leaving.add_done_callback(lambda _: stream.put_nowait(None))

    async def parts() -> AsyncIterator[bytes]:
        yield f"event: endpoint\ndata: {address}\n\n".encode()
        while (part := await stream.get()) is not None:
            yield part

    try:
        await exchange.wire.stream(parts(), content_type=EVENTS)
    finally:
        del exchange.server.streams[session]
        leaving.cancel()
        exchange.wire.close()


async def _answer_through(stream: Stream, exchange: Exchange) -> None:
    if exchange.id is None:
        return
    try:
        message = response(exchange, right_result(exchange))
    except Refusal as refusal:
        message = error_response(exchange, refusal)
    await stream.put(event(message))


async def accept_only(exchange: Exchange) -> None:
    """Accept a call and never answer it."""
    await exchange.wire.reply(202)


async def end_stream(exchange: Exchange) -> None:
    """Accept a call and end the event stream."""
    await exchange.wire.reply(202)
    await exchange.server.streams[_session(exchange)].put(None)


def first_event(text: bytes) -> Reply:
    """Open an event stream with this event and keep it open."""

    async def answer(exchange: Exchange) -> None:
        if exchange.request.method != "GET":
            await exchange.wire.reply(405, b"", ("Allow", "GET"))
            return
        port = str(exchange.server.ports[-1]).encode()
        await endless(
            lambda n: b": still here\n\n" if n else text.replace(b"PORT", port), EVENTS
        )(exchange)

    return answer


SSE_FAULTS = {
    "sse-good": Fault(
        about="speaks HTTP+SSE, correctly", reply=two_connections(), era="sse"
    ),
    "sse-no-endpoint": Fault(
        about="opens a stream and never says where to post",
        reply=first_event(b": hello\n\n"),
        era="sse",
    ),
    "sse-elsewhere": Fault(
        about="wants the posts at another origin",
        reply=first_event(b"event: endpoint\ndata: http://127.0.0.1:PORT/trap\n\n"),
        era="sse",
    ),
    "sse-bad-endpoint": Fault(
        about="wants the posts at no address at all",
        reply=first_event(b"event: endpoint\ndata: http://[\n\n"),
        era="sse",
    ),
    "sse-call-hangs": Fault(
        about="accepts a call over HTTP+SSE and never answers",
        reply=two_connections(on_call=accept_only),
        era="sse",
    ),
    "sse-call-ends": Fault(
        about="accepts a call over HTTP+SSE and ends the stream",
        reply=two_connections(on_call=end_stream),
        era="sse",
    ),
    "sse-call-500": Fault(
        about="answers 500 to a call over HTTP+SSE",
        reply=two_connections(on_call=status(500)),
        era="sse",
    ),
}
