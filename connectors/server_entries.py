"""Entries of servers in the settings of MCP clients: `mcp.json` and its kin.

Claude Desktop, Cursor and Windsurf say `mcpServers`, VS Code `servers`, Zed
`context_servers`, OpenCode `mcp`; some people copy the entry alone, or without the
braces around it. Pure: what is found is not checked.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

_GROUPS = ("mcpServers", "servers", "context_servers", "mcp")
_URLS = ("url", "serverUrl", "httpUrl", "endpoint", "uri")
_MAX_DEPTH = 6
# Of one entry: a short file could else name a long value thousands of times.
_MAX_FILLED = 20_000
_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)
# A text or a comment that does not end goes on to the end of the file, so that
# nobody looks for its end twice.
_TEXT = r'("(?:[^"\\]|\\.|\\\Z)*+(?:"|\Z))'
_COMMENT = re.compile(
    _TEXT + r"|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?+", re.DOTALL
)  # both pass over texts
_LAST_COMMA = re.compile(_TEXT + r"|,(?=\s*+[}\]])", re.DOTALL)
_OF_ENVIRONMENT = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class NotJson(Exception):
    """A text that is no JSON; `line` is where it stops being it, 0 if unknown."""

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(f"no JSON from line {line}")


def parse(text: str, *, twice: list[str] | None = None) -> Any:
    """Return the value of JSON as people write it: comments, commas, no braces.

    A name that stands in one object more than once is appended to `twice`.

    Raises:
        NotJson: it is not that either.
    """

    def as_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if twice is not None:
            names = Counter(name for name, _ in pairs)
            twice.extend(name for name, count in names.items() if count > 1)
        return dict(pairs)

    for beyond in (_COMMENT, _LAST_COMMA):
        text = beyond.sub(_spaced, text)
    if text.lstrip().startswith('"'):
        text = "{" + text.rstrip().removesuffix(",") + "}"
    try:
        return json.loads(text, object_pairs_hook=as_object)
    except json.JSONDecodeError as error:
        raise NotJson(error.lineno) from None
    except (ValueError, RecursionError):
        raise NotJson(0) from None


def members(value: Any) -> list[tuple[str, Any]]:
    """Return what stands where servers are listed, each with its name.

    Without such a place: what looks like a server, alone or beside others.
    """
    if grouped := list(_grouped(value, 0)):
        return grouped
    if is_entry(value):
        return [("", value)]
    listed = list(_listed(value))
    return listed if any(is_entry(entry) for _, entry in listed) else []


def is_entry(value: Any) -> bool:
    """Tell whether `value` is meant to be a server: it has a URL, or a program."""
    return isinstance(value, dict) and any(
        key in value and not isinstance(value[key], dict) for key in ("command", *_URLS)
    )


def address(entry: dict[str, Any]) -> str:
    """Return the URL of an entry, "" if it has none; also of a bridge to a URL."""
    for key in _URLS:
        if isinstance(entry.get(key), str):
            return str(entry[key]).strip()
    words = _words(entry)
    if not any("mcp-remote" in word for word in words):
        return ""
    return next((word for word in words if _ADDRESS.fullmatch(word)), "")


def headers(entry: dict[str, Any]) -> dict[Any, Any]:
    """Return the headers of an entry as they are written; also those of a bridge.

    Raises:
        TypeError: they are no object.
    """
    given = entry.get("headers")
    if given is None and isinstance(entry.get("requestInit"), dict):
        given = entry["requestInit"].get("headers")
    if given is not None:
        if not isinstance(given, dict):
            raise TypeError("headers are no object")
        return given
    pairs = [
        after.partition(":")
        for word, after in pairwise(_words(entry))
        if word == "--header"
    ]
    return {key: value.strip() for key, colon, value in pairs if colon}


def _spaced(found: re.Match[str]) -> str:
    """Keep a text; of anything else keep the places, so that lines can be counted."""
    return found[1] or re.sub(r"[^\n]", " ", found[0])


def _grouped(value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict) or is_entry(value) or depth > _MAX_DEPTH:
        return
    for key, inner in value.items():
        members = inner.items() if isinstance(inner, dict) else ()
        if _is_group(key, inner) and not any(_is_group(*item) for item in members):
            yield from _listed(inner)
        else:
            yield from _grouped(inner, depth + 1)


def _is_group(key: str, value: Any) -> bool:
    is_many = isinstance(value, dict | list)
    return key in _GROUPS and is_many and not is_entry(value)


def _listed(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        for item in value:
            name = item.get("name") if isinstance(item, dict) else ""
            yield name if isinstance(name, str) else "", item


def _words(entry: dict[str, Any]) -> list[str]:
    """Return the command line of an entry, with what its environment sets."""
    args, command, env = entry.get("args"), entry.get("command"), entry.get("env")
    given: Iterable[Any] = [command, *args] if isinstance(args, list) else [command]
    known = env if isinstance(env, dict) else {}
    left = _MAX_FILLED

    def value(found: re.Match[str]) -> str:
        nonlocal left
        filled = known.get(found[1])
        if not isinstance(filled, str) or len(filled) > left:
            return found[0]
        left -= len(filled)
        return filled

    words = [word for word in given if isinstance(word, str)]
    return [_OF_ENVIRONMENT.sub(value, word) for word in words]
