"""Conversations as threads, and what is at a place in one.

Everything is read from the rows that our own pages are drawn from, and only from
those of the person who asks.
"""

from dataclasses import dataclass
from typing import Final

from chatkit.types import Page, Thread, ThreadItem, ThreadMetadata
from django.db.models import QuerySet

from agent import conversations, endings
from agent.chatkit import items
from agent.chatkit.places import Place
from agent.errors import ConversationNotFound
from agent.models import Conversation, Message, Turn, TurnState
from agent.parts import Part, Parts

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
    parts = parts_of(message, turn)
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
    return items.of_answer(message, parts_of(message, turn))


class ItemNotFound(ConversationNotFound):
    message = "There is no such item in this conversation."


def _turns(conversation: Conversation) -> QuerySet[Turn]:
    return conversation.turns.select_related("user_message", "conversation")


def parts_of(message: Message, turn: Turn | None) -> Parts:
    """Return the parts of an answer: of its events while it is open, they go later."""
    if turn is not None and turn.is_open:
        return endings.parts_of(turn.pk)[0]
    parts: Parts = message.parts
    return parts
