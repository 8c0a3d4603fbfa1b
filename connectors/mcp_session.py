"""An open MCP connection: list the tools, call one.

Results are taken as the server sent them (`Wire.raw`), bounded and made storable;
the SDK's own models would lose a whole listing for one wrong field.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

from django.conf import settings
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import mcp_param_headers, x_mcp_header_map
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from mcp_types import (
    METHOD_NOT_FOUND,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    InputRequiredResult,
    ListToolsRequest,
    ListToolsResult,
    PaginatedRequestParams,
)
from pydantic import TypeAdapter

from connectors.egress import HttpClient
from connectors.errors import ResponseTooLarge, ServerError
from connectors.listing import Listing
from connectors.mcp_input import Continuation, Unfinished, read_all
from connectors.mcp_transport import Wire
from connectors.text import clean, clean_json

INSTRUCTION_CHARS = 4000
_CALL_RESULT: TypeAdapter[Any] = TypeAdapter(CallToolResult | InputRequiredResult)

Progress = Callable[[float, float | None, str], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class ServerInfo:
    """What a server says about itself. For display only, cleaned."""

    name: str
    version: str
    instructions: str
    protocol_version: str
    transport: str
    discover: dict[str, Any] | None = None

    def public(self) -> dict[str, str]:
        return {
            "name": self.name,
            "version": self.version,
            "instructions": self.instructions,
        }


@dataclass(frozen=True, kw_only=True)
class ToolOutcome:
    """What a tool answered; `content` as the server sent it."""

    is_error: bool
    content: list[dict[str, Any]]
    structured_content: Any


class Session:
    """An open connection that can list tools and call one."""

    def __init__(
        self,
        client: Client,
        *,
        server: ServerInfo,
        wire: Wire,
        http: HttpClient,
        asking: str = "",
    ) -> None:
        self.server = server
        self.calling = False
        self._client = client
        self._wire = wire
        self._http = http
        # Who may ask the person, by origin; "" if nobody may.
        self._asking = asking

    @property
    def accepted(self) -> bool:
        """Whether the server has taken the call that is under way."""
        return self.calling and self._wire.accepted

    async def list_tools(self) -> Listing:
        """Read every page of the server's tools, and check that they can be used.

        Raises:
            ResponseTooLarge: over MAX_PAGES, MAX_TOOLS or MAX_LISTING_BYTES.
            ServerFailure: any other, by `mcp_failures.classify`.
        """
        listing = Listing()
        capabilities = self._client.server_capabilities
        if capabilities.tools is None and self.server.discover is None:
            return listing
        seen: set[str] = set()
        cursor: str | None = None
        for _ in range(settings.MAX_PAGES):
            page, cursor = await self._page(cursor)
            listing.add_page(page)
            if cursor is None or cursor in seen:
                listing.truncated = cursor is not None
                await listing.lint()
                return listing
            seen.add(cursor)
        raise ResponseTooLarge(f"Its list has more than {settings.MAX_PAGES} pages.")

    async def _page(self, cursor: str | None) -> tuple[list[Any], str | None]:
        request = ListToolsRequest(
            params=PaginatedRequestParams(cursor=cursor) if cursor else None
        )
        self._wire.raw = {}
        try:
            result = await self._client.session.send_request(request, ListToolsResult)
        except MCPError as error:
            # A server without tools may not know the method: that is no failure.
            if error.error.code == METHOD_NOT_FOUND and cursor is None:
                return [], None
            raise
        page = self._wire.raw.get("tools")
        return page if isinstance(page, list) else [], result.next_cursor

    async def call_tool(
        self,
        name: str,
        arguments: dict[str, Any],
        *,
        input_schema: dict[str, Any] | None = None,
        on_progress: Progress | None = None,
        continued: Continuation | None = None,
    ) -> ToolOutcome | Unfinished:
        """Send `tools/call` once. The result is not checked against a schema here.

        `input_schema` names the arguments that the server wants as headers too
        (specification 2026-07-28, "Request Metadata"). A server that wants to know
        something first answers with its questions, and nothing is cached of it; the
        call is sent anew, as another request, with `continued` ("Multi Round-Trip
        Requests").

        Raises:
            OutcomeUnknown: the connection broke after the request had left.
            ServerFailure: any other, by `mcp_failures.classify`.
        """
        if input_schema and self.server.discover is not None:
            mirrored = mcp_param_headers(x_mcp_header_map(input_schema), arguments)
            self._http.headers.update(mirrored)
        self._wire.raw = {}
        if continued:
            self._skip_ids(continued.rounds)
        self.calling = True
        result = await self._client.session.send_request(
            CallToolRequest(
                params=CallToolRequestParams(
                    name=name,
                    arguments=arguments,
                    input_responses=continued.responses() if continued else None,
                    request_state=continued.state if continued else None,
                )
            ),
            _CALL_RESULT,
            progress_callback=_cleaned(on_progress),
        )
        self.calling = False
        if isinstance(result, InputRequiredResult):
            if self._asking:
                return read_all(result, origin=self._asking)
            raise ServerError(
                "The tool asks for more input in the middle of the call.",
                suggestion="Give every argument at once, or use another tool.",
            )
        return _read_outcome(self._wire.raw)

    def _skip_ids(self, count: int) -> None:
        """Number the next request higher than `count` before it, on connections ago.

        "The JSON-RPC id MUST be different" for a call that goes on; the SDK counts
        from 1 on each connection and takes no id.
        """
        dispatcher = cast(JSONRPCDispatcher, self._client.session._dispatcher)
        dispatcher._next_id += count


def server_info(
    client: Client, *, kind: str, discover: dict[str, Any] | None
) -> ServerInfo:
    said = client.server_info
    return ServerInfo(
        name=clean((said.title or said.name) if said else "", limit=100),
        version=clean(said.version if said else "", limit=40),
        instructions=clean(
            client.instructions or "", limit=INSTRUCTION_CHARS, multiline=True
        ),
        protocol_version=client.protocol_version,
        transport=kind,
        discover=discover,
    )


def _read_outcome(raw: dict[str, Any]) -> ToolOutcome:
    content = raw.get("content")
    blocks = content if isinstance(content, list) else []
    return ToolOutcome(
        is_error=raw.get("isError") is True,
        content=[clean_json(block) for block in blocks if _is_block(block)],
        structured_content=clean_json(raw.get("structuredContent")),
    )


def _is_block(block: Any) -> bool:
    return isinstance(block, dict) and isinstance(block.get("type"), str)


def _cleaned(on_progress: Progress | None) -> Any:
    if on_progress is None:
        return None

    async def tell(progress: float, total: float | None, message: str | None) -> None:
        await on_progress(progress, total, clean(message or "", limit=500))

    return tell
