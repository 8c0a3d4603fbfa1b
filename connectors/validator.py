"""Test a connection to an MCP server, step by step, and say what was found.

Touches no database. A bad server is a result, never an exception: each failure
has a stable code, a sentence, a suggestion, and the steps that led to it.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

from django.conf import settings

from connectors import auth, mcp_client, offers, server_url, verdicts
from connectors.egress import Operation
from connectors.errors import (
    AuthFailed,
    AuthRequired,
    ConnectionFailed,
    InvalidInput,
    ServerFailure,
    TimedOut,
)
from connectors.listing import Listing
from connectors.offers import Inquiry
from connectors.steps import Step, StepName, Track
from connectors.verdicts import NO_TOOLS, ValidationResult

__all__ = [
    "NO_TOOLS",
    "ValidationResult",
    "avalidate_mcp_connection",
    "stages",
    "validate_mcp_connection",
]


def validate_mcp_connection(
    server_url: str, auth_type: str = "none", auth_config: Any = None
) -> ValidationResult:
    """Test a connection from code that runs no event loop.

    Raises:
        RuntimeError: a loop is running; `avalidate_mcp_connection` is the same
            for async code.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(avalidate_mcp_connection(server_url, auth_type, auth_config))
    raise RuntimeError(
        "validate_mcp_connection() cannot run inside an event loop; "
        "await avalidate_mcp_connection() there."
    )


async def avalidate_mcp_connection(
    server_url: str, auth_type: str = "none", auth_config: Any = None
) -> ValidationResult:
    """Test a connection within TEST_TIMEOUT_S seconds; a bad server is a result."""
    return await _examine(server_url, auth_type, auth_config, emit=lambda _: None)


async def stages(
    *,
    server_url: str,
    auth_type: str = "none",
    auth_config: Any = None,
    access_token: str = "",
) -> AsyncGenerator[Step | ValidationResult]:
    """Yield each step as it starts and ends, and the result as the last item.

    `access_token` is that of a sign-in by OAuth. Closing the iterator ends the
    test: nothing is dialled for a person who left.
    """
    items: asyncio.Queue[Step | ValidationResult | None] = asyncio.Queue()
    test = asyncio.ensure_future(
        _examine(
            server_url,
            auth_type,
            auth_config,
            access_token=access_token,
            emit=items.put_nowait,
        )
    )
    test.add_done_callback(lambda _: items.put_nowait(None))
    try:
        while (item := await items.get()) is not None:
            yield item
        yield await test
    finally:
        test.cancel()
        await asyncio.wait([test])


async def _examine(
    url: str,
    auth_type: str,
    auth_config: Any,
    *,
    emit: Callable[[Step], None],
    access_token: str = "",
) -> ValidationResult:
    examination = _Examination(url, emit)
    return await examination.run(auth_type, auth_config, access_token)


