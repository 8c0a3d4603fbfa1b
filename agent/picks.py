"""What a client of REST or /v1 picked, in the words of a pick.

REST keeps whatever was picked with the message, and the turn refuses what is not
there, as on a page. /v1 has nobody to show that to: it is refused at once, but for
what a sign-in makes usable: that is waited for, and the answer links to it.
"""

from typing import Any

from agent import selection, spoken_names
from agent.models import SelectionKind
from agent.selection import Refusal
from agent.tool_types import Pick
from agent.toolbox import Toolbox
from agent.v1_bodies import Body, no_such_model
from agent.v1_errors import Refused
from connectors.models import Source


def of_rest(*, user_id: int, given: str | dict[str, Any] | None) -> Pick | None:
    """Return the pick of a checked field: a name, or an app and maybe a tool."""
    if given is None:
        return None
    toolbox = Toolbox.load(user_id=user_id)
    if isinstance(given, str):
        return selection.resolve(toolbox, given)
    if tool_id := given.get("system_tool"):
        ref, kind = tool_id, SelectionKind.SYSTEM_TOOL
        ref = f"{ref}:{given['tool']}" if given["tool"] else ref
    else:
        ref, kind = str(given["connector_id"]), SelectionKind.CONNECTOR
        if given["tool"]:
            ref, kind = f"{ref}:{given['tool']}", SelectionKind.CONNECTOR_TOOL
    return selection.labelled(toolbox, Pick(kind=kind, ref=ref))


def of_v1(*, user_id: int, body: Body) -> tuple[Pick | None, str]:
    """Return what `tool_choice`, the prefix or the model picks, and the text.

    The narrowest counts: a tool that is named, else the connector of the model.

    Raises:
        Refused: it is not there or cannot be used now; the names contradict.
    """
    typed, text = selection.parse_prefix(body.text)
    name, param = (typed, "messages") if typed else (body.tool, "tool_choice")
    if typed and body.tool and typed != body.tool:
        raise Refused(
            "The message picks one tool and tool_choice another. Pick one.",
            param="tool_choice",
        )
    if not (name or body.connector):
        if body.needs_tool:
            raise Refused(
                "Name the tool that is required, or choose the model of a connector.",
                param="tool_choice",
            )
        return None, text
    toolbox = Toolbox.load(user_id=user_id)
    whole = _connector(toolbox, body.connector) if body.connector else None
    pick = selection.resolve(toolbox, name) if name else whole
    _refuse_unusable(toolbox, pick, param if name else "model")
    return pick, text


def _connector(toolbox: Toolbox, slug: str) -> Pick:
    # A connector first: it may have the slug from before there was such a tool.
    named = [one for one in spoken_names.sources_of(toolbox) if one.slug == slug]
    named.sort(key=lambda one: one.source != Source.CONNECTOR)
    if not named:
        raise no_such_model()
    kind = SelectionKind.CONNECTOR
    if named[0].source == Source.SYSTEM:
        kind = SelectionKind.SYSTEM_TOOL
    pick = Pick(kind=kind, ref=named[0].ref)
    return selection.labelled(toolbox, pick)


def _refuse_unusable(toolbox: Toolbox, pick: Pick | None, param: str) -> None:
    found = selection.look_up(toolbox, pick) if pick else None
    if isinstance(found, Refusal) and not found.waits_for_sign_in:
        raise Refused(found.message, param=param, code=found.code.lower())
