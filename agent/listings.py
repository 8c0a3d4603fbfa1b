"""Stored tool definitions as a turn has them, of connectors and of system tools."""

from collections.abc import Iterator
from typing import Any

from agent.tool_types import ToolSpec
from connectors.listing import NAME_CHARS


def specs(listing: list[Any]) -> Iterator[ToolSpec]:
    """Give the tools of a stored listing."""
    for tool in listing:
        # Checked when it was listed; what is not of that shape costs itself alone.
        name = tool.get("name") if isinstance(tool, dict) else None
        if isinstance(name, str) and 0 < len(name) <= NAME_CHARS:
            yield _spec(tool)


def _spec(tool: dict[str, Any]) -> ToolSpec:
    hints = tool.get("annotations")
    hints = hints if isinstance(hints, dict) else {}
    schema = tool.get("inputSchema")
    return ToolSpec(
        name=tool["name"],
        title=_text(tool, "title"),
        description=_text(tool, "description"),
        input_schema=schema if isinstance(schema, dict) else {},
        reads_only=_hint(hints, "readOnlyHint"),
        destructive=_hint(hints, "destructiveHint"),
        definition_hash=_text(tool, "hash"),
    )


def _text(tool: dict[str, Any], key: str) -> str:
    value = tool.get(key)
    return value if isinstance(value, str) else ""


def _hint(hints: dict[str, Any], key: str) -> bool | None:
    value = hints.get(key)
    return value if isinstance(value, bool) else None
