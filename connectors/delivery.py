"""Bring one tool call to its server: once, or not at all.

Touches no database. Whatever happens, `sent` and `attempts` say afterwards how far
the call came.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.conf import settings

from connectors import mcp_client
from connectors.egress import Operation
from connectors.errors import (
    ConnectionFailed,
    OutcomeUnknown,
    ServerFailure,
    SessionGone,
    TimedOut,
)
from connectors.mcp_client import Endpoint, ToolOutcome
from connectors.mcp_session import Progress

log = structlog.get_logger(__name__)


@dataclass(kw_only=True)
class Delivery:
    """One tool call on its way, and what is known of it so far."""

    tool: str
    input_schema: dict[str, Any] | None
    arguments: dict[str, Any] = field(repr=False)
    on_progress: Progress | None = None
    attempts: int = 0
    # Whether the server may have it.
    sent: bool = False
    # Whether this installation does not allow the address.
    blocked: bool = False
    answer: ToolOutcome | None = field(default=None, repr=False)

    async def run(self, endpoint: Endpoint, *, ids: dict[str, Any]) -> ToolOutcome:
        """Send the call within CALL_TIMEOUT_S and return the answer.

        `ids` are what log events name of it.

        Raises:
            OutcomeUnknown: it was sent, and no answer came.
            TimedOut: it was not sent in time.
            ServerFailure: any other; it was not sent, or answered with a failure.
        """
        try:
            async with asyncio.timeout(settings.CALL_TIMEOUT_S):
                return await self._send(endpoint, ids)
        except (ServerFailure, TimeoutError) as failure:
            if self.answer is None:
                raise self._judged(failure) from None
            # The answer is here; only closing the connection failed or took long.
            return self.answer

    def _judged(self, failure: ServerFailure | TimeoutError) -> ServerFailure:
        if not isinstance(failure, TimedOut | TimeoutError):
            return failure
        if self.sent:
            return OutcomeUnknown()
        return TimedOut(after_s=settings.CALL_TIMEOUT_S)

    async def _send(self, endpoint: Endpoint, ids: dict[str, Any]) -> ToolOutcome:
        """Send once; once more if not a byte of it was written and there is time."""
        delay_s = settings.RETRY_DELAY_S
        too_late = time.monotonic() + settings.CALL_TIMEOUT_S - delay_s
        try:
            return await self._attempt(endpoint)
        except ServerFailure as failure:
            hopeless = self.blocked or time.monotonic() >= too_late
            if hopeless or not failure.retryable:
                raise
        log.info("tool.call.retried", **ids)
        if self.on_progress:
            await self.on_progress(0, None, f"trying once more in {delay_s:g} s")
        await asyncio.sleep(delay_s)
        return await self._attempt(endpoint)

    async def _attempt(self, endpoint: Endpoint) -> ToolOutcome:
        """Send once; again at once to a server that did not know our session.

        It did not do the request then (streamable HTTP of the handshake era,
        "Session Management"); the new session is one that it knows.
        """
        try:
            return await self._deliver(endpoint)
        except SessionGone:
            self.sent = False
            return await self._deliver(endpoint)

    async def _deliver(self, endpoint: Endpoint) -> ToolOutcome:
        self.attempts += 1
        operation = Operation(
            max_bytes=settings.MAX_RESULT_BYTES, deadline_s=settings.CALL_TIMEOUT_S
        )
        before = 0
        try:
            async with mcp_client.connect(endpoint, operation) as session:
                before, self.sent = len(operation.exchanges), True
                self.answer = await session.call_tool(
                    self.tool,
                    self.arguments,
                    input_schema=self.input_schema,
                    on_progress=self.on_progress,
                )
        except ConnectionFailed:
            # An answer that breaks off and is resumed in vain ends like this, too.
            if self.sent and any(one.sent for one in operation.exchanges[before:]):
                raise OutcomeUnknown from None
            self.sent, self.blocked = False, operation.blocked
            raise
        return self.answer
