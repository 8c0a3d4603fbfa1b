"""What is done to every request that leaves and to every response that comes."""

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, cast

import httpcore2
import httpx2

from connectors.egress.body import GuardedBody
from connectors.egress.failures import (
    BodyTooLarge,
    CompressedReply,
    RequestRefused,
)
from connectors.egress.operation import UNDER_WAY, Exchange, Operation

MAX_RESUMES = 3
MAX_STREAMS = 3
MAX_HEADERS = 200
MAX_HEADER_BYTES = 64 << 10
DEFAULT_PORTS = {"http": 80, "https": 443}


class GuardedTransport(httpx2.AsyncHTTPTransport):
    """Send one operation's requests over a pool that it shares and never closes.

    `always` are headers of every request. With `one_origin` the client carries
    credentials, which go to the first request's origin and nowhere else.
    """

    def __init__(
        self,
        *,
        pool: httpcore2.AsyncConnectionPool,
        operation: Operation,
        always: dict[str, str],
        one_origin: bool,
    ) -> None:
        # AsyncHTTPTransport would make a pool and a TLS context of its own; of it,
        # the translation between httpx2 and httpcore2 is all that is wanted.
        self._pool = pool
        self._operation = operation
        self._always = always
        self._one_origin = one_origin
        self._first: httpx2.URL | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Leave the pool open: others use it."""

    async def aclose(self) -> None:
        """Leave the pool open: others use it."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send `request` within the operation's budget.

        Raises:
            RequestRefused, BudgetSpent, BodyTooLarge: as they say.
            httpx2.TransportError: whatever else went wrong.
        """
        if self._is_unwanted_stream(request):
            return httpx2.Response(405, request=request)
        exchange = self._operation.begin(request)
        under_way = UNDER_WAY.set(self._operation)
        try:
            self._check(request)
            request.headers.update(self._always)
            # An sni_hostname would name another host to TLS than the URL does.
            timeouts = request.extensions.get("timeout", {})
            request.extensions = {"timeout": timeouts, "trace": self._tracer(exchange)}
            with self._operation.in_time():
                response = await super().handle_async_request(request)
            return await self._guarded(response, exchange)
        except BaseException as problem:
            self._operation.fail(exchange, problem)
            if isinstance(problem, TimeoutError):
                raise exchange.deadline() from problem
            raise
        finally:
            UNDER_WAY.reset(under_way)

    def _is_unwanted_stream(self, request: httpx2.Request) -> bool:
        """Say whether to answer 405 to a stream that would be reopened for ever.

        The SDK reopens the GET stream of a handshake-era server each time that the
        server closes it, and resumes a broken answer as often as it is told to.
        """
        if request.method != "GET":
            return False
        if "text/event-stream" not in request.headers.get("accept", ""):
            return False
        operation = self._operation
        if "last-event-id" not in request.headers:
            operation.streams += 1
            return not operation.allow_get_stream or operation.streams > MAX_STREAMS
        operation.resumes += 1
        return operation.resumes > MAX_RESUMES

    def _check(self, request: httpx2.Request) -> None:
        url = request.url
        if (
            url.scheme not in DEFAULT_PORTS
            or not url.host
            or url.userinfo
            or not 0 < (url.port or DEFAULT_PORTS[url.scheme]) < 65536
        ):
            raise RequestRefused("This address is not allowed.")
        self._first = self._first or url
        if self._one_origin and not _is_same_server(self._first, url):
            raise RequestRefused("Credentials are not sent to another origin.")

    def _tracer(self, exchange: Exchange) -> Callable[[str, Any], Awaitable[None]]:
        """Note when the first byte leaves: after it, no retry is safe."""

        async def trace(event: str, _info: Any) -> None:
            if event == "http11.send_request_headers.started":
                exchange.sent = True
                self._operation.tell("connected")

        return trace

    async def _guarded(
        self, response: httpx2.Response, exchange: Exchange
    ) -> httpx2.Response:
        exchange.answered(response)
        try:
            self._check_head(response)
        except httpx2.TransportError:
            await response.aclose()
            raise
        body = cast("httpx2.AsyncByteStream", response.stream)
        kept = [(k, v) for k, v in response.headers.raw if k.lower() != b"set-cookie"]
        return httpx2.Response(
            response.status_code,
            # Without Set-Cookie nothing is kept from one request to the next.
            headers=kept,
            stream=GuardedBody(body, self._operation, exchange),
            # The socket and the reason phrase, which is free text, stay behind.
            extensions={"http_version": response.extensions["http_version"]},
        )

    def _check_head(self, response: httpx2.Response) -> None:
        headers = response.headers
        encoding = headers.get("content-encoding", "").strip().lower()
        if encoding not in ("", "identity"):
            raise CompressedReply("The server sent a compressed reply.")
        size = sum(len(name) + len(value) for name, value in headers.raw)
        # h11 has made sure that it is one number of at most 20 digits.
        declared = int(headers.get("content-length", "0"))
        if (
            len(headers.raw) > MAX_HEADERS
            or size > MAX_HEADER_BYTES
            or declared > self._operation.max_bytes
        ):
            raise BodyTooLarge("The server sent more than is accepted.")


def _is_same_server(first: httpx2.URL, url: httpx2.URL) -> bool:
    """Say whether both have one origin, or `url` is its upgrade to https."""
    if first.host != url.host:
        return False
    here = (first.scheme, first.port or DEFAULT_PORTS[first.scheme])
    there = (url.scheme, url.port or DEFAULT_PORTS[url.scheme])
    return here == there or (here, there) == (("http", 80), ("https", 443))
