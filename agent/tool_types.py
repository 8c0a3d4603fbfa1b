"""What travels between the tools' sources, a turn and its engine."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from connectors.calls import CallResult
from connectors.elicitation import OnInput

# How far a call is: done, total, the server's words.
Progress = Callable[[float, float | None, str | None], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class ToolSpec:
    """One tool as its source describes it. Names and texts are a stranger's."""

    name: str
    title: str = ""
    description: str = ""
    input_schema: dict[str, Any] = field(default_factory=dict)
    # By its own word; None where it says nothing.
    reads_only: bool | None = None
    destructive: bool | None = None
    definition_hash: str = ""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who calls, and how it is recorded."""

    user_id: int
    username: str
    via: str
    conversation_id: int | None = None
    token_id: int | None = None


# What a tool answered, whatever its source: the shape that connectors have.
ToolAnswer = CallResult


class ToolSource(Protocol):
    """Something that has tools: a connector, a system tool.

    `source` and `ref` identify it ("connector", "12"); `slug` begins its wire
    names; `label` is what people call it.
    """

    source: str
    ref: str
    slug: str
    label: str

    def list(self) -> "list[ToolSpec]":
        """Return the tools from what is stored. Dials nobody."""
        ...

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
        """Call a tool at most once, with evidence.

        Raises:
            ConnectorError: by code; the same as `connectors.calls.call_tool`.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Pick:
    """What a person picked: kind, what, and its label when it was picked.

    `kind` is connector, connector_tool or system_tool; `ref` is "12", "12:search"
    or "gmail:send".
    """

    kind: str
    ref: str
    label: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.ref}"
