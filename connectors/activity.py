"""Tests, their steps, and calls as people read them: a glyph, words, the code last."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

from connectors.cards import HAPPENED
from connectors.models import ConnectionTest, Outcome, ToolCall, Via
from connectors.steps import Step

STEP_WORDS: Final = {
    "url": "URL",
    "address": "Address",
    "connection": "Connection",
    "sign_in": "Sign-in",
    "handshake": "MCP handshake",
    "tools": "Tools",
}
# Status of a step -> class of its line, glyph, and what is said aloud of it.
STEP_LOOKS: Final = {
    "running": ("now", "loader-circle", "under way"),
    "passed": ("done", "circle-check", "passed"),
    "warning": ("warn", "triangle-alert", "passed with a warning"),
    "failed": ("fail", "circle-alert", "failed"),
    "skipped": ("todo", "circle", "not reached"),
}
OUTCOMES: Final = {
    Outcome.STARTED: ("checking", "loader-circle", "Running"),
    Outcome.OK: ("ready", "circle-check", "Answered"),
    Outcome.TOOL_ERROR: ("review", "triangle-alert", "The tool reported an error"),
    Outcome.REFUSED: ("paused", "hand", "Refused, nothing was sent"),
    Outcome.NOT_SENT: ("unreachable", "unplug", "Not sent"),
    Outcome.FAILED: ("unreachable", "circle-alert", "The server failed"),
    Outcome.UNKNOWN: ("unreachable", "circle-alert", "May or may not have happened"),
    Outcome.CANCELLED: ("paused", "x", "Cancelled before it was sent"),
}
MORE_NEEDED: Final = ("sign-in-again", "key-round", "Needs one more permission")
ORIGINS: Final = {
    Via.PAGE: "You, on a page",
    Via.REST: "REST",
    Via.CHAT: "Chat",
    Via.CHATKIT: "ChatKit",
    Via.V1: "/v1",
    Via.MCP: "/mcp",
    Via.TEST: "A test",
}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How something went: colour (`data-state`), glyph, words, maybe a code."""

    state: str
    glyph: str
    word: str
    code: str = ""


@dataclass(frozen=True, kw_only=True)
class StepLine:
    """One step of a test: its line in the list that the cable runs along."""

    name: str
    css_class: str
    glyph: str
    said: str
    label: str
    message: str
    took: str


@dataclass(frozen=True, kw_only=True)
class CallRow:
    """One call in the list of a connector's newest."""

    call: ToolCall
    verdict: Verdict
    origin: str
    took: str


@dataclass(frozen=True, kw_only=True)
class TestRow:
    """One test in the history of a connector."""

    test: ConnectionTest
    verdict: Verdict
    took: str


def test_row(test: ConnectionTest) -> TestRow:
    return TestRow(test=test, verdict=of_test(test), took=took(test.duration_ms))


def call_row(call: ToolCall) -> CallRow:
    origin = ORIGINS[Via(call.via)]
    return CallRow(
        call=call,
        verdict=of_call(call),
        origin=f"{origin}, by token" if call.token_id else origin,
        took=took(call.duration_ms),
    )


def of_test(test: ConnectionTest) -> Verdict:
    """Return how a connection test went."""
    if test.success and not test.error_code:
        return Verdict(state="ready", glyph="circle-check", word="Passed")
    word = HAPPENED.get(test.error_code, "It failed.")
    if test.success:
        state, glyph, word = "review", "triangle-alert", f"Passed. {word}"
    else:
        state, glyph = "unreachable", "circle-alert"
    return Verdict(state=state, glyph=glyph, word=word, code=test.error_code)


def of_call(call: ToolCall) -> Verdict:
    """Return how a tool call went."""
    state, glyph, word = OUTCOMES[Outcome(call.outcome)]
    # One that was dialled, and refused by its server.
    if call.outcome == Outcome.REFUSED and call.attempts:
        state, glyph, word = MORE_NEEDED
    return Verdict(state=state, glyph=glyph, word=word, code=call.error_code)


def step_lines(steps: Iterable[Step | dict[str, Any]]) -> list[StepLine]:
    """Return the lines of a test's steps, stored ones or fresh ones."""
    return [step_line(step) for step in steps]


def step_line(step: Step | dict[str, Any]) -> StepLine:
    given = asdict(step) if isinstance(step, Step) else step
    css_class, glyph, said = STEP_LOOKS[given["status"]]
    skipped = given["status"] == "skipped"
    return StepLine(
        name=given["step"],
        css_class=css_class,
        glyph=glyph,
        said=said,
        label=STEP_WORDS[given["step"]],
        message=given["message"] or ("Not reached" if skipped else ""),
        took="" if given["duration_ms"] is None else took(given["duration_ms"]),
    )


def took(duration_ms: int | None) -> str:
    """Write a duration: "142 ms", "1.2 s", or a dash for one that is not known."""
    if duration_ms is None:
        return "\N{EN DASH}"
    if duration_ms < 1000:
        return f"{duration_ms} ms"
    return f"{duration_ms / 1000:.1f} s"
