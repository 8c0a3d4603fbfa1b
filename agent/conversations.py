"""What people do with conversations: begin, send, stop, decide, keep, delete.

What a page, the REST API and /v1 can do is one of these verbs. The async ones tell
whoever shows the conversation, and begin the work.
"""

from collections.abc import Iterable

from asgiref.sync import sync_to_async
from django.db import IntegrityError, transaction
from django.utils import timezone

from agent import (
    approvals,
    inputs,
    leftovers,
    residents,
    runner,
    sending,
    server_asks,
    turns,
)
from agent.errors import ConversationNotFound, TurnNotFound
from agent.journal import wake
from agent.models import TITLE_CHARS, Conversation, Turn
from agent.tool_types import Pick
from connectors import pools
from connectors.errors import InvalidInput
from connectors.text import clean

RECENT_SHOWN = 100
DELETE_TRIES = 5


def create(*, user_id: int, title: str = "") -> Conversation:
    """Begin a conversation that has no message yet."""
    title = clean(title, limit=TITLE_CHARS) or sending.UNTITLED
    return Conversation.objects.create(user_id=user_id, title=title)


def recent(*, user_id: int) -> list[Conversation]:
    """Return the person's conversations, the newest first, without archived ones."""
    return list(Conversation.objects.owned_by(user_id).recent()[:RECENT_SHOWN])


def get(*, user_id: int, conversation_id: int) -> Conversation:
    """Return the person's conversation; an answer whose process is gone is ended.

    Raises:
        ConversationNotFound: there is none, or it is another person's.
    """
    mine = Conversation.objects.owned_by(user_id)
    found = mine.filter(pk=conversation_id).first()
    if found is None:
        raise ConversationNotFound
    leftovers.reap(conversation_id)
    return found


def newest_turn(*, user_id: int, conversation_id: int) -> Turn:
    """Return the turn of the newest message.

    Raises:
        ConversationNotFound: there is none, or it is another person's.
        TurnNotFound: nothing was asked in it yet.
    """
    found = get(user_id=user_id, conversation_id=conversation_id)
    newest = found.turns.order_by("-user_message__seq").first()
    if newest is None:
        raise TurnNotFound
    return newest


def rename(*, user_id: int, conversation_id: int, title: str) -> Conversation:
    """Give a conversation another title.

    Raises:
        ConversationNotFound: there is none, or it is another person's.
        InvalidInput: the title is empty.
    """
    found = get(user_id=user_id, conversation_id=conversation_id)
    cleaned = clean(title, limit=TITLE_CHARS)
    if not cleaned:
        raise InvalidInput.at(
            "title", "required", msg="A conversation needs a name.", type_="required"
        )
    # Not its time: the list is in the order of what was said.
    Conversation.objects.filter(pk=found.pk).update(title=cleaned)
    found.title = cleaned
    return found


def archive(*, user_id: int, conversation_id: int) -> None:
    """Take a conversation out of the list; the next message brings it back.

    Raises:
        ConversationNotFound: there is none, or it is another person's.
    """
    found = get(user_id=user_id, conversation_id=conversation_id)
    Conversation.objects.filter(pk=found.pk).update(archived_at=timezone.now())


def unarchive(*, user_id: int, conversation_id: int) -> None:
    """Bring a conversation back into the list.

    Raises:
        ConversationNotFound: there is none, or it is another person's.
    """
    found = get(user_id=user_id, conversation_id=conversation_id)
    Conversation.objects.filter(pk=found.pk).update(archived_at=None)


async def delete(*, user_id: int, conversation_id: int) -> None:
    """Stop what runs in a conversation and delete it; evidence of calls stays.

    Raises:
        ConversationNotFound: there is none, or it is another person's.
    """
    turn_ids = await sync_to_async(_delete)(user_id, conversation_id)
    for turn_id in turn_ids:
        residents.cancel(turn_id)
    await pools.release_db()
    await wake(conversation_id)


async def send(
    *,
    user_id: int,
    text: str,
    conversation_id: int | None = None,
    pick: Pick | None = None,
    nonce: str = "",
    via: str = "chat",
    token_id: int | None = None,
    earlier: Iterable[tuple[str, str]] = (),
    launch: bool = True,
) -> Turn:
    """Store a message and begin the answer; without `conversation_id`, a new one.

    The same `nonce` twice is one message. A `pick` may stand in front of the text,
    too: `[TOOL:NAME]`. What waited for the person's word is overtaken. `earlier` is
    what was said before in a new conversation: (role, text). Without `launch`, the
    caller runs the turn (`runner.run`).

    Raises:
        ConversationNotFound: there is none, or it is another person's.
        TurnRunning: the answer to the message before is still being written.
        InvalidInput: the text is empty or too long.
        TooManyRequests: OPS_PER_PERSON answers of this person are being written.
    """
    turn = await sync_to_async(sending.send)(
        user_id=user_id,
        conversation_id=conversation_id,
        text=text,
        pick=pick,
        nonce=nonce,
        via=via,
        token_id=token_id,
        earlier=tuple(earlier),
    )
    return await _go_on(turn, launch=launch)


