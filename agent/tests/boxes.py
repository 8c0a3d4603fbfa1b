"""Listings and toolboxes as tests need them: stored rows, nobody dials."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync

from accounts.models import User
from agent.models import ToolSetting
from agent.tool import Tool
from agent.tool_types import Caller, Progress, ToolAnswer, ToolSpec
from agent.toolbox import Toolbox
from connectors.elicitation import OnInput
from connectors.listing import definition_hash
from connectors.models import UserMCPConnection
from connectors.tests import rows
from systemtools import manager

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


@dataclass(kw_only=True)
class Clock:
    """A source of tools that is no connector."""

    source: str = "system"
    ref: str = "clock"
    slug: str = "clock"
    label: str = "Clock"

    def list(self) -> "list[ToolSpec]":
        return [ToolSpec(name="now", title="Tell the time", reads_only=True)]

    async def call(
        self,
        name: str,
        arguments: dict[str, Any],
        *,
        caller: Caller,
        call_id: UUID,
        definition_hash: str = "",
        on_progress: Progress | None = None,
        on_input: OnInput | None = None,
    ) -> ToolAnswer:
        return ToolAnswer(
            call_id=call_id,
            is_error=False,
            content=[{"type": "text", "text": "noon"}],
            structured_content=None,
            duration_ms=0,
        )


def with_clock(box: Toolbox) -> Toolbox:
    """Return the toolbox with the tool of the clock in it, too."""
    clock = Clock()
    (spec,) = clock.list()
    tool = Tool(wire_name="clock__now", source=clock, spec=spec)
    return replace(
        box,
        sources=(*box.sources, clock),
        tools={**box.tools, tool.wire_name: tool},
    )


def connect(user: User, *tool_ids: str) -> None:
    """Connect system tools that ask for nothing."""
    for tool_id in tool_ids:
        async_to_sync(manager.connect)(user_id=user.pk, tool_id=tool_id)


def load(user: User) -> Toolbox:
    return Toolbox.load(user_id=user.pk)


def decide(user: User, row: UserMCPConnection, tool: str, **decided: Any) -> None:
    """Set what the person decided about a tool."""
    ToolSetting.objects.update_or_create(
        user=user, source="connector", ref=str(row.pk), tool=tool, defaults=decided
    )


def names(tools: list[Tool]) -> list[str]:
    return [tool.wire_name for tool in tools]
