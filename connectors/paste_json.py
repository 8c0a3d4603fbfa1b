"""Read the entry of a server from a client's settings: `mcp.json` and its kin.

Claude Desktop, Cursor and Windsurf say `mcpServers`, VS Code `servers`, Zed
`context_servers`, OpenCode `mcp`; some people copy the entry alone, or without the
braces around it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from connectors.text import clean

_GROUPS = ("mcpServers", "servers", "context_servers", "mcp")
_URLS = ("url", "serverUrl", "httpUrl", "endpoint", "uri")
_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)
_TEXT = r'("(?:[^"\\]|\\.)*+")'
# Both pass over texts.
_COMMENT = re.compile(_TEXT + r"|//[^\n]*+|/\*.*?\*/", re.DOTALL)
_LAST_COMMA = re.compile(_TEXT + r"|,(?=\s*+[}\]])", re.DOTALL)
_PLACEHOLDER = re.compile(
    r"\$\{[^{}]*\}|\$[A-Z_][A-Z0-9_]*|%[A-Z_]+%"  # ${env:TOKEN}, $TOKEN, %TOKEN%
    r"|<[^<>]*>|\{\{[^{}]*\}\}|\[[^\[\]]*\]"  # <token>, {{token}}, [token]
    r"|(?i:your[-_ ][\w -]*|x{3,})|\*{3,}|\.{3,}|…+|"  # YOUR_TOKEN, xxx, …, nothing
)
_SCHEME = re.compile(r"^(?:bearer|basic|token)\s+", re.IGNORECASE)
_NAMES_SHOWN = 5


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
    entries = list(_entries(_parse(text), "", 0))
    if not entries:
        raise NotUnderstood("There is no server with a URL in this JSON.")
    remote = [(name, entry, _address(entry)) for name, entry in entries]
    dialled = [found for found in remote if found[2]]
    if not dialled:
        raise NotUnderstood(
            "This server is a program that runs on your own computer (stdio). "
            "Patchbay connects over HTTP: use the server's URL, if it has one."
        )
    name, entry, url = dialled[0]
    notes = [_others([other for other, _, _ in dialled[1:]])]
    if "command" in entry:
        notes.append("The server is reached directly; mcp-remote is not needed here.")
    return Found(
        url=url, name=name, headers=_headers(entry), notes=tuple(filter(None, notes))
    )


def is_placeholder(value: str) -> bool:
    """Tell whether a header's value stands for one that is filled in elsewhere."""
    return bool(_PLACEHOLDER.fullmatch(_SCHEME.sub("", value.strip()).strip()))


def _parse(text: str) -> Any:
    """Return the value of JSON as people write it: comments, commas, no braces."""
    for beyond in (_COMMENT, _LAST_COMMA):
        text = beyond.sub(lambda match: match[1] or "", text)
    if text.startswith('"'):
        text = "{" + text.strip().removesuffix(",") + "}"
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise NotUnderstood("This looks like JSON, but it is not complete.") from None


def _entries(value: Any, name: str, depth: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what looks like a server, with the key it stands at."""
    if not isinstance(value, dict) or depth > 3:
        return
    if "command" in value or any(isinstance(value.get(key), str) for key in _URLS):
        yield name, value
        return
    groups = [value[key] for key in _GROUPS if isinstance(value.get(key), dict)]
    for group in groups or [value]:
        for key, inner in group.items():
            yield from _entries(inner, key, depth + 1)


def _address(entry: dict[str, Any]) -> str:
    """Return the URL of an entry; also of one that only bridges to a URL."""
    for key in _URLS:
        if isinstance(entry.get(key), str):
            return str(entry[key]).strip()
    words = _words(entry)
    if not any("mcp-remote" in word for word in words):
        return ""
    return next((word for word in words if _ADDRESS.fullmatch(word)), "")


def _headers(entry: dict[str, Any]) -> dict[str, str]:
    given = entry.get("headers")
    if not isinstance(given, dict):
        inner = entry.get("requestInit")
        given = inner.get("headers") if isinstance(inner, dict) else None
    if isinstance(given, dict):
        return {key: value for key, value in given.items() if isinstance(value, str)}
    words = _words(entry)
    pairs = [
        after.partition(":") for word, after in pairwise(words) if word == "--header"
    ]
    return {key: value.strip() for key, colon, value in pairs if colon}


def _words(entry: dict[str, Any]) -> list[str]:
    """Return the command line of an entry."""
    args = entry.get("args")
    command = entry.get("command")
    words = [command, *args] if isinstance(args, list) else [command]
    return [word for word in words if isinstance(word, str)]


def _others(names: list[str]) -> str:
    if not names:
        return ""
    shown = [clean(name, limit=40) or "one without a name" for name in names]
    more = f" and {len(shown) - _NAMES_SHOWN} more" if len(shown) > _NAMES_SHOWN else ""
    return f"Not taken: {', '.join(shown[:_NAMES_SHOWN])}{more}. Add them one by one."
