"""Make one call of a turn, and write down how it went.

Before anything leaves, the event that it starts is stored, with what it sends; so
whatever happens to this process, it is known that it may have happened.
"""

import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async

from agent import envelope
from agent.errors import LostTurn
from agent.journal import Journal
from agent.models import ToolResult, Turn
from agent.tool import Tool
from agent.tool_types import Caller, ToolAnswer
from agent.toolbox import Toolbox
from connectors import pools
from connectors.elicitation import OnInput
from connectors.errors import (
    ConnectorError,
    InvalidInput,
    OutcomeUnknown,
    ServerFailure,
    SignInRequired,
)
from connectors.models import Outcome, ToolCall
from connectors.text import clean_json

PROGRESS_EVERY_S = 0.2
_STATES: dict[str, str] = {
    Outcome.REFUSED: "refused",
    Outcome.UNKNOWN: "unknown",
    Outcome.CANCELLED: "cancelled",
}


async def run(
    *,
    journal: Journal,
    toolbox: Toolbox,
    caller: Caller,
    tool: Tool,
    about: dict[str, Any],
    on_input: OnInput | None = None,
) -> None:
    """Call `tool` as `about`, the description of the call, says.

    `on_input` asks the person what the server wants to know meanwhile.

    Raises:
        LostTurn: the turn is somebody else's by now, or was stopped.
        SignInRequired: it was not done, and can be after a sign-in by OAuth.
    """
    call_id = uuid.uuid4()
    arguments = about["arguments"]
    begun = {**about, "call_id": str(call_id)}
    await journal.emit("tool_started", also=partial(_open, call_id, arguments), **begun)
    try:
        answer = await toolbox.call(
            tool,
            arguments,
            caller=caller,
            call_id=call_id,
            on_progress=_Told(journal=journal, key=about["id"]),
            on_input=on_input,
        )
    except ConnectorError as error:
        if isinstance(error, SignInRequired) and error.is_oauth:
            raise
        await _fail_as_recorded(journal, about, error, call_id)
        return
    await journal.emit(
        "tool_done",
        also=partial(_close, call_id, answer),
        id=about["id"],
        state="done",
        outcome=Outcome.TOOL_ERROR if answer.is_error else Outcome.OK,
        error_code="",
        message="",
        duration_ms=answer.duration_ms,
        summary=envelope.summary(answer),
        model_text=envelope.for_model(
            connector=about["connector"], tool=about["tool"], answer=answer
        ),
    )


async def _fail_as_recorded(
    journal: Journal, about: dict[str, Any], error: ConnectorError, call_id: UUID
) -> None:
    outcome = await _outcome(call_id)
    invalid = isinstance(error, InvalidInput)
    state = "invalid" if invalid else _STATES.get(outcome, "done")
    await fail(journal, about, error, state=state, outcome=outcome)


async def fail(
    journal: Journal,
    about: dict[str, Any],
    error: ConnectorError,
    *,
    state: str,
    outcome: str = Outcome.REFUSED,
) -> None:
    """Write down that a call was refused, or failed, and what the model is told.

    Raises:
        LostTurn: the turn is somebody else's by now, or was stopped.
    """
    where = {"connector": about["connector"], "tool": about["tool"]}
    if isinstance(error, OutcomeUnknown):
        told = envelope.unknown(**where)
    else:
        told = envelope.failure(**where, code=error.code, message=_details(error))
    described = {"state": state, "outcome": str(outcome), "error_code": error.code}
    message = error.message
    if isinstance(error, ServerFailure) and error.suggestion:
        message = f"{message} {error.suggestion}"
    done: dict[str, Any] = {
        **about,
        **described,
        "message": message,
        "model_text": told,
    }
    await journal.emit("tool_done", **done)


@dataclass(kw_only=True)
class _Told:
    """Stores how far a call is, now and then."""

    journal: Journal
    key: str
    _stored_at: float = field(default=0.0, init=False)

    async def __call__(
        self, done: float, total: float | None, message: str | None
    ) -> None:
        now = time.monotonic()
        if now - self._stored_at < PROGRESS_EVERY_S:
            return
        self._stored_at = now
        progress: dict[str, Any] = {
            "done": done,
            "total": total,
            "message": message or "",
        }
        # That the turn is lost is found by its heartbeat; the call goes on till then.
        with suppress(LostTurn):
            await self.journal.emit("tool_progress", id=self.key, **progress)


async def _outcome(call_id: UUID) -> str:
    """Return what the evidence says; a call without any was not begun."""
    outcomes = ToolCall.objects.filter(call_id=call_id).values_list("outcome")
    found = await sync_to_async(outcomes.first)()
    await pools.release_db()
    return found[0] if found else Outcome.REFUSED


def _details(error: ConnectorError) -> str:
    """Return what a model can make better by knowing it."""
    if not isinstance(error, InvalidInput):
        return error.message
    places = (
        (".".join(map(str, e["loc"][2:-1])) or "arguments", e["msg"])
        for e in error.errors
    )
    return "; ".join(f"{place}: {said}" for place, said in places)


def _open(call_id: UUID, arguments: dict[str, Any], turn: Turn) -> None:
    ToolResult.objects.create(turn=turn, call_id=call_id, arguments=arguments)


def _close(call_id: UUID, answer: ToolAnswer, turn: Turn) -> None:
    result = {
        "is_error": answer.is_error,
        "content": answer.content,
        "structured_content": answer.structured_content,
    }
    ToolResult.objects.filter(turn=turn, call_id=call_id).update(
        result=clean_json(result)
    )
