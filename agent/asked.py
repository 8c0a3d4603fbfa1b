"""What is shown of a question that is no call of its own.

What was picked waits for a sign-in, or a server asks in the middle of a call. Made
from the part alone (agent.parts); what a server says stays text.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from agent.parts import WAITING, Part
from connectors import text

Look = tuple[str, str, str]
_CLOSED: Final[dict[str, dict[str, Look]]] = {
    "sign_in": {
        "signed_in": ("ready", "log-in", "You signed in"),
        "declined": ("paused", "hand", "You declined to sign in"),
        "superseded": ("paused", "x", "You wrote on instead of signing in"),
        "expired": ("paused", "clock", "Nobody signed in in time"),
    },
    "question": {
        "sent": ("ready", "check", "You answered what it asked"),
        "opened": ("ready", "check", "You opened the page it asked you to"),
        "declined": ("paused", "hand", "You declined what it asked"),
        "superseded": ("paused", "x", "It asked, and was not answered"),
        "expired": ("paused", "clock", "Nobody answered what it asked in time"),
    },
}
QUESTIONS: Final = frozenset(_CLOSED)
_GONE: Final[Look] = ("paused", "x", "This question is closed")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One question: `kind` is that of its card, or line once it is closed."""

    kind: str
    state: str
    glyph: str
    word: str
    source: str
    tool: str
    origin: str
    said: str
    address: "Address | None"


@dataclass(frozen=True, kw_only=True)
class Address:
    """An address in three pieces, so that its host can be marked."""

    before: str
    host: str
    after: str

    @property
    def whole(self) -> str:
        return f"{self.before}{self.host}{self.after}"


def asked(part: Part) -> Asked:
    """Return what is shown of a question."""
    waits = part["state"] in WAITING
    look = _CLOSED[part["kind"]].get(part["state"], _GONE)
    state, glyph, word = ("checking", "clock", "Waits for you") if waits else look
    return Asked(
        kind=part["state"] if waits else "line",
        state=state,
        glyph=glyph,
        word=word,
        source=text.clean(part.get("connector"), limit=200),
        tool=text.clean(part.get("tool"), limit=200),
        origin=text.clean(part.get("origin"), limit=300),
        said=text.reveal(str(part.get("said") or "")),
        address=_address(str(part.get("url") or "")),
    )


def _address(url: str) -> Address | None:
    """Split an address at its host; nothing that could hide in it is hidden."""
    try:
        host = urlsplit(url).netloc
    except ValueError:
        return None
    before, found, after = url.partition(host) if host else ("", "", "")
    if not found:
        return None
    return Address(before=before, host=host, after=after)
