"""Store a message with what was picked for it, and queue the answer: once.

One transaction, from closing what waited to the turn that is queued; so whoever
shows the conversation sees all of it or nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from agent import endings, selection, turns
from agent.errors import ConversationNotFound, TurnRunning
from agent.journal import lock
from agent.models import (
    NONCE_CHARS,
    Conversation,
    Message,
    Role,
    Turn,
    TurnState,
)
from agent.tool_types import Pick
from agent.toolbox import Toolbox
from connectors.errors import InvalidInput, TooManyRequests
from connectors.models import Via
from connectors.text import clean, clean_json

TEXT_CHARS = 32_000
RETRY_AFTER_S = 5
# Of the text, what a conversation is called by until it is renamed.
TITLE_TAKEN = 60
_BEFORE_ELLIPSIS = " ,.;:"
UNTITLED = "New conversation"


@dataclass(frozen=True, kw_only=True)
class _Sent:
    """A message as it is to be stored."""

    user_id: int
    text: str
    pick: Pick | None
    nonce: str
    via: str
    token_id: int | None


def send(
    *,
    user_id: int,
    conversation_id: int | None,
    text: str,
    pick: Pick | None,
    nonce: str,
    via: str,
    token_id: int | None,
    earlier: Sequence[tuple[str, str]],
) -> Turn:
    """Store a message and queue its turn; see `conversations.send`."""
    text, pick = _read(user_id, text, pick)
    sent = _Sent(
        user_id=user_id,
        text=text,
        pick=pick,
        nonce=clean(nonce, limit=NONCE_CHARS),
        via=via,
        token_id=token_id,
    )
    try:
        with transaction.atomic():
            if conversation_id is None:
                return _begin(sent, earlier)
            return _continue(sent, conversation_id)
    except IntegrityError:
        # The other of two that were sent at the same time was first.
        found = _sent_before(sent, conversation_id)
        if found is not None:
            return found
        if conversation_id is not None:
            mine = Conversation.objects.owned_by(user_id)
            if not mine.filter(pk=conversation_id).exists():
                raise ConversationNotFound from None
        raise TurnRunning from None


def _read(user_id: int, text: str, pick: Pick | None) -> tuple[str, Pick | None]:
    """Return the text without its prefix, and what was picked, with its label."""
    text = clean_json(text).strip()
    if len(text) > TEXT_CHARS:
        raise InvalidInput.at(
            "text",
            "max_length",
            msg=f"This is longer than {TEXT_CHARS:,} characters. Send it in parts.",
            type_="max_length",
        )
    if pick is not None:
        selection.refuse_nonsense(pick)
        return text, selection.labelled(Toolbox.load(user_id=user_id), pick)
    name, rest = selection.parse_prefix(text)
    if name is not None:
        return rest.strip(), selection.resolve(Toolbox.load(user_id=user_id), name)
    if not text:
        raise InvalidInput.at(
            "text", "required", msg="Write a message first.", type_="required"
        )
    return text, None


def _begin(sent: _Sent, earlier: Sequence[tuple[str, str]]) -> Turn:
    if found := _sent_before(sent, None):
        return found
    _refuse_too_many(sent.user_id)
    conversation = Conversation.objects.create(
        user_id=sent.user_id,
        title=_title(sent),
        nonce=sent.nonce,
        # What clients of /v1 ask is not among what the person began.
        archived_at=timezone.now() if sent.via == Via.V1 else None,
    )
    Message.objects.bulk_create(
        Message(
            conversation=conversation,
            seq=seq,
            role=Role(role),
            text=clean_json(text),
            parts=_as_parts(role, clean_json(text)),
        )
        for seq, (role, text) in enumerate(earlier, start=1)
    )
    return _store(sent, conversation, len(earlier) + 1)


def _continue(sent: _Sent, conversation_id: int) -> Turn:
    """Go on with a conversation, once nothing is at work in it any more."""
    mine = Conversation.objects.owned_by(sent.user_id).filter(pk=conversation_id)
    conversation = mine.first()
    if conversation is None:
        raise ConversationNotFound
    if found := _sent_before(sent, conversation_id):
        return found
    for turn_id in conversation.turns.active().values_list("pk", flat=True):
        _overtake(turn_id)
    newest = turns.newest_seq(conversation_id)
    # Looked at again under the lock: somebody may have been faster.
    if found := _sent_before(sent, conversation_id):
        return found
    if conversation.turns.active().exists():
        raise TurnRunning
    _refuse_too_many(sent.user_id)
    changes: dict[str, Any] = {"archived_at": None, "updated_at": timezone.now()}
    if not newest and conversation.title == UNTITLED:
        changes["title"] = _title(sent)
    mine.update(**changes)
    return _store(sent, conversation, newest + 1)


def _refuse_too_many(user_id: int) -> None:
    """Refuse one answer too many: each holds a thread, and the model's attention."""
    at_work = Q(state__in=[TurnState.QUEUED, TurnState.RUNNING])
    alive = Q(lease_until__gt=timezone.now())
    mine = Turn.objects.owned_by(user_id).filter(at_work & alive)
    if mine.count() >= settings.OPS_PER_PERSON:
        raise TooManyRequests(RETRY_AFTER_S)


def _overtake(turn_id: int) -> None:
    """End a turn that waits for the person, or whose process is gone.

    Raises:
        TurnRunning: it is at work.
    """
    turn = lock(turn_id)
    if turn is None or not turn.is_open:
        return
    if turn.state == TurnState.WAITING:
        endings.end(turn, state=TurnState.DONE)
    elif turn.lease_until and turn.lease_until < timezone.now():
        endings.end(turn, state=TurnState.INTERRUPTED)
    else:
        raise TurnRunning
    transaction.on_commit(partial(turns.log_end, turn))


def _store(sent: _Sent, conversation: Conversation, seq: int) -> Turn:
    pick = sent.pick
    message = Message.objects.create(
        conversation=conversation,
        seq=seq,
        role=Role.USER,
        text=sent.text,
        selection_kind=pick.kind if pick else "",
        selection_ref=pick.ref if pick else "",
        selection_label=pick.label if pick else "",
        nonce=sent.nonce,
    )
    Message.objects.create(conversation=conversation, seq=seq + 1, role=Role.ASSISTANT)
    return turns.create(message, pick=pick, via=sent.via, token_id=sent.token_id)


def _sent_before(sent: _Sent, conversation_id: int | None) -> Turn | None:
    """Return the turn of the same message, if it was sent already."""
    if not sent.nonce:
        return None
    mine = Turn.objects.owned_by(sent.user_id)
    same = mine.filter(user_message__nonce=sent.nonce)
    if conversation_id is None:
        return same.filter(conversation__nonce=sent.nonce).first()
    return same.filter(conversation=conversation_id).first()


def _title(sent: _Sent) -> str:
    label = sent.pick.label if sent.pick else ""
    return _shortened(clean(sent.text, limit=2 * TITLE_TAKEN)) or label or UNTITLED


def _shortened(text: str) -> str:
    """Return a line as a title: cut at a word, or through one that is too long."""
    if len(text) <= TITLE_TAKEN:
        return text
    cut = text[: TITLE_TAKEN - 1]
    words = cut if text[len(cut)] == " " else cut.rpartition(" ")[0]
    return f"{(words or cut).rstrip(_BEFORE_ELLIPSIS)}…"


def _as_parts(role: str, text: str) -> list[dict[str, str]]:
    return [{"kind": "text", "text": text}] if role == Role.ASSISTANT else []
