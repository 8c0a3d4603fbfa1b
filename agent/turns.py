"""The states of a turn, and who may change them.

queued ─ begin ─> running ─ finish ─> done, failed
   ^                 │ pause               stop: from any open state ─> stopped
   │                 v                     reap: a lease that ended ─> interrupted
   └── resume ─── waiting                  retry: failed, stopped, interrupted ─> queued

A running turn belongs to one attempt of one process, by a lease that it renews.
Every transition locks the row, looks at the state, and writes; who comes late finds
another state and leaves it. Plain functions: async code calls them by sync_to_async.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from agent import endings
from agent.errors import ConversationNotFound, LostTurn, NothingToRetry, TurnNotFound
from agent.journal import append, lock
from agent.models import (
    OPEN,
    Approval,
    ApprovalState,
    Conversation,
    Enforcement,
    InputRequest,
    Message,
    Turn,
    TurnState,
)
from agent.parts import RETRY
from agent.tool_types import Pick

TOO_OLD = (
    "This answer ended too long ago to be tried again. Send the message once more."
)
AT_WORK = (TurnState.QUEUED, TurnState.RUNNING)
CAN_BE_RETRIED = (TurnState.FAILED, TurnState.STOPPED, TurnState.INTERRUPTED)

log = structlog.get_logger(__name__)


def create(
    user_message: Message, *, pick: Pick | None, via: str, token_id: int | None
) -> Turn:
    """Queue the work on a message; it must begin within TURN_LEASE_S."""
    return Turn.objects.create(
        conversation_id=user_message.conversation_id,
        user_message=user_message,
        selection=str(pick) if pick else "",
        via=via,
        token_id=token_id,
        lease_until=_lease(),
    )


def begin(turn_id: int, *, owner: str) -> Turn | None:
    """Take a queued turn for one attempt; None if it is not queued any more."""
    with transaction.atomic():
        turn = lock(turn_id)
        if turn is None or turn.state != TurnState.QUEUED:
            return None
        turn.state = TurnState.RUNNING
        turn.lease_owner, turn.lease_until = owner, _lease()
        turn.attempts += 1
        turn.error_code = ""
        turn.save()
        # Of an attempt before this one, more may be known by now.
        parts, _ = endings.parts_of(turn.pk)
        endings.settle_calls(turn, parts)
    log.info("turn.started", **ids(turn), attempt=turn.attempts)
    return turn


def heartbeat(turn_id: int, *, owner: str) -> bool:
    """Renew the lease; return whether the turn is still the owner's."""
    mine = Turn.objects.filter(pk=turn_id, state=TurnState.RUNNING, lease_owner=owner)
    return bool(mine.update(lease_until=_lease()))


def pause(turn_id: int, *, owner: str, enforcement: str, usage: dict[str, Any]) -> bool:
    """Let a turn wait for the person; False if everything is answered already.

    Then it still runs, and goes on.

    Raises:
        LostTurn: the turn is somebody else's by now, or was stopped.
    """
    with transaction.atomic():
        turn = _owned(turn_id, owner)
        turn.enforcement = enforcement
        turn.usage = endings.add_usage(turn.usage, usage)
        waits = _has_questions(turn)
        if waits:
            turn.state = TurnState.WAITING
            turn.lease_owner, turn.lease_until = "", None
        turn.save()
        endings.store_answer(turn)
    return waits


def resume(turn: Turn) -> bool:
    """Queue a waiting turn that is locked, if the person has answered everything."""
    if turn.state != TurnState.WAITING or _has_questions(turn):
        return False
    turn.state, turn.lease_until = TurnState.QUEUED, _lease()
    turn.save()
    return True


def finish(turn_id: int, *, owner: str, state: str, **how: Any) -> Turn:
    """End a turn that runs; `how` is what `endings.end` takes.

    Raises:
        LostTurn: the turn is somebody else's by now, or was stopped.
    """
    with transaction.atomic():
        turn = _owned(turn_id, owner)
        endings.end(turn, state=state, **how)
    log_end(turn)
    return turn


