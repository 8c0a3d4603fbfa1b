"""What a person filled into a form that ChatKit shows as structured input."""

from typing import Final

from asgiref.sync import sync_to_async
from chatkit.types import (
    NoticeEvent,
    StructuredInputItem,
    ThreadAddStructuredInputParams,
    ThreadItemReplacedEvent,
)

from agent import conversations
from agent.chatkit import actions, questionnaire, streams, threads
from agent.chatkit.guard import Who
from agent.errors import InputClosed
from agent.models import Turn
from agent.parts import Part
from connectors import pools
from connectors.errors import InvalidInput
from systemtools.export.markdown import escaped

# Values that a person filled in are their word for the call.
CALL: Final = "tools:call"


async def events(asked: ThreadAddStructuredInputParams, who: Who) -> streams.Events:
    """Take the values, or the person's no; return what is streamed of it.

    Values that do not fit leave the form open, and what is wrong stands in it.

    Raises:
        ConversationNotFound, ItemNotFound: there is no such form of this person.
        InputClosed: it was sent before, or is over.
    """
    found = await sync_to_async(threads.at)(
        user_id=who.user_id, thread_id=asked.thread_id, item_id=asked.item_id
    )
    await pools.release_db()
    turn, part, shown = found.turn, found.part, found.item
    if not isinstance(shown, StructuredInputItem):
        raise threads.ItemNotFound
    if shown.status != "pending":
        raise InputClosed
    if asked.input.status != "skipped":
        actions.refuse_without(who, CALL, turn=turn)
    try:
        await _store(asked, part, who)
    except InvalidInput as problem:
        return _open_still(asked, shown, part, problem)
    return streams.of_turn(turn, user_id=who.user_id, seen=found.items)


async def _store(asked: ThreadAddStructuredInputParams, part: Part, who: Who) -> Turn:
    input_id = part["input_id"]
    if asked.input.status == "skipped":
        return await conversations.decline(user_id=who.user_id, input_id=input_id)
    return await conversations.submit(
        user_id=who.user_id,
        input_id=input_id,
        arguments=questionnaire.read(part["schema"], asked.input),
    )


def _open_still(
    asked: ThreadAddStructuredInputParams,
    shown: StructuredInputItem,
    part: Part,
    problem: InvalidInput,
) -> streams.Events:
    """Show the form once more, with what was answered and what is wrong with it."""
    inputs = questionnaire.again(part["schema"], asked.input, problem)
    # A notice is Markdown, and a schema of a server has words in this.
    said = escaped(" ".join(error["msg"] for error in problem.errors))
    return streams.said(
        ThreadItemReplacedEvent(item=shown.model_copy(update={"inputs": inputs})),
        NoticeEvent(level="warning", title="This does not fit yet", message=said),
    )
