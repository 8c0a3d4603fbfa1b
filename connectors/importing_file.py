"""Read all servers of a client's settings file, each with what is wrong with it.

Pure: nothing is resolved or dialled. What is said of a file repeats nothing of it but
names, for there are secrets in such files.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from connectors import auth, paste, paste_json, server_entries, server_url
from connectors.errors import InvalidInput, InvalidUrl
from connectors.importing_rows import MARK, MARKED, Problem, Row
from connectors.models import NAME_CHARS, AuthType
from connectors.server_entries import NotJson
from connectors.text import clean

MAX_BYTES = 200_000
MAX_ROWS = 50
# Of one server: what is asked for, and headers, of which most could not be sent.
MAX_BLANKS = 10
MAX_HEADERS = 50
SAMPLE = '{"mcpServers": {"Name": {"url": "https://…"}}}'

_LABEL_CHARS = 60
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# What stands for a value inside of a text; a whole text may stand for one in more ways.
_INSIDE = re.compile(r"\$\{[^{}]*\}|\{\{[^{}]*\}\}")
_IN_URL = re.compile(_INSIDE.pattern + r"|<[^<>]*>")
_BEFORE_PATH = re.compile(r"[^/]*//[^/?#]*|[^/?#]*")
_SCHEME = re.compile(r"(?:bearer|basic|token)\s+", re.IGNORECASE)
# What is put there to see whether the rest could be sent.
_ANY = "x"


class Refused(Exception):
    """A file in which no server was found; `code` is stable, `message` says why."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The servers of a file, in its order, and what is said of it as a whole."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


def decode(data: bytes) -> str:
    """Return the text of a file: UTF-8, or UTF-16 that says so, as Windows writes it.

    Raises:
        Refused: FILE_TOO_LARGE, NOT_TEXT.
    """
    if len(data) > MAX_BYTES:
        raise Refused(
            "FILE_TOO_LARGE", f"The file has more than {MAX_BYTES // 1000} kB."
        )
    try:
        text = data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise Refused("NOT_TEXT", "The file is not text. Choose an mcp.json.")
    return text


def read(text: str) -> Reading:
    """Return each server of a settings file, also those that cannot be imported.

    Raises:
        Refused: FILE_TOO_LARGE, EMPTY_FILE, NOT_JSON, NO_SERVERS.
    """
    text = text.removeprefix("\ufeff").strip()
    if len(text) > MAX_BYTES:
        raise Refused("FILE_TOO_LARGE", "The text is too long.")
    if not text:
        raise Refused("EMPTY_FILE", "There is nothing in it.")
    twice: list[str] = []
    try:
        found = server_entries.members(server_entries.parse(text, twice=twice))
    except NotJson as error:
        where = f" It stops being JSON in line {error.line}." if error.line else ""
        raise Refused("NOT_JSON", f"This is not JSON.{where}") from None
    if not found:
        raise Refused(
            "NO_SERVERS",
            f"There is no server in it. It has to look like {SAMPLE}.",
        )
    rows = [_row(number, *one) for number, one in enumerate(found[:MAX_ROWS])]
    return Reading(rows=tuple(rows), notes=tuple(_notes(found, twice)))


def _notes(found: list[tuple[str, Any]], twice: list[str]) -> Iterator[str]:
    names = {name for name, _ in found}
    again = [clean(name, limit=40) for name in twice if name in names]
    if again:
        yield f"In the file more than once, of which the last counts: {again[0]}."
    if len(found) > MAX_ROWS:
        yield (
            f"The file has {len(found)} servers. These are the first {MAX_ROWS}: "
            "import the others from a file of their own."
        )


def _row(number: int, name: str, entry: Any) -> Row:
    row = Row(number=number, name=clean(name, limit=NAME_CHARS))
    try:
        return _understood(row, entry)
    except Refused as refusal:
        problem = Problem(code=refusal.code, message=refusal.message)
        return replace(row, problem=problem)


