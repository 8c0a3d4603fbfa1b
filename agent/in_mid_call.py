"""Ask the person what a server wants to know before it does a call.

The question is a card of the answer that is being written; the call stays open. Who
is asked is who looks at the page: a program that called cannot answer.
"""

import asyncio
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async

from agent import hearing, server_asks
from agent.errors import LostTurn
from agent.journal import wake
from agent.models import Turn
from agent.work import Work
from connectors import pools
from connectors.elicitation import UNANSWERED, InputAnswer, InputAsk, OnInput
from connectors.models import Via

# How long nobody looks for an answer unasked.
LOOK_AGAIN_S = 1.0
_OF_CALL = ("source", "ref", "tool", "title", "label", "connector")


def asking(work: Work, about: dict[str, Any]) -> OnInput | None:
    """Return what asks the person about the call `about`; None if nobody looks on."""
    if work.caller.via not in (Via.CHAT, Via.CHATKIT):
        return None
    return _Asking(work=work, about=about)


@dataclass(kw_only=True)
class _Asking:
    """The questions of the server of one call."""

    work: Work
    about: dict[str, Any] = field(repr=False)

    async def __call__(self, ask: InputAsk) -> InputAnswer:
        # Shielded: a card that is half shown could not be taken away.
        showing = asyncio.ensure_future(self._show(ask))
        try:
            return await self._answer(await asyncio.shield(showing))
        except LostTurn:
            return UNANSWERED
        except asyncio.CancelledError:
            # The time is over, or the call is: the card must not stay.
            await asyncio.shield(asyncio.ensure_future(self._give_up(showing)))
            raise

    async def _show(self, ask: InputAsk) -> int:
        key = uuid.uuid4().hex
        is_form = ask.schema is not None
        shown = {
            **{name: self.about[name] for name in _OF_CALL},
            "part": "question",
            "asks": "form" if is_form else "url",
            "input_kind": "form" if is_form else "url",
            "call": self.about["id"],
            "origin": ask.origin,
            "said": ask.message,
            "url": ask.url,
            "schema": ask.schema or {},
            "values": ask.prefilled(),
        }
        question = partial(_ask, key=key, question=ask)
        stored = await self.work.journal.emit("input", also=question, id=key, **shown)
        return int(stored["input_id"])

    async def _answer(self, input_id: int) -> InputAnswer:
        """Wait for the answer, which is stored by whatever process the person asks."""
        heard = asyncio.Event()
        conversation_id = self.work.journal.conversation_id
        listening = asyncio.ensure_future(hearing.listen(conversation_id, heard))
        try:
            while True:
                heard.clear()
                answer = await sync_to_async(server_asks.answer_of)(input_id)
                await pools.release_db()
                if answer is not None:
                    return answer
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_AGAIN_S):
                        await heard.wait()
        finally:
            listening.cancel()
            await asyncio.wait([listening])

    async def _give_up(self, showing: asyncio.Future[int]) -> None:
        with suppress(LostTurn):
            await sync_to_async(server_asks.expire)(await showing)
        await pools.release_db()
        await wake(self.work.journal.conversation_id)


def _ask(turn: Turn, *, key: str, question: InputAsk) -> dict[str, Any]:
    request = server_asks.ask(turn, key=key, question=question)
    return {"input_id": request.pk}
