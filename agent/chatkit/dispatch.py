"""What a ChatKit client asks, as one of the verbs of conversations.

What somebody may know nothing of is 404, what nobody can mean is 400, and what can
be said to a person is said in the stream, where they read it.

Source: openai-chatkit, `ChatKitReq` and `chatkit.server.ChatKitServer`.
"""

from typing import Any, Final

from asgiref.sync import sync_to_async
from chatkit.types import (
    ChatKitReq,
    ErrorEvent,
    ItemsListReq,
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
)
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from pydantic import BaseModel, TypeAdapter, ValidationError

from agent import conversations
from agent.chatkit import actions, beginning, forms, listing, streams, threads
from agent.chatkit.guard import Who
from agent.errors import ConversationNotFound, TurnNotFound
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
            return await beginning.send(request, who)
        case ThreadsCustomActionReq():
            return await actions.events(request.params, who)
        case ThreadsAddStructuredInputReq():
            return await forms.events(request.params, who)
        case ThreadsRetryAfterItemReq():
            return await beginning.retry(request, who)
    raise Malformed(_UNSUPPORTED)


# --- What is read ------------------------------------------------------------


def _read(request: Any, who: Who) -> BaseModel:
    asked = request.params
    match request:
        case ThreadsListReq():
            return listing.page(
                user_id=who.user_id,
                after=asked.after,
                limit=asked.limit,
                order=asked.order,
            )
        case ThreadsGetByIdReq():
            return listing.whole(user_id=who.user_id, thread_id=asked.thread_id)
    return listing.items_page(
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


# --- What could not be done --------------------------------------------------


def _as_it_is(request: Any, who: Who) -> list[ThreadStreamEvent]:
    """Return what a client has wrong that took for done what it asked for."""
    asked = request.params
    match request:
        case ThreadsRetryAfterItemReq():
            behind = listing.items_page(
                user_id=who.user_id,
                thread_id=asked.thread_id,
                after=asked.item_id,
                limit=listing.PAGE_MOST,
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