class _Examination:
    """One test of one server: its steps, its clock, its record of the wire."""

    def __init__(self, url: str, emit: Callable[[Step], None]) -> None:
        self._url = url.strip() if isinstance(url, str) else ""
        self._track = Track(emit)
        self._operation = Operation(
            max_bytes=settings.MAX_LISTING_BYTES, deadline_s=settings.TEST_TIMEOUT_S
        )
        self._operation.on_event = self._saw
        # Who signs people in to it.
        self._asked = Inquiry()

    async def run(
        self, auth_type: str, auth_config: Any, access_token: str
    ) -> ValidationResult:
        try:
            async with asyncio.timeout(settings.TEST_TIMEOUT_S):
                server, listing = await self._connect(
                    auth_type, auth_config, access_token
                )
        except (ServerFailure, TimeoutError) as error:
            return self._failed(await self._explained(self._timed(error)))
        if auth_type == "none":
            self._asked = await offers.beside(self._url, self._operation)
        return self._succeeded(server, listing)

    async def _explained(self, failure: ServerFailure) -> ServerFailure:
        """Find out who it is that a server sends people to, in the time that is left.

        Whatever that fails with is a sentence: the refusal stays the result.
        """
        if not isinstance(failure, AuthRequired):
            return failure
        self._asked = await offers.inquire(self._url, self._operation)
        if not self._asked.sentence:
            return failure
        return AuthRequired(self._asked.sentence, suggestion=self._asked.suggestion)

    async def _connect(
        self, auth_type: str, auth_config: Any, access_token: str
    ) -> tuple[mcp_client.ServerInfo, Listing]:
        self._track.start("url")
        url = server_url.check(self._url)
        self._track.end(*verdicts.of_url(url))
        headers = _headers(auth_type, auth_config, access_token)
        self._track.start("address")
        endpoint = mcp_client.Endpoint(url=url, headers=headers)
        opened = mcp_client.connect(endpoint, self._operation, self._reached)
        async with opened as session:
            listing = await session.list_tools()
        listing.require_usable()
        return session.server, listing

    def _saw(self, event: str) -> None:
        """Hear from egress: `resolved`, then `connected`."""
        if event == "resolved" and self._track.current == "address":
            self._track.end("passed", "It may be reached from here.")
            self._track.start("connection")
        elif event == "connected" and self._track.current in ("address", "connection"):
            # A connection that was open already was neither resolved nor made.
            self._saw("resolved")
            self._track.end("passed", "Connected.")
            self._track.start("sign_in")

    def _reached(self, event: str) -> None:
        """Hear from the client: `answered`, then `agreed`."""
        if event == "answered":
            self._saw("connected")
            self._track.end("passed", "The server lets us in.")
            self._track.start("handshake")
        elif event == "agreed":
            if self._track.current == "sign_in":
                # The probe had no answer in time, so this is the first one.
                self._reached("answered")
            self._track.end("passed", "The server speaks MCP.")
            self._track.start("tools")

    def _timed(self, error: ServerFailure | TimeoutError) -> ServerFailure:
        if isinstance(error, TimeoutError | TimedOut):
            return TimedOut(after_s=settings.TEST_TIMEOUT_S)
        return error

    def _failed(self, failure: ServerFailure) -> ValidationResult:
        self._track.fail(self._step_of(failure), failure.message)
        return ValidationResult(
            success=False,
            error_code=failure.code,
            error_message=failure.message,
            suggestion=verdicts.suggestion(failure, self._url),
            steps=self._track.finished,
            duration_ms=self._track.total_ms,
            transcript=self._transcript(),
            moved_to=getattr(failure, "moved_to", ""),
            sign_in=self._asked.offer,
            wanted_scope=offers.wanted_scope(self._operation),
        )

    def _transcript(self) -> list[dict[str, Any]]:
        return self._operation.transcript() + self._asked.transcript

    def _step_of(self, failure: ServerFailure) -> StepName:
        current = self._track.current or "url"
        if isinstance(failure, AuthRequired | AuthFailed):
            return "sign_in"
        if isinstance(failure, ConnectionFailed):
            if self._operation.blocked:
                return "address"
            return "connection" if current == "sign_in" else current
        # Nobody refused us, so it is what came back that was wrong.
        return "handshake" if current == "sign_in" else current

    def _succeeded(
        self, server: mcp_client.ServerInfo, listing: Listing
    ) -> ValidationResult:
        self._track.end(*verdicts.of_tools(listing))
        if self._asked.sentence:
            self._track.amend("sign_in", self._asked.sentence)
        empty = not listing.tools
        return ValidationResult(
            success=True,
            error_code=NO_TOOLS if empty else None,
            error_message=verdicts.NO_TOOLS_MESSAGE if empty else None,
            suggestion=verdicts.NO_TOOLS_SUGGESTION if empty else None,
            tools=listing.tools,
            steps=self._track.finished,
            protocol_version=server.protocol_version,
            transport=server.transport,
            duration_ms=self._track.total_ms,
            transcript=self._transcript(),
            sign_in=self._asked.offer,
            server_info=server.public(),
            discover_cache=server.discover,
            dropped_tools=listing.dropped,
        )


def _headers(auth_type: str, auth_config: Any, access_token: str) -> dict[str, str]:
    """Return the headers to offer; a config that cannot be sent was not accepted."""
    try:
        config = auth.check_config(auth_type, auth_config)
    except InvalidInput as error:
        raise AuthFailed(error.message) from None
    return auth.headers_for(auth_type, config, access_token=access_token)
