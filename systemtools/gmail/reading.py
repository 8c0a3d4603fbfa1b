"""What the API tells of a mail, as text.

All of it is a stranger's: the shape is checked, sizes and depths are limited, and of
HTML only the words are taken.
Source: developers.google.com, "Gmail API reference: users.messages".
"""

import base64
import binascii
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, Final

from pydantic import BaseModel

from connectors.text import clean

TEXT_CHARS: Final = 20_000
HTML_CHARS: Final = 300_000
HEADER_CHARS: Final = 1_000
SNIPPET_CHARS: Final = 300
MAX_PARTS: Final = 100
_UNREAD: Final = frozenset({"head", "script", "style", "title"})
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
    reader = _Words()
    reader.feed(html[:HTML_CHARS])
    reader.close()
    lines = ("".join(reader.said)).split("\n")
    return "\n".join(filter(None, (" ".join(line.split()) for line in lines)))


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "body":
            # It ends a head that nobody closed.
            self._inside.clear()
        if tag in _UNREAD:
            self._inside.append(tag)
        if tag in _BREAKS:
            self.said.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()
        if tag in _BREAKS:
            self.said.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.said.append(data)


def _text(value: Any) -> str:
    return clean(value, limit=200) if isinstance(value, str) else ""
