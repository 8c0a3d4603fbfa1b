"""What a model is told of a call: data of a stranger, and marked as that.

A result never stands in a conversation as text of its own. It is a value of a JSON
object, so nothing in it can end the object, look like another message, or like words
of this installation; and it is only as long as a model can bear. The person has the
whole of it in the receipt.
"""

import json
from typing import Any

from agent.tool_types import ToolAnswer
from connectors.text import clean, clean_json

CONTENT_CHARS = 16_000
SUMMARY_CHARS = 160
SUMMARY_LINES = 20
MESSAGE_CHARS = 500


def for_model(*, connector: str, tool: str, answer: ToolAnswer) -> str:
    """Wrap what a tool answered, cut to `CONTENT_CHARS` characters."""
    content = plain_text(answer)
    return _sealed(connector, tool, content, is_error=answer.is_error)


def failure(*, connector: str, tool: str, code: str, message: str) -> str:
    """Say that a call was not made, or failed on the way.

    The message may name what a server sent, so it is a stranger's like a result.
    """
    said = clean(message, limit=MESSAGE_CHARS)
    return _sealed(connector, tool, said, is_error=True, error=code)


def unknown(*, connector: str, tool: str) -> str:
    """Say that nobody knows whether a call happened, so that it is not repeated."""
    return _sealed(
        connector,
        tool,
        "",
        is_error=True,
        error="OUTCOME_UNKNOWN",
        note="Nobody knows whether this call happened. Do not repeat it.",
    )


def content_of(model_text: str) -> str:
    """Return the content of an envelope, or "" if that is none."""
    try:
        value = json.loads(model_text)
    except ValueError:
        return ""
    content = value.get("content") if isinstance(value, dict) else None
    return content if isinstance(content, str) else ""


def plain_text(answer: ToolAnswer) -> str:
    """Return what a tool answered as text; what is no text is only named."""
    texts = [_said(block) for block in answer.content]
    shown = "\n\n".join(text for text in texts if text)
    if shown or answer.structured_content is None:
        return shown
    return _json(answer.structured_content)


def summary(answer: ToolAnswer) -> str:
    """Say in one line, for people, what a tool answered: the first that has words."""
    first = ""
    for line in plain_text(answer).splitlines()[:SUMMARY_LINES]:
        said = clean(line, limit=SUMMARY_CHARS)
        # The first line of JSON that is laid out is a bracket.
        if any(sign.isalnum() for sign in said):
            return said
        first = first or said
    return first or "It answered nothing."


def _sealed(connector: str, tool: str, content: str, **more: Any) -> str:
    value: dict[str, Any] = {
        "connector": connector, "tool": tool, "untrusted": True, **more
    }  # fmt: skip
    if len(content) > CONTENT_CHARS:
        value["cut"] = (
            f"These are the first {CONTENT_CHARS:,} of {len(content):,} characters. "
            "The person can see all of them."
        )
    value["content"] = content[:CONTENT_CHARS]
    return _json(clean_json(value))


def _said(block: dict[str, Any]) -> str:
    """Return a piece of content as text.

    Source: MCP 2025-11-25, "Tool Result".
    """
    match block:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "resource", "resource": {"text": str(text)}}:
            return text
        case {"type": "resource", "resource": {"mimeType": str(kind)}}:
            return f"[A file, {clean(kind, limit=80)}, which the person can save.]"
        case {"type": "resource_link", "uri": str(uri)}:
            return f"[A link: {clean(uri, limit=MESSAGE_CHARS)}]"
        case {"type": "image" | "audio" as kind, **rest}:
            about = clean(rest.get("mimeType"), limit=80) or kind
            return f"[{kind.capitalize()}, {about}, which the person can see.]"
        case _:
            return ""


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
