"""Call a tool in a turn: checked, asked for where the person wants it, recorded.

Everything that a model, a page or a client can say about a call goes through
`call`. What needs the person's word waits, and runs later from what was stored.
"""

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agent.journal import Journal
from agent.models import Message
from agent.parts import Part, Parts
from agent.tool_types import Caller, Pick

if TYPE_CHECKING:
    from agent.toolbox import Tool, Toolbox


@dataclass(kw_only=True)
class Work:
    """One attempt at a turn, and all that it needs.

    `parts` are those of the answer so far, kept up to date by `journal`; `earlier`
    are the messages of the conversation before this one.
    """

    turn_id: int
    caller: Caller
    text: str
    pick: Pick | None
    earlier: list[Message]
    parts: Parts
    toolbox: "Toolbox"
    journal: Journal


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How an attempt ended: `state` is done, waiting or failed."""

    state: str
    enforcement: str = "none"
    error_code: str = ""
    message: str = ""
    usage: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Called:
    """What became of a call.

    `state` is that of its part: done, waiting, form, refused, invalid, unknown.
    `model_text` is what the model is told; "" while it waits. `errors` are those of
    arguments that do not fit, as the `detail` of a 422.
    """

    state: str
    part: Part
    model_text: str = ""
    errors: list[dict[str, Any]] = field(default_factory=list)


async def call(
    work: Work,
    *,
    tool: "Tool",
    arguments: dict[str, Any],
    step: int,
    call_key: str | None = None,
    forced: bool = False,
) -> Called:
    """Call `tool`, or ask the person first.

    `call_key` names the call towards the model; `forced` says that the pick, not
    the model, wants it.

    Raises:
        LostTurn: the turn is somebody else's by now, or was stopped.
    """
    raise NotImplementedError


async def ask_form(
    work: Work,
    *,
    tool: "Tool",
    arguments: dict[str, Any],
    step: int,
    errors: list[dict[str, Any]] | None = None,
    call_key: str | None = None,
    forced: bool = False,
) -> Called:
    """Show the person the form of `tool`, filled with `arguments` so far.

    Raises:
        LostTurn: the turn is somebody else's by now, or was stopped.
    """
    raise NotImplementedError


async def run_decided(work: Work) -> None:
    """Run what the person allowed or filled in since the turn began to wait.

    Raises:
        LostTurn: the turn is somebody else's by now, or was stopped.
    """
    raise NotImplementedError


def new_key() -> str:
    return uuid.uuid4().hex
