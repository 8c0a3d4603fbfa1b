"""A connector's tools as a person reads them: found by words, grouped by what they do.

What a tool does is the server's own word (its annotations): good enough to sort a
list by, and never a reason to trust it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SUMMARY_CHARS = 160

Tool = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ToolRow:
    """One tool in the list; `summary` is the beginning of its description."""

    name: str
    title: str
    summary: str
    reads_only: bool


@dataclass(frozen=True, kw_only=True)
class ToolList:
    """The tools that are shown, of those `found`, of the `total` there are."""

    rows: list[ToolRow]
    found: int
    total: int
    query: str

    @property
    def reads(self) -> list[ToolRow]:
        return [row for row in self.rows if row.reads_only]

    @property
    def changes(self) -> list[ToolRow]:
        return [row for row in self.rows if not row.reads_only]

    @property
    def hidden(self) -> int:
        return self.found - len(self.rows)


def find(tools: Sequence[Tool], *, query: str = "", limit: int) -> ToolList:
    """Return the first `limit` tools in which every word of `query` occurs."""
    words = query.casefold().split()
    found = [tool for tool in tools if _has(tool, words)]
    return ToolList(
        rows=[_row(tool) for tool in found[:limit]],
        found=len(found),
        total=len(tools),
        query=query,
    )


def reads_only(tool: Tool) -> bool:
    """Tell whether a tool says that it changes nothing; who says nothing may."""
    return (tool.get("annotations") or {}).get("readOnlyHint") is True


def _has(tool: Tool, words: list[str]) -> bool:
    text = " ".join(_text(tool, key) for key in ("name", "title", "description"))
    return all(word in text.casefold() for word in words)


def _row(tool: Tool) -> ToolRow:
    return ToolRow(
        name=tool["name"],
        title=_text(tool, "title"),
        summary=_summary(_text(tool, "description")),
        reads_only=reads_only(tool),
    )


def _summary(description: str) -> str:
    first = description.strip().partition("\n")[0].strip()
    if len(first) <= SUMMARY_CHARS:
        return first
    return first[: SUMMARY_CHARS - 1].rsplit(" ", 1)[0] + "…"


def _text(tool: Tool, key: str) -> str:
    return str(tool.get(key) or "")
