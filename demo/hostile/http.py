"""HTTP/1.1 by hand: just enough to be able to break every part of it."""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

LARGEST_HEAD = 1 << 20  # bytes
JSON, EVENTS, HTML = "application/json", "text/event-stream", "text/html"

type Message = dict[str, Any]


class BadRequest(Exception):
    """The client did not send HTTP."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One HTTP request, read to its end. Header names are in lower case."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> str:
        return urlsplit(self.target).query

    def header(self, name: str) -> str:
        """Return the first value of a header, or an empty text."""
        return next((value for key, value in self.headers if key == name), "")

    def message(self) -> Message | None:
        """Parse the body as one JSON object; None if it is something else."""
        try:
            parsed = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return parsed if isinstance(parsed, dict) else None


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """Read the next request of a connection; None when the client left.

    Raises:
        BadRequest: this is not HTTP/1.1.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as error:
        raise BadRequest("the head is too long") from error
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    try:
        method, target, _version = first.split(" ")
        pairs = (line.split(":", 1) for line in lines)
        headers = tuple((name.lower(), value.strip()) for name, value in pairs)
    except ValueError as error:
        raise BadRequest("the head is not HTTP") from error
    body = await _read_body(reader, dict(headers))
    return Request(method=method, target=target, headers=headers, body=body)


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if "chunked" not in headers.get("transfer-encoding", "").lower():
        return await reader.readexactly(int(headers.get("content-length") or 0))
    body = bytearray()
    while size := int((await reader.readline()).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return bytes(body)


class Wire:
    """The way back to the client, at every level from bytes to replies."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.closed = False
        # Told how many bytes leave, before they do.
        self.count: Callable[[int], None] = lambda _: None

    async def send(self, data: bytes) -> None:
        """Send bytes as they are, at the pace at which the client reads."""
        # Counted first: whoever has received it finds it counted.
        self.count(len(data))
        self.writer.write(data)
        await self.writer.drain()

    async def head(self, status: int, *headers: tuple[str, str]) -> None:
        """Send a status line and headers."""
        first = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        await self.send(f"{first}{lines}\r\n".encode("latin-1"))

    async def reply(
        self,
        status: int,
        body: bytes = b"",
        *headers: tuple[str, str],
        content_type: str = JSON,
    ) -> None:
        """Send a whole response."""
        described = (("Content-Type", content_type),) if body else ()
        length = ("Content-Length", str(len(body)))
        await self.head(status, *described, length, *headers)
        if body:
            await self.send(body)

    async def stream(
        self,
        parts: AsyncIterable[bytes] | Iterable[bytes],
        *headers: tuple[str, str],
        content_type: str = JSON,
    ) -> None:
        """Send a response in chunks, of a length that nobody was told."""
        await self.head(
            200,
            ("Content-Type", content_type),
            ("Transfer-Encoding", "chunked"),
            *headers,
        )
        if isinstance(parts, AsyncIterable):
            async for part in parts:
                await self.chunk(part)
        else:
            for part in parts:
                await self.chunk(part)
        await self.send(b"0\r\n\r\n")

    async def chunk(self, part: bytes) -> None:
        """Send one chunk of a streamed body; an empty one would end it."""
        await self.send(b"%x\r\n%b\r\n" % (len(part), part))

    async def hold(self) -> None:
        """Say nothing more until the client leaves."""
        while await self.reader.read(1 << 16):
            pass
        self.close()

    def close(self) -> None:
        """End the connection in good order, whatever was promised."""
        self.closed = True
        self.writer.close()

    def reset(self) -> None:
        """End the connection with a TCP reset."""
        self.closed = True
        sock = self.writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            linger_not = struct.pack("ii", 1, 0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
        self.writer.transport.abort()


def encode(value: Any) -> bytes:
    """Write JSON; anything outside ASCII is escaped, lone surrogates too."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def event(message: Any, *fields: tuple[str, str]) -> bytes:
    """Write a server-sent event that carries a JSON-RPC message."""
    lines = "".join(f"{name}: {value}\n" for name, value in fields)
    return lines.encode() + b"event: message\ndata: " + encode(message) + b"\n\n"
