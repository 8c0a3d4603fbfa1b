"""The parts that faults are put together from."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from demo.hostile.exchange import Exchange, Reply
from demo.hostile.http import EVENTS, HTML, JSON, Message, encode, event
from demo.hostile.peer import (
    INTERNAL_ERROR,
    Refusal,
    polite,
    response,
    right_result,
    send_result,
    session_headers,
)

type Header = tuple[str, str]

PAGE = b"<!doctype html><title>Welcome</title><h1>It works!</h1>"


def instead(method: str, reply: Reply) -> Reply:
    """Answer one method so, and every other as a correct server does."""

    async def answer(exchange: Exchange) -> None:
        await (reply if exchange.method == method else polite)(exchange)

    return answer


def at(methods: Iterable[str], reply: Reply) -> Reply:
    """Answer several methods so, and every other as a correct server does."""
    chosen = frozenset(methods)

    async def answer(exchange: Exchange) -> None:
        await (reply if exchange.method in chosen else polite)(exchange)

    return answer


def once(method: str, reply: Reply) -> Reply:
    """Answer a method so the first time it comes, and correctly from then on."""

    async def answer(exchange: Exchange) -> None:
        first = exchange.method == method and exchange.nth == 1
        await (reply if first else polite)(exchange)

    return answer


def after_handshake(reply: Reply) -> Reply:
    """Be correct until the client lists the tools."""

    async def answer(exchange: Exchange) -> None:
        early = exchange.method in {"server/discover", "initialize"}
        notice = exchange.message is not None and exchange.id is None
        await (polite if early or notice else reply)(exchange)

    return answer


def edited(method: str, edit: Callable[[Message], Any]) -> Reply:
    """Answer one method with the right result, changed; the others correctly."""

    async def answer(exchange: Exchange) -> None:
        await send_result(exchange, edit(right_result(exchange) or {}))

    return instead(method, answer)


def without(method: str, *names: str) -> Reply:
    """Leave fields out of the right result."""
    return edited(
        method, lambda result: {k: v for k, v in result.items() if k not in names}
    )


def changed(method: str, **fields: Any) -> Reply:
    """Replace fields of the right result."""
    return edited(method, lambda result: result | fields)


def status(code: int, *headers: Header, body: bytes = b"") -> Reply:
    """Answer an HTTP status to whatever comes."""

    async def answer(exchange: Exchange) -> None:
        await exchange.wire.reply(code, body, *headers, content_type=JSON)

    return answer


def body(data: bytes, content_type: str = JSON, *headers: Header) -> Reply:
    """Answer 200 with these bytes to whatever comes."""

    async def answer(exchange: Exchange) -> None:
        await exchange.wire.reply(200, data, *headers, content_type=content_type)

    return answer


page = body(PAGE, HTML)


def error(
    code: int = INTERNAL_ERROR, message: str = "It broke", *, status: int = 200
) -> Reply:
    """Answer a JSON-RPC error."""

    async def answer(_: Exchange) -> None:
        raise Refusal(code, message, status=status)

    return answer


def json_of(build: Callable[[Exchange], Any]) -> Reply:
    """Answer whatever JSON `build` makes."""

    async def answer(exchange: Exchange) -> None:
        headers = session_headers(exchange)
        await exchange.wire.reply(200, encode(build(exchange)), *headers)

    return answer


def result(build: Callable[[Exchange], Any]) -> Reply:
    """Answer a result that `build` makes."""
    return json_of(lambda exchange: response(exchange, build(exchange)))


def raw_result(data: bytes) -> Reply:
    """Answer a result that is written already, however odd."""

    async def answer(exchange: Exchange) -> None:
        head = encode({"jsonrpc": "2.0", "id": exchange.id})[:-1] + b',"result":'
        headers = session_headers(exchange)
        await exchange.wire.reply(200, head + data + b"}", *headers)

    return answer


def events(build: Callable[[Exchange], Iterable[bytes]]) -> Reply:
    """Answer with an event stream that `build` makes, then end it."""

    async def answer(exchange: Exchange) -> None:
        headers = session_headers(exchange)
        await exchange.wire.stream(build(exchange), *headers, content_type=EVENTS)

    return answer


def endless(
    part: Callable[[int], bytes], content_type: str = JSON, *, paced: bool = True
) -> Reply:
    """Stream parts for ever, one at each interval or as fast as they are read."""

    async def parts(exchange: Exchange) -> AsyncIterator[bytes]:
        number = 0
        while True:
            yield part(number)
            number += 1
            await asyncio.sleep(exchange.server.pace_s if paced else 0)

    async def answer(exchange: Exchange) -> None:
        await exchange.wire.stream(parts(exchange), content_type=content_type)

    return answer


def progress(exchange: Exchange, step: int, total: int) -> bytes:
    """Write the event of a progress notification for this request."""
    meta = exchange.params.get("_meta") or {}
    return event(
        {
            "jsonrpc": "2.0",
            "method": "notifications/progress",
            "params": {
                "progressToken": meta.get("progressToken", 0),
                "progress": step,
                "total": total,
                "message": f"Step {step} of {total}",
            },
        }
    )


async def hold(exchange: Exchange) -> None:
    """Read the request and never answer."""
    await exchange.wire.hold()


async def close(exchange: Exchange) -> None:
    """Read the request and hang up."""
    exchange.wire.close()


async def reset(exchange: Exchange) -> None:
    """Read the request and reset the connection."""
    exchange.wire.reset()
