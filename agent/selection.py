"""What a person picked for a message: read, found in their toolbox, or refused.

Only a person picks: by the field of the composer or of a request, or by a prefix
that they type. Neither the database nor anybody else is asked.
"""

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agent.models import Policy, SelectionKind
from agent.spoken_names import SOURCES, called, key_of, sources_of
from agent.tool_types import Pick
from connectors.errors import ConnectorNotFound, InvalidInput, ToolNotFound
from connectors.text import clean_json

if TYPE_CHECKING:
    from agent.absent import Absent
    from agent.names import ToolKey
    from agent.tool import Tool
    from agent.toolbox import Toolbox

REF_CHARS = 200
LABEL_CHARS = 200
NOT_ALLOWED = "TOOL_NOT_ALLOWED"
_PREFIX = re.compile(r"\s*\[TOOL:([^\[\]\n]{1,200})\]\s*", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """The tools of a pick, of which one has to be used: at least one."""

    pick: Pick
    tools: list["Tool"]


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why what was picked cannot be used: a code, and a sentence that names it."""

    code: str
    message: str
    # Where it is from, if that is known and merely cannot be used now.
    absent: "Absent | None" = None

    @property
    def waits_for_sign_in(self) -> bool:
        """Whether it can be used as soon as the person has signed in."""
        return self.absent is not None and self.absent.waits_for_sign_in


def parse_prefix(text: str) -> tuple[str | None, str]:
    """Return the name in a leading `[TOOL:NAME]`, and the text without it.

    Anywhere else it is text like any other.
    """
    found = _PREFIX.match(text)
    if found is None or not found[1].strip():
        return None, text
    return found[1].strip(), text[found.end() :]


def from_field(value: str) -> Pick | None:
    """Return the pick of a form's field: "connector:12", "connector_tool:12:search".

    "" is none.

    Raises:
        InvalidInput: at `pick`, it is no pick.
    """
    if not value:
        return None
    kind, _, ref = value.partition(":")
    pick = Pick(kind=kind, ref=ref)
    refuse_nonsense(pick)
    return pick


def refuse_nonsense(pick: Pick) -> None:
    """Refuse a pick that nothing can ever be, and that no column takes.

    Raises:
        InvalidInput: at `pick`.
    """
    is_known = pick.kind in SOURCES and 0 < len(pick.ref) <= REF_CHARS
    if not is_known or clean_json(pick.ref) != pick.ref:
        raise InvalidInput.at(
            "pick", "pick", msg="This is nothing that can be picked.", type_="pick"
        )


def resolve(toolbox: "Toolbox", name: str) -> Pick:
    """Return the pick that a person means by `name`.

    A wire name, the slug or the name of a connector, "Connector: tool", or the name
    of a tool if only one has it. What has no such name is a pick, too: `look_up`
    refuses it, so that nothing else is used in its place.
    """
    found = {*called(toolbox, name)}
    if len(found) == 1:
        pick = labelled(toolbox, found.pop())
        return pick if pick.label else replace(pick, label=name[:LABEL_CHARS])
    return Pick(
        kind=SelectionKind.CONNECTOR_TOOL,
        ref=name[:REF_CHARS],
        label=name[:LABEL_CHARS],
    )


def labelled(toolbox: "Toolbox", pick: Pick) -> Pick:
    """Return the pick as people call it; the label outlives what was picked."""
    source, ref, name = key_of(pick)
    label = ""
    if name:
        tool = _tool(toolbox, (source, ref, name))
        label = tool.label if tool else ""
    if not label:
        owner = _labels(toolbox).get((source, ref), "")
        label = f"{owner}: {name}" if owner and name else owner
    return replace(pick, label=(label or pick.label)[:LABEL_CHARS])


def look_up(toolbox: "Toolbox", pick: Pick) -> Resolved | Refusal:
    """Return the tools that were picked, or why they cannot be used."""
    source, ref, name = key_of(pick)
    absent = _absent(toolbox, source, ref)
    if absent is not None:
        return Refusal(code=absent.code, message=absent.message, absent=absent)
    owner = _labels(toolbox).get((source, ref))
    if owner is None:
        return _nowhere(toolbox, pick)
    tools = [
        tool
        for tool in toolbox.tools.values()
        if tool.key[:2] == (source, ref) and name in ("", tool.spec.name)
    ]
    if not tools:
        return _no_tool(toolbox, owner, (source, ref, name))
    allowed = [tool for tool in tools if tool.policy != Policy.NEVER]
    if not allowed:
        named = tools[0].label if name else f"each tool of {owner}"
        return Refusal(
            code=NOT_ALLOWED,
            message=f"You chose that {named} is never used, so it was not.",
        )
    return Resolved(pick=pick, tools=allowed)


# --- What the toolbox has ----------------------------------------------------


def _labels(toolbox: "Toolbox") -> dict[tuple[str, str], str]:
    return {(one.source, one.ref): one.label for one in sources_of(toolbox)}


def _absent(toolbox: "Toolbox", source: str, ref: str) -> "Absent | None":
    found = (one for one in toolbox.absent if (one.source, one.ref) == (source, ref))
    return next(found, None)


def _tool(toolbox: "Toolbox", key: "ToolKey") -> "Tool | None":
    return next((tool for tool in toolbox.tools.values() if tool.key == key), None)


# --- Refusals ----------------------------------------------------------------


def _nowhere(toolbox: "Toolbox", pick: Pick) -> Refusal:
    """Refuse what the person does not have, or not any more."""
    if not pick.label:
        return Refusal(code=ConnectorNotFound.code, message=ConnectorNotFound.message)
    # A name that was typed and fits nothing is its own reference.
    if pick.ref != pick.label:
        return Refusal(
            code=ConnectorNotFound.code,
            message=f"“{pick.label}” is not there any more: it was deleted.",
        )
    same = sorted(labelled(toolbox, one).label for one in {*called(toolbox, pick.ref)})
    if len(same) > 1:
        several = ", ".join(same)
        return Refusal(
            code=ToolNotFound.code,
            message=f"“{pick.label}” can be {several}. Pick one of them.",
        )
    return Refusal(
        code=ToolNotFound.code,
        message=f"You have no tool and no connector called “{pick.label}”.",
    )


def _no_tool(toolbox: "Toolbox", owner: str, key: "ToolKey") -> Refusal:
    name = key[2]
    if not name:
        message = f"{owner} offers no tools."
    elif key in toolbox.forgotten.values():
        message = f"{owner} does not have the tool “{name}” any more."
    else:
        message = f"{owner} has no tool called “{name}”."
    return Refusal(code=ToolNotFound.code, message=message)
