"""Which tools a request offers to the model, and the search for the others."""

import json
from collections.abc import Iterable

from pydantic_ai.tools import ToolDefinition

from agent.tool import Tool
from agent.toolbox import Toolbox
from connectors.text import clean, clean_json

# No wire name is like it: those have a slug and two underscores.
SEARCH_TOOLS = "search_tools"
DESCRIPTION_CHARS = 1024
_HIT_CHARS = 300
_SEARCH = ToolDefinition(
    name=SEARCH_TOOLS,
    description="Find more of the person's tools by words; then they can be called.",
    parameters_json_schema={
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "What the tool shall do."}
        },
        "required": ["query"],
    },
    strict=False,
)


class Offer:
    """The tools of one turn, as they are offered; a search reveals more of them."""

    def __init__(self, toolbox: Toolbox, *, words: str) -> None:
        self._toolbox = toolbox
        self._revealed: set[str] = set()
        if toolbox.is_searching and words:
            self._reveal(toolbox.search(words))

    @property
    def is_searching(self) -> bool:
        return self._toolbox.is_searching

    def tools(self, *, picked: Iterable[str] = ()) -> list[Tool]:
        """Return the tools to offer beside what was picked, that among them."""
        return self._toolbox.offered(picked=set(picked), revealed=self._revealed)

    def search(self, query: str) -> str:
        """Reveal what suits `query`; return what the model is told of it."""
        hits = self._toolbox.search(clean(query, limit=_HIT_CHARS))
        self._reveal(hits)
        found = [
            {
                "name": tool.wire_name,
                "description": clean(described(tool), limit=_HIT_CHARS),
            }
            for tool in hits
        ]
        return json.dumps({"untrusted": True, "tools": found}, ensure_ascii=False)

    def _reveal(self, tools: Iterable[Tool]) -> None:
        self._revealed |= {tool.wire_name for tool in tools}


def definitions(tools: Iterable[Tool], *, with_search: bool) -> list[ToolDefinition]:
    """Return the tools as the model's SDK wants them."""
    found = [
        ToolDefinition(
            name=tool.wire_name,
            description=described(tool)[:DESCRIPTION_CHARS],
            parameters_json_schema=tool.wire.schema,
            # Strict would rewrite schemas that are not ours.
            strict=False,
        )
        for tool in tools
    ]
    return [*found, _SEARCH] if with_search else found


def described(tool: Tool) -> str:
    """Return whose tool it is, and what it says of itself."""
    return str(clean_json(f"{tool.label}. {tool.spec.description}".strip()))
