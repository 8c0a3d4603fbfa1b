"""What the composer shows: what was typed, what is picked, whether an answer runs."""

import uuid
from typing import Any

from agent.apps_menu import App
from agent.composing import Composer, Picked, at_work
from agent.models import Turn
from agent.views import apps
from agent.views.apps import Shown


def context(
    *,
    user_id: int,
    conversation_id: int | None = None,
    turn: Turn | None = None,
    pick: str = "",
    menu: Shown | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """Return what `agent/composer.html` is drawn from. Dials nobody.

    `turn` is the newest of the conversation, `pick` what to begin with as the field
    of the form has it; `fields` are others of `Composer`, such as `text`, `problem`.
    """
    menu = menu or apps.shown(user_id=user_id, pick=pick)
    fields.setdefault("has_focus", conversation_id is None)
    picked = _picked(menu, pick)
    if pick and picked is None:
        fields.setdefault("problem", _why_not(menu, pick))
        fields.setdefault("problem_state", "review")
        fields |= _way_out(menu, pick)
    composer = Composer(
        user_id=user_id,
        conversation_id=conversation_id,
        nonce=fields.pop("nonce", "") or str(uuid.uuid4()),
        picked=picked,
        **at_work(turn),
        **fields,
    )
    return {"composer": composer, "menu": menu}


def _picked(menu: Shown, pick: str) -> Picked | None:
    """Return the chip of what can be picked."""
    for row in filter(lambda row: row.is_pickable, menu.rows):
        if row.app.pick == pick:
            return Picked(field=pick, label=row.any_tool, glyph="blocks")
        for tool in row.app.tools:
            if tool.pick == pick and not tool.is_never:
                glyph = "eye" if tool.reads_only else "pencil"
                label = f"{row.app.name}: {tool.label}"
                return Picked(field=pick, label=label, glyph=glyph)
    return None


def _way_out(menu: Shown, pick: str) -> dict[str, str]:
    """Return the page where what was to be picked is made usable, if there is one."""
    for app in (row.app for row in menu.rows if _is_of(row.app, pick)):
        if app.sign_in:
            return {"way_out": app.sign_in, "way_out_label": "Sign in"}
        if app.connect:
            return {"way_out": app.connect, "way_out_label": f"Connect {app.name}"}
    return {}


def _is_of(app: App, pick: str) -> bool:
    # Of what cannot be used the tools are not known.
    is_tool = pick.startswith(f"{app.pick}:") and not app.is_usable
    return pick == app.pick or is_tool or any(tool.pick == pick for tool in app.tools)


def _why_not(menu: Shown, pick: str) -> str:
    for row in menu.rows:
        if _is_of(row.app, pick):
            note = row.app.note and f"{row.app.note.rstrip('.')}."
            return f"{row.app.name} cannot be picked now. {note}".strip()
    return "What was to be picked is not there any more."
