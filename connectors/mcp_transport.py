"""The SDK's transports, made safe for one operation with one server.

Three things stand between a server and the SDK: bytes that are not valid
Unicode are mended, replies are bounded in depth, and the results of a listing
or a call are set aside before the SDK's strict models can throw them away whole.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, cast

import anyio
import httpx2
from django.conf import settings
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.message import SessionMessage
from mcp_types import INTERNAL_ERROR, ErrorData, JSONRPCError, JSONRPCResponse

from connectors.egress import HttpClient
from connectors.listing import deeper_than

# One whole escape of a JSON string: a surrogate pair, a lone surrogate, another.
_PAIR = rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_LONE = rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
_ESCAPE = re.compile(rb"(" + _PAIR + rb")|(" + _LONE + rb")|\\.", re.DOTALL)
_LONGEST_ESCAPE = 12
SESSION_HEADER = "mcp-session-id"
# Ending a session is a courtesy: nobody waits longer than this for it.
GOODBYE_S = 1.0
# How long a server may take to begin the stream on which it asks.
LISTEN_S = 1.0


@dataclass(kw_only=True)
class Wire:
    """What went over one connection, beside what the SDK makes of it."""

    # The raw result of the last listing or call; the SDK sees an empty one.
    raw: dict[str, Any] = field(default_factory=dict)
    session_id: str = ""
    protocol_version: str = ""
    # The server has taken a tool call: its answer has begun, or comes on the stream.
    accepted: bool = False
    # The server answered the request for a stream of its own questions.
    listening: asyncio.Event = field(default_factory=asyncio.Event)
    # Ends the connection at once: the SDK swallows a refused POST of HTTP+SSE.
    abort: Callable[[], None] | None = None

    async def see(self, response: httpx2.Response) -> None:
        """Note and mend one response before the SDK reads it (an httpx2 hook)."""
        content_type = response.headers.get("content-type", "").lower()
        if content_type.startswith(("application/json", "text/event-stream")):
            response.stream = WellFormed(cast(httpx2.AsyncByteStream, response.stream))
        if response.request.method == "GET":
            self.listening.set()
        if response.is_success and _is_call(response.request):
            self.accepted = True
        if response.status_code < 400:
            self.session_id = response.headers.get(SESSION_HEADER, self.session_id)
        elif self.abort and response.request.method == "POST":
            self.abort()

    def take(self, message: JSONRPCResponse) -> JSONRPCResponse | JSONRPCError:
        """Set a listing's or a call's result aside, repair what is often left out."""
        result = message.result
        # The depth of a tool is that tool's own problem: see `listing`.
        bounded = {key: result[key] for key in result if key != "tools"}
        if deeper_than(bounded, settings.MAX_JSON_DEPTH):
            error = ErrorData(code=INTERNAL_ERROR, message="recursion limit of JSON")
            return JSONRPCError(jsonrpc="2.0", id=message.id, error=error)
        if "protocolVersion" not in result:
            # An absent resultType means complete; real servers leave it out.
            result.setdefault("resultType", "complete")
        if isinstance(result.get("tools"), list):
            self._set_aside(result, "tools")
            _repair_caching(result)
        elif "content" in result or "structuredContent" in result:
            self._set_aside(result, "content")
            result.pop("structuredContent", None)
            result["isError"] = False
        elif "supportedVersions" in result:
            _repair_caching(result)
        return message

    def _set_aside(self, result: dict[str, Any], key: str) -> None:
        self.raw = dict(result)
        result[key] = []
        result.pop("_meta", None)


def _is_call(request: httpx2.Request) -> bool:
    if request.method != "POST":
        return False
    message = json.loads(request.content)
    return isinstance(message, dict) and message.get("method") == "tools/call"


def _repair_caching(result: dict[str, Any]) -> None:
    if not isinstance(result.get("ttlMs"), int):
        result["ttlMs"] = 0
    if result.get("cacheScope") not in ("public", "private"):
        result["cacheScope"] = "private"


class WellFormed(httpx2.AsyncByteStream):
    """A JSON body or event stream with lone surrogates replaced by U+FFFD.

    PostgreSQL and UTF-8 have no lone surrogates, and the SDK's parser refuses a
    whole reply for one of them.
    """

    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        held = b""
        async for chunk in self._inner:
            ready, held = _mend(held + chunk)
            if ready:
                yield ready
        if held:
            yield held

    async def aclose(self) -> None:
        await self._inner.aclose()


def _mend(data: bytes) -> tuple[bytes, bytes]:
    """Return the mended part of `data`, and its tail that may be half an escape."""
    if b"\\" not in data:
        return data, b""
    done, mended = 0, bytearray()
    for escape in _ESCAPE.finditer(data):
        cut_short = len(data) - escape.start() < _LONGEST_ESCAPE
        if cut_short and _may_go_on(data[escape.start() :]):
            break
        mended += data[done : escape.start()]
        mended += rb"\ufffd" if escape[2] else escape[0]
        done = escape.end()
    rest = data[done:]
    tail = rest.find(b"\\")
    if tail < 0:
        return bytes(mended + rest), b""
    return bytes(mended + rest[:tail]), rest[tail:]


def _may_go_on(tail: bytes) -> bool:
    """Tell whether `tail` may be the start of a longer Unicode escape."""
    if len(tail) == 1:
        return True
    if tail[1:2] != b"u":
        return False
    return len(tail) < 6 or tail[6:7] in (b"", b"\\")


class Received:
    """The SDK's read stream, with every response passed through `Wire.take`."""

    def __init__(self, inner: Any, wire: Wire) -> None:
        self._inner = inner
        self._wire = wire

    @property
    def last_context(self) -> Any:
        return getattr(self._inner, "last_context", None)

    async def receive(self) -> SessionMessage | Exception:
        item = await self._inner.receive()
        message = getattr(item, "message", None)
        if isinstance(message, JSONRPCResponse):
            item.message = self._wire.take(message)
        return cast(SessionMessage | Exception, item)

    async def aclose(self) -> None:
        await self._inner.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> bool | None:
        await self._inner.__aexit__(exc_type, exc_val, exc_tb)
        return None


