"""Direct mode: what answers where there is no language model. It guesses nothing.

What was picked is called with arguments read from the words, or its form is shown; its
answer is said as it is. Without a pick, tools are proposed, or the one is used that the
message begins with: `/notes__search budget 2027`.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django.urls import reverse

from agent import enforcement, envelope, made_files, selection
from agent.enforcement import Promise
from agent.models import Enforcement
from agent.parts import Part, calls_in
from agent.tool import Tool
from agent.work import Called, Ending, Work
from connectors.text import clean

PROPOSALS = 5
SUMMARY_CHARS = 140
LABEL = "No language model is set up, so what you pick is run as it is."
NO_TOOLS = "You have no tools yet. Add a connector first."
NONE_USABLE = "None of your connectors can be used now."
NO_MATCH = "None of your tools has these words. Pick one, and write what it needs."
PROPOSED = "Pick one of these tools, and write what it needs."
# Of calls that an answer which is tried again does not make again.
NOBODY_KNOWS = "Nobody knows whether this call happened, so it was not made again."
NOT_AGAIN = "It was not made again."
SEND_AGAIN = "Send the message again if you want it to be."
_COMMAND = re.compile(r"\s*/([A-Za-z0-9_-]{1,64})(?:\s+|$)")
_TICKS = re.compile("`+")
_SPACE = re.compile(r"\s*")


async def answer(work: Work) -> Ending:
    """Answer a message without a language model.

    Raises:
        LostTurn: the turn is somebody else's by now, or was stopped.
    """
    if not any(part.get("level") == "direct" for part in work.parts):
        await _notice(work, level="direct", text=LABEL)
    return replace(await _answer(work), usage={"mode": "direct"})


async def _answer(work: Work) -> Ending:
    work = _with_command(work)
    promise = await enforcement.begin(work)
    if isinstance(promise, Ending):
        return promise
    if promise.is_open:
        return await _use(work, promise)
    if calls_in(work.parts):
        # The person has decided, or tries again: what was called since is said.
        untold = _untold(work.parts)
        await _tell(work)
        await _own_up(work, untold)
    else:
        await _propose(work)
    return Ending(state="done", enforcement=promise.kept)


def _with_command(work: Work) -> Work:
    """Return the work with the tool picked that the message begins with, if any."""
    found = _COMMAND.match(work.text)
    if work.pick is not None or found is None or found[1] not in work.toolbox.tools:
        return work
    pick = selection.resolve(work.toolbox, found[1])
    return replace(work, pick=pick, text=work.text[found.end() :])


async def _use(work: Work, promise: Promise) -> Ending:
    step = max((part["step"] for part in calls_in(work.parts)), default=0) + 1
    called = await enforcement.call_anyway(work, promise.tools, step=step)
    promise.note(called.part)
    if promise.kept == Enforcement.REFUSED:
        return await enforcement.refuse(work, promise.refusal)
    if called.state in enforcement.WAITING:
        return Ending(state="waiting", enforcement=enforcement.WAITING[called.state])
    if promise.is_open:
        return _invalid(called)
    await _tell(work)
    return Ending(state="done", enforcement=promise.kept)


def _invalid(called: Called) -> Ending:
    code, message = called.part.get("error_code", ""), called.part.get("message", "")
    return Ending(
        state="failed",
        enforcement=Enforcement.ERROR,
        error_code=code,
        message=message,
    )


async def _tell(work: Work) -> None:
    """Say what was answered, after the call that it answers."""
    untold = [part for part in _untold(work.parts) if part["state"] == "done"]
    for part in untold:
        said = envelope.content_of(part.get("model_text", ""))
        if _is_lost(part):
            continue
        if part.get("outcome") in ("ok", "tool_error") and said:
            await work.journal.text(f"{_link(part) or readable(said)}\n\n")
    await work.journal.flush()


async def _own_up(work: Work, untold: list[Part]) -> None:
    """Say which calls stay as they are, although the answer was tried again."""
    for part in untold:
        if not _is_lost(part):
            continue
        if part["state"] == "unknown":
            said = NOBODY_KNOWS
        else:
            said = f"{part['message']} {NOT_AGAIN}"
        await _notice(work, level="info", text=f"{said} {SEND_AGAIN}")


def _is_lost(part: Part) -> bool:
    """Tell whether a call was made before the retry, and its answer never came."""
    was_made = enforcement.verdict(part) == Enforcement.USED
    return bool(part.get("is_earlier") and part.get("message")) and was_made


def _link(part: Part) -> str:
    """Return a link to the file that a call made, if it made one."""
    made = made_files.of(part)
    if made is None:
        return ""
    return f"Download [{made.name}]({made.url}). It is deleted at {made.until}."


def readable(text: str) -> str:
    """Return `text` in Markdown: objects and lists of JSON as blocks of code."""
    try:
        values = [*_values(text)]
    except (ValueError, RecursionError):
        return text
    if not values or not all(values):
        return text
    return "\n\n".join(_block(value) for value in values)


def _values(text: str) -> Iterator[dict[str, Any] | list[Any]]:
    """Read one JSON value after the other: a tool may answer in several pieces.

    Raises:
        ValueError: there is anything but objects and lists.
    """
    decoder, place = json.JSONDecoder(), 0
    while rest := _SPACE.match(text, place):
        if rest.end() == len(text):
            return
        value, place = decoder.raw_decode(text, rest.end())
        if not isinstance(value, dict | list):
            raise ValueError("neither an object nor a list")
        yield value


def _block(value: dict[str, Any] | list[Any]) -> str:
    block = json.dumps(value, indent=2, ensure_ascii=False)
    fence = "`" * max(3, 1 + max(map(len, _TICKS.findall(block)), default=0))
    return f"{fence}json\n{block}\n{fence}"


def _untold(parts: list[Part]) -> list[Part]:
    """Return the calls after the last text."""
    texts = [index for index, part in enumerate(parts) if part["kind"] == "text"]
    return calls_in(parts[texts[-1] + 1 :] if texts else parts)


async def _propose(work: Work) -> None:
    """Offer the tools that suit the words, each as a button that picks it."""
    toolbox = work.toolbox
    if not toolbox.allowed:
        await _say_why_none(work)
        return
    hits = toolbox.search(work.text, limit=PROPOSALS)
    tools = [_proposal(tool, work) for tool in hits]
    text = PROPOSED if tools else NO_MATCH
    await work.journal.emit(
        "notice", level="proposals", text=text, detail="", code="", tools=tools
    )


async def _say_why_none(work: Work) -> None:
    """Say that there is nothing to propose, and lead to where that is put right."""
    away = [one for one in work.toolbox.absent if not one.is_offer]
    has_some = bool(work.toolbox.sources or away)
    await work.journal.emit(
        "notice",
        level="info",
        text=NONE_USABLE if has_some else NO_TOOLS,
        detail="",
        code="",
        link=reverse("connectors"),
        link_label="Manage connectors" if has_some else "Add a connector",
    )


def _proposal(tool: Tool, work: Work) -> dict[str, str]:
    pick = selection.resolve(work.toolbox, tool.wire_name)
    return {
        "name": tool.wire_name,
        "label": tool.label,
        "title": tool.title,
        "summary": clean(tool.spec.description, limit=SUMMARY_CHARS),
        "pick": str(pick),
    }


async def _notice(work: Work, *, level: str, text: str) -> None:
    await work.journal.emit("notice", level=level, text=text, detail="", code="")
