"""Turns as tests move them: queued, begun by hand, looked at."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from agent import preparing, sending, turns
from agent.models import Message, Turn
from agent.parts import Part
from agent.tool_types import Pick
from agent.work import Work

OWNER = "tests"


def ask(user: User, text: str = "What changed last week?", **changes: Any) -> Turn:
    """Send a message; its turn is queued and nobody begins it."""
    fields: dict[str, Any] = {
        "conversation_id": None,
        "pick": None,
        "nonce": "",
        "via": "chat",
        "token_id": None,
        "earlier": (),
        **changes,
    }
    return sending.send(user_id=user.pk, text=text, **fields)


def pick(connector_id: int, tool: str = "") -> Pick:
    if tool:
        return Pick(kind="connector_tool", ref=f"{connector_id}:{tool}")
    return Pick(kind="connector", ref=str(connector_id))


def begin(turn: Turn, owner: str = OWNER) -> Work:
    """Begin an attempt, as the runner would."""
    begun = turns.begin(turn.pk, owner=owner)
    assert begun is not None
    return preparing.prepare(begun, owner, None)


def answer_of(turn: Turn) -> Message:
    return Message.objects.get(
        conversation=turn.conversation_id, seq=turn.user_message.seq + 1
    )


def part_of(turn: Turn, kind: str = "call") -> Part:
    """Return the one part of this kind in the stored answer."""
    found: list[Part] = [p for p in answer_of(turn).parts if p["kind"] == kind]
    assert len(found) == 1, found
    return found[0]


def again(turn: Turn) -> Turn:
    """Return the turn as it is stored now."""
    return Turn.objects.select_related("conversation", "user_message").get(pk=turn.pk)


def kinds(turn: Turn) -> list[str]:
    return list(turn.events.order_by("seq").values_list("kind", flat=True))


def leave_for_dead(turn: Turn) -> None:
    """Let the lease end, as if the process were gone."""
    Turn.objects.filter(pk=turn.pk).update(
        lease_until=timezone.now() - timedelta(seconds=1)
    )
