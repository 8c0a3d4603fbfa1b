"""The composer as its form is drawn: on the page, and again when a turn changes."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from agent.models import OPEN, Turn, TurnState

USUAL = "Ask, or pick a tool with +"
WAITING = "Answer a card above, or write on"


@dataclass(frozen=True, kw_only=True)
class Picked:
    """What must be used for the next message, as its chip shows it."""

    field: str
    label: str
    glyph: str


@dataclass(frozen=True, kw_only=True)
class Composer:
    """The form a message is written in.

    `nonce` makes a message that is sent twice one message. `draft` is where the
    browser keeps what was not sent yet.
    """

    user_id: int
    conversation_id: int | None
    nonce: str
    text: str = ""
    picked: Picked | None = None
    turn_id: int | None = None
    state: str = "idle"
    problem: str = ""
    problem_state: str = "unreachable"
    problem_code: str = ""
    # Where the person can put it right, and what that is called.
    way_out: str = ""
    way_out_label: str = ""
    has_focus: bool = False
    # For who has no script; whoever sends by htmx has one.
    has_choices: bool = True

    @property
    def action(self) -> str:
        if self.conversation_id is None:
            return reverse("chat")
        return reverse("conversation", args=[self.conversation_id])

    @property
    def stop(self) -> str:
        """Where an answer is stopped; "" before there can be one."""
        if self.conversation_id is None:
            return ""
        return reverse("chat-stop", args=[self.conversation_id])

    @property
    def draft(self) -> str:
        return f"{self.user_id}:{self.conversation_id or 'new'}"

    @property
    def placeholder(self) -> str:
        return WAITING if self.state == "waiting" else USUAL


def at_work(turn: Turn | None) -> dict[str, Any]:
    """Return what the composer has to know of the newest turn."""
    if turn is None or turn.state not in OPEN:
        return {"turn_id": turn and turn.pk, "state": "idle"}
    is_waiting = turn.state == TurnState.WAITING
    return {"turn_id": turn.pk, "state": "waiting" if is_waiting else "running"}


def turn_context(*, conversation_id: int, turn: Turn | None) -> dict[str, Any]:
    """Return what `agent/composer.html#turn` is drawn from when a turn has changed."""
    composer = Composer(
        user_id=0, conversation_id=conversation_id, nonce="", **at_work(turn)
    )
    return {"composer": composer, "is_oob": True}
