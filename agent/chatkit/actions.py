"""What a person does with a widget: say yes or no, go on, ask again with a tool.

An action carries a decision and the item that it is about. What the decision is about
is read from our rows by that item: nothing a client sends can put another call there.
"""

from collections.abc import Sequence
from typing import Final

from asgiref.sync import sync_to_async
from chatkit.types import (
    NoticeEvent,
    ThreadCustomActionParams,
    ThreadItem,
    ThreadItemDoneEvent,
    ThreadItemReplacedEvent,
)

from agent import conversations, rest_views, selection
from agent.chatkit import cards, items, messages, streams, threads
from agent.chatkit.guard import Who
from agent.errors import AgentError, ApprovalClosed, InputClosed
from agent.models import Turn
from agent.parts import Part
from connectors import pools
from connectors.errors import InvalidInput

_ANSWERS: Final = {"decline": conversations.decline, "opened": conversations.opened}
# What a token needs beside `chat` to give somebody's word: what it could do by REST.
_SCOPES: Final = {"once": ("tools:call",), "always": ("tools:call", "connectors:write")}
_NOT_YET: Final = "You have not signed in yet: use the link above, then come back."


class MayNotDecide(AgentError):
    """The token of this front end cannot give the person's word."""

    code = "SCOPE_MISSING"


def refuse_without(who: Who, *scopes: str, turn: Turn) -> None:
    """Refuse to take a token for the person who has to decide.

    Raises:
        MayNotDecide: it is a token that lacks one of these.
    """
    if not who.may(*scopes):
        chat = rest_views.chat_url(turn.conversation_id)
        lacking = " and ".join(scopes)
        raise MayNotDecide(
            f"The token of this front end cannot decide for you (it needs {lacking})."
            f" Decide on the page of this conversation: {chat}"
        )


async def events(asked: ThreadCustomActionParams, who: Who) -> streams.Events:
    """Do what was pressed; return what is streamed of it.

    Raises:
        ConversationNotFound, ItemNotFound: there is no such thing of this person.
        InvalidInput: it is no action of ours.
        ApprovalClosed, InputClosed: it was answered before, or is over.
    """
    turn, part = await sync_to_async(threads.part_at)(
        user_id=who.user_id, thread_id=asked.thread_id, item_id=asked.item_id or ""
    )
    await pools.release_db()
    payload = asked.action.payload if isinstance(asked.action.payload, dict) else {}
    said = str(payload.get("decision") or "")
    match asked.action.type:
        case cards.DECIDE:
            return await _decide(turn, part, said, who)
        case cards.ANSWER if said in _ANSWERS:
            return await _answer(turn, part, said, who)
        case cards.GO_ON:
            return await _go_on(turn, part, who)
        case cards.USE:
            return await _use(turn, str(payload.get("pick") or ""), who)
    raise InvalidInput.at(
        "action", "enum", msg="There is no such action here.", type_="enum"
    )


async def _decide(turn: Turn, part: Part, said: str, who: Who) -> streams.Events:
    if "approval_id" not in part:
        raise ApprovalClosed
    refuse_without(who, *_SCOPES.get(said, ()), turn=turn)
    seen = await sync_to_async(threads.items_of)(turn)
    await conversations.decide(
        user_id=who.user_id, approval_id=part["approval_id"], decision=said
    )
    return streams.of_turn(turn, user_id=who.user_id, seen=seen)


async def _answer(turn: Turn, part: Part, said: str, who: Who) -> streams.Events:
    if "input_id" not in part:
        raise InputClosed
    seen = await sync_to_async(threads.items_of)(turn)
    await _ANSWERS[said](user_id=who.user_id, input_id=part["input_id"])
    if part["kind"] == "question":
        # The call goes on in the answer that is streamed already.
        return await sync_to_async(_replaced)(turn, seen)
    return streams.of_turn(turn, user_id=who.user_id, seen=seen)


async def _go_on(turn: Turn, part: Part, who: Who) -> streams.Events:
    """Show what has become of a turn that waits for a sign-in."""
    if part.get("state") == "sign_in":
        return streams.said(NoticeEvent(level="info", message=_NOT_YET))
    return streams.of_turn(turn, user_id=who.user_id)


async def _use(turn: Turn, pick: str, who: Who) -> streams.Events:
    """Ask the same again, with a tool that was proposed."""
    again = await conversations.send(
        user_id=who.user_id,
        conversation_id=turn.conversation_id,
        text=turn.user_message.text,
        pick=selection.from_field(pick),
        via=messages.VIA,
        token_id=who.token_id,
    )
    asked = ThreadItemDoneEvent(item=items.of_question(again.user_message))
    return streams.of_turn(again, user_id=who.user_id, first=lambda: [asked])


def _replaced(turn: Turn, seen: Sequence[ThreadItem]) -> streams.Events:
    before = {item.id: item for item in seen}
    return streams.said(
        *(
            ThreadItemReplacedEvent(item=item)
            for item in threads.items_of(turn)
            if item.id in before and before[item.id] != item
        )
    )
