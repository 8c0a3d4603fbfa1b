"""A whole result, cut to what a page bears."""

import json
from dataclasses import dataclass
from typing import Any, Final

from connectors.calls import CallResult
from connectors.results.parts import Part, Text, part_of
from connectors.results.sizes import duration, size
from connectors.results.tables import Table, table_of
from connectors.schema_form import json_text
from connectors.schema_form.json_text import NotJson

SHOWN_CHARS: Final = 20_000
HUGE_BYTES: Final = 500_000
PARTS_SHOWN: Final = 50


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a page shows of a result; `first` is the view to begin with.

    `whole` is the JSON to be copied where the page shows only its beginning, "" if it
    shows all. Of what is huge only the beginning is written at all.
    """

    is_error: bool
    first: str
    parts: list[Part]
    parts_hidden: int
    json: Text
    whole: str
    is_huge: bool
    table: Table | None
    duration: str
    size: str

    @property
    def views(self) -> list[tuple[str, str]]:
        """The views there are, and the word for each."""
        views = [("text", "Text")] if self.parts else []
        views.append(("json", "JSON"))
        return [*views, ("table", "Table")] if self.table else views


def show(result: CallResult) -> Shown:
    """Return how a result is shown. Takes a while if it is large."""
    count = _bytes_of(result)
    is_huge = count > HUGE_BYTES
    text_value = None if is_huge else _json_in(result.content)
    value = result.structured_content
    if value is None:
        value = result.content if text_value is None else text_value
    whole = _beginning(value) if is_huge else json_text.dumps(value)
    more = 0 if is_huge else max(0, len(whole) - SHOWN_CHARS)
    parts = _parts_of(result.content)
    table = None if is_huge or value is result.content else table_of(value)
    return Shown(
        is_error=result.is_error,
        first=_first_view(parts, table, is_json=text_value is not None),
        parts=parts,
        parts_hidden=max(0, len(result.content) - PARTS_SHOWN),
        # All that could be hidden in JSON is an escape by now.
        json=Text(shown=whole[:SHOWN_CHARS], more=more),
        whole=whole if more else "",
        is_huge=is_huge,
        table=table,
        duration=duration(result.duration_ms),
        size=size(count),
    )


def _parts_of(content: list[dict[str, Any]]) -> list[Part]:
    parts: list[Part] = []
    left = SHOWN_CHARS
    for number, block in enumerate(content[:PARTS_SHOWN], start=1):
        part = part_of(block, number=number, limit=left)
        if isinstance(part, Text):
            left -= len(part.shown)
        parts.append(part)
        left = max(0, left)
    return parts


def _json_in(content: list[dict[str, Any]]) -> Any:
    """Return the object or list that is written out as the only text."""
    if len(content) != 1 or not isinstance(content[0], dict):
        return None
    text = content[0].get("text")
    if not isinstance(text, str) or not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json_text.loads(text)
    except NotJson:
        return None


def _first_view(parts: list[Part], table: Table | None, *, is_json: bool) -> str:
    """Begin with what was written for people, else with what reads best."""
    if parts and not is_json:
        return "text"
    return "table" if table else "json"


def _beginning(value: Any) -> str:
    """Write the first characters of `value`, in ASCII."""
    written = ""
    for piece in json.JSONEncoder(indent=2).iterencode(value):
        written += piece[:SHOWN_CHARS]
        if len(written) >= SHOWN_CHARS:
            break
    return written[:SHOWN_CHARS]


def _bytes_of(result: CallResult) -> int:
    sent = [result.content, result.structured_content]
    return len(json.dumps(sent, separators=(",", ":")))
