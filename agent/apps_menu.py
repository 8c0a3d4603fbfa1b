"""The Apps menu: what a person can pick, for the composer and for REST.

Drawn from what is stored, with the same few queries however much that is; nobody is
dialled.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from django.conf import settings

from agent import links
from agent.models import Policy, SelectionKind
from agent.sources import Remedy
from agent.spoken_names import pick_of
from agent.tool import Tool
from agent.tool_types import ToolSource
from agent.toolbox import Toolbox
from connectors import cards, manager
from connectors.cards import Card
from connectors.looks import Group, Look
from connectors.models import Source, UserMCPConnection

_CONNECTED = Look(state="ready", word="Connected", glyph="plug", group=Group.WORKING)
# By `data-state` of a connector: what makes its tools usable again.
_WAITING_FOR = {
    "sign-in": "Sign in to use its {tools}",
    "sign-in-again": "Sign in to use its {tools}",
    "paused": "Resume it to use its {tools}",
    "auto-paused": "Test it to use its {tools}",
    "removed": "None of its tools can be used",
    "ready": "Test it to use its {tools}",
}


@dataclass(frozen=True, kw_only=True)
class MenuTool:
    """One tool; `label` is what people call it within its app."""

    name: str
    label: str
    title: str
    wire_name: str
    reads_only: bool
    asks: bool
    is_never: bool
    cost: int
    pick: str
    description: str = field(repr=False)
    # Runs without asking because the person said so, not because it only reads.
    is_always: bool = False


@dataclass(frozen=True, kw_only=True)
class App:
    """A connector, or a system tool, with the tools of it that can be used.

    `source` is the kind of a pick of all of it. `note` says what keeps it from being
    used, if it cannot. `tool_count` and `cost`, in tokens of each message, are of
    all its tools; `tools` are those that match what is sought.
    """

    source: str
    ref: str
    name: str
    slug: str
    monogram: str
    look: Look
    is_usable: bool
    note: str = ""
    # The page where the person signs in, if that is all that is missing.
    sign_in: str = ""
    tool_count: int = 0
    cost: int = 0
    tools: list[MenuTool] = field(default_factory=list)

    @property
    def pick(self) -> str:
        return f"{self.source}:{self.ref}"


@dataclass(frozen=True, kw_only=True)
class Menu:
    """All apps, or those that match `query`.

    `tool_count` and `cost` are of everything that can be used, whatever is sought;
    `budget` is what is offered at most without a search.
    """

    system_tools: list[App]
    connectors: list[App]
    tool_count: int
    cost: int
    budget: int
    query: str = ""


def menu(*, user_id: int, query: str = "") -> Menu:
    """Return the menu of a person; with a `query`, what all its words occur in.

    A connector that matches by its own name keeps all its tools.
    """
    rows = manager.list_for(user_id=user_id)
    return menu_of(Toolbox.load(user_id=user_id), rows, query=query)


def menu_of(
    toolbox: Toolbox, rows: Iterable[UserMCPConnection], *, query: str = ""
) -> Menu:
    """Return the menu of a toolbox, and of the person's connectors."""
    connectors = [_connector(toolbox, cards.card(row)) for row in rows]
    return Menu(
        system_tools=_found(_system_tools(toolbox), query),
        connectors=_found(connectors, query),
        tool_count=len(toolbox.allowed),
        cost=toolbox.cost,
        budget=settings.TOOL_BUDGET_TOKENS,
        query=query,
    )


def _connector(toolbox: Toolbox, card: Card) -> App:
    row = card.connector
    ref = str(row.pk)
    is_usable = any(_is_of(one, Source.CONNECTOR, ref) for one in toolbox.sources)
    tools = _tools(toolbox, Source.CONNECTOR, ref)
    return App(
        source=SelectionKind.CONNECTOR,
        ref=ref,
        name=row.name,
        slug=row.slug,
        monogram=card.monogram,
        look=card.look,
        is_usable=is_usable,
        note=_note(card, is_usable=is_usable),
        sign_in=_sign_in(toolbox, ref),
        tool_count=row.tool_count,
        cost=_cost(tools),
        tools=tools,
    )


def _sign_in(toolbox: Toolbox, ref: str) -> str:
    waits = any(
        one.ref == ref and one.remedy in (Remedy.SIGN_IN, Remedy.OFFER)
        for one in toolbox.absent
    )
    return links.sign_in(ref) if waits else ""


def _system_tools(toolbox: Toolbox) -> Iterable[App]:
    for source in toolbox.sources:
        if source.source == Source.SYSTEM:
            tools = _tools(toolbox, Source.SYSTEM, source.ref)
            yield App(
                source=SelectionKind.SYSTEM_TOOL,
                ref=source.ref,
                name=source.label,
                slug=source.slug,
                monogram=cards.monogram(source.label),
                look=_CONNECTED,
                is_usable=True,
                tool_count=len(tools),
                cost=_cost(tools),
                tools=tools,
            )


def _is_of(source: ToolSource, kind: str, ref: str) -> bool:
    return (source.source, source.ref) == (kind, ref)


def _tools(toolbox: Toolbox, kind: str, ref: str) -> list[MenuTool]:
    return [
        _tool(tool) for tool in toolbox.tools.values() if _is_of(tool.source, kind, ref)
    ]


def _tool(tool: Tool) -> MenuTool:
    return MenuTool(
        name=tool.spec.name,
        label=tool.title,
        title=tool.spec.title,
        wire_name=tool.wire_name,
        reads_only=tool.reads_only,
        asks=tool.asks,
        is_never=tool.policy == Policy.NEVER,
        cost=tool.cost,
        pick=str(pick_of(tool.key)),
        description=tool.spec.description,
        is_always=tool.policy == Policy.ALLOW and not tool.asks,
    )


def _cost(tools: Iterable[MenuTool]) -> int:
    return sum(tool.cost for tool in tools if not tool.is_never)


def _note(card: Card, *, is_usable: bool) -> str:
    row = card.connector
    if is_usable:
        return "" if row.tool_count else cards.HAPPENED["NO_TOOLS"]
    waiting = _WAITING_FOR.get(card.look.state)
    if waiting is None:
        return cards.HAPPENED.get(row.last_error_code, "The last test failed.")
    return waiting.format(tools=cards.counted(row.tool_count))


# --- Search ------------------------------------------------------------------


def _found(apps: Iterable[App], query: str) -> list[App]:
    words = query.casefold().split()
    if not words:
        return list(apps)
    matched = (_matching(app, words) for app in apps)
    return [app for app in matched if app is not None]


def _matching(app: App, words: list[str]) -> App | None:
    """Return `app` with the tools that match; None if it does not match at all.

    "notes search" finds the search of Notes: the words may be those of both.
    """
    name = app.name.casefold()
    if all(word in name for word in words):
        return app
    left = [word for word in words if word not in name]
    tools = [tool for tool in app.tools if _has(tool, left)]
    return replace(app, tools=tools) if tools else None


def _has(tool: MenuTool, words: list[str]) -> bool:
    text = f"{tool.name} {tool.title} {tool.description}".casefold()
    return all(word in text for word in words)
