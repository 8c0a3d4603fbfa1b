"""Read the first server from a client's settings: `mcp.json` and its kin."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors import server_entries
from connectors.server_entries import NotJson
from connectors.text import clean

_PLACEHOLDER = re.compile(
    r"\$\{[^{}]*\}|\$[A-Z_][A-Z0-9_]*|%[A-Z_]+%"  # ${env:TOKEN}, $TOKEN, %TOKEN%
    r"|<[^<>]*>|\{\{[^{}]*\}\}|\[[^\[\]]*\]"  # <token>, {{token}}, [token]
    r"|(?i:your[-_ ][\w -]*|x{3,})|\*{3,}|\.{3,}|…+|"  # YOUR_TOKEN, xxx, …, nothing
)
_SCHEME = re.compile(r"^(?:bearer|basic|token)\s+", re.IGNORECASE)
_NAMES_SHOWN = 5
STDIO = (
    "This server is a program that runs on your own computer (stdio). "
    "Patchbay connects over HTTP: use the server's URL, if it has one."
)
BRIDGED = "The server is reached directly; mcp-remote is not needed here."


class NotUnderstood(Exception):
    """A paste in which no server was found; `message` says why."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A server as it was written down, unchecked."""

    url: str
    name: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()


def looks_like(text: str) -> bool:
    """Tell whether `text` is meant to be JSON, or members of an object."""
    return text.startswith(("{", "[")) or bool(re.match(r'"[^"]{1,200}"\s*:', text))


def read(text: str) -> Found:
    """Return the first server that has a URL; the others are named in a note.

    Raises:
        NotUnderstood: not JSON, no server, or only ones that run on a computer.
    """
    try:
        found = server_entries.members(server_entries.parse(text))
    except NotJson:
        raise NotUnderstood("This looks like JSON, but it is not complete.") from None
    entries = [(name, one) for name, one in found if server_entries.is_entry(one)]
    if not entries:
        raise NotUnderstood("There is no server with a URL in this JSON.")
    remote = [(name, one, server_entries.address(one)) for name, one in entries]
    dialled = [entry for entry in remote if entry[2]]
    if not dialled:
        raise NotUnderstood(STDIO)
    name, entry, url = dialled[0]
    notes = [_others([other for other, _, _ in dialled[1:]])]
    if "command" in entry:
        notes.append(BRIDGED)
    return Found(
        url=url, name=name, headers=_headers(entry), notes=tuple(filter(None, notes))
    )


def is_placeholder(value: str) -> bool:
    """Tell whether a header's value stands for one that is filled in elsewhere."""
    return bool(_PLACEHOLDER.fullmatch(_SCHEME.sub("", value.strip()).strip()))


def _headers(entry: dict[str, Any]) -> dict[str, str]:
    try:
        given = server_entries.headers(entry)
    except TypeError:
        return {}
    return {key: value for key, value in given.items() if isinstance(value, str)}


def _others(names: list[str]) -> str:
    if not names:
        return ""
    shown = [clean(name, limit=40) or "one without a name" for name in names]
    more = f" and {len(shown) - _NAMES_SHOWN} more" if len(shown) > _NAMES_SHOWN else ""
    return f"Not taken: {', '.join(shown[:_NAMES_SHOWN])}{more}. Import takes them all."
