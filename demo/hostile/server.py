"""The hostile server: one port, a path for each way to misbehave."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Mapping, Sequence

from demo.hostile.exchange import Era, Exchange, Fault, Ledger
from demo.hostile.http import (
    LARGEST_HEAD,
    BadRequest,
    Request,
    Wire,
    encode,
    read_request,
)
from demo.hostile.index import index_page
from demo.hostile.peer import Refusal, error_response

HOST = "127.0.0.1"
ERAS: tuple[Era, ...] = ("modern", "legacy", "both", "sse")
# What a client does when it leaves in the middle of something.
GONE = (ConnectionError, asyncio.IncompleteReadError, BadRequest, ssl.SSLError)


class HostileServer:
    """Serves a table of faults; `/` lists them and `/stats` counts.

    A path is the name of a fault; `/legacy/<name>`, `/modern/<name>` and
    `/both/<name>` choose the protocol of everything that is not broken.
    """

    def __init__(
        self,
        faults: Mapping[str, Fault],
        *,
        tls: ssl.SSLContext | None = None,
        pace_s: float = 0.05,
    ) -> None:
        self.faults = faults
        self.tls = tls
        # Seconds between two parts of whatever drips.
        self.pace_s = pace_s
        self.ledger = Ledger()
        self.sessions: set[str] = set()
        # The event streams of HTTP+SSE, by session; None ends one.
        self.streams: dict[str, asyncio.Queue[bytes | None]] = {}
        self.ports: list[int] = []
        self._listeners: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        return self.ports[0]

    @property
    def origin(self) -> str:
        return f"{'https' if self.tls else 'http'}://{HOST}:{self.port}"

    def url(self, name: str, era: Era | None = None) -> str:
        """Return the address of a path.

        Raises:
            KeyError: there is no such fault.
        """
        own = self.faults[name].era
        prefix = f"/{era}" if era and era != own else ""
        return f"{self.origin}{prefix}/{name}"

    async def start(self, listeners: Sequence[socket.socket]) -> None:
        """Serve on sockets that listen already; the first gives the URL."""
        for listener in listeners:
            self.ports.append(listener.getsockname()[1])
            server = await asyncio.start_server(
                self._connected, sock=listener, ssl=self.tls, limit=LARGEST_HEAD
            )
            self._listeners.append(server)

    async def stop(self) -> None:
        """Close the ports and hang up on everybody."""
        for listener in self._listeners:
            listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.sessions.clear()

    async def _connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 — this is a coroutine
        self._tasks.add(task)
        self.ledger.opened()
        wire = Wire(reader, writer)
        try:
            with contextlib.suppress(*GONE):
                await self._converse(wire)
        except asyncio.CancelledError:
            # Only `stop` cancels; a cancelled handler is logged as a failure.
            writer.transport.abort()
        finally:
            writer.close()
            with contextlib.suppress(*GONE, TimeoutError):
                await writer.wait_closed()
            self._tasks.discard(task)
            self.ledger.closed()

    async def _converse(self, wire: Wire) -> None:
        while not wire.closed and (request := await read_request(wire.reader)):
            await self._answer(request, wire)
            if request.header("connection").lower() == "close":
                break

    async def _answer(self, request: Request, wire: Wire) -> None:
        era, name = self._route(request.path)
        fault = self.faults.get(name)
        if fault is None:
            await self._answer_about(request.path, wire)
            return
        seen = self.ledger.of(name)
        exchange = Exchange(
            request=request,
            wire=wire,
            era=era or fault.era,
            name=name,
            seen=seen,
            server=self,
            message=request.message(),
        )
        seen.requests += 1
        seen.methods[exchange.method] += 1
        seen.log.append(request)
        seen.in_flight += 1
        wire.count = seen.sent
        try:
            await fault.reply(exchange)
        except Refusal as refusal:
            body = encode(error_response(exchange, refusal))
            await wire.reply(refusal.status, body)
        finally:
            seen.in_flight -= 1

    @staticmethod
    def _route(path: str) -> tuple[Era | None, str]:
        first, _, rest = path.lstrip("/").partition("/")
        for era in ERAS:
            if first == era and rest:
                return era, rest
        return None, path.lstrip("/")

    async def _answer_about(self, path: str, wire: Wire) -> None:
        if path == "/":
            page = index_page(self.origin, self.faults).encode()
            await wire.reply(200, page, content_type="text/html; charset=utf-8")
        elif path == "/stats":
            await wire.reply(200, encode(self.ledger.report()))
        else:
            await wire.reply(404, b"No such path", content_type="text/plain")
