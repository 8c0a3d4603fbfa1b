"""What an attempt at a turn works on, and what comes of it."""

from dataclasses import dataclass, field
from typing import Any

from agent.journal import Journal
from agent.models import Message
from agent.parts import Part, Parts
from agent.tool_types import Caller, Pick
from agent.toolbox import Toolbox


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
    toolbox: Toolbox
    journal: Journal
    # What it used before, as far as that counts for its limits.
    usage: dict[str, int] = field(default_factory=dict)


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

    `state` is that of its part: done, waiting, form, sign_in, refused, invalid,
    unknown, cancelled.
    `model_text` is what the model is told; "" while it waits. `errors` are those of
    arguments that do not fit, as the `detail` of a 422.
    """

    state: str
    part: Part
    model_text: str = ""
    errors: list[dict[str, Any]] = field(default_factory=list)
