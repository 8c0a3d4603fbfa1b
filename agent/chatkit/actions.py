"""What a person does with a widget: say yes or no, go on, ask again with a tool.

An action carries a decision and the item that it is about. What the decision is about
is read from our rows by that item: nothing a client sends can put another call there.
"""

from typing import Final

from asgiref.sync import sync_to_async
from chatkit.types import (
    NoticeEvent,
    ThreadCustomActionParams,
    ThreadItemDoneEvent,
    WidgetItem,
)

from agent import conversations, rest_views, selection
from agent.chatkit import cards, changes, items, messages, streams, threads
from agent.chatkit.guard import Who
from agent.chatkit.threads import Found
from agent.errors import AgentError, ApprovalClosed, InputClosed
from agent.models import Turn
from connectors import pools
from connectors.errors import InvalidInput

_ANSWERS: Final = {"decline": conversations.decline, "opened": conversations.opened}
# What a token needs beside `chat` to give somebody's word: what it could do by REST.
_SCOPES: Final = {
    "once": ("tools:call",),
    "always": ("tools:call", "connectors:write"),
    "opened": ("tools:call",),
}
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
    found = await sync_to_async(threads.at)(
        user_id=who.user_id, thread_id=asked.thread_id, item_id=asked.item_id or ""
    )
    await pools.release_db()
    if not isinstance(found.item, WidgetItem):
        raise threads.ItemNotFound
    payload = asked.action.payload if isinstance(asked.action.payload, dict) else {}
    said = str(payload.get("decision") or "")
    match asked.action.type:
        case cards.DECIDE:
            return await _decide(found, said, who)
        case cards.ANSWER if said in _ANSWERS:
            return await _answer(found, said, who)
        case cards.GO_ON:
            return await _go_on(found, who)
        case cards.USE:
            return await _use(found, str(payload.get("pick") or ""), who)
    raise _no_such_action()


async def _decide(found: Found, said: str, who: Who) -> streams.Events:
    if "approval_id" not in found.part:
        raise ApprovalClosed
    refuse_without(who, *_SCOPES.get(said, ()), turn=found.turn)
    await conversations.decide(
        user_id=who.user_id, approval_id=found.part["approval_id"], decision=said
    )
    return streams.of_turn(found.turn, user_id=who.user_id, seen=found.items)


async def _answer(found: Found, said: str, who: Who) -> streams.Events:
    if "input_id" not in found.part:
        raise InputClosed
    refuse_without(who, *_SCOPES.get(said, ()), turn=found.turn)
    await _ANSWERS[said](user_id=who.user_id, input_id=found.part["input_id"])
    if found.part["kind"] == "question":
        # The call goes on in the answer that is streamed already.
        now = await sync_to_async(threads.items_of)(found.turn)
        return streams.said(*changes.replaced(found.items, now))
    return streams.of_turn(found.turn, user_id=who.user_id, seen=found.items)


async def _go_on(found: Found, who: Who) -> streams.Events:
    """Show what has become of a turn that waits for a sign-in."""
    if found.part.get("state") == "sign_in":
        return streams.said(NoticeEvent(level="info", message=_NOT_YET))
    # When the front end looked last is not known.
    return streams.of_turn(found.turn, user_id=who.user_id, gone=found.items)


async def _use(found: Found, pick: str, who: Who) -> streams.Events:
    """Ask the same again, with a tool that was proposed."""
    turn = found.turn
    if pick not in [tool["pick"] for tool in found.part.get("tools") or ()]:
        raise _no_such_action()
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


def _no_such_action() -> InvalidInput:
    return InvalidInput.at(
        "action", "enum", msg="There is no such action here.", type_="enum"
    )
