"""Listings and toolboxes as tests need them: stored rows, nobody dials."""

from typing import Any

from accounts.models import User
from agent.models import ToolSetting
from agent.toolbox import Tool, Toolbox
from connectors.listing import definition_hash
from connectors.models import UserMCPConnection
from connectors.tests import rows

QUERY = {
    "type": "object",
    "properties": {"query": {"type": "string", "description": "Words to look for."}},
    "required": ["query"],
}


def listed(name: str, *, reads: bool | None = True, **changes: Any) -> dict[str, Any]:
    """A tool as it is stored; `reads` is its own word, None where it says nothing."""
    tool = {
        "name": name,
        "title": "",
        "description": "",
        "inputSchema": QUERY,
        "outputSchema": None,
        "annotations": {} if reads is None else {"readOnlyHint": reads},
        **changes,
    }
    return {**tool, "hash": definition_hash(tool)}


def connector(
    user: User, name: str = "Notes", *tools: dict[str, Any], **changes: Any
) -> UserMCPConnection:
    """A connector that works; `search` and `add` if nothing is said of its tools."""
    found = list(tools) or [listed("search"), listed("add", reads=False)]
    slot = changes.pop("slot", user.connectors.count() + 1)
    return rows.connector(
        user,
        slot=slot,
        name=name,
        discovered_tools=found,
        tool_count=len(found),
        **changes,
    )


def load(user: User) -> Toolbox:
    return Toolbox.load(user_id=user.pk)


def decide(user: User, row: UserMCPConnection, tool: str, **decided: Any) -> None:
    """Set what the person decided about a tool."""
    ToolSetting.objects.update_or_create(
        user=user, source="connector", ref=str(row.pk), tool=tool, defaults=decided
    )


def names(tools: list[Tool]) -> list[str]:
    return [tool.wire_name for tool in tools]
