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
COPIED_CHARS: Final = 500_000
PARTS_SHOWN: Final = 50


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a page shows of a result; `first` is the view to begin with.

    `whole` is the JSON to be copied where the page shows only its beginning; "" if it
    shows all, or if even that is too long.
    """

    is_error: bool
    first: str
    parts: list[Part]
    parts_hidden: int
    json: Text
    whole: str
    table: Table | None
    duration: str
    size: str

    @property
    def views(self) -> list[tuple[str, str]]:
        """The views there are, and the word for each."""
        views = [("text", "Text")] if self.parts else []
        views.append(("json", "JSON"))
        return [*views, ("table", "Table")] if self.table else views

    @property
    def is_too_long_to_copy(self) -> bool:
        return bool(self.json.more) and not self.whole


def show(result: CallResult) -> Shown:
    """Return how a result is shown."""
    value = _value_of(result)
    whole = json_text.dumps(value)
    # All that could be hidden in JSON is an escape by now.
    more = max(0, len(whole) - SHOWN_CHARS)
    table = table_of(value) if _has_value(result) else None
    parts = _parts_of(result.content)
    return Shown(
        is_error=result.is_error,
        first=_first_view(result, parts, table),
        parts=parts,
        parts_hidden=max(0, len(result.content) - PARTS_SHOWN),
        json=Text(shown=whole[:SHOWN_CHARS], more=more),
        whole=whole if more and len(whole) <= COPIED_CHARS else "",
        table=table,
        duration=duration(result.duration_ms),
        size=size(_bytes_of(result)),
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


def _value_of(result: CallResult) -> Any:
    """Return what the result is as JSON: its structure, that in its text, or all."""
    if result.structured_content is not None:
        return result.structured_content
    value = _json_in(result.content)
    return result.content if value is None else value


def _has_value(result: CallResult) -> bool:
    return result.structured_content is not None or (
        _json_in(result.content) is not None
    )


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


def _first_view(result: CallResult, parts: list[Part], table: Table | None) -> str:
    """Begin with what was written for people, else with what reads best."""
    if parts and _json_in(result.content) is None:
        return "text"
    return "table" if table else "json"


def _bytes_of(result: CallResult) -> int:
    sent = [result.content, result.structured_content]
    return len(json.dumps(sent, separators=(",", ":")))
