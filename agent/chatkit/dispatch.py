"""What a ChatKit client asks, as one of the verbs of conversations.

What somebody may know nothing of is 404, what nobody can mean is 400, and what can
be said to a person is said in the stream, where they read it.

Source: openai-chatkit, `ChatKitReq` and `chatkit.server.ChatKitServer`.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from asgiref.sync import sync_to_async
from chatkit.types import (
    ChatKitReq,
    ErrorEvent,
    ItemsListReq,
    ThreadCreatedEvent,
    ThreadItem,
    ThreadItemDoneEvent,
    ThreadItemReplacedEvent,
    ThreadsAddStructuredInputReq,
    ThreadsAddUserMessageReq,
    ThreadsCreateReq,
    ThreadsCustomActionReq,
    ThreadsDeleteReq,
    ThreadsGetByIdReq,
    ThreadsListReq,
    ThreadsRetryAfterItemReq,
    ThreadStreamEvent,
    ThreadsUpdateReq,
    ThreadUpdatedEvent,
)
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from pydantic import BaseModel, TypeAdapter, ValidationError

from agent import conversations, turns
from agent.chatkit import actions, changes, forms, items, messages, streams, threads
from agent.chatkit.guard import Who
from agent.errors import ConversationNotFound, NothingToRetry, TurnNotFound, TurnRunning
from agent.models import Turn
from connectors.errors import ConnectorError, InvalidInput
from connectors.text import clean

_REQUEST: TypeAdapter[Any] = TypeAdapter(ChatKitReq)
SAID_CHARS: Final = 200
_UNSUPPORTED: Final = "This installation does not do that over ChatKit."


class Malformed(ConnectorError):
    """400: it is not a request of the protocol, or asks for what is not offered."""

    code = "BAD_REQUEST"
    message = "This is no request of the ChatKit protocol."


def read(body: dict[str, Any]) -> Any:
    """Return the request that a body is.

    Raises:
        Malformed: it is none.
    """
    try:
        return _REQUEST.validate_python(body)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        # Some of it is what was sent, however long that is.
        said = clean(f"{place}: {first['msg']}", limit=SAID_CHARS)
        raise Malformed(f"{Malformed.message} {said}.") from None


async def answer(body: dict[str, Any], who: Who) -> HttpResponseBase:
    """Answer one request.

    Raises:
        Malformed, ConversationNotFound, InvalidInput: nothing was done.
    """
    request = read(body)
    match request:
        case ThreadsListReq() | ThreadsGetByIdReq() | ItemsListReq():
            return _json(await sync_to_async(_read)(request, who))
        case ThreadsUpdateReq():
            return _json(await sync_to_async(_rename)(request, who))
        case ThreadsDeleteReq():
            await conversations.delete(
                user_id=who.user_id,
                conversation_id=threads.number(request.params.thread_id),
            )
            return HttpResponse(b"{}", content_type="application/json")
    return await _streamed(request, who)


async def _streamed(request: Any, who: Who) -> HttpResponseBase:
    try:
        return await streams.answer(await _events(request, who))
    except (ConversationNotFound, TurnNotFound, Malformed):
        raise
    except ConnectorError as problem:
        # What a person can do something about, they read.
        told = [*await sync_to_async(_as_it_is)(request, who), _error(problem)]
        return await streams.answer(streams.said(*told))


async def _events(request: Any, who: Who) -> streams.Events:
    match request:
        case ThreadsCreateReq() | ThreadsAddUserMessageReq():
            return await _send(request, who)
        case ThreadsCustomActionReq():
            return await actions.events(request.params, who)
        case ThreadsAddStructuredInputReq():
            return await forms.events(request.params, who)
        case ThreadsRetryAfterItemReq():
            return await _retry(request, who)
    raise Malformed(_UNSUPPORTED)


# --- What is read ------------------------------------------------------------


def _read(request: Any, who: Who) -> BaseModel:
    asked = request.params
    match request:
        case ThreadsListReq():
            return threads.page(
                user_id=who.user_id,
                after=asked.after,
                limit=asked.limit,
                order=asked.order,
            )
        case ThreadsGetByIdReq():
            return threads.whole(user_id=who.user_id, thread_id=asked.thread_id)
    return threads.items_page(
        user_id=who.user_id,
        thread_id=asked.thread_id,
        after=asked.after,
        limit=asked.limit,
        order=asked.order,
    )


def _rename(request: ThreadsUpdateReq, who: Who) -> BaseModel:
    renamed = conversations.rename(
        user_id=who.user_id,
        conversation_id=threads.number(request.params.thread_id),
        title=request.params.title,
    )
    return threads.empty(renamed)


def _json(answered: BaseModel) -> HttpResponse:
    return HttpResponse(streams.written(answered), content_type="application/json")


# --- What begins, or goes on with, an answer ---------------------------------


async def _send(
    request: ThreadsCreateReq | ThreadsAddUserMessageReq, who: Who
) -> streams.Events:
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


async def _retry(request: ThreadsRetryAfterItemReq, who: Who) -> streams.Events:
    """Go on with the answer to a message, if it ended early."""
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


# --- What could not be done --------------------------------------------------


def _as_it_is(request: Any, who: Who) -> list[ThreadStreamEvent]:
    """Return what a client has wrong that took for done what it asked for."""
    asked = request.params
    match request:
        case ThreadsRetryAfterItemReq():
            behind = threads.items_page(
                user_id=who.user_id,
                thread_id=asked.thread_id,
                after=asked.item_id,
                limit=threads.PAGE_MOST,
                order="asc",
            )
            return [ThreadItemDoneEvent(item=item) for item in behind.data]
        case ThreadsCustomActionReq() | ThreadsAddStructuredInputReq():
            found = threads.at(
                user_id=who.user_id,
                thread_id=asked.thread_id,
                item_id=asked.item_id or "",
            )
            return [ThreadItemReplacedEvent(item=found.item)]
    return []


def _error(problem: ConnectorError) -> ErrorEvent:
    if isinstance(problem, InvalidInput):
        return ErrorEvent(message=" ".join(error["msg"] for error in problem.errors))
    return ErrorEvent(message=problem.message)
