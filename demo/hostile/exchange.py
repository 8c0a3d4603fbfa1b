"""One request to one path: what came, what is known, and the way back."""

import threading
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from demo.hostile.http import Message, Request, Wire

if TYPE_CHECKING:
    from demo.hostile.server import HostileServer

# What a path speaks: the stateless protocol of 2026, the one with sessions that
# begin with `initialize`, whichever of them the client begins with, or the two
# connections (HTTP+SSE) of 2024.
type Era = Literal["modern", "legacy", "both", "sse"]

REQUESTS_KEPT = 200


@dataclass
class Seen:
    """What one path received since the last reset."""

    requests: int = 0
    in_flight: int = 0
    bytes_sent: int = 0
    # JSON-RPC methods; "GET", "DELETE" and so on for what carries none.
    methods: Counter[str] = field(default_factory=Counter)
    log: deque[Request] = field(default_factory=lambda: deque(maxlen=REQUESTS_KEPT))

    def sent(self, count: int) -> None:
        self.bytes_sent += count

    @property
    def tool_calls(self) -> int:
        return self.methods["tools/call"]

    @property
    def messages(self) -> list[Message]:
        """The JSON-RPC messages that came, oldest first."""
        return [message for request in self.log if (message := request.message())]

    def header(self, name: str) -> list[str]:
        """Return the values of one header, one for each request that had it."""
        found = (request.header(name.lower()) for request in self.log)
        return [value for value in found if value]

    def holds(self, text: str) -> bool:
        """Tell whether a text came in any URL, header or body: for canaries."""
        return any(
            text in request.target
            or text.encode() in request.body
            or any(text in part for pair in request.headers for part in pair)
            for request in self.log
        )


@dataclass(kw_only=True)
class Exchange:
    request: Request
    wire: Wire
    era: Era
    name: str
    seen: Seen
    server: "HostileServer"
    message: Message | None = None

    @property
    def method(self) -> str:
        """The JSON-RPC method, or the HTTP method of what carries none."""
        method = (self.message or {}).get("method")
        return method if isinstance(method, str) else self.request.method

    @property
    def id(self) -> Any:
        return (self.message or {}).get("id")

    @property
    def params(self) -> Message:
        params = (self.message or {}).get("params")
        return params if isinstance(params, dict) else {}

    @property
    def nth(self) -> int:
        """How often this method was asked for on this path; 1 is the first."""
        return self.seen.methods[self.method]


# Everything that a path can do: it is handed a request and does as it likes.
type Reply = Callable[[Exchange], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way to be a bad server, and what it promises to do."""

    about: str
    reply: Reply
    era: Era = "modern"


class Ledger:
    """What every path received, and which connections are open."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}
        self.connections = 0
        self.open_connections = 0
        self._idle = threading.Event()
        self._idle.set()

    def of(self, name: str) -> Seen:
        return self._seen.setdefault(name, Seen())

    def opened(self) -> None:
        self.connections += 1
        self.open_connections += 1
        self._idle.clear()

    def closed(self) -> None:
        self.open_connections -= 1
        if not self.open_connections:
            self._idle.set()

    def wait_until_idle(self, within_s: float) -> bool:
        """Wait for the last connection to close; tell whether it did."""
        return self._idle.wait(within_s)

    def clear(self) -> None:
        self._seen.clear()

    def report(self) -> Message:
        """Count everything, for `/stats`."""
        return {
            "connections": self.connections,
            "open_connections": self.open_connections,
            "paths": {
                name: {
                    "requests": seen.requests,
                    "in_flight": seen.in_flight,
                    "tool_calls": seen.tool_calls,
                    "bytes_sent": seen.bytes_sent,
                    "methods": dict(seen.methods),
                }
                for name, seen in sorted(self._seen.items())
            },
        }
