"""Messages as a test sends them: stored, answered to the end, and read back."""

from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync

from accounts.models import User
from agent import conversations, endings
from agent.models import Message, Turn
from agent.parts import calls_in, text_of
from agent.tool_types import Pick
from connectors.models import UserMCPConnection


@dataclass(frozen=True, kw_only=True)
class Said:
    """A turn as it stands, with the parts of its answer."""

    turn: Turn
    parts: list[dict[str, Any]]

    @property
    def text(self) -> str:
        return text_of(self.parts)

    @property
    def calls(self) -> list[dict[str, Any]]:
        return calls_in(self.parts)

    @property
    def notices(self) -> list[dict[str, Any]]:
        return [part for part in self.parts if part["kind"] == "notice"]

    @property
    def kinds(self) -> list[str]:
        return [part["kind"] for part in self.parts]

    @property
    def outcome(self) -> tuple[str, str]:
        return str(self.turn.state), str(self.turn.enforcement)

    @property
    def message(self) -> Message:
        asked = self.turn.user_message
        return Message.objects.get(
            conversation=self.turn.conversation, seq=asked.seq + 1
        )


def say(user: User, text: str, pick: Pick | None = None, **more: Any) -> Said:
    """Send a message and do its turn, until it ends or waits."""
    sent = async_to_sync(conversations.send)(
        user_id=user.pk, text=text, pick=pick, **more
    )
    return as_it_is(sent)


def as_it_is(turn: Turn) -> Said:
    turn = Turn.objects.select_related("user_message", "conversation").get(pk=turn.pk)
    return Said(turn=turn, parts=endings.parts_of(turn.pk)[0])


def retry(user: User, said: Said) -> Said:
    again = async_to_sync(conversations.retry)(user_id=user.pk, turn_id=said.turn.pk)
    return as_it_is(again)


def stop(user: User, said: Said) -> Said:
    turn = async_to_sync(conversations.stop)(user_id=user.pk, turn_id=said.turn.pk)
    return as_it_is(turn)


def decide(user: User, said: Said, decision: str = "once") -> Said:
    """Answer the question of the one call that waits."""
    (waiting,) = calls_in(said.parts, "waiting")
    turn = async_to_sync(conversations.decide)(
        user_id=user.pk, approval_id=waiting["approval_id"], decision=decision
    )
    return as_it_is(turn)


def submit(user: User, said: Said, arguments: dict[str, Any]) -> Said:
    """Send the one form that is shown."""
    (form,) = calls_in(said.parts, "form")
    turn = async_to_sync(conversations.submit)(
        user_id=user.pk, input_id=form["input_id"], arguments=arguments
    )
    return as_it_is(turn)


def pick(row: UserMCPConnection, tool: str = "") -> Pick:
    """The pick of a connector, or of one of its tools."""
    if not tool:
        return Pick(kind="connector", ref=str(row.pk))
    return Pick(kind="connector_tool", ref=f"{row.pk}:{tool}")
