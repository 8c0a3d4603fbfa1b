"""What the API tells of a mail, as text.

All of it is a stranger's: the shape is checked, sizes and depths are limited, and of
HTML only the words are taken.
Source: developers.google.com, "Gmail API reference: users.messages".
"""

import base64
import binascii
import re
from collections.abc import Iterator
from html import unescape
from typing import Any, Final

from pydantic import BaseModel

from connectors.text import clean

TEXT_CHARS: Final = 20_000
HTML_CHARS: Final = 300_000
HEADER_CHARS: Final = 1_000
SNIPPET_CHARS: Final = 300
MAX_PARTS: Final = 100
# What begins goes on to the end where it does not end, so that nobody looks for its
# end twice. A body ends a head that nobody closed.
_INSIDE: Final = r"(?:[^>=]++|=\s*+(?:\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z))?+)*+(?:>|\Z)"
_MARKUP: Final = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<head\b(?!-).*?(?:</head\b[^>]*+(?:>|\Z)|(?=<body\b)|\Z)"
    r"|<(?P<unread>script|style|title)\b(?!-).*?(?:</(?P=unread)\b[^>]*+(?:>|\Z)|\Z)"
    rf"|</?(?P<tag>[a-z][a-z0-9]*+){_INSIDE}"
    r"|<[!?/][^>]*+(?:>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
# No character has a number of this length; reading one would take long.
_NO_CHARACTER: Final = re.compile(r"&#x?[0-9a-f]{8,}+;?", re.IGNORECASE)
_BREAKS: Final = frozenset("br div h1 h2 h3 h4 h5 h6 li p table tr".split())


class Found(BaseModel):
    """One mail of a search."""

    message_id: str
    thread_id: str
    sender: str
    subject: str
    date: str
    snippet: str


class Attachment(BaseModel):
    """A file that came with a mail; it is not fetched."""

    name: str
    content_type: str
    size_bytes: int


class Mail(BaseModel):
    """One mail; `text_cut` tells that there is more of it in Gmail."""

    message_id: str
    thread_id: str
    sender: str
    reply_to: str
    to: str
    cc: str
    subject: str
    date: str
    text: str
    text_cut: bool
    attachments: list[Attachment]


def found(message: dict[str, Any]) -> Found:
    """Return what a list shows of a message."""
    return Found(
        message_id=_text(message.get("id")),
        thread_id=_text(message.get("threadId")),
        sender=header(message, "From"),
        subject=header(message, "Subject"),
        date=header(message, "Date"),
        snippet=clean(message.get("snippet", ""), limit=SNIPPET_CHARS),
    )


def mail(message: dict[str, Any]) -> Mail:
    """Return a message with its text and the names of its files."""
    parts = list(_parts(message.get("payload")))
    text = _body(parts) or clean(message.get("snippet", ""), limit=SNIPPET_CHARS)
    return Mail(
        message_id=_text(message.get("id")),
        thread_id=_text(message.get("threadId")),
        sender=header(message, "From"),
        reply_to=header(message, "Reply-To"),
        to=header(message, "To"),
        cc=header(message, "Cc"),
        subject=header(message, "Subject"),
        date=header(message, "Date"),
        text=text[:TEXT_CHARS],
        text_cut=len(text) > TEXT_CHARS,
        attachments=[*_attachments(parts)],
    )


def header(message: dict[str, Any], name: str) -> str:
    """Return a header of a message, on one line; "" if it has none."""
    payload = message.get("payload")
    headers = payload.get("headers") if isinstance(payload, dict) else None
    for one in headers if isinstance(headers, list) else []:
        if isinstance(one, dict) and _text(one.get("name")).lower() == name.lower():
            return clean(one.get("value", ""), limit=HEADER_CHARS)
    return ""


def ids(answer: dict[str, Any]) -> list[str]:
    """Return the messages that a list names."""
    messages = answer.get("messages")
    named = messages if isinstance(messages, list) else []
    return [
        text
        for one in named
        if isinstance(one, dict) and (text := _text(one.get("id")))
    ]


def _parts(payload: Any) -> Iterator[dict[str, Any]]:
    """Return the parts of a message, the outer ones first, MAX_PARTS at most."""
    waiting = [payload]
    for _ in range(MAX_PARTS):
        if not waiting:
            return
        part = waiting.pop(0)
        if isinstance(part, dict):
            yield part
            inner = part.get("parts")
            waiting += inner if isinstance(inner, list) else []


def _body(parts: list[dict[str, Any]]) -> str:
    for kind, read in (("text/plain", str), ("text/html", words_of)):
        for part in parts:
            if part.get("mimeType") != kind or part.get("filename"):
                continue
            if text := read(_content(part)).strip():
                return clean(text, limit=TEXT_CHARS + 1, multiline=True)
    return ""


def _content(part: dict[str, Any]) -> str:
    body = part.get("body")
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, str):
        return ""
    try:
        content = base64.urlsafe_b64decode(data + "=" * (-len(data) % 4))
    except (binascii.Error, ValueError):
        return ""
    return content.decode("utf-8", "replace")


def _attachments(parts: list[dict[str, Any]]) -> Iterator[Attachment]:
    for part in parts:
        body = part.get("body")
        size = body.get("size") if isinstance(body, dict) else 0
        if name := clean(part.get("filename", ""), limit=200):
            yield Attachment(
                name=name,
                content_type=clean(part.get("mimeType", ""), limit=100),
                size_bytes=size if isinstance(size, int) else 0,
            )


def words_of(html: str) -> str:
    """Return the words of HTML, a line for each block."""
    text = _MARKUP.sub(_instead, html[:HTML_CHARS])
    words = unescape(_NO_CHARACTER.sub("", text))
    return "\n".join(
        filter(None, (" ".join(line.split()) for line in words.split("\n")))
    )


def _instead(found: re.Match[str]) -> str:
    """Return what stands for a tag or what is not read: a line's end, or nothing."""
    return "\n" if (found["tag"] or "").lower() in _BREAKS else ""


def _text(value: Any) -> str:
    return clean(value, limit=200) if isinstance(value, str) else ""