def stop(turn_id: int, *, among: Collection[str] = OPEN) -> bool:
    """Stop an open turn, whoever has it; return whether it was this one.

    One whose state is not `among` those given stays as it is.
    """
    with transaction.atomic():
        turn = lock(turn_id)
        if turn is None or turn.state not in among:
            return False
        endings.end(turn, state=TurnState.STOPPED)
    log_end(turn)
    return True


def note(turn_id: int, notice: dict[str, Any]) -> bool:
    """Add a notice about a connector, whoever has the turn; return whether it is new.

    Of each connector there is one. An answer that ended early says nothing more: it
    can be tried again.
    """
    with transaction.atomic():
        turn = lock(turn_id)
        if turn is None or turn.state in CAN_BE_RETRIED:
            return False
        about = notice.get("connector_id")
        parts, _ = endings.parts_of(turn_id)
        if about and any(part.get("connector_id") == about for part in parts):
            return False
        append(turn, "notice", notice)
        if turn.state in (TurnState.DONE, TurnState.WAITING):
            endings.store_answer(turn)
    return True


def retry(turn_id: int) -> Turn:
    """Queue a turn again that ended early; it goes on with what there is.

    Raises:
        NothingToRetry: it did not end early, the conversation went on, or what is
            needed for it was pruned.
    """
    with transaction.atomic():
        turn = lock(turn_id)
        if turn is None:
            raise TurnNotFound
        newest = newest_seq(turn.conversation_id)
        if turn.state not in CAN_BE_RETRIED or newest != turn.user_message.seq + 1:
            raise NothingToRetry
        if not turn.events.exists():
            raise NothingToRetry(TOO_OLD)
        turn.state, turn.lease_until = TurnState.QUEUED, _lease()
        if turn.enforcement != Enforcement.USED:
            turn.enforcement = Enforcement.NONE
        turn.save()
        append(turn, "notice", {"level": RETRY, "text": ""})
        endings.store_answer(turn)
    return turn


def newest_seq(conversation_id: int) -> int:
    """Return the number of the newest message of a conversation, and lock that.

    Who locks a turn as well does that before: in one order nobody waits for ever.

    Raises:
        ConversationNotFound: it was deleted.
    """
    conversations = Conversation.objects.select_for_update(no_key=True)
    if not conversations.filter(pk=conversation_id).exists():
        raise ConversationNotFound
    messages = Message.objects.filter(conversation=conversation_id)
    return messages.aggregate(newest=Max("seq"))["newest"] or 0


def ids(turn: Turn) -> dict[str, Any]:
    """What events of the log name of a turn."""
    return {
        "user_id": turn.conversation.user_id,
        "conversation_id": turn.conversation_id,
        "turn_id": turn.pk,
    }


def log_end(turn: Turn) -> None:
    """Log the end of a turn; call it after the commit."""
    interrupted = turn.state == TurnState.INTERRUPTED
    log.info(
        "turn.interrupted" if interrupted else "turn.finished",
        **ids(turn),
        # "state" is a word of sign-ins, which the log hides.
        outcome=str(turn.state),
        error_code=turn.error_code or None,
    )
    if turn.selection and turn.enforcement != Enforcement.NONE:
        log.info("selection.enforced", **ids(turn), enforcement=str(turn.enforcement))


def _owned(turn_id: int, owner: str) -> Turn:
    turn = lock(turn_id)
    if turn is None or turn.state != TurnState.RUNNING or turn.lease_owner != owner:
        raise LostTurn
    return turn


def _has_questions(turn: Turn) -> bool:
    pending = {"turn": turn, "state": ApprovalState.PENDING}
    return (
        Approval.objects.filter(**pending).exists()
        or InputRequest.objects.filter(**pending).exists()
    )


def _lease() -> Any:
    return timezone.now() + timedelta(seconds=settings.TURN_LEASE_S)
