"""What one operation may use up, and what it did on the wire."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx2
import structlog

from connectors.egress.failures import BudgetSpent, error_code

MAX_REQUESTS = 55
# How much of a header of somebody else's choosing is kept.
MAX_SHORT_TEXT = 200
MAX_CHALLENGE = 8_192
MAX_NAMES = 100
MAX_URL = 2_048

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One HTTP request and its answer: no body, no query, and of the headers the
    names alone, except for three whose values are cut to printable ASCII.

    `sent` tells that the first byte of the request may have left. `error` is "" or
    one of blocked, name, connect, connect_timeout, tls, timeout, deadline,
    too_large, encoding, protocol, network, cancelled.
    """

    method: str
    url: str
    request_header_names: tuple[str, ...] = ()
    request_bytes: int = 0
    sent: bool = False
    status: int | None = None
    response_header_names: tuple[str, ...] = ()
    response_bytes: int = 0
    content_type: str = ""
    # For deciding which sign-in is asked for; never stored.
    www_authenticate: str = field(default="", repr=False)
    retry_after: str = ""
    duration_ms: int = 0
    error: str = ""
    _started: float = field(default_factory=time.monotonic, repr=False)

    def answered(self, response: httpx2.Response) -> None:
        """Note the head of `response`."""
        headers = response.headers
        self.status = response.status_code
        self.response_header_names = _names(headers)
        self.content_type = _printable(headers.get("content-type", ""))
        self.retry_after = _printable(headers.get("retry-after", ""))
        challenge = headers.get("www-authenticate", "")
        self.www_authenticate = _printable(challenge, MAX_CHALLENGE)
        self.stop_clock()

    def stop_clock(self) -> None:
        """Note the time until now."""
        self.duration_ms = round((time.monotonic() - self._started) * 1000)

    def deadline(self) -> httpx2.TimeoutException:
        """Give the exception for an operation that ended in this exchange."""
        if self.sent:
            return httpx2.ReadTimeout("The operation took too long.")
        return httpx2.ConnectTimeout("The operation took too long.")

    def public(self) -> dict[str, Any]:
        """Give what may be stored and shown, as JSON."""
        return {
            "method": self.method,
            "url": self.url,
            "status": self.status,
            "duration_ms": self.duration_ms,
            "request_bytes": self.request_bytes,
            "response_bytes": self.response_bytes,
            "content_type": self.content_type,
            "request_headers": list(self.request_header_names),
            "response_headers": list(self.response_header_names),
            "error": self.error,
        }


@dataclass(slots=True, kw_only=True)
class Operation:
    """The budget and the record of one operation: a test, a listing, a call.

    `max_bytes` limits each response, `max_total_bytes` (twice that, if not given)
    all of them. `deadline_s` seconds after it was made, everything ends; while a
    person is waited for, the clock stands, for `waits_s` at most. `on_event` is told
    `resolved` when the addresses of a new connection were permitted, and `connected`
    each time that a request is about to be written.
    """

    max_bytes: int
    deadline_s: float
    waits_s: float = 0
    max_requests: int = MAX_REQUESTS
    max_total_bytes: int = 0
    # HTTP+SSE needs a GET stream, and who can be asked in mid-call listens to one.
    allow_get_stream: bool = False
    on_event: Callable[[str], None] | None = field(default=None, repr=False)
    exchanges: list[Exchange] = field(default_factory=list, init=False)
    blocked: bool = field(default=False, init=False)
    too_large: bool = field(default=False, init=False)
    budget_spent: bool = field(default=False, init=False)
    resumes: int = field(default=0, init=False)
    streams: int = field(default=0, init=False)
    total_bytes: int = field(default=0, init=False)
    _end: float = field(default=0.0, init=False, repr=False)
    _scopes: set[anyio.CancelScope] = field(default_factory=set, init=False, repr=False)

    def __post_init__(self) -> None:
        self.max_total_bytes = self.max_total_bytes or 2 * self.max_bytes
        self._end = time.monotonic() + self.deadline_s

    @property
    def left_s(self) -> float:
        """The seconds until everything ends."""
        return max(0.0, self._end - time.monotonic())

    @contextmanager
    def in_time(self) -> Iterator[None]:
        """Run the block until everything ends.

        Raises:
            TimeoutError: the block had not ended by then.
        """
        with anyio.fail_after(self.left_s) as scope:
            self._scopes.add(scope)
            try:
                yield
            finally:
                self._scopes.discard(scope)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the clock during the block, for what is under way too."""
        left_s = self.left_s
        self._end = math.inf
        for scope in self._scopes:
            scope.deadline = math.inf
        try:
            yield
        finally:
            self._end = time.monotonic() + left_s
            for scope in self._scopes:
                scope.deadline = anyio.current_time() + left_s

    @property
    def last(self) -> Exchange | None:
        """The newest exchange."""
        return self.exchanges[-1] if self.exchanges else None

    def begin(self, request: httpx2.Request) -> Exchange:
        """Start the record of one more exchange.

        Raises:
            BudgetSpent: there were enough.
        """
        if len(self.exchanges) >= self.max_requests:
            self.budget_spent = True
            raise BudgetSpent("Too many requests for one operation.")
        url = request.url.copy_with(query=None, fragment=None, userinfo=b"")
        exchange = Exchange(
            method=request.method,
            url=str(url)[:MAX_URL],
            request_header_names=_names(request.headers),
            request_bytes=int(request.headers.get("content-length", "0")),
        )
        self.exchanges.append(exchange)
        return exchange

    def fail(self, exchange: Exchange, problem: BaseException) -> None:
        """Note why `exchange` ended."""
        exchange.stop_clock()
        exchange.error = error_code(problem)
        if exchange.error == "too_large":
            self.too_large = True
        if exchange.error == "blocked":
            self.blocked = True
            # Never the address: logs are read by more people than may scan.
            log.info("egress.blocked")

    def tell(self, event: str) -> None:
        """Pass on that the operation came one step further."""
        if self.on_event is not None:
            self.on_event(event)

    def transcript(self) -> list[dict[str, Any]]:
        """Give the exchanges as JSON, without secrets."""
        return [exchange.public() for exchange in self.exchanges]


# The operation that a socket is opened for: httpcore2 hands a backend nothing of
# the request, and the pool that the backend opens sockets for serves many.
UNDER_WAY: ContextVar[Operation | None] = ContextVar("UNDER_WAY", default=None)


def _printable(text: str, limit: int = MAX_SHORT_TEXT) -> str:
    return "".join(char for char in text[:limit] if " " <= char <= "~")


def _names(headers: httpx2.Headers) -> tuple[str, ...]:
    return tuple(_printable(name) for name in list(headers)[:MAX_NAMES])
