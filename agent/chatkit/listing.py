"""Threads page by page, and the items of one page by page.

A page goes on behind the place of the item that it is asked to go on after, whether
that item is there still or not.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import count
from typing import Any, Final

from chatkit.types import Page, Thread, ThreadItem
from django.db.models import Q, QuerySet

from agent.chatkit import items, threads
from agent.chatkit.places import Place
from agent.models import Conversation, Message, Role

# Source: openai-chatkit, `chatkit.server.DEFAULT_PAGE_SIZE`.
PAGE: Final = 20
PAGE_MOST: Final = 100


def page(
    *, user_id: int, after: str | None, limit: int | None, order: str
) -> Page[Thread]:
    """Return threads of the person, by when something was said in them last.

    Raises:
        ConversationNotFound: `after` is no thread of theirs.
    """
    size = _size(limit)
    mine = Conversation.objects.owned_by(user_id).recent()
    if order == "asc":
        mine = mine.reverse()
    if after is not None:
        last = threads.get(user_id=user_id, thread_id=after)
        mine = mine.filter(_beyond(last.updated_at, last.pk, order))
    found = list(mine[: size + 1])
    shown = [threads.empty(one) for one in found[:size]]
    has_more = len(found) > size
    return Page(data=shown, has_more=has_more, after=shown[-1].id if has_more else None)


def whole(*, user_id: int, thread_id: str) -> Thread:
    """Return a thread with its first page of items.

    Raises:
        ConversationNotFound: there is none, or it is another person's.
    """
    found = threads.get(user_id=user_id, thread_id=thread_id)
    first = _items_page(found, after=None, limit=None, order="asc")
    return threads.empty(found).model_copy(update={"items": first})


def items_page(
    *,
    user_id: int,
    thread_id: str,
    after: str | None,
    limit: int | None,
    order: str,
) -> Page[ThreadItem]:
    """Return items of a thread in the order in which they were said, or backwards.

    Raises:
        ConversationNotFound: there is none, or it is another person's.
    """
    conversation = threads.get(user_id=user_id, thread_id=thread_id)
    return _items_page(conversation, after=after, limit=limit, order=order)


def _items_page(
    conversation: Conversation, *, after: str | None, limit: int | None, order: str
) -> Page[ThreadItem]:
    size = _size(limit)
    found: list[ThreadItem] = []
    for item in _items_after(conversation, after, is_backwards=order == "desc"):
        if len(found) == size:
            return Page(data=found, has_more=True, after=found[-1].id)
        found.append(item)
    return Page(data=found)


def _items_after(
    conversation: Conversation, after: str | None, *, is_backwards: bool
) -> Iterator[ThreadItem]:
    """Yield the items behind the one with the id `after`, which may be gone by now."""
    place = Place.of(after) if after else None
    if after and place is None:
        raise threads.ItemNotFound
    messages = conversation.messages.order_by("-seq" if is_backwards else "seq")
    if place is not None:
        condition = Q(seq__lte=place.seq) if is_backwards else Q(seq__gte=place.seq)
        messages = messages.filter(condition)
    for item in _items_of(conversation, messages, is_backwards=is_backwards):
        here = Place.at(item.id)
        if place is None or (here < place if is_backwards else here > place):
            yield item


def _items_of(
    conversation: Conversation, messages: QuerySet[Message], *, is_backwards: bool
) -> Iterator[ThreadItem]:
    active = conversation.turns.active().select_related("user_message").first()
    for message in _in_slices(messages):
        if message.role == Role.USER:
            yield items.of_question(message)
            continue
        is_written = active and active.user_message.seq + 1 == message.seq
        parts = threads.parts_of(message, active if is_written else None)
        shown = items.of_answer(message, parts)
        yield from reversed(shown) if is_backwards else shown


def _in_slices(messages: QuerySet[Message]) -> Iterator[Message]:
    """Yield messages, read a few at a time: who asks stops when they have enough."""
    for start in count(0, PAGE):
        found = list(messages[start : start + PAGE])
        yield from found
        if len(found) < PAGE:
            return


def _beyond(updated_at: datetime, pk: int, order: str) -> Q:
    step = "gt" if order == "asc" else "lt"
    later: dict[str, Any] = {f"updated_at__{step}": updated_at}
    same: dict[str, Any] = {"updated_at": updated_at, f"id__{step}": pk}
    return Q(**later) | Q(**same)


def _size(limit: int | None) -> int:
    return min(max(limit or PAGE, 1), PAGE_MOST)
