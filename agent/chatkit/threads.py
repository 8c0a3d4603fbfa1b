"""Conversations as threads: pages of them, and pages of what is in one.

Everything is read from the rows that our own pages are drawn from, and only from
those of the person who asks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, Final

from chatkit.types import Page, Thread, ThreadItem, ThreadMetadata
from django.db.models import Q, QuerySet

from agent import conversations, endings
from agent.chatkit import items
from agent.chatkit.items import Place
from agent.errors import ConversationNotFound
from agent.models import Conversation, Message, Role, Turn, TurnState
from agent.parts import Part, Parts

# Source: openai-chatkit, `chatkit.server.DEFAULT_PAGE_SIZE`.
PAGE: Final = 20
PAGE_MOST: Final = 100
# What no message or conversation can have as its number.
_DIGITS: Final = 15


@dataclass(frozen=True, kw_only=True)
class Found:
    """An item of an answer, with the part that it is from and all items beside it."""

    turn: Turn
    part: Part
    item: ThreadItem
    items: list[ThreadItem]


def number(thread_id: str) -> int:
    """Return the conversation that a thread is.

    Raises:
        ConversationNotFound: it can be none.
    """
    if not (thread_id.isascii() and thread_id.isdigit() and len(thread_id) <= _DIGITS):
        raise ConversationNotFound
    return int(thread_id)


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
        last = conversations.get(user_id=user_id, conversation_id=number(after))
        mine = mine.filter(_beyond(last.updated_at, last.pk, order))
    found = list(mine[: size + 1])
    shown = [empty(one) for one in found[:size]]
    has_more = len(found) > size
    return Page(data=shown, has_more=has_more, after=shown[-1].id if has_more else None)


def whole(*, user_id: int, thread_id: str) -> Thread:
    """Return a thread with its first page of items.

    Raises:
        ConversationNotFound: there is none, or it is another person's.
    """
    found = get(user_id=user_id, thread_id=thread_id)
    first = items_page(
        user_id=user_id, thread_id=thread_id, after=None, limit=None, order="asc"
    )
    return empty(found).model_copy(update={"items": first})


def get(*, user_id: int, thread_id: str) -> Conversation:
    """Return the conversation of a thread.

    Raises:
        ConversationNotFound: there is none, or it is another person's.
    """
    return conversations.get(user_id=user_id, conversation_id=number(thread_id))


def empty(conversation: Conversation) -> Thread:
    """Return a thread without its items."""
    about = ThreadMetadata(
        id=str(conversation.pk),
        title=conversation.title,
        created_at=conversation.created_at,
        # An image in an answer would tell its server what was said.
        allowed_image_domains=[],
    )
    return Thread(**about.model_dump(), items=Page())


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
    conversation = get(user_id=user_id, thread_id=thread_id)
    size = _size(limit)
    found: list[ThreadItem] = []
    for item in _items_after(conversation, after, is_backwards=order == "desc"):
        if len(found) == size:
            return Page(data=found, has_more=True, after=found[-1].id)
        found.append(item)
    return Page(data=found)


def answer_to(turn: Turn) -> Message:
    """Return the message that a turn writes.

    Raises:
        ConversationNotFound: it was deleted.
    """
    answers = Message.objects.filter(
        conversation=turn.conversation_id, seq=turn.user_message.seq + 1
    )
    answer = answers.first()
    if answer is None:
        raise ConversationNotFound
    return answer


def at(*, user_id: int, thread_id: str, item_id: str) -> Found:
    """Return an item of an answer, and what it is from, as they are now.

    Raises:
        ConversationNotFound: there is no such thread, or it is another person's.
        ItemNotFound: there is no such item in it.
    """
    conversation = get(user_id=user_id, thread_id=thread_id)
    place = Place.of(item_id)
    if place is None:
        raise ItemNotFound
    turn = _turns(conversation).filter(user_message__seq=place.seq - 1).first()
    if turn is None:
        raise ItemNotFound
    message = answer_to(turn)
    parts = _parts_of(message, turn)
    there = items.of_answer(message, parts)
    item = next((one for one in there if one.id == item_id), None)
    if item is None:
        raise ItemNotFound
    return Found(turn=turn, part=parts[place.index], item=item, items=there)


def turn_after(*, user_id: int, thread_id: str, item_id: str) -> Turn | None:
    """Return the turn that answers the message which an item is.

    Raises:
        ConversationNotFound: there is no such thread, or it is another person's.
    """
    conversation = get(user_id=user_id, thread_id=thread_id)
    place = Place.of(item_id)
    if place is None:
        return None
    return _turns(conversation).filter(user_message__seq=place.seq).first()


def waiting(*, user_id: int, thread_id: str) -> tuple[Turn, list[ThreadItem]] | None:
    """Return the turn that waits for the person, with the items of its answer.

    Raises:
        ConversationNotFound: there is no such thread, or it is another person's.
    """
    conversation = get(user_id=user_id, thread_id=thread_id)
    turn = _turns(conversation).filter(state=TurnState.WAITING).first()
    return None if turn is None else (turn, items_of(turn))


def items_of(turn: Turn) -> list[ThreadItem]:
    """Return the items of the answer that a turn writes, as they are now."""
    message = answer_to(turn)
    return items.of_answer(message, _parts_of(message, turn))


class ItemNotFound(ConversationNotFound):
    message = "There is no such item in this conversation."


def _items_after(
    conversation: Conversation, after: str | None, *, is_backwards: bool
) -> Iterator[ThreadItem]:
    """Yield the items behind the one with the id `after`, which may be gone by now."""
    place = Place.of(after) if after else None
    if after and place is None:
        raise ItemNotFound
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
        parts = _parts_of(message, active if is_written else None)
        shown = items.of_answer(message, parts)
        yield from reversed(shown) if is_backwards else shown


def _turns(conversation: Conversation) -> QuerySet[Turn]:
    return conversation.turns.select_related("user_message", "conversation")


def _in_slices(messages: QuerySet[Message]) -> Iterator[Message]:
    """Yield messages, read a few at a time: who asks stops when they have enough."""
    for start in count(0, PAGE):
        found = list(messages[start : start + PAGE])
        yield from found
        if len(found) < PAGE:
            return


def _parts_of(message: Message, turn: Turn | None) -> Parts:
    """Return the parts of an answer: of its events while it is open, they go later."""
    if turn is not None and turn.is_open:
        return endings.parts_of(turn.pk)[0]
    parts: Parts = message.parts
    return parts


def _beyond(updated_at: datetime, pk: int, order: str) -> Q:
    step = "gt" if order == "asc" else "lt"
    later: dict[str, Any] = {f"updated_at__{step}": updated_at}
    same: dict[str, Any] = {"updated_at": updated_at, f"id__{step}": pk}
    return Q(**later) | Q(**same)


def _size(limit: int | None) -> int:
    return min(max(limit or PAGE, 1), PAGE_MOST)
