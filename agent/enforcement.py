"""What a person picked is what is used: the rules, for every way to answer.

A pick ends in one of five ways, and the database accepts no others:

used      one of the picked tools was called, whatever it said
form      its form is shown: the words did not give its arguments
approval  the person is asked first, for their word or for a sign-in, or said no
refused   it cannot be used, and that was said instead of an answer
error     the language model failed before it was called
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from agent import arguments, calling, choosing, selection, signing_in
from agent.models import Enforcement
from agent.parts import DECIDED, Part, calls_in
from agent.parts import WAITING as WAITS
from agent.selection import Refusal
from agent.spoken_names import key_of
from agent.tool import Tool
from agent.tool_types import Pick
from agent.work import Called, Ending, Work
from connectors import schema_check
from connectors.errors import ConnectorError, InvalidInput
from connectors.models import Outcome

# How often the model answers without what was picked before it is called anyway.
PATIENCE = 2
BeforeCall = Callable[[bool], Awaitable[None]]
# What a call that waits for the person means for a pick.
WAITING = {
    "waiting": Enforcement.APPROVAL,
    "form": Enforcement.FORM,
    "sign_in": Enforcement.APPROVAL,
}
NEVER_LEFT = (Outcome.REFUSED, Outcome.NOT_SENT, Outcome.CANCELLED)


@dataclass(kw_only=True)
class Promise:
    """That one of `tools` is used before anything is said. None: nothing picked."""

    tools: list[Tool] = field(default_factory=list)
    # What became of it so far.
    kept: str = Enforcement.NONE
    # Why, if that is a refusal.
    refusal: Refusal = field(default_factory=lambda: Refusal(code="", message=""))
    # How often the model answered without it.
    missed: int = 0

    @property
    def is_open(self) -> bool:
        return bool(self.tools) and self.kept == Enforcement.NONE

    @property
    def is_broken(self) -> bool:
        """Whether the model had its chances, so that it is done without it."""
        return self.is_open and self.missed >= PATIENCE

    @property
    def names(self) -> list[str]:
        """The picked tools that are still due, as the model knows them."""
        return [tool.wire_name for tool in self.tools] if self.is_open else []

    def note(self, part: Part) -> None:
        """Take note of a call: it may be what was picked."""
        if self.is_open and part["name"] in self.names:
            self.kept = verdict(part)
            self.refusal = refusal_of(part)

    def miss(self) -> None:
        """Take note that the model answered, and the pick is still due."""
        if self.is_open:
            self.missed += 1


async def begin(work: Work) -> Promise | Ending:
    """Look at the pick of a turn: what is still to be done for it.

    An ending if it cannot be used: that was said, and nobody is asked anything.
    """
    if work.pick is None:
        return Promise()
    kept = kept_by(work.pick, work.parts)
    if kept.verdict == Enforcement.REFUSED:
        return await refuse(work, kept.refusal)
    if kept.verdict != Enforcement.NONE:
        # What was done before this attempt, or what the person decided since.
        return Promise(kept=kept.verdict)
    found = selection.look_up(work.toolbox, work.pick)
    if isinstance(found, Refusal):
        return await _sign_in_or_refuse(work, found)
    return Promise(tools=found.tools)


def still_waits(work: Work) -> Ending | None:
    """Return an ending if something waits for the person already: a sign-in, again."""
    if not any(part.get("state") in WAITS for part in work.parts):
        return None
    kept = kept_by(work.pick, work.parts).verdict if work.pick else Enforcement.NONE
    return Ending(state="waiting", enforcement=kept)


async def _sign_in_or_refuse(work: Work, refusal: Refusal) -> Ending:
    """Wait for the sign-in that is all that is missing, once; else refuse."""
    absent = refusal.absent
    if absent is None or not refusal.waits_for_sign_in:
        return await refuse(work, refusal)
    for part in work.parts:
        is_no = part["kind"] == "sign_in" and part["state"] == "declined"
        is_there = (part.get("source"), part.get("ref")) == (absent.source, absent.ref)
        if is_no and is_there and not part.get("is_earlier"):
            said = f"You did not sign in to {absent.label}, so it was not used."
            return await refuse(work, replace(refusal, message=said))
    return await signing_in.for_pick(work, absent)


async def refuse(work: Work, refusal: Refusal) -> Ending:
    """Say why what was picked cannot be used; that is the answer.

    Raises:
        LostTurn: the turn is somebody else's by now, or was stopped.
    """
    way_out = refusal.absent.way_out if refusal.absent else {}
    said: dict[str, Any] = {"text": refusal.message, "code": refusal.code, **way_out}
    await work.journal.emit("notice", level="bad", detail="", **said)
    return Ending(state="done", enforcement=Enforcement.REFUSED)


async def call_anyway(
    work: Work, tools: Iterable[Tool], *, step: int, before: BeforeCall | None = None
) -> Called:
    """Call one of `tools` with the person's words, or show them its form.

    `before` is told which: whether it is the form.

    Raises:
        LostTurn: the turn is somebody else's by now, or was stopped.
    """
    tool = choosing.best(work.toolbox, [*tools], work.text)
    given = arguments.from_words(tool.spec.input_schema, work.text)
    errors = await _errors(tool, given)
    if before is not None:
        await before(bool(errors))
    if errors:
        return await calling.ask_form(
            work, tool=tool, arguments=given, step=step, errors=errors, forced=True
        )
    return await calling.call(work, tool=tool, arguments=given, step=step, forced=True)


async def _errors(tool: Tool, given: dict[str, object]) -> list[dict[str, object]]:
    try:
        await schema_check.check_arguments(
            schema=tool.spec.input_schema, arguments=given
        )
    except InvalidInput as problem:
        return problem.errors
    except ConnectorError:
        # Too much at once: the call says so itself.
        return []
    return []


# --- What was done ------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What the calls so far did for a pick; why, if that was a refusal."""

    verdict: str = Enforcement.NONE
    refusal: Refusal = field(default_factory=lambda: Refusal(code="", message=""))


