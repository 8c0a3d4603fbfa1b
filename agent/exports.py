"""A conversation as a file that people, or programs, can read without Patchbay.

Only what the thread shows: arguments and what tools answered, as the model was given
it. Text of strangers stands in code, so that nothing in it becomes part of the
document around it.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from agent.asked import asked
from agent.models import Conversation, Message, Role
from agent.parts import Part
from agent.receipts import Receipt, receipt
from connectors.text import slug
from systemtools.export.markdown import escaped, fenced, quoted

NAME_CHARS: Final = 60


def file_name(conversation: Conversation) -> str:
    """Return a name that every file system takes, without its ending."""
    return slug(conversation.title, limit=NAME_CHARS) or f"chat-{conversation.pk}"


def as_json(conversation: Conversation) -> str:
    """Return a conversation with every part of every answer."""
    written = {
        "title": conversation.title,
        "created_at": conversation.created_at.isoformat(),
        "updated_at": conversation.updated_at.isoformat(),
        "messages": [_as_object(message) for message in _messages(conversation)],
    }
    return json.dumps(written, indent=2, ensure_ascii=False) + "\n"


def as_rows(conversation: Conversation) -> list[dict[str, Any]]:
    """Return a conversation as rows: one for each message, text and call."""
    return [row for one in _messages(conversation) for row in _rows_of(one)]


def as_markdown(conversation: Conversation) -> str:
    """Return a conversation as one Markdown document."""
    pieces = [f"# {escaped(conversation.title)}"]
    for message in _messages(conversation):
        pieces += _of_message(message)
    return "\n\n".join(pieces) + "\n"


def _messages(conversation: Conversation) -> Iterator[Message]:
    return conversation.messages.order_by("seq").iterator(chunk_size=100)


def _as_object(message: Message) -> dict[str, Any]:
    written: dict[str, Any] = {
        "role": message.role,
        "text": message.text,
        "created_at": message.created_at.isoformat(),
    }
    if message.selection_kind:
        written["picked"] = {
            "kind": message.selection_kind,
            "ref": message.selection_ref,
            "label": message.selection_label,
        }
    if message.role == Role.ASSISTANT:
        written["parts"] = message.parts
    return written


def _rows_of(message: Message) -> Iterator[dict[str, Any]]:
    said_at = f"{message.created_at:%Y-%m-%d %H:%M:%S}"
    if message.role == Role.USER:
        yield _row(said_at, "You", message.text, message.selection_label)
        return
    for part in message.parts:
        if part["kind"] == "text":
            yield _row(said_at, "Patchbay", part["text"])
        elif part["kind"] == "call":
            call = receipt(part)
            yield _row(said_at, f"{call.source}: {call.tool}", call.answered)


def _row(said_at: str, by: str, said: str, picked: str = "") -> dict[str, Any]:
    return {"Time (UTC)": said_at, "By": by, "Said": said, "Must be used": picked}


def _of_message(message: Message) -> Iterator[str]:
    when = f"{message.created_at:%Y-%m-%d %H:%M} UTC"
    if message.role == Role.USER:
        yield f"## You, {when}"
        if message.selection_label:
            yield f"Must be used: {escaped(message.selection_label)}"
        if message.text:
            yield quoted(message.text)
        return
    yield f"## Patchbay, {when}"
    # What is said in Direct mode is what tools answered.
    is_direct = any(part.get("level") == "direct" for part in message.parts)
    for part in message.parts:
        if is_direct and part["kind"] == "text":
            yield fenced(part["text"])
        else:
            yield from _of_part(part)


def _of_part(part: Part) -> Iterator[str]:
    match part["kind"]:
        case "text":
            yield part["text"]
        case "call":
            yield from _of_call(receipt(part))
        case "sign_in" | "question":
            closed = asked(part)
            yield f"*{escaped(f'{closed.source}: {closed.word}')}*"
        case "notice":
            said = " ".join(filter(None, (part.get("text"), part.get("detail"))))
            yield f"*{escaped(said)}*"
        case "end":
            yield f"*{escaped(part.get('message') or 'This answer ended early.')}*"


def _of_call(call: Receipt) -> Iterator[str]:
    took = f", {call.took}" if call.took else ""
    yield f"**{escaped(call.source)}: {escaped(call.tool)}** ({call.word}{took})"
    if call.arguments:
        sent = {argument.name: argument.shown for argument in call.arguments}
        yield fenced("\n".join(f"{name}: {value}" for name, value in sent.items()))
    if call.answered:
        yield fenced(call.answered)
