"""The questions that a server asks the person in one call, and how long they may take.

One at a time, whoever asks how many. Nobody holds a database connection, and no clock
of the call runs, while the person is waited for: at most INPUT_WAIT_S for all of the
call's questions together.
"""

import asyncio
import time
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace

import structlog
from django.conf import settings

from connectors import pools
from connectors.elicitation import UNANSWERED, InputAnswer, InputAsk, OnInput

# A server that asks more often in one call is not told more.
MAX_QUESTIONS = 20

log = structlog.get_logger(__name__)


class Questions:
    """The questions of one call."""

    def __init__(self, on_input: OnInput) -> None:
        self._on_input = on_input
        self._left_s = settings.INPUT_WAIT_S
        self._asked = 0
        self._one_at_a_time = asyncio.Lock()

    async def ask(
        self, ask: InputAsk, *clocks: AbstractContextManager[None]
    ) -> InputAnswer:
        """Return what the person answers, "cancel" if they do not in time.

        `clocks` are stopped meanwhile, by being entered.
        """
        async with self._one_at_a_time:
            self._asked += 1
            if self._left_s <= 0 or self._asked > MAX_QUESTIONS:
                return UNANSWERED
            began = time.monotonic()
            with ExitStack() as stopped:
                for clock in clocks:
                    stopped.enter_context(clock)
                answer = await self._answer(ask)
            self._left_s -= time.monotonic() - began
            # Who only opens a page has nothing to send.
            return answer if ask.schema is not None else replace(answer, content=None)

    async def _answer(self, ask: InputAsk) -> InputAnswer:
        await pools.release_db()
        try:
            async with asyncio.timeout(self._left_s):
                return await self._on_input(ask)
        except TimeoutError:
            return UNANSWERED
        except Exception:
            # The server waits: whatever went wrong here, it is told that nobody
            # answers, and the call gets an outcome.
            log.exception("tool.call.question_failed")
            return UNANSWERED
