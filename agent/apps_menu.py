"""The Apps menu: what a person can pick, for the composer and for REST.

Drawn from what is stored, with the same few queries however much that is; nobody is
dialled.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.conf import settings

from agent import links
from agent.absent import Absent, Remedy
from agent.models import Policy, SelectionKind
from agent.spoken_names import pick_of
from agent.tool import Tool
from agent.tool_types import ToolSource
from agent.toolbox import Toolbox
from connectors import cards, manager
from connectors.cards import Card
from connectors.looks import Look
from connectors.models import Source, UserMCPConnection
from systemtools import cards as system_cards
from systemtools.cards import Group
from systemtools.statuses import Status

_SYSTEM = str(Source.SYSTEM)
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
    pinned: bool = False
    last_used_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class App:
    """A connector, or a system tool, with the tools of it that can be used.

    `source` is the kind of a pick of all of it. `note` says what keeps it from being
    used, if it cannot; `about` what a system tool is for. `tool_count` and `cost`, in
    tokens of each message, are of all its tools; `tools` are those that match what is
    sought.
    """

    source: str
    ref: str
    name: str
    slug: str
    monogram: str
    look: Look
    is_usable: bool
    note: str = ""
    about: str = ""
    # Whose it is, where a sign-in told.
    account: str = ""
    is_beta: bool = False
    # The page where the person signs in, if that is all that is missing.
    sign_in: str = ""
    # The page where the person connects it, if they can.
    connect: str = ""
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
    # All system tools, whatever is sought.
    statuses: tuple[Status, ...] = ()


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
        statuses=toolbox.system_tools,
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
        _is_of(one, Source.CONNECTOR, ref)
        and one.remedy in (Remedy.SIGN_IN, Remedy.OFFER)
        for one in toolbox.absent
    )
    return links.sign_in(Source.CONNECTOR, ref) if waits else ""


def _system_tools(toolbox: Toolbox) -> Iterable[App]:
    """Give the connected ones first, those that are merely announced last."""
    found = [system_cards.card(status) for status in toolbox.system_tools]
    for group in Group:
        yield from (_system_tool(toolbox, one) for one in found if one.group == group)


def _system_tool(toolbox: Toolbox, card: system_cards.Card) -> App:
    status = card.status
    tools = _tools(toolbox, _SYSTEM, card.id)
    again = status.signs_in_again
    can_connect = not (status.is_connected or again or status.why_not)
    return App(
        source=SelectionKind.SYSTEM_TOOL,
        ref=card.id,
        name=card.name,
        slug=card.id,
        monogram=card.monogram,
        look=card.look,
        is_usable=status.is_connected,
        note=_note_of_system_tool(card),
        about=status.tool.description if can_connect else "",
        account=status.account_label,
        is_beta=status.tool.is_beta,
        sign_in=links.sign_in(_SYSTEM, card.id) if again else "",
        connect=links.system_tool(card.id) if can_connect else "",
        tool_count=len(tools) if status.is_connected else len(status.methods),
        cost=_cost(tools),
        tools=tools,
    )


def _note_of_system_tool(card: system_cards.Card) -> str:
    status = card.status
    if status.is_connected:
        return "" if status.methods else cards.HAPPENED["NO_TOOLS"]
    if status.why_not:
        return status.why_not
    verb = "Sign in to" if status.signs_in_again else "Connect it to"
    return f"{verb} use its {card.counted}"


def _is_of(one: ToolSource | Absent, kind: str, ref: str) -> bool:
    return (one.source, one.ref) == (kind, ref)


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
        pinned=tool.pinned,
        last_used_at=tool.last_used_at,
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
