"""Call a tool in a turn: checked, asked for where the person wants it, recorded.

Everything that a model, a page or a client can say about a call goes through
`call`. What needs the person's word waits, and runs later from what was stored.
"""

import uuid
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async

from agent import (
    approvals,
    in_mid_call,
    inputs,
    questions,
    repeats,
    running,
    signing_in,
)
from agent.models import Policy, Turn
from agent.parts import DECIDED, calls_in
from agent.questions import Decided, Subject
from agent.selection import NOT_ALLOWED
from agent.tool import Tool
from agent.toolbox import Toolbox
from agent.work import Called, Work
from connectors import schema_check
from connectors.errors import (
    ConnectorError,
    InvalidInput,
    SignInRequired,
    ToolNotFound,
    ToolPendingReview,
)
from connectors.models import Source
from connectors.text import clean_json

NEVER = "You decided that this tool is never used."


async def call(
    work: Work,
    *,
    tool: Tool,
    arguments: dict[str, Any],
    step: int,
    call_key: str | None = None,
    forced: bool = False,
) -> Called:
    """Call `tool`, or ask the person first.

    `arguments` are the tool's own. `call_key` names the call towards the model;
    `forced` says that the pick, not the model, wants it. A call that was made before
    the answer was tried again is not made twice: what came of it is said once more.

    Raises:
        LostTurn: the turn is somebody else's by now, or was stopped.
    """
    arguments = clean_json(arguments)
    about = _about(tool, arguments, step, call_key or new_key(), forced=forced)
    if earlier := repeats.made_before(work.parts, about):
        await work.journal.emit("tool_done", **repeats.answered(about, earlier))
        return _called(work, about["id"])
    try:
        if tool.policy == Policy.NEVER:
            raise _Never
        await schema_check.check_arguments(
            schema=tool.spec.input_schema, arguments=arguments
        )
    except ConnectorError as error:
        errors = error.errors if isinstance(error, InvalidInput) else []
        state = "invalid" if errors else "refused"
        await running.fail(work.journal, about, error, state=state)
        return _called(work, about["id"], errors)
    if tool.asks:
        question = partial(_ask, tool, about)
        await work.journal.emit("approval", also=question, **about)
        return _called(work, about["id"])
    await _run(work, tool, about)
    return _called(work, about["id"])


async def ask_form(
    work: Work,
    *,
    tool: Tool,
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
    about = _about(
        tool, clean_json(arguments), step, call_key or new_key(), forced=forced
    )
    shown = {
        "schema": tool.spec.input_schema,
        "values": about["arguments"],
        "errors": errors or [],
    }
    question = partial(_ask_form, tool, about)
    await work.journal.emit("input", also=question, **about, **shown)
    return _called(work, about["id"])


async def run_decided(work: Work) -> None:
    """Run what the person allowed, filled in or signed in for since the turn waits.

    Each is looked at again: a tool that is gone, changed or forbidden by now is
    refused, and that is said.

    Raises:
        LostTurn: the turn is somebody else's by now, or was stopped.
    """
    for part in calls_in(work.parts, *DECIDED):
        try:
            found = await sync_to_async(questions.decided)(work.turn_id, part["id"])
            tool = _as_decided(work.toolbox, found)
        except ConnectorError as error:
            about = {name: part[name] for name in ("id", "connector", "tool")}
            await running.fail(work.journal, about, error, state="refused")
            continue
        arguments = found.arguments if found else {}
        forced = part["forced"]
        about = _about(tool, arguments, part["step"], part["id"], forced=forced)
        await _run(work, tool, about)


def new_key() -> str:
    return uuid.uuid4().hex


class _Never(ConnectorError):
    code = NOT_ALLOWED
    message = NEVER


def _about(
    tool: Tool, arguments: dict[str, Any], step: int, key: str, *, forced: bool
) -> dict[str, Any]:
    """Return what the events of a call say of it."""
    return {
        "id": key,
        "step": step,
        "name": tool.wire_name,
        "source": tool.source.source,
        "ref": tool.source.ref,
        "tool": tool.spec.name,
        "title": tool.title,
        "label": tool.label,
        "connector": tool.source.label,
        "reads_only": tool.reads_only,
        "destructive": tool.spec.destructive is True,
        "arguments": arguments,
        "forced": forced,
    }


def _as_decided(toolbox: Toolbox, found: Decided | None) -> Tool:
    """Return the tool that the person allowed a call of, if it is still that one.

    Raises:
        ToolNotFound, ToolPendingReview: it is gone, or another by now.
    """
    if found is None:
        raise ToolNotFound
    subject = found.subject
    key = (subject.source, subject.ref, subject.tool)
    tool = next((tool for tool in toolbox.tools.values() if tool.key == key), None)
    if tool is None:
        absent = (a for a in toolbox.absent if (a.source, a.ref) == key[:2])
        raise ToolNotFound(next((a.message for a in absent), ""))
    if tool.spec.definition_hash != subject.definition_hash:
        raise ToolPendingReview
    if tool.policy == Policy.NEVER:
        raise _Never
    return tool


def _subject(tool: Tool) -> Subject:
    return Subject(
        source=tool.source.source,
        ref=tool.source.ref,
        tool=tool.spec.name,
        definition_hash=tool.spec.definition_hash,
    )


def _ask(tool: Tool, about: dict[str, Any], turn: Turn) -> dict[str, Any]:
    arguments = about["arguments"]
    approval = approvals.ask(
        turn, call_key=about["id"], subject=_subject(tool), arguments=arguments
    )
    by = "with" if tool.source.source == Source.SYSTEM else "on"
    question = f"{tool.title} {by} {tool.source.label}?"
    return {"approval_id": approval.pk, "question": question}


def _ask_form(tool: Tool, about: dict[str, Any], turn: Turn) -> dict[str, Any]:
    request = inputs.ask(
        turn,
        call_key=about["id"],
        subject=_subject(tool),
        arguments=about["arguments"],
        schema=tool.spec.input_schema,
    )
    return {"input_id": request.pk}


async def _run(work: Work, tool: Tool, about: dict[str, Any]) -> None:
    try:
        await running.run(
            journal=work.journal,
            toolbox=work.toolbox,
            caller=work.caller,
            tool=tool,
            about=about,
            on_input=in_mid_call.asking(work, about),
        )
    except SignInRequired as error:
        await signing_in.for_call(
            work, subject=_subject(tool), about=about, error=error
        )


def _called(
    work: Work, call_key: str, errors: list[dict[str, Any]] | None = None
) -> Called:
    part = next(part for part in work.parts if part.get("id") == call_key)
    return Called(
        state=part["state"],
        part=part,
        model_text=part.get("model_text", ""),
        errors=errors or [],
    )
