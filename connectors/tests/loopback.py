"""Raw peers on loopback: they answer bytes, well-formed or not, and keep count."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from connectors import egress

type Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Peer:
    """A listening socket: how often it was connected to, and what it was sent."""

    host: str
    port: int = 0
    scheme: str = "http"
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def sent_header(self, name: str) -> list[str]:
        """Give the values of a header in all requests, in turn."""
        lines = [line for head in self.requests for line in head.split(b"\r\n")]
        pairs = [line.decode("latin-1").partition(":") for line in lines]
        return [v.strip() for key, _, v in pairs if key.lower() == name.lower()]


def reply(
    body: bytes = b"{}", *, status: str = "200 OK", headers: tuple[str, ...] = ()
) -> bytes:
    """Write a whole response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


OPEN_BODY = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SMALL_CHUNK = b"1\r\nx\r\n"
BIG_CHUNK = b"10000\r\n" + b"x" * 65536 + b"\r\n"


def always(response: bytes) -> Answer:
    """Answer every request with the same bytes."""

    async def answer(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(response)
        await writer.drain()

    return answer


def endless(start: bytes, piece: bytes, *, every_s: float = 0) -> Answer:
    """Send `piece` after `start` until the caller goes away."""

    async def answer(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(every_s)

    return answer


async def passed(seconds: float) -> None:
    """Take so long, as a slow peer or a person does."""
    over = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, over.set)
    await over.wait()


async def hang(head: bytes, writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.Event().wait()


@asynccontextmanager
async def listen(
    answer: Answer,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Peer]:
    """Serve `answer` to each request on each connection, until the block ends."""
    peer = Peer(host, scheme="https" if tls else "http")
    tasks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer.connections += 1
        if task := asyncio.current_task():
            tasks.add(task)
        # The end of the block cancels; Python 3.12 would then leave the socket open.
        ends = (OSError, asyncio.IncompleteReadError, asyncio.CancelledError)
        with contextlib.suppress(*ends):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                peer.requests.append(head)
                peer.was_asked.set()
                await answer(head, writer)
        writer.close()

    server = await asyncio.start_server(talk, host, port, ssl=tls, backlog=512)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def dial(
    *,
    policy: egress.Policy | None = None,
    tls: ssl.SSLContext | None = None,
    operation: egress.Operation | None = None,
    headers: dict[str, str] | None = None,
    timeout_s: float = 5,
) -> AsyncIterator[tuple[egress.HttpClient, egress.Operation]]:
    """Open a pool and a client as `connectors.pools` does; 127.0.0.1 is allowed."""
    policy = policy or egress.Policy(allow=("127.0.0.1/32",))
    operation = operation or limited()
    async with (
        egress.connection_pool(policy=policy, tls=tls or egress.tls_context()) as pool,
        egress.client(
            pool=pool, operation=operation, headers=headers, timeout_s=timeout_s
        ) as client,
    ):
        yield client, operation


def limited(
    max_bytes: int = 1 << 20, deadline_s: float = 5, max_requests: int = 55
) -> egress.Operation:
    """Make an operation with generous limits, all but those under test."""
    return egress.Operation(
        max_bytes=max_bytes, deadline_s=deadline_s, max_requests=max_requests
    )


def answers(**names: list[str]) -> Callable[[str], Awaitable[list[str]]]:
    """Make a resolver of a table; `mcp_example_test` stands for the name."""
    table = {name.replace("_", "."): found for name, found in names.items()}

    async def resolve(name: str) -> list[str]:
        return table.get(name.removesuffix("."), [])

    return resolve
