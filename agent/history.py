"""A conversation as a language model reads it.

What people wrote are its requests, what was answered its responses; results stand
nowhere but as the returns of calls. Every call has a return, and one that may have
happened is never shown as one that did not: providers refuse a call without its
return, and a model would repeat it.
"""

from collections.abc import Iterable

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from agent import envelope, instructions
from agent.models import Message, Role, SelectionKind
from agent.parts import Part, Parts

# Of the conversation before this message; what is older is not sent.
EARLIER_CHARS = 120_000
DIRECT = "direct"
_NOT_RUN = "This call was not made."


def messages(
    *, earlier: Iterable[Message], text: str, parts: Parts
) -> list[ModelMessage]:
    """Return what the model reads: what was said before, this message, its answer.

    `parts` are those of the answer so far: what was called is not called again.
    """
    read = [message for one in _recent(earlier) for message in _of_message(one)]
    read.append(said(text))
    answer = of_parts(parts)
    if answer and isinstance(answer[-1], ModelResponse):
        answer.append(said(instructions.GO_ON))
    return read + answer


def said(text: str) -> ModelRequest:
    """Return a person's words, or ours in their place."""
    return ModelRequest(parts=[UserPromptPart(text or "(No words.)")])


def of_parts(parts: Parts) -> list[ModelMessage]:
    """Return an answer as the model gave it: texts, calls by steps, their returns."""
    is_direct = any(part.get("level") == DIRECT for part in parts)
    read: list[ModelMessage] = []
    texts: list[TextPart] = []
    calls: list[Part] = []
    for part in parts:
        is_text = part["kind"] == "text"
        if is_text and is_direct:
            # Direct mode says what tools answered: that stands in their returns.
            continue
        if calls and (
            is_text or part.get("step", calls[0]["step"]) != calls[0]["step"]
        ):
            read += _response(texts, calls)
            texts, calls = [], []
        if is_text and part["text"]:
            texts.append(TextPart(part["text"]))
        elif part["kind"] == "call":
            calls.append(part)
    return read + _response(texts, calls)


def called(part: Part) -> list[ModelMessage]:
    """Return one call as if the model had made it, with its return."""
    return _response([], [part])


def returned(part: Part) -> ToolReturnPart:
    """Return what the model is told of a call."""
    return ToolReturnPart(
        tool_name=part["name"], content=_told(part), tool_call_id=part["id"]
    )


def _response(texts: list[TextPart], calls: list[Part]) -> list[ModelMessage]:
    made = [
        ToolCallPart(part["name"], part["arguments"], tool_call_id=part["id"])
        for part in calls
    ]
    if not texts and not made:
        return []
    response = ModelResponse(parts=[*texts, *made])
    if not made:
        return [response]
    return [response, ModelRequest(parts=[returned(part) for part in calls])]


def _told(part: Part) -> str:
    if told := part.get("model_text"):
        return str(told)
    where = {"connector": part.get("connector", ""), "tool": part.get("tool", "")}
    if part["state"] in ("running", "unknown"):
        return envelope.unknown(**where)
    return envelope.failure(**where, code="NOT_RUN", message=_NOT_RUN)


def _recent(earlier: Iterable[Message]) -> list[Message]:
    """Return the newest messages, of which the model can bear the whole."""
    left, found = EARLIER_CHARS, []
    for message in reversed([*earlier]):
        left -= _size(message)
        if left < 0:
            break
        found.append(message)
    # An answer without its question helps nobody.
    while found and found[-1].role != Role.USER:
        found.pop()
    return found[::-1]


def _size(message: Message) -> int:
    parts = message.parts or []
    told = (len(str(p.get("text") or p.get("model_text") or "")) for p in parts)
    asked = (len(str(part.get("arguments", ""))) for part in parts)
    return len(message.text) + sum(told) + sum(asked)


def _picked(message: Message) -> str:
    """Say what was picked where nothing was written, in no word of a server."""
    if not message.selection_label:
        return ""
    # Of a tool, the label has the title that its server gave it.
    is_whole = message.selection_kind == SelectionKind.CONNECTOR
    named = message.selection_label if is_whole else "a tool"
    return f"(Picked {named}, without a word.)"


def _of_message(message: Message) -> list[ModelMessage]:
    if message.role == Role.USER:
        return [said(message.text or _picked(message))]
    if message.role != Role.ASSISTANT:
        return []
    if message.parts:
        return of_parts(message.parts)
    return [ModelResponse(parts=[TextPart(message.text)])] if message.text else []
