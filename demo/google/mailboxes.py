"""The mail of the people here, as the Gmail API tells it."""

import base64
import itertools
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage, MIMEPart
from email.utils import getaddresses
from typing import Any

from demo.google.records import ACCOUNTS, Account

_SUBJECT = re.compile(r"^(?:(?:re|fwd?):\s*)+", re.IGNORECASE)
_TERM = re.compile(r'(\w+):(?:"([^"]*)"|(\S+))|"([^"]*)"|(\S+)')
SNIPPET_CHARS = 120


@dataclass(frozen=True, kw_only=True)
class Stored:
    """One message in one mailbox."""

    id: str
    thread_id: str
    labels: tuple[str, ...]
    message: EmailMessage
    received_at: float = field(default_factory=time.time)

    def header(self, name: str) -> str:
        return str(self.message.get(name, ""))

    @property
    def text(self) -> str:
        body = self.message.get_body(("plain", "html"))
        return str(body.get_content()) if body else ""


class Mailbox:
    """The messages of one account, oldest first."""

    def __init__(self, ids: Iterator[int]) -> None:
        self.messages: dict[str, Stored] = {}
        self._ids = ids

    def keep(self, message: EmailMessage, *labels: str, thread_id: str = "") -> Stored:
        """Store a message: in `thread_id`, or in a thread of its own."""
        key = f"{next(self._ids):016x}"
        stored = Stored(
            id=key, thread_id=thread_id or key, labels=labels, message=message
        )
        self.messages[key] = stored
        return stored

    def thread_for(self, message: EmailMessage, wanted: str = "") -> str:
        """Return the thread that a message belongs to, "" for a new one.

        As at Google it has to refer to a message of the thread, under its subject.
        """
        refers = set(str(message.get("References", "")).split())
        refers |= set(str(message.get("In-Reply-To", "")).split())
        for stored in self.messages.values():
            if (
                (not wanted or stored.thread_id == wanted)
                and stored.header("Message-ID").strip() in refers
                and _subject(stored.message) == _subject(message)
            ):
                return stored.thread_id
        return ""

    def has_thread(self, thread_id: str) -> bool:
        return any(one.thread_id == thread_id for one in self.messages.values())

    def search(self, query: str) -> list[Stored]:
        """Return what suits every word of `query`, newest first."""
        terms = [_term(match) for match in _TERM.finditer(query)]
        found = [one for one in self.messages.values() if _suits(one, terms)]
        return found[::-1]


class Mailboxes:
    """Everybody's mail; what one sends to another arrives."""

    def __init__(self) -> None:
        self.boxes: dict[str, Mailbox] = {}
        self.fill()

    def fill(self) -> None:
        """Begin anew, with the letters that are there from the start."""
        ids = itertools.count(0x18C0000000000001)
        self.boxes = {key: Mailbox(ids) for key in ACCOUNTS}
        for letter in _letters():
            self.boxes["ada"].keep(letter, "INBOX", "UNREAD")
        self.boxes["grace"].keep(_letter("ada", "Welcome", "Hello Grace."), "INBOX")

    def of(self, account: Account) -> Mailbox:
        return self.boxes[account.key]

    @property
    def sent(self) -> list[Stored]:
        """What was sent, by anybody, oldest first."""
        every = [one for box in self.boxes.values() for one in box.messages.values()]
        return sorted(
            (one for one in every if "SENT" in one.labels), key=lambda one: one.id
        )

    def send(self, account: Account, message: EmailMessage, wanted: str) -> Stored:
        """Send a message: keep it, and deliver it to whoever is here."""
        del message["From"]
        message["From"] = f"{account.name} <{account.email}>"
        box = self.of(account)
        readers = recipients(message)
        thread_id = box.thread_for(message, wanted) if wanted else ""
        stored = box.keep(message, "SENT", thread_id=thread_id)
        if not message["Message-ID"]:
            message["Message-ID"] = f"<{stored.id}@mail.demo.example>"
        for reader in ACCOUNTS.values():
            if reader.email in readers:
                theirs = self.of(reader)
                theirs.keep(
                    message, "INBOX", "UNREAD", thread_id=theirs.thread_for(message)
                )
        return stored


