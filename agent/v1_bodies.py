"""What OpenAI's clients send to /v1/chat/completions, read with care.

Of the conversation only the texts of the person and of the assistant are taken.
Messages of the roles system, developer, tool and function are skipped, and so are
the client's `tools`: which tools there are and what the agent is told is decided
here, and a client that relays strangers' texts cannot change it. Settings of the
model (temperature, max_tokens, …) are skipped too: the installation's count. What
would be a lie to skip is refused: pictures, several answers, a form of the answer.

Source: the OpenAPI document of OpenAI, CreateChatCompletionRequest.
"""

from dataclasses import dataclass
from typing import Any, Final

from agent.v1_errors import Refused

AGENT: Final = "agent"
PREFIX: Final = f"{AGENT}:"
# More would be rows without a use: no model reads so far back.
EARLIER_MESSAGES: Final = 200
NAME_CHARS: Final = 200

SKIPPED_ROLES: Final = frozenset({"system", "developer", "tool", "function"})
TEXT_PARTS: Final = frozenset({"text", "input_text", "output_text"})


@dataclass(frozen=True, kw_only=True)
class Said:
    """An earlier message: who said what. `role` is user or assistant."""

    role: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Body:
    """A request that can be answered.

    `tool` is the wire name of `tool_choice`, "" without one; `connector` is the slug
    in the name of the model. `needs_tool` is the word "required".
    """

    model: str
    connector: str
    text: str
    earlier: list[Said]
    tool: str = ""
    needs_tool: bool = False
    streams: bool = False
    includes_usage: bool = False


def read(body: dict[str, Any]) -> Body:
    """Read the body of a request for a completion.

    Raises:
        Refused: 400, with the place in `param`; 404, there is no such model.
    """
    model = _model(body)
    *earlier, last = _messages(body)
    choice = _tool_choice(body)
    _refuse_what_is_not_done(body)
    streams = _flag(body, "stream")
    return Body(
        model=model,
        connector=model.removeprefix(PREFIX) if model != AGENT else "",
        text=last.text,
        earlier=earlier[-EARLIER_MESSAGES:],
        **choice,
        streams=streams,
        includes_usage=_includes_usage(body) and streams,
    )


def _model(body: dict[str, Any]) -> str:
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise Refused("Name a model; GET /v1/models lists them.", param="model")
    if model == AGENT or (model.startswith(PREFIX) and model != PREFIX):
        return model
    raise no_such_model()


def no_such_model() -> Refused:
    """Say that there is no such model. Its name, a stranger's text, is not repeated."""
    return Refused(
        "There is no such model, or you have no access to it. "
        "GET /v1/models lists yours.",
        param="model",
        code="model_not_found",
    )


# --- Messages ----------------------------------------------------------------


def _messages(body: dict[str, Any]) -> list[Said]:
    """Return what was said; the last one is the person's, and has a text."""
    given = body.get("messages")
    if not isinstance(given, list) or not given:
        raise Refused("Send at least one message.", param="messages")
    said = {
        index: message
        for index, sent in enumerate(given)
        if (message := _message(sent, index)) is not None
    }
    place, last = next(reversed(said.items()), (0, None))
    if last is None or last.role != "user":
        raise Refused("The last message must be the user's.", param="messages")
    if not last.text.strip():
        raise Refused(
            "The last message has no text.", param=f"messages[{place}].content"
        )
    return [message for message in said.values() if message.text.strip()]


def _message(message: Any, index: int) -> Said | None:
    place = f"messages[{index}]"
    if not isinstance(message, dict):
        raise Refused("A message must be an object.", param=place)
    role = message.get("role")
    if role in ("user", "assistant"):
        return Said(role=role, text=_text(message.get("content"), f"{place}.content"))
    if isinstance(role, str) and role in SKIPPED_ROLES:
        return None
    raise Refused("This role is not known.", param=f"{place}.role")


def _text(content: Any, place: str) -> str:
    """Return the text of a content: a string, a list of parts, or nothing."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise Refused("The content must be text.", param=place)
    parts = [_part(part, f"{place}[{index}]") for index, part in enumerate(content)]
    return "\n".join(part for part in parts if part)


def _part(part: Any, place: str) -> str:
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        raise Refused("A part of the content must be an object.", param=place)
    # What an assistant refused with is its text.
    key = "refusal" if part["type"] == "refusal" else "text"
    if key == "text" and part["type"] not in TEXT_PARTS:
        raise Refused("Only text is taken: no pictures, sounds or files.", param=place)
    if not isinstance(part.get(key), str):
        raise Refused("A part of the content has no text.", param=f"{place}.{key}")
    text: str = part[key]
    return text


# --- The tool ----------------------------------------------------------------


def _tool_choice(body: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of `Body` that `tool_choice` decides."""
    choice = body.get("tool_choice")
    if choice in (None, "auto"):
        return {}
    if choice == "required":
        return {"needs_tool": True}
    if choice == "none":
        # The agent alone knows when it needs one; to promise less would be a lie.
        raise Refused(
            "The agent decides itself whether it uses tools. Leave tool_choice out.",
            param="tool_choice",
        )
    return {"tool": _chosen_name(choice)}


def _chosen_name(choice: Any) -> str:
    is_function = isinstance(choice, dict) and choice.get("type") == "function"
    if not is_function or not isinstance(choice.get("function"), dict):
        raise Refused(
            'Send "auto", "required", or '
            '{"type": "function", "function": {"name": …}}.',
            param="tool_choice",
        )
    name = choice["function"].get("name")
    if not isinstance(name, str) or not 0 < len(name) <= NAME_CHARS:
        raise Refused("Name the tool.", param="tool_choice.function.name")
    return name


# --- The rest ----------------------------------------------------------------


def _refuse_what_is_not_done(body: dict[str, Any]) -> None:
    if body.get("n") not in (None, 1) or body.get("n") is True:
        raise Refused("There is one answer to a request.", param="n")
    form = body.get("response_format")
    if form is not None and not (isinstance(form, dict) and form.get("type") == "text"):
        raise Refused("The answer is text; no other form.", param="response_format")


def _includes_usage(body: dict[str, Any]) -> bool:
    options = body.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict):
        raise Refused("This must be an object.", param="stream_options")
    return _flag(options, "include_usage", place="stream_options.include_usage")


def _flag(values: dict[str, Any], key: str, *, place: str = "") -> bool:
    value = values.get(key)
    if value is not None and not isinstance(value, bool):
        raise Refused("This must be true or false.", param=place or key)
    return bool(value)
