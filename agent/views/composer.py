"""What the composer shows: what was typed, what is picked, whether an answer runs."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from agent.models import OPEN, Turn, TurnState
from agent.views import apps
from agent.views.apps import Shown

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


def context(
    *,
    user_id: int,
    conversation_id: int | None = None,
    turn: Turn | None = None,
    pick: str = "",
    menu: Shown | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """Return what `agent/composer.html` is drawn from. Dials nobody.

    `turn` is the newest of the conversation, `pick` what to begin with as the field
    of the form has it; `fields` are others of `Composer`, such as `text`, `problem`.
    """
    menu = menu or apps.shown(user_id=user_id, pick=pick)
    fields.setdefault("has_focus", conversation_id is None)
    picked = _picked(menu, pick)
    if pick and picked is None:
        fields.setdefault("problem", _why_not(menu, pick))
        fields.setdefault("problem_state", "review")
    composer = Composer(
        user_id=user_id,
        conversation_id=conversation_id,
        nonce=fields.pop("nonce", "") or str(uuid.uuid4()),
        picked=picked,
        **at_work(turn),
        **fields,
    )
    return {"composer": composer, "menu": menu}


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


def _picked(menu: Shown, pick: str) -> Picked | None:
    """Return the chip of what can be picked."""
    for row in filter(lambda row: row.is_pickable, menu.rows):
        if row.app.pick == pick:
            return Picked(field=pick, label=row.any_tool, glyph="blocks")
        for tool in row.app.tools:
            if tool.pick == pick and not tool.is_never:
                glyph = "eye" if tool.reads_only else "pencil"
                label = f"{row.app.name}: {tool.label}"
                return Picked(field=pick, label=label, glyph=glyph)
    return None


def _why_not(menu: Shown, pick: str) -> str:
    for row in menu.rows:
        if pick == row.app.pick or any(tool.pick == pick for tool in row.app.tools):
            return f"{row.app.name} cannot be picked now. {row.app.note}".strip()
    return "What was to be picked is not there any more."