@asynccontextmanager
async def streams(
    *, url: str, kind: str, http: HttpClient, wire: Wire, max_bytes: int
) -> AsyncIterator[tuple[Any, Any]]:
    """Open the SDK's transport of `kind` (http or sse) over an egress client."""
    http.event_hooks = {"request": [], "response": [wire.see]}
    opened: AbstractAsyncContextManager[Any]
    if kind == "sse":
        opened = sse_client(url, httpx_client_factory=_lend(http))
    else:
        opened = streamable_http_client(
            url,
            http_client=http,
            terminate_on_close=False,
            max_sse_event_size=max_bytes,
        )
    async with opened as (read, write):
        yield Received(read, wire), write


async def wait_for_questions(wire: Wire) -> None:
    """Wait until a server of the handshake era can ask in the middle of a call.

    What it asks before its stream is open, it may throw away and wait in vain.
    """
    if not wire.session_id:
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(LISTEN_S):
            await wire.listening.wait()


async def say_goodbye(*, url: str, http: HttpClient, wire: Wire) -> None:
    """End a session of the handshake era, so that the server need not keep it."""
    if not wire.session_id:
        return
    headers = {SESSION_HEADER: wire.session_id}
    if wire.protocol_version:
        headers["mcp-protocol-version"] = wire.protocol_version
    with suppress(httpx2.HTTPError, TimeoutError):
        async with asyncio.timeout(GOODBYE_S):
            await http.delete(url, headers=headers)


def _lend(http: HttpClient) -> Any:
    def factory(**_: object) -> _Borrowed:
        return _Borrowed(http)

    return factory


class _Borrowed:
    """An HTTP client for the SDK to enter and leave, closed by its owner."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def __aenter__(self) -> HttpClient:
        return self._http

    async def __aexit__(self, *_: object) -> None:
        return None
