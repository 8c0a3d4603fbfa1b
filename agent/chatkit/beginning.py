"""What begins an answer, or goes on with one that ended early."""

from collections.abc import Sequence
from functools import partial

from asgiref.sync import sync_to_async
from chatkit.types import (
    ThreadCreatedEvent,
    ThreadItem,
    ThreadItemDoneEvent,
    ThreadsAddUserMessageReq,
    ThreadsCreateReq,
    ThreadsRetryAfterItemReq,
    ThreadStreamEvent,
    ThreadUpdatedEvent,
)

from agent import conversations, turns
from agent.chatkit import changes, items, messages, streams, threads
from agent.chatkit.guard import Who
from agent.errors import NothingToRetry, TurnRunning
from agent.models import Turn


async def send(
    request: ThreadsCreateReq | ThreadsAddUserMessageReq, who: Who
) -> streams.Events:
    """Store a message; return what is streamed of it and of its answer.

    Raises:
        ConversationNotFound: there is no such thread, or it is another person's.
        ConnectorError: it was not stored, see `conversations.send`.
    """
    given = request.params.input
    if messages.asks_for_connectors(given):
        return messages.lead_to_connectors()
    conversation_id, overtaken = None, None
    if isinstance(request, ThreadsAddUserMessageReq):
        thread_id = request.params.thread_id
        conversation_id = threads.number(thread_id)
        overtaken = await sync_to_async(threads.waiting)(
            user_id=who.user_id, thread_id=thread_id
        )
    pick = await sync_to_async(messages.pick_of)(who.user_id, given)
    turn = await conversations.send(
        user_id=who.user_id,
        conversation_id=conversation_id,
        text=messages.text_of(given),
        pick=pick,
        via=messages.VIA,
        token_id=who.token_id,
    )
    begun = partial(_begun, turn, who, overtaken, is_new=conversation_id is None)
    return streams.of_turn(turn, user_id=who.user_id, first=begun)


def _begun(
    turn: Turn,
    who: Who,
    overtaken: tuple[Turn, list[ThreadItem]] | None,
    *,
    is_new: bool,
) -> list[ThreadStreamEvent]:
    """Return what a client is told of a message that was stored.

    What waited before it is closed by it. An empty conversation is called by it.

    Raises:
        ConversationNotFound: it was deleted meanwhile.
    """
    said: list[ThreadStreamEvent] = []
    message = turn.user_message
    if is_new or message.seq == 1:
        thread_id = str(turn.conversation_id)
        found = threads.get(user_id=who.user_id, thread_id=thread_id)
        event = ThreadCreatedEvent if is_new else ThreadUpdatedEvent
        said.append(event(thread=threads.empty(found)))
    if overtaken is not None:
        before, seen = overtaken
        said += changes.replaced(seen, threads.items_of(before))
    return [*said, ThreadItemDoneEvent(item=items.of_question(message))]


async def retry(request: ThreadsRetryAfterItemReq, who: Who) -> streams.Events:
    """Go on with the answer to a message, if it ended early.

    Raises:
        ConversationNotFound: there is no such thread, or it is another person's.
        NothingToRetry: it did not end early.
        TurnRunning: it is still being written.
    """
    asked = request.params
    turn, seen = await sync_to_async(_of_question)(
        who.user_id, asked.thread_id, asked.item_id
    )
    again = await conversations.retry(user_id=who.user_id, turn_id=turn.pk)
    # The SDK's server removes all behind the message without saying so.
    return streams.of_turn(again, user_id=who.user_id, gone=seen)


def _of_question(
    user_id: int, thread_id: str, item_id: str
) -> tuple[Turn, Sequence[ThreadItem]]:
    found = threads.turn_after(user_id=user_id, thread_id=thread_id, item_id=item_id)
    if found is None:
        raise NothingToRetry
    if found.state in turns.AT_WORK:
        raise TurnRunning
    return found, threads.items_of(found)
