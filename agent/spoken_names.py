"""What people call tools and connectors, and the picks that they mean by it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from agent.models import SelectionKind
from agent.tool_types import Pick, ToolSource
from connectors.models import Source

if TYPE_CHECKING:
    from agent.names import ToolKey
    from agent.sources import Absent
    from agent.tool import Tool
    from agent.toolbox import Toolbox

_SYSTEM = SelectionKind.SYSTEM_TOOL
SOURCES = {
    SelectionKind.CONNECTOR: Source.CONNECTOR,
    SelectionKind.CONNECTOR_TOOL: Source.CONNECTOR,
    _SYSTEM: Source.SYSTEM,
}


def called(toolbox: "Toolbox", name: str) -> Iterator[Pick]:
    """Give what is called `name`, by the first way of calling things that fits."""
    tool = toolbox.tools.get(name)
    if tool is not None:
        yield pick_of(tool.key)
        return
    if name in toolbox.forgotten:
        yield pick_of(toolbox.forgotten[name])
        return
    found = [*_wholes(toolbox, name)]
    yield from found or _by_label(toolbox, name) or _by_name(toolbox, name)


def _wholes(toolbox: "Toolbox", name: str) -> Iterator[Pick]:
    for one in sources_of(toolbox):
        if name.casefold() in (one.slug, one.label.casefold()):
            is_connector = one.source == Source.CONNECTOR
            kind = SelectionKind.CONNECTOR if is_connector else _SYSTEM
            yield Pick(kind=kind, ref=one.ref)


def _by_label(toolbox: "Toolbox", name: str) -> list[Pick]:
    said = name.casefold()
    found = [
        pick_of(tool.key)
        for tool in toolbox.tools.values()
        if said in (tool.label.casefold(), _plain_label(tool).casefold())
    ]
    # What tools an absent source has is not read, but whose it is can be said.
    for one in toolbox.absent:
        start = f"{one.label}: "
        if said.startswith(start.casefold()):
            found.append(pick_of((one.source, one.ref, name[len(start) :])))
    return found


def _plain_label(tool: "Tool") -> str:
    return f"{tool.source.label}: {tool.spec.name}"


def _by_name(toolbox: "Toolbox", name: str) -> list[Pick]:
    return [
        pick_of(tool.key) for tool in toolbox.tools.values() if tool.spec.name == name
    ]


def pick_of(key: "ToolKey") -> Pick:
    source, ref, name = key
    is_connector = source == Source.CONNECTOR
    kind = SelectionKind.CONNECTOR_TOOL if is_connector else _SYSTEM
    return Pick(kind=kind, ref=f"{ref}:{name}")


def key_of(pick: Pick) -> "ToolKey":
    """Return source, ref and tool; the tool is "" for all of a source."""
    ref, _, name = pick.ref.partition(":")
    if pick.kind == SelectionKind.CONNECTOR:
        ref, name = pick.ref, ""
    return str(SOURCES[SelectionKind(pick.kind)]), ref, name


def sources_of(toolbox: "Toolbox") -> "list[ToolSource | Absent]":
    """Return all sources, those that cannot be used among them."""
    return [*toolbox.sources, *toolbox.absent]
