"""What a turn may use: every tool of a person, by the name that a model knows.

Loaded from stored listings and settings: nobody is dialled, and what one person has
is read by their id alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.utils import timezone

from agent import names, sources, system_sources, tool_search
from agent.absent import Absent
from agent.models import Policy, ToolSetting
from agent.names import ToolKey
from agent.tool import Tool
from agent.tool_types import Caller, Progress, ToolAnswer, ToolSource
from connectors.elicitation import OnInput
from connectors.models import Source
from systemtools import statuses
from systemtools.statuses import Status

# More than that and models choose badly; some providers take no more than 128.
OFFERED_MAX = 100
# How many of those used last are offered without being searched for.
RECENT_MAX = 20
SEARCH_MAX = 8


@dataclass(frozen=True, kw_only=True)
class Toolbox:
    """The tools of one person at one moment, by wire name.

    `sources` are where they are from, `absent` those that cannot be used now.
    `forgotten` are the names of tools that are gone: they are never given to others.
    """

    user_id: int
    sources: tuple[ToolSource, ...] = ()
    tools: dict[str, Tool] = field(default_factory=dict)
    absent: tuple[Absent, ...] = ()
    forgotten: Mapping[str, ToolKey] = field(default_factory=dict)
    # All of this installation, as the person has them.
    system_tools: tuple[Status, ...] = field(default=(), repr=False)

    @classmethod
    def load(cls, *, user_id: int) -> "Toolbox":
        """Read what the person has. Six queries, once all tools have names."""
        connectors = sources.usable(user_id=user_id)
        away = sources.absent(user_id=user_id, besides=connectors)
        system_tools = statuses.all_of(user_id=user_id)
        return _filled(
            user_id,
            usable=[*system_sources.usable(system_tools), *connectors],
            absent=[*away, *system_sources.absent(system_tools)],
            system_tools=system_tools,
        )

    @cached_property
    def allowed(self) -> list[Tool]:
        """All but those that the person will never have used."""
        return [tool for tool in self.tools.values() if tool.policy != Policy.NEVER]

    @cached_property
    def cost(self) -> int:
        """The tokens of a request that offers everything that is allowed."""
        return sum(tool.cost for tool in self.allowed)

    @cached_property
    def is_searching(self) -> bool:
        """Whether there is too much to offer at once, so that a model has to search."""
        crowded = len(self.allowed) > OFFERED_MAX
        return crowded or self.cost > settings.TOOL_BUDGET_TOKENS

    def read_all(self) -> None:
        """Read every schema and word now, which takes long where there are many.

        In a thread: what is asked of it afterwards holds up no event loop.
        """
        if self.tools:
            _ = self.is_searching, self._index

    @property
    def notices(self) -> list[dict[str, Any]]:
        """What to say of those that are absent, though nobody wanted it so.

        As payloads of events. Those that may be back are tried beside the turn, and
        what came of it is said there (`agent.refreshing`).
        """
        return [
            {
                "level": "info",
                "text": f"{source.label} was left out of this answer.",
                "detail": source.message,
                "code": source.code,
                **_named(source),
                **source.way_out,
            }
            for source in self.absent
            if not source.is_chosen and not source.is_tried
        ]

    def offered(
        self, *, picked: Iterable[str] = (), revealed: Iterable[str] = ()
    ) -> list[Tool]:
        """Return what to offer a model, always in the same order.

        Everything, unless there is too much: then what was picked, what a search
        revealed, what is pinned and what was used last, at most 100 tools. Of a whole
        connector that was picked, and of those used last, as many as the budget holds.
        """
        if not self.is_searching:
            return self.allowed
        found: dict[str, int] = {}
        for tool, is_due in self._ranked(set(picked), set(revealed)):
            cost = sum(found.values()) + tool.cost
            fits = is_due or not found or cost <= settings.TOOL_BUDGET_TOKENS
            if fits and len(found) < OFFERED_MAX:
                found[tool.wire_name] = tool.cost
        return [tool for tool in self.allowed if tool.wire_name in found]

    def search(self, query: str, limit: int = SEARCH_MAX) -> list[Tool]:
        """Return the tools that suit `query` best, the best one first."""
        return [self.tools[key] for key in self._index.search(query, limit=limit)]

    async def call(
        self,
        tool: Tool,
        arguments: dict[str, Any],
        *,
        caller: Caller,
        call_id: UUID,
        on_progress: Progress | None = None,
        on_input: OnInput | None = None,
    ) -> ToolAnswer:
        """Call a tool as it was when the toolbox was loaded, and note its use.

        `arguments` bear the tool's own names (`WireSchema.arguments`).

        Raises:
            ConnectorError: by code; ToolPendingReview if the tool changed since.
        """
        await sync_to_async(_note_use)(caller.user_id, tool)
        return await tool.source.call(
            tool.spec.name,
            arguments,
            caller=caller,
            call_id=call_id,
            definition_hash=tool.spec.definition_hash,
            on_progress=on_progress,
            on_input=on_input,
        )

    @cached_property
    def _index(self) -> tool_search.ToolIndex:
        return tool_search.ToolIndex.build(
            {tool.wire_name: (tool.source.label, tool.spec) for tool in self.allowed}
        )

    def _ranked(
        self, picked: set[str], revealed: set[str]
    ) -> Iterable[tuple[Tool, bool]]:
        """Give the tools that may be offered, the most wanted first.

        With each, whether it is due whatever it costs.
        """
        tools = self.allowed
        used = [tool for tool in tools if tool.last_used_at]
        used.sort(key=lambda tool: str(tool.last_used_at), reverse=True)
        for tool in tools:
            if tool.wire_name in picked:
                yield tool, len(picked) == 1
        yield from ((tool, True) for tool in tools if tool.wire_name in revealed)
        yield from ((tool, True) for tool in tools if tool.pinned)
        yield from ((tool, False) for tool in used[:RECENT_MAX])


def _filled(
    user_id: int,
    *,
    usable: Sequence[ToolSource],
    absent: Iterable[Absent],
    system_tools: Iterable[Status],
) -> Toolbox:
    """Give each tool of the sources its name and what the person decided of it."""
    found = {
        (source.source, source.ref, spec.name): (source, spec)
        for source in usable
        for spec in source.list()
    }
    slugs = {key: source.slug for key, (source, _) in found.items()}
    wire_names = names.ensure(user_id=user_id, tools=slugs)
    decided = _decided(user_id)
    tools = [
        Tool(
            wire_name=wire_names[key], source=source, spec=spec, **decided.get(key, {})
        )
        for key, (source, spec) in found.items()
    ]
    return Toolbox(
        user_id=user_id,
        sources=tuple(usable),
        tools={tool.wire_name: tool for tool in tools},
        absent=tuple(absent),
        forgotten={name: key for key, name in wire_names.items() if key not in found},
        system_tools=tuple(system_tools),
    )


def _named(source: Absent) -> dict[str, Any]:
    """Return which one a notice is about."""
    if source.source == Source.SYSTEM:
        return {"system_tool": source.ref}
    return {"connector_id": int(source.ref)}


def _decided(user_id: int) -> dict[ToolKey, dict[str, Any]]:
    rows = ToolSetting.objects.filter(user_id=user_id)
    key = ("source", "ref", "tool")
    fields = ("policy", "allowed_hash", "pinned", "last_used_at")
    return {
        (source, ref, tool): dict(zip(fields, decided, strict=True))
        for source, ref, tool, *decided in rows.values_list(*key, *fields)
    }


def _note_use(user_id: int, tool: Tool) -> None:
    source, ref, name = tool.key
    now = timezone.now()
    ToolSetting.objects.bulk_create(
        [
            ToolSetting(
                user_id=user_id, source=source, ref=ref, tool=name, last_used_at=now
            )
        ],
        update_conflicts=True,
        unique_fields=["user", "source", "ref", "tool"],
        update_fields=["last_used_at", "updated_at"],
    )
