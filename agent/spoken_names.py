"""What people call tools and connectors, and the picks that they mean by it."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from agent.models import SelectionKind
from agent.tool_types import Pick, ToolSource
from connectors.models import Source

if TYPE_CHECKING:
    from agent.absent import Absent
    from agent.names import ToolKey
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
    offers = [one for one in toolbox.absent if one.is_offer]
    own = [one for one in sources_of(toolbox) if one not in offers]
    # What could be connected is never in the way of what is there.
    yield from (
        [*_wholes(own, name)]
        or _by_label(toolbox, own, name)
        or _by_name(toolbox, name)
        or [*_wholes(offers, name)]
        or _by_label(toolbox, offers, name)
    )


def _wholes(among: "Iterable[ToolSource | Absent]", name: str) -> Iterator[Pick]:
    for one in among:
        if name.casefold() in (one.slug, one.label.casefold()):
            is_connector = one.source == Source.CONNECTOR
            kind = SelectionKind.CONNECTOR if is_connector else _SYSTEM
            yield Pick(kind=kind, ref=one.ref)


def _by_label(
    toolbox: "Toolbox", among: "Iterable[ToolSource | Absent]", name: str
) -> list[Pick]:
    said = name.casefold()
    found = [
        pick_of(tool.key)
        for tool in toolbox.tools.values()
        if said in (tool.label.casefold(), _plain_label(tool).casefold())
    ]
    # What tools an absent source has is not read, but whose it is can be said.
    for one in (one for one in toolbox.absent if one in among):
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
