"""One request to /v1 as one turn: begun, listened to, and cleared away.

The turn runs in a task of its own, which ends with the request: who leaves, stops
the language model. Calls that were on their way by then keep their evidence.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.http import JsonResponse
from django.http.response import HttpResponseBase

from accounts.models import ApiToken
from agent import conversations, picks, runner, v1_errors
from agent.errors import ConversationNotFound
from agent.models import Conversation, Turn, TurnState
from agent.v1_answers import Answer
from agent.v1_bodies import Body
from agent.v1_errors import Refused
from connectors import pools
from connectors.errors import InvalidInput
from connectors.views import stream

VIA: Final = "v1"
# Source: OpenAI's API reference, "Streaming": the stream ends with this event.
DONE: Final = "[DONE]"

type Event = tuple[str, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request whose turn is queued."""

    user_id: int
    turn: Turn
    body: Body

    def answer(self) -> Answer:
        conversation_id = self.turn.conversation_id
        return Answer(conversation_id=conversation_id, model=self.body.model)


async def begin(*, token: ApiToken, body: Body) -> Asked:
    """Store the request as a conversation of its own, whose turn is queued.

    Raises:
        TooManyRequests: OPS_PER_PERSON answers of this person are being written.
        Refused: the text is too long; what was picked is not there, or cannot be
            used now.
    """
    user_id = token.user_id
    pick, text = await sync_to_async(picks.of_v1)(user_id=user_id, body=body)
    try:
        turn = await conversations.send(
            user_id=user_id,
            text=text,
            pick=pick,
            via=VIA,
            token_id=token.pk,
            earlier=[(said.role, said.text) for said in body.earlier],
            launch=False,
        )
    except InvalidInput as error:
        raise Refused(error.message, param="messages") from None
    return Asked(user_id=user_id, turn=turn, body=body)


async def whole(asked: Asked) -> HttpResponseBase:
    """Answer when the turn has ended, or waits for the person."""
    answer = asked.answer()
    async with aclosing(_events(asked)) as events:
        async for kind, payload in events:
            for _ in answer.take(kind, payload):
                pass
    if answer.failed:
        return v1_errors.failed(answer.ending, has_called=answer.has_called)
    return JsonResponse(answer.whole())


def streamed(asked: Asked) -> HttpResponseBase:
    """Answer piece by piece, as it happens, with comments while nothing does."""
    return stream.answer(_chunks(asked))


async def _chunks(asked: Asked) -> AsyncGenerator[str]:
    try:
        async with aclosing(_told(asked)) as told:
            async for chunk in told:
                yield chunk
    except Exception as failure:  # noqa: BLE001 - the status is sent: the stream says it
        yield v1_errors.answer(failure).text
    yield DONE


async def _told(asked: Asked) -> AsyncGenerator[str]:
    answer = asked.answer()
    yield json.dumps(answer.chunk({"role": "assistant", "content": ""}))
    async with aclosing(_events(asked)) as events:
        async for kind, payload in events:
            for delta in answer.take(kind, payload):
                yield json.dumps(answer.chunk(delta))
    if answer.failed:
        yield v1_errors.failed(answer.ending, has_called=answer.has_called).text
        return
    yield json.dumps(answer.chunk({}, answer.finish_reason))
    if asked.body.includes_usage:
        yield json.dumps(answer.usage_chunk())


async def _events(asked: Asked) -> AsyncGenerator[Event]:
    """Run the turn; yield its events as they are stored, then clear it away."""
    happened: asyncio.Queue[Event | None] = asyncio.Queue()

    async def sink(kind: str, payload: dict[str, Any]) -> None:
        happened.put_nowait((kind, payload))

    await pools.release_db()
    running = asyncio.ensure_future(runner.run(asked.turn.pk, sink=sink))
    running.add_done_callback(lambda _: happened.put_nowait(None))
    try:
        while (event := await happened.get()) is not None:
            yield event
        await running
    finally:
        running.cancel()
        await asyncio.wait([running])
        # Shielded: who leaves twice leaves nothing behind.
        await asyncio.shield(asyncio.ensure_future(_clear(asked)))


async def _clear(asked: Asked) -> None:
    """Delete the conversation, unless it waits for the person: then they find it."""
    conversation_id = asked.turn.conversation_id
    turns = Turn.objects.filter(pk=asked.turn.pk, state=TurnState.WAITING)
    if await turns.aexists():
        found = Conversation.objects.filter(pk=conversation_id)
        await found.aupdate(archived_at=None)
        return
    # It may have been deleted from under the request.
    with suppress(ConversationNotFound):
        await conversations.delete(
            user_id=asked.user_id, conversation_id=conversation_id
        )