def recipients(message: EmailMessage) -> list[str]:
    """Return the addresses that a message goes to."""
    headers = [
        str(value)
        for name in ("To", "Cc", "Bcc")
        for value in message.get_all(name, [])
    ]
    return [address.lower() for _, address in getaddresses(headers) if address]


def as_json(stored: Stored, *, only: tuple[str, ...] | None = None) -> dict[str, Any]:
    """Return a message as the API does; with `only`, these headers and no body."""
    payload = _part(stored.message, "", with_body=only is None)
    if only is not None:
        names = {name.lower() for name in only}
        headers = payload["headers"]
        payload["headers"] = [
            one for one in headers if not names or one["name"].lower() in names
        ]
    return {
        "id": stored.id,
        "threadId": stored.thread_id,
        "labelIds": list(stored.labels),
        "snippet": " ".join(stored.text.split())[:SNIPPET_CHARS],
        "internalDate": str(round(stored.received_at * 1000)),
        "sizeEstimate": len(stored.message.as_bytes()),
        "payload": payload,
    }


def _part(part: MIMEPart, number: str, *, with_body: bool) -> dict[str, Any]:
    content = b"" if part.is_multipart() else part.get_payload(decode=True)
    assert isinstance(content, bytes)  # noqa: S101 — it was decoded
    filename = part.get_filename() or ""
    body: dict[str, Any] = {"size": len(content)}
    if filename:
        body["attachmentId"] = f"attachment-{number}"
    elif content and with_body:
        body["data"] = base64.urlsafe_b64encode(content).decode()
    said: dict[str, Any] = {
        "partId": number,
        "mimeType": part.get_content_type(),
        "filename": filename,
        "headers": [{"name": name, "value": str(v)} for name, v in part.items()],
        "body": body,
    }
    if with_body and part.is_multipart():
        prefix = f"{number}." if number else ""
        said["parts"] = [
            _part(inner, f"{prefix}{place}", with_body=True)
            for place, inner in enumerate(part.iter_parts())
        ]
    return said


def _term(match: re.Match[str]) -> tuple[str, str]:
    name, quoted, bare, phrase, word = match.groups()
    return (name or "", (quoted or bare or phrase or word or "").lower())


def _suits(stored: Stored, terms: list[tuple[str, str]]) -> bool:
    return all(_has(stored, name, text) for name, text in terms)


def _has(stored: Stored, name: str, text: str) -> bool:
    if name in {"in", "is", "label"}:
        return text.upper() in stored.labels
    if name in {"from", "to", "subject"}:
        return text in stored.header(name).lower()
    if name:
        return name in {"newer_than", "older_than", "after", "before"}
    everything = f"{stored.header('From')} {stored.header('Subject')} {stored.text}"
    return text in everything.lower()


def _subject(message: EmailMessage) -> str:
    return _SUBJECT.sub("", str(message.get("Subject", ""))).strip()


def _letter(sender: str, subject: str, text: str) -> EmailMessage:
    message = EmailMessage(policy=policy.default)
    known = ACCOUNTS.get(sender)
    message["From"] = f"{known.name} <{known.email}>" if known else sender
    message["To"] = ACCOUNTS["ada"].email
    message["Subject"] = subject
    message["Date"] = "Mon, 23 Nov 2026 09:30:00 +0000"
    slug = re.sub("[^a-z0-9]+", "-", subject.lower()).strip("-")
    message["Message-ID"] = f"<{slug}@mail.demo.example>"
    message.set_content(text)
    return message


def _letters() -> Iterator[EmailMessage]:
    yield _letter(
        "John <john@example.com>",
        "Lunch on Thursday?",
        "Hi Ada,\n\nshall we have lunch on Thursday at noon?\n\nJohn\n",
    )
    budget = _letter("grace", "Budget 2027", "The budget is attached. Übersicht: 12 €.")
    budget.add_alternative("<p>The budget is <b>attached</b>.</p>", subtype="html")
    budget.add_attachment(
        b"%PDF-1.7", maintype="application", subtype="pdf", filename="budget.pdf"
    )
    yield budget
    news = _letter("News <news@example.com>", "Grüße aus Köln", "")
    news.set_content(
        "<style>p{color:red}</style><h1>News</h1><p>Tea &amp; cake.</p>"
        "<script>alert(1)</script>",
        subtype="html",
    )
    yield news