async def stop(*, user_id: int, turn_id: int) -> Turn:
    """Stop an answer, wherever it is written; one that has ended stays as it is.

    Raises:
        TurnNotFound: there is none, or it is another person's.
    """
    turn = await sync_to_async(_own_turn)(user_id, turn_id)
    await sync_to_async(turns.stop)(turn_id)
    residents.cancel(turn_id)
    # Read again: it may have been deleted meanwhile.
    turn = await sync_to_async(_own_turn)(user_id, turn_id)
    return await _go_on(turn, launch=False)


async def leave(*, user_id: int, turn_id: int) -> None:
    """Stop an answer that is at work, as nobody reads it any more.

    One that waits for the person goes on waiting: they may come back.

    Raises:
        TurnNotFound: there is none, or it is another person's.
    """
    turn = await sync_to_async(_own_turn)(user_id, turn_id)
    if await sync_to_async(turns.stop)(turn_id, among=turns.AT_WORK):
        residents.cancel(turn_id)
        await _go_on(turn, launch=False)


async def retry(*, user_id: int, turn_id: int) -> Turn:
    """Go on with an answer that failed, was stopped or was interrupted.

    No call is repeated.

    Raises:
        TurnNotFound: there is none, or it is another person's.
        NothingToRetry: it did not end early, or is not the newest any more.
    """
    await sync_to_async(_own_turn)(user_id, turn_id)
    return await _go_on(await sync_to_async(turns.retry)(turn_id))


async def decide(*, user_id: int, approval_id: int, decision: str) -> Turn:
    """Take the person's word for a call; `decision` is once, always or decline.

    Raises:
        InvalidInput, TurnNotFound, ApprovalClosed: see `approvals.decide`.
    """
    turn = await sync_to_async(approvals.decide)(
        user_id=user_id, approval_id=approval_id, decision=decision
    )
    return await _go_on(turn)


async def submit(*, user_id: int, input_id: int, arguments: dict[str, object]) -> Turn:
    """Take what the person filled into the form of a tool.

    Raises:
        TurnNotFound, InputClosed, InvalidInput, TooManyRequests: see `inputs.submit`.
    """
    return await _go_on(
        await inputs.submit(user_id=user_id, input_id=input_id, arguments=arguments)
    )


async def decline(*, user_id: int, input_id: int) -> Turn:
    """Take the person's no to a form, a sign-in, or what a server asks.

    Raises:
        TurnNotFound, InputClosed: see `inputs.decline`.
    """
    return await _go_on(
        await sync_to_async(inputs.decline)(user_id=user_id, input_id=input_id)
    )


async def opened(*, user_id: int, input_id: int) -> Turn:
    """Take note that the person opened the page that a server asked them to.

    Raises:
        TurnNotFound, InputClosed: see `server_asks.opened`.
    """
    return await _go_on(
        await sync_to_async(server_asks.opened)(user_id=user_id, input_id=input_id)
    )


async def _go_on(turn: Turn, *, launch: bool = True) -> Turn:
    """Tell whoever looks on, and begin the work if it is queued."""
    await pools.release_db()
    await wake(turn.conversation_id)
    if launch:
        await runner.launch(turn.pk)
    return turn


def _own_turn(user_id: int, turn_id: int) -> Turn:
    turn = Turn.objects.owned_by(user_id).filter(pk=turn_id).first()
    if turn is None:
        raise TurnNotFound
    return turn


def _delete(user_id: int, conversation_id: int) -> list[int]:
    stopped: list[int] = []
    for tries_left in reversed(range(DELETE_TRIES)):
        found = get(user_id=user_id, conversation_id=conversation_id)
        active = list(found.turns.active().values_list("pk", flat=True))
        for turn_id in active:
            turns.stop(turn_id)
        stopped += active
        try:
            with transaction.atomic():
                found.delete()
            break
        except IntegrityError:
            # From another tab, a message came in between.
            if not tries_left:
                raise
    return stopped