def _understood(row: Row, entry: Any) -> Row:
    """Return the row with its address and its headers.

    Raises:
        Refused: NOT_AN_ENTRY, STDIO_SERVER, NO_URL, TOO_MANY_BLANKS, and as the
            parts.
    """
    if not isinstance(entry, dict):
        raise Refused("NOT_AN_ENTRY", "This is no server, only a value.")
    given = server_entries.address(entry)
    if not given and "command" in entry:
        raise Refused("STDIO_SERVER", paste_json.STDIO)
    if not given:
        raise Refused("NO_URL", "It has no URL. Add one to the file, or paste it.")
    blanks: list[str] = []
    url = _url(_unmarked(given), blanks)
    headers, notes = _headers(entry, blanks)
    if len(blanks) > MAX_BLANKS:
        raise Refused(
            "TOO_MANY_BLANKS",
            f"It has {len(blanks)} placeholders, and {MAX_BLANKS} at most can be "
            "filled in here. Write some of their values into the file.",
        )
    if "command" in entry:
        notes.insert(0, paste_json.BRIDGED)
    is_off = entry.get("disabled") is True or entry.get("enabled") is False
    if is_off:
        notes.append("It is turned off in the file.")
    return replace(
        row,
        url=url,
        headers=headers,
        blanks=tuple(blanks),
        notes=tuple(notes),
        is_off=is_off,
    )


def _url(given: str, blanks: list[str]) -> str:
    """Return an address with marks for its placeholders, which join `blanks`.

    Raises:
        Refused: INVALID_URL, PLACEHOLDER_URL.
    """
    start = _BEFORE_PATH.match(given)
    host = start[0] if start else ""
    if _IN_URL.search(host):
        raise Refused(
            "PLACEHOLDER_URL",
            "Its host is a placeholder. Write the real address into the file.",
        )

    def mark(found: re.Match[str]) -> str:
        return _blank(_named(found[0]), blanks)

    address, question, query = given.partition("?")
    fields = [_field(one, blanks) for one in _IN_URL.sub(mark, query).split("&")]
    url = _IN_URL.sub(mark, address) + question + "&".join(fields)
    try:
        server_url.check(MARKED.sub(_ANY, url))
    except InvalidUrl as error:
        raise Refused("INVALID_URL", error.message) from None
    return url


def _field(text: str, blanks: list[str]) -> str:
    """Return a part of a query, its value marked if it only stands for one."""
    key, equals, value = text.partition("=")
    if not value or not paste_json.is_placeholder(value):
        return text
    return key + equals + _blank(key, blanks)


def _headers(
    entry: dict[str, Any], blanks: list[str]
) -> tuple[dict[str, str], list[str]]:
    """Return the headers with marks for their placeholders, and notes.

    Raises:
        Refused: INVALID_HEADERS.
    """
    try:
        given = server_entries.headers(entry)
    except TypeError:
        given = {"": None}
    if not all(isinstance(value, str) for value in given.values()):
        raise Refused("INVALID_HEADERS", "Its headers are not names with texts.")
    if len(given) > MAX_HEADERS:
        raise Refused("INVALID_HEADERS", f"It has more than {MAX_HEADERS} headers.")
    kept: dict[str, str] = {}
    notes: list[str] = []
    for name, value in given.items():
        if paste.is_ours(name):
            continue
        marked = _header(name.strip(), _unmarked(value).strip(), blanks)
        if paste.is_sendable(name, MARKED.sub(_ANY, marked)):
            kept[name.strip()] = marked
            continue
        if MARKED.search(marked):
            blanks.pop()
        shown = clean(name, limit=_LABEL_CHARS)
        notes.append(f"The header {shown} cannot be set here and was left out.")
    _check_together(kept)
    return kept, notes


def _check_together(headers: dict[str, str]) -> None:
    try:
        if headers:
            any_value = dict.fromkeys(headers, _ANY)
            auth.check_config(AuthType.API_KEY, {"headers": any_value})
    except InvalidInput as error:
        raise Refused("INVALID_HEADERS", error.message) from None


def _header(name: str, value: str, blanks: list[str]) -> str:
    """Return a header's value, with a mark where it only stands for one."""
    scheme = _SCHEME.match(value)
    is_bearer = bool(scheme) and value[:6].lower() == "bearer"
    label = "Bearer token" if is_bearer else name
    if paste_json.is_placeholder(value):
        return (scheme[0] if scheme else "") + _blank(label, blanks)
    # One secret, however often it is named.
    inside = _INSIDE.search(value)
    return value.replace(inside[0], _blank(label, blanks)) if inside else value


def _named(placeholder: str) -> str:
    """Return what a placeholder is called: `${input:api-key}` is an api-key."""
    return placeholder.strip("${}<> ").rpartition(":")[2]


def _unmarked(text: str) -> str:
    """Return `text` so that nobody forges a mark; it stays as unfit to be sent."""
    return text.replace("\0", "\1")


def _blank(label: str, blanks: list[str]) -> str:
    shown = clean(label, limit=_LABEL_CHARS)
    blanks.append(shown or "Secret")
    return MARK.format(len(blanks) - 1)
