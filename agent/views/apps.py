"""The Apps menu: what can be picked, found by words, drawn from stored state alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from agent import apps_menu, costs
from agent.apps_menu import App, Menu, MenuTool
from connectors import cards
from connectors.views.answers import PageRequest, page, target_id

# How many tools of one connector are shown at first, and how many of a search.
FEW, FEW_FOUND = 6, 20


@dataclass(frozen=True, kw_only=True)
class Row:
    """One connector or system tool in the menu, with the tools that are shown."""

    app: App
    tools: Sequence[MenuTool]
    # How many more there are behind a button, which asks for them by `query`.
    more: int = 0
    query: str = ""
    # How many there are that only a search finds.
    unshown: int = 0
    is_open: bool = False
    offers_any: bool = False

    @property
    def is_pickable(self) -> bool:
        return self.app.is_usable and bool(self.app.tools)

    @property
    def any_tool(self) -> str:
        return f"Any {self.app.name} tool"

    @property
    def counted(self) -> str:
        return cards.counted(self.app.tool_count)

    @property
    def tokens(self) -> str:
        return costs.shown(self.app.cost)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The menu as it is drawn. `pick` is what is picked now, `query` what is sought."""

    menu: Menu
    query: str
    pick: str

    @property
    def system_tools(self) -> list[Row]:
        return [self.row(app) for app in self.menu.system_tools]

    @property
    def connectors(self) -> list[Row]:
        return [self.row(app) for app in self.menu.connectors]

    @property
    def rows(self) -> list[Row]:
        return [*self.system_tools, *self.connectors]

    @property
    def is_usable(self) -> bool:
        """Whether any connector or system tool can be used now."""
        return any(row.app.is_usable for row in self.rows)

    @property
    def is_empty(self) -> bool:
        """Whether the person has nothing yet that could be used."""
        return not self.menu.connectors and not self.is_usable

    @property
    def choices(self) -> list[Row]:
        """All that can be picked, for a list without a script."""
        apps = [row.app for row in self.rows if row.is_pickable]
        most = settings.TOOLS_SHOWN
        return [Row(app=app, tools=_allowed(app)[:most]) for app in apps]

    @property
    def tool_count(self) -> int:
        return self.menu.tool_count

    @property
    def counted(self) -> str:
        return cards.counted(self.menu.tool_count)

    @property
    def cost(self) -> int:
        return self.menu.cost

    @property
    def tokens(self) -> str:
        return costs.shown(self.menu.cost)

    @property
    def most(self) -> int:
        return self.menu.budget

    @property
    def budget(self) -> str:
        return costs.shown(self.menu.budget)

    @property
    def is_over(self) -> bool:
        return self.menu.cost > self.menu.budget

    @property
    def said(self) -> str:
        """What a search found, for who cannot see it."""
        if not self.query:
            return ""
        first = next(filter(None, map(_first_pick, self.rows)), "")
        if not first:
            return "Nothing matches."
        found = sum(len(row.app.tools) for row in self.rows if row.is_pickable)
        return f"{cards.counted(found)} found. Enter picks {first}."

    def row(self, app: App) -> Row:
        """Return what is shown of `app` before anybody asks for more."""
        few = FEW_FOUND if self.query else FEW
        first = _first(app, few, self.pick)
        known = {"app": f"{app.source}:{app.ref}", "q": self.query}
        return Row(
            app=app,
            tools=first,
            more=len(app.tools) - len(first),
            query=urlencode({key: value for key, value in known.items() if value}),
            is_open=bool(self.query) or _holds(app, self.pick) or self._is_alone(),
            offers_any=bool(app.pick) and _is_named(app, self.query),
        )

    def rest(self, ref: str) -> Row | None:
        """Return the tools of `ref` ("connector:12") that `row` leaves out."""
        for row in self.rows:
            app = row.app
            if f"{app.source}:{app.ref}" == ref and row.is_pickable:
                first = {tool.pick for tool in row.tools}
                others = [tool for tool in app.tools if tool.pick not in first]
                shown = others[: max(0, settings.TOOLS_SHOWN - len(first))]
                return Row(app=app, tools=shown, unshown=len(others) - len(shown))
        return None

    def _is_alone(self) -> bool:
        apps = [*self.menu.system_tools, *self.menu.connectors]
        return sum(app.is_usable for app in apps) == 1


@page("GET")
def apps(request: PageRequest) -> HttpResponse:
    """Show the menu, what a search (`q`) finds, or the rest of one `app`'s tools."""
    if not request.htmx:
        return redirect("chat")
    given = request.GET
    menu = shown(
        user_id=request.user.pk, query=given.get("q", ""), pick=given.get("pick", "")
    )
    if "app" in given:
        context: dict[str, Any] = {"menu": menu, "row": menu.rest(given["app"])}
        return TemplateResponse(request, "agent/apps.html#rest", context)
    part = "search" if target_id(request) == "apps-body" else "menu"
    return TemplateResponse(request, f"agent/apps.html#{part}", {"menu": menu})


def shown(*, user_id: int, query: str = "", pick: str = "") -> Shown:
    """Return the menu of a person; `query` leaves what matches. Dials nobody."""
    query = query.strip()
    menu = apps_menu.menu(user_id=user_id, query=query)
    return Shown(menu=menu, query=query, pick=pick)


def _first(app: App, few: int, pick: str) -> list[MenuTool]:
    """Return the first tools, a picked one with them; a button is for two or more."""
    if len(app.tools) <= few + 1:
        return list(app.tools)
    picked = [tool for tool in app.tools[few:] if tool.pick == pick]
    return [*app.tools[:few], *picked]


def _allowed(app: App) -> list[MenuTool]:
    return [tool for tool in app.tools if not tool.is_never]


def _holds(app: App, pick: str) -> bool:
    return bool(pick) and (app.pick == pick or any(t.pick == pick for t in app.tools))


def _is_named(app: App, query: str) -> bool:
    name = app.name.casefold()
    return all(word in name for word in query.casefold().split())


def _first_pick(row: Row) -> str:
    if not row.is_pickable:
        return ""
    if row.offers_any:
        return row.any_tool
    names = [tool.label for tool in row.tools if not tool.is_never]
    return f"{row.app.name}: {names[0]}" if names else ""