def kept_by(pick: Pick, parts: Iterable[Part]) -> Kept:
    """Return the best that the calls of an answer did for `pick`."""
    calls = (part for part in calls_in([*parts]) if is_of(pick, part))
    found = {verdict(part): part for part in calls if not _came_to_nothing(part)}
    for best in (Enforcement.USED, Enforcement.APPROVAL, Enforcement.FORM):
        if best in found:
            return Kept(verdict=best)
    if Enforcement.REFUSED in found:
        part = found[Enforcement.REFUSED]
        return Kept(verdict=Enforcement.REFUSED, refusal=refusal_of(part))
    return Kept()


def verdict(part: Part) -> str:
    """Return what one call did for a pick that it is of."""
    state = part["state"]
    if state in (*WAITS, *DECIDED):
        return _asked(part)
    if state in ("declined", "superseded", "expired"):
        return _asked(part)
    if state in ("refused", "cancelled"):
        return Enforcement.REFUSED
    if state in ("done", "unknown"):
        left = part.get("outcome") not in NEVER_LEFT
        return Enforcement.USED if left else Enforcement.REFUSED
    return Enforcement.NONE


def _came_to_nothing(part: Part) -> bool:
    """Tell whether a call counts no more, since the answer was tried again after it.

    What was used was used, and a no is a no; all else is to be done once more.
    """
    counts = part["state"] == "declined" or verdict(part) == Enforcement.USED
    return bool(part.get("is_earlier")) and not counts


def _asked(part: Part) -> str:
    is_form = "input_id" in part and part.get("asks") != "sign_in"
    return Enforcement.FORM if is_form else Enforcement.APPROVAL


def is_of(pick: Pick, part: Part) -> bool:
    """Tell whether a call is of what was picked."""
    source, ref, tool = key_of(pick)
    same_source = (part["source"], part["ref"]) == (source, ref)
    return same_source and tool in ("", part["tool"])


def refusal_of(part: Part) -> Refusal:
    """Return why a call never left, as a sentence that names its tool."""
    return Refusal(
        code=part.get("error_code", ""),
        message=f"{part['label']} could not be used. {part.get('message', '')}".strip(),
    )
