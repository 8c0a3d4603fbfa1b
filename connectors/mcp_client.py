"""Speak MCP with one server, for one operation.

One SDK client per operation, opened and closed in the task that uses it: a
broken connection then fails this operation and no other. Only typed failures of
`connectors.errors` leave this module.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
from mcp import Client
from mcp_types import DiscoverResult
from mcp_types.version import LATEST_MODERN_VERSION, MODERN_PROTOCOL_VERSIONS

from connectors import mcp_input, mcp_transport, pools, server_url
from connectors.egress import HttpClient, Operation
from connectors.elicitation import OnInput
from connectors.errors import AuthFailed, AuthRequired, ConnectorError
from connectors.mcp_failures import classify
from connectors.mcp_probe import CLIENT, Probe, probe
from connectors.mcp_session import ServerInfo, Session, ToolOutcome, server_info
from connectors.mcp_transport import Wire

__all__ = ["Endpoint", "ServerInfo", "Session", "ToolOutcome", "connect"]

# What a server of the HTTP+SSE era answers to a POST (streamable HTTP,
# "Backward Compatibility"); others are no reason to try a third transport.
_TRY_SSE = frozenset({400, 404, 405, 406, 415})

Step = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where to dial, with what, and what is already known about the server."""

    url: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    transport: str = ""
    protocol_version: str = ""
    discover: dict[str, Any] | None = None


@asynccontextmanager
async def connect(
    endpoint: Endpoint,
    operation: Operation,
    on_step: Step | None = None,
    on_input: OnInput | None = None,
) -> AsyncIterator[Session]:
    """Open a session: stateless first, then `initialize`, then HTTP+SSE.

    `on_step` hears `answered` (HTTP works, and did not refuse us) and `agreed`
    (the handshake). A stored transport in `endpoint` saves the negotiation. With
    `on_input` the server may ask the person, and is told so; it is called for the
    questions of a server of the handshake era, which come in mid-call.

    Raises:
        ServerFailure: and nothing else, except for the ConnectorError that the
            body of the `async with` raised itself.
    """
    dial = _Dial(endpoint, operation, on_step or (lambda _: None), on_input)
    try:
        async with AsyncExitStack() as stack:
            yield await dial.reach(stack)
    except Exception as error:  # noqa: BLE001 — of the SDK; becomes a typed one
        # Neither the cause nor its traceback goes on: both can hold headers.
        raise dial.failure(error) from None


class _Dial:
    """One attempt to reach a server, over as many transports as it takes."""

    def __init__(
        self,
        endpoint: Endpoint,
        operation: Operation,
        on_step: Step,
        on_input: OnInput | None,
    ) -> None:
        self._endpoint = endpoint
        self._operation = operation
        self._on_step = on_step
        self._on_input = on_input
        # Who asks; "" if nobody can be asked.
        self._asking = server_url.origin(endpoint.url) if on_input else ""
        self._offered = bool(endpoint.headers)
        self._session: Session | None = None

    def failure(self, error: Exception) -> ConnectorError:
        return classify(
            error,
            operation=self._operation,
            offered=self._offered,
            calling=self._session is not None and self._session.calling,
            accepted=self._session is not None and self._session.accepted,
        )

    async def reach(self, stack: AsyncExitStack) -> Session:
        """Enter the first transport that works; `stack` closes it."""
        endpoint = self._endpoint
        opened = pools.http(self._operation, headers=endpoint.headers)
        http = await stack.enter_async_context(opened)
        if endpoint.transport:
            return await self._enter(stack, http, endpoint.transport, self._known())
        found = await probe(
            url=endpoint.url,
            http=http,
            operation=self._operation,
            offered=self._offered,
        )
        if self._operation.last and self._operation.last.status:
            self._on_step("answered")
        try:
            return await self._attempt(stack, http, "http", found)
        except ConnectorError as first:
            if found.discover or not self._may_be_sse():
                raise
            return await self._last_resort(stack, http, found, first)

    async def _last_resort(
        self,
        stack: AsyncExitStack,
        http: HttpClient,
        found: Probe,
        first: ConnectorError,
    ) -> Session:
        try:
            return await self._attempt(stack, http, "sse", found)
        except (AuthFailed, AuthRequired):
            # A third transport that is refused tells more than a second that is
            # not there; any other failure of it tells less.
            raise
        except ConnectorError:
            raise first from None

    def _known(self) -> Probe:
        modern = self._endpoint.protocol_version in MODERN_PROTOCOL_VERSIONS
        discover = self._endpoint.discover if modern else None
        return Probe(url=self._endpoint.url, discover=discover)

    def _may_be_sse(self) -> bool:
        posts = [one for one in self._operation.exchanges if one.method == "POST"]
        return bool(posts) and posts[-1].status in _TRY_SSE

    async def _attempt(
        self, stack: AsyncExitStack, http: HttpClient, kind: str, found: Probe
    ) -> Session:
        try:
            return await self._enter(stack, http, kind, found)
        except Exception as error:  # noqa: BLE001 — of the SDK; becomes a typed one
            raise self.failure(error) from None

    async def _enter(
        self, stack: AsyncExitStack, http: HttpClient, kind: str, known: Probe
    ) -> Session:
        opened = self._connected(http, kind, known)
        self._session = await stack.enter_async_context(opened)
        self._on_step("agreed")
        return self._session

    @asynccontextmanager
    async def _connected(
        self, http: HttpClient, kind: str, known: Probe
    ) -> AsyncIterator[Session]:
        wire = Wire()
        streams = mcp_transport.streams(
            url=known.url,
            kind=kind,
            http=http,
            wire=wire,
            max_bytes=self._operation.max_bytes,
        )
        with anyio.CancelScope() as scope:
            if kind == "sse":
                self._operation.allow_get_stream = True
                wire.abort = scope.cancel
            elif self._on_input and not known.discover:
                self._operation.allow_get_stream = True
            async with self._sdk_client(streams, known) as client:
                wire.protocol_version = client.protocol_version
                if self._operation.allow_get_stream:
                    await mcp_transport.wait_for_questions(wire)
                yield Session(
                    client,
                    server=server_info(client, kind=kind, discover=known.discover),
                    wire=wire,
                    http=http,
                    asking=self._asking,
                )
        if scope.cancelled_caught:
            raise _Refused
        await mcp_transport.say_goodbye(url=known.url, http=http, wire=wire)

    def _sdk_client(self, streams: Any, known: Probe) -> Client:
        discover = (
            DiscoverResult.model_validate(known.discover, by_name=False)
            if known.discover
            else None
        )
        on_input, operation = self._on_input, self._operation
        return Client(
            streams,
            mode=LATEST_MODERN_VERSION if discover else "legacy",
            prior_discover=discover,
            # The deadline of the operation ends it first; this is the SDK's own.
            read_timeout_seconds=operation.deadline_s + operation.waits_s + 1,
            # Only what is given is advertised: without it, no server may ask.
            elicitation_callback=(
                mcp_input.callback(on_input, origin=self._asking) if on_input else None
            ),
            client_info=CLIENT,
            # Never a shared cache: what one person's credential may see is theirs.
            cache=None,
        )


class _Refused(Exception):
    """The server refused a message that nobody would have waited for in vain."""
