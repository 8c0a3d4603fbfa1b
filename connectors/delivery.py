"""Bring one tool call to its server: once, or not at all.

Touches no database by itself. Whatever happens, `sent` and `attempts` say afterwards
how far the call came. A server that asks the person something before it does the call
is sent the answers with a new request, and only after it answered the one before.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from django.conf import settings

from connectors import mcp_client
from connectors.egress import Operation
from connectors.elicitation import InputAnswer, InputAsk, OnInput
from connectors.errors import (
    AuthFailed,
    ConnectionFailed,
    OutcomeUnknown,
    ServerError,
    ServerFailure,
    SessionGone,
    TimedOut,
)
from connectors.mcp_client import Endpoint, ToolOutcome
from connectors.mcp_input import Continuation, Unfinished
from connectors.mcp_session import Progress
from connectors.questions import Questions

log = structlog.get_logger(__name__)


# How often one call is sent with answers before its server is given up on.
MAX_ROUNDS = 10
# What a server that only asks to come back is left alone for.
COME_BACK_S = 0.25

Pause = Callable[[], AbstractAsyncContextManager[None]]
# Headers in place of those that were refused; None if there are no others.
Renew = Callable[[AuthFailed], Awaitable[dict[str, str] | None]]


@dataclass(kw_only=True)
class Delivery:
    """One tool call on its way, and what is known of it so far."""

    tool: str
    input_schema: dict[str, Any] | None
    arguments: dict[str, Any] = field(repr=False)
    on_progress: Progress | None = None
    # Asks the person what the server wants to know; None if nobody can be asked.
    on_input: OnInput | None = None
    # Entered while the person is asked and nothing is held at the server.
    away: Pause = nullcontext
    # Asked when the server refused us: it did not do the call, so it may be sent again.
    renew: Renew | None = None
    attempts: int = 0
    # Whether the server may have it.
    sent: bool = False
    # Whether this installation does not allow the address.
    blocked: bool = False
    answer: ToolOutcome | None = field(default=None, repr=False)
    # What the call is sent with from now on: its server has asked.
    continued: Continuation | None = field(default=None, init=False, repr=False)
    _headers: dict[str, str] | None = field(default=None, init=False, repr=False)
    _questions: Questions | None = field(default=None, init=False, repr=False)
    _limit: asyncio.Timeout = field(init=False, repr=False)

    async def run(self, endpoint: Endpoint, *, ids: dict[str, Any]) -> ToolOutcome:
        """Send the call within CALL_TIMEOUT_S and return the answer.

        `ids` are what log events name of it. While the person is asked, the time
        does not count.

        Raises:
            OutcomeUnknown: it was sent, and no answer came.
            TimedOut: it was not sent in time.
            ServerFailure: any other; it was not sent, or answered with a failure.
        """
        self._questions = Questions(self.on_input) if self.on_input else None
        try:
            async with asyncio.timeout(settings.CALL_TIMEOUT_S) as self._limit:
                return await self._converse(endpoint, ids)
        except (ServerFailure, TimeoutError) as failure:
            if self.answer is None:
                raise self._judged(failure) from None
            # The answer is here; only closing the connection failed or took long.
            return self.answer

    def _judged(self, failure: ServerFailure | TimeoutError) -> ServerFailure:
        if not isinstance(failure, TimedOut | TimeoutError):
            return failure
        if isinstance(failure, TimedOut) and failure.at_sign_in:
            # Only what the server refused is renewed: it did not do the call.
            return failure
        if self.sent:
            return OutcomeUnknown()
        return TimedOut(after_s=settings.CALL_TIMEOUT_S)

    async def _converse(self, endpoint: Endpoint, ids: dict[str, Any]) -> ToolOutcome:
        """Send the call, and with the person's answers as often as its server asks."""
        for rounds in range(1, MAX_ROUNDS + 2):
            reply = await self._send(endpoint, ids)
            if isinstance(reply, ToolOutcome):
                return reply
            answers = await self._ask(reply.asks)
            self.continued = Continuation(
                answers=answers, state=reply.state, rounds=rounds
            )
        raise ServerError("The tool asks for more input again and again.")

    async def _ask(self, asks: dict[str, InputAsk]) -> dict[str, InputAnswer]:
        """Have the person answer what a stateless server wants to know."""
        if not asks or self._questions is None:
            await asyncio.sleep(COME_BACK_S)
            return {}
        async with self.away():
            return {
                key: await self._questions.ask(ask, self._stopped())
                for key, ask in asks.items()
            }

    @contextmanager
    def _stopped(self) -> Iterator[None]:
        """Stop the clock of the call during the block."""
        loop = asyncio.get_running_loop()
        left_s = self._left_s
        self._limit.reschedule(None)
        try:
            yield
        finally:
            self._limit.reschedule(loop.time() + left_s)

    @property
    def _left_s(self) -> float:
        return (self._limit.when() or 0) - asyncio.get_running_loop().time()

    async def _send(
        self, endpoint: Endpoint, ids: dict[str, Any]
    ) -> ToolOutcome | Unfinished:
        """Send once; once more if not a byte of it was written and there is time."""
        delay_s = settings.RETRY_DELAY_S
        try:
            return await self._attempt(endpoint)
        except ServerFailure as failure:
            hopeless = self.blocked or self._left_s <= delay_s
            if hopeless or not failure.retryable:
                raise
        log.info("tool.call.retried", **ids)
        if self.on_progress:
            await self.on_progress(0, None, f"trying once more in {delay_s:g} s")
        await asyncio.sleep(delay_s)
        return await self._attempt(endpoint)

    async def _attempt(self, endpoint: Endpoint) -> ToolOutcome | Unfinished:
        """Send once; again at once with a newer token, if the one sent was refused."""
        while True:
            if self._headers is not None:
                endpoint = replace(endpoint, headers=self._headers)
            try:
                return await self._known(endpoint)
            except AuthFailed as refusal:
                self._headers = await self.renew(refusal) if self.renew else None
                if self._headers is None:
                    raise
            self.sent = self.continued is not None

    async def _known(self, endpoint: Endpoint) -> ToolOutcome | Unfinished:
        """Send once; again at once to a server that did not know our session.

        It did not do the request then (streamable HTTP of the handshake era,
        "Session Management"); the new session is one that it knows.
        """
        try:
            return await self._deliver(endpoint)
        except SessionGone:
            self.sent = False
            return await self._deliver(endpoint)

    async def _deliver(self, endpoint: Endpoint) -> ToolOutcome | Unfinished:
        self.attempts += self.continued is None
        operation = Operation(
            max_bytes=settings.MAX_RESULT_BYTES,
            deadline_s=settings.CALL_TIMEOUT_S,
            waits_s=settings.INPUT_WAIT_S if self._questions else 0,
        )
        on_input = self._in_mid_call(operation)
        before = 0
        try:
            async with mcp_client.connect(
                endpoint, operation, on_input=on_input
            ) as session:
                before, self.sent = len(operation.exchanges), True
                reply = await session.call_tool(
                    self.tool,
                    self.arguments,
                    input_schema=self.input_schema,
                    on_progress=self.on_progress,
                    continued=self.continued,
                )
                if isinstance(reply, ToolOutcome):
                    self.answer = reply
        except ConnectionFailed:
            # An answer that breaks off and is resumed in vain ends like this, too.
            if self.sent and any(one.sent for one in operation.exchanges[before:]):
                raise OutcomeUnknown from None
            # Its server has it, but knows that it has not all it asked for.
            self.sent = self.continued is not None
            self.blocked = operation.blocked
            raise
        return reply

    def _in_mid_call(self, operation: Operation) -> OnInput | None:
        """Return what asks while the connection stays open, its clock stopped."""
        questions = self._questions
        if questions is None:
            return None

        async def ask(ask: InputAsk) -> InputAnswer:
            return await questions.ask(ask, self._stopped(), operation.paused())

        return ask
