"""What a ChatKit front end is configured with: a `ChatKitOptions` without functions.

Its tools are the picks of our own composer, by the ids that its form has, so that a
front end picks what a person would pick on our page. Drawn from what is stored, with
the queries of the Apps menu; nobody is dialled.

Source: the npm package @openai/chatkit, `types/index.d.ts`.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final

from django.conf import settings
from django.urls import reverse

from agent import apps_menu, composing
from agent.apps_menu import App, Menu, MenuTool
from agent.models import SelectionKind
from connectors.text import clean

# The entry that is no tool: a front end opens our page for it.
MANAGE: Final = "manage-connectors"
# A menu without a search: of more, only what a person comes back to is in it.
ENTRIES_MAX: Final = 60
LABEL_CHARS: Final = 80
SHORT_CHARS: Final = 24
GREETING: Final = "What do you want to do?"
# A state of these is said better by its word than by the sentence about it.
_BY_WORD: Final = ("soon", "not-set-up")
_LUCIDE: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)

type Entry = dict[str, Any]


def document(*, user_id: int) -> dict[str, Any]:
    """Return the options for a person, as a front end passes them to `setOptions`.

    Whoever embeds the component adds what JSON cannot say: `api.fetch`, with the token
    or the session of the person, and what their own buttons do.
    """
    return {
        "api": {
            "url": f"{settings.PUBLIC_URL}{reverse('chatkit')}",
            "domainKey": settings.CHATKIT_DOMAIN_KEY,
        },
        "frameTitle": "Patchbay",
        "header": {"enabled": True, "title": {"enabled": True}},
        "history": {"enabled": True, "showDelete": True, "showRename": True},
        "startScreen": {"greeting": GREETING},
        "thread": {"autoScroll": True},
        "threadItemActions": {"feedback": False, "retry": True},
        "composer": {
            "placeholder": composing.USUAL,
            "attachments": {"enabled": False},
            "tools": tools(apps_menu.menu(user_id=user_id)),
        },
        "disclaimer": {
            "text": "Tools that may change things ask you first. "
            f"[Manage connectors]({connectors_url()})"
        },
    }


def connectors_url() -> str:
    """Return the whole address of the page of a person's connectors."""
    return f"{settings.PUBLIC_URL}{reverse('connectors')}"


def tools(menu: Menu) -> list[Entry]:
    """Return what can be picked, each app as a whole and then by its tools.

    System tools come first. Tools are left out, but for those that are pinned or were
    used last, where all of them would be more than `ENTRIES_MAX` entries.
    """
    apps = [app for app in (*menu.system_tools, *menu.connectors) if _has_some(app)]
    icons = {status.tool.id: status.tool.icon for status in menu.statuses}
    room = ENTRIES_MAX - len(apps) - 1
    kept = _kept(list(chain.from_iterable(map(_allowed, apps))), room)
    listed = [entry for app in apps for entry in _of(app, kept, icons)]
    return [*listed, _MANAGE_ENTRY]


def _has_some(app: App) -> bool:
    """Tell whether an app is more than tools that are never used."""
    return not app.tools or bool(_allowed(app))


def _allowed(app: App) -> list[MenuTool]:
    return [tool for tool in app.tools if not tool.is_never]


def _kept(found: list[MenuTool], room: int) -> set[str]:
    """Return the picks of the tools that are listed, at most `room`."""
    if len(found) > room:
        wanted = [tool for tool in found if tool.pinned or tool.last_used_at]
        wanted.sort(key=_rank, reverse=True)
        found = wanted[: max(0, room)]
    return {tool.pick for tool in found}


def _rank(tool: MenuTool) -> tuple[bool, float]:
    used_at = tool.last_used_at
    return tool.pinned, used_at.timestamp() if used_at else 0.0


# --- Entries -----------------------------------------------------------------


def _of(app: App, kept: Iterable[str], icons: dict[str, str]) -> Iterator[Entry]:
    yield _whole(app, icons)
    yield from (_tool(app, tool) for tool in _allowed(app) if tool.pick in kept)


def _whole(app: App, icons: dict[str, str]) -> Entry:
    name = _short(app.name, SHORT_CHARS)
    icon = app.look.glyph
    if app.is_usable and app.tools:
        if app.source == SelectionKind.SYSTEM_TOOL:
            icon = icons.get(app.ref, icon)
        return _entry(
            app.pick,
            label=f"Any {app.name} tool",
            short=name,
            icon=icon,
            placeholder=f"Ask: a tool of {name} must be used",
        )
    why = app.look.word if app.look.state in _BY_WORD else app.note.rstrip(".")
    label = f"{app.name} · {why}"
    return _entry(app.pick, label=label, short=name, icon=icon, placeholder=label)


def _tool(app: App, tool: MenuTool) -> Entry:
    name = _short(tool.label, SHORT_CHARS)
    return _entry(
        tool.pick,
        label=f"{app.name}: {tool.label}",
        short=name,
        icon="eye" if tool.reads_only else "pencil",
        placeholder=f"Ask: {name} must be used",
        pinned=tool.pinned,
    )


def _entry(
    pick: str,
    *,
    label: str,
    short: str,
    icon: str,
    placeholder: str,
    pinned: bool = False,
) -> Entry:
    return {
        "id": pick,
        "label": _short(label, LABEL_CHARS),
        "shortLabel": short,
        # One that a system tool names need not be a name at all.
        "icon": f"lucide:{icon if _LUCIDE.fullmatch(icon) else 'blocks'}",
        "placeholderOverride": _short(placeholder, LABEL_CHARS),
        "pinned": pinned,
        # A pick is for one message, here as in our own composer.
        "persistent": False,
    }


_MANAGE_ENTRY: Final[Entry] = {
    "id": MANAGE,
    "label": "Manage connectors",
    "shortLabel": "Manage",
    "icon": "settings-slider",
    "placeholderOverride": "Your connectors open in another tab",
    "pinned": False,
    "persistent": False,
}


def _short(text: str, limit: int) -> str:
    """Return a stranger's words as one line that is seen whole, or ends in `…`."""
    line = clean(text, limit=limit * 2)
    return line if len(line) <= limit else f"{clean(line, limit=limit - 1)}…"
