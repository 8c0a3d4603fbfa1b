"""Conversations made by hand: rows as the agent itself leaves them."""

import uuid
from typing import Any

from accounts.models import User
from agent.journal import append
from agent.models import Conversation, Message, Role, Turn, TurnState
from agent.parts import Part, Parts, fold_all
from connectors.models import Outcome, ToolCall

ASKED = "Which payout issues are still open?"


def conversation(
    user: User, title: str = "Failed payouts since Friday"
) -> Conversation:
    return Conversation.objects.create(user=user, title=title)


def turn(
    one: Conversation,
    *,
    text: str = ASKED,
    state: str = TurnState.RUNNING,
    parts: Parts | None = None,
    **picked: str,
) -> Turn:
    """Add a message and its answer; `parts` are stored, and no event is."""
    seq = one.messages.count() + 1
    asked = Message.objects.create(
        conversation=one, seq=seq, role=Role.USER, text=text, **picked
    )
    Message.objects.create(
        conversation=one, seq=seq + 1, role=Role.ASSISTANT, parts=parts or []
    )
    return Turn.objects.create(conversation=one, user_message=asked, state=state)


def answer_of(one: Turn) -> Message:
    return Message.objects.get(
        conversation=one.conversation_id, seq=one.user_message.seq + 1
    )


def happen(one: Turn, *events: tuple[str, dict[str, Any]], state: str = "") -> None:
    """Let things happen in a turn; with `state` it ends, or waits, in that state."""
    for kind, payload in events:
        append(one, kind, payload)
    if state:
        events_so_far = one.events.order_by("seq").values_list("kind", "payload")
        parts = fold_all(list(events_so_far))
        Message.objects.filter(pk=answer_of(one).pk).update(parts=parts)
        one.state = state
        one.save()


def text(delta: str) -> tuple[str, dict[str, Any]]:
    return "text", {"delta": delta}


def done(state: str = "done", message: str = "") -> tuple[str, dict[str, Any]]:
    said = {"error_code": "", "message": message, "usage": {}, "enforcement": "none"}
    return "done", {"state": state, **said}


def started(key: str = "k1", **more: Any) -> tuple[str, dict[str, Any]]:
    return "tool_started", {**call(key), **more}


def finished(key: str = "k1", **more: Any) -> tuple[str, dict[str, Any]]:
    said = {
        "id": key,
        "state": "done",
        "outcome": "ok",
        "error_code": "",
        "message": "",
        "duration_ms": 630,
        "summary": "1 payout",
        "model_text": '{"content": "{\\"id\\": \\"po_1RkT9q\\"}"}',
    }
    return "tool_done", {**said, **more}


def asked(key: str = "k1", *, approval_id: int = 77, **more: Any) -> Any:
    question = {"approval_id": approval_id, "question": "Open an issue on GitHub?"}
    return "approval", {**call(key), **question, "reads_only": False, **more}


def call(key: str = "k1") -> Part:
    return {
        "id": key,
        "step": 1,
        "name": "stripe__list_payouts",
        "source": "connector",
        "ref": "12",
        "tool": "list_payouts",
        "title": "List payouts",
        "label": "Stripe: List payouts",
        "reads_only": True,
        "destructive": False,
        "arguments": {"status": "failed", "limit": 1},
        "call_id": str(uuid.uuid5(uuid.NAMESPACE_OID, key)),
        "forced": False,
    }


def recorded(user: User, *, key: str = "k1", **more: Any) -> ToolCall:
    """Add the evidence of a call; finished unless `outcome` says otherwise."""
    outcome = more.pop("outcome", Outcome.OK)
    row = ToolCall(
        call_id=uuid.uuid5(uuid.NAMESPACE_OID, key),
        user_id=user.pk,
        username=user.username,
        source_id=12,
        tool="list_payouts",
        args_digest="k1:00",
        args_bytes=31,
        **{
            "via": "chat",
            "source": "connector",
            "source_label": "Stripe",
            **more,
        },
    )
    row.save()
    if outcome != Outcome.STARTED:
        ToolCall.objects.filter(pk=row.pk).finish(
            outcome=outcome, duration_ms=630, attempts=1, result_bytes=80
        )
    row.refresh_from_db()
    return row
