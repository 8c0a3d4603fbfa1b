"""Which tool of a whole connector is meant by the words of a person.

What only reads is preferred, unless the words name a tool or clearly ask for a change:
to be shown something that nobody wanted costs less than to be asked to change it.
"""

import re

from agent import arguments
from agent.tool import Tool
from agent.toolbox import Toolbox

_SIGNS = re.compile(r"[\W_]+")
# What people say before they come to it.
_BEFORE = frozenset(
    """
    can could i just kindly let like lets me must need now please should to us want
    we will would you
    """.split()
)
# Those that are hardly ever said of what is there: "schedule of tomorrow" is no order.
_CHANGES = frozenset(
    """
    add append archive assign cancel create delete edit forward insert invite make
    merge move note publish put refund remember remove rename reply save send submit
    update upload write
    """.split()
)


def best(toolbox: Toolbox, tools: list[Tool], words: str) -> Tool:
    """Return which of `tools` the words seem to be for; there is at least one.

    The one that they name; else the one that suits them best, or, where none does,
    one that words are enough for. Of those that read, if there is one such.
    """
    if len(tools) == 1:
        return tools[0]
    wants_change = _wants_change(tools, words)
    if named := _named(tools, words, wants_change=wants_change):
        return named
    due = {tool.wire_name for tool in tools}
    hits = toolbox.search(words, limit=len(toolbox.tools))
    hits = [hit for hit in hits if hit.wire_name in due]
    if hits and wants_change:
        return hits[0]
    reading = [hit for hit in hits if hit.reads_only]
    taking = [tool for tool in tools if tool.reads_only and _takes_words(tool)]
    likely = [*reading, *taking, *hits]
    return likely[0] if likely else min(tools, key=_unlikeliness)


def _named(tools: list[Tool], words: str, *, wants_change: bool) -> Tool | None:
    """Return the tool whose whole name or title is in the words, the longest first.

    One word alone may be there for another reason ("what did I send?"): it names
    nothing that changes things, unless a change is asked for.
    """
    said = f" {_plain(words)} "
    found = [
        (len(name), tool)
        for tool in tools
        for name in {_plain(tool.spec.name), _plain(tool.spec.title)}
        if name and f" {name} " in said
        if " " in name or tool.reads_only or wants_change
    ]
    return max(found, key=lambda one: one[0])[1] if found else None


def _wants_change(tools: list[Tool], words: str) -> bool:
    """Tell whether the words begin with what changes something, as orders do."""
    said = (word for word in _plain(words).split() if word not in _BEFORE)
    first = next(said, "")
    changing = {lead for tool in tools if _changes(tool) for lead in _leads(tool)}
    others = {lead for tool in tools if not _changes(tool) for lead in _leads(tool)}
    return first in _CHANGES | changing - others


def _changes(tool: Tool) -> bool:
    """Tell whether it says so itself; one that says nothing is not known to."""
    return tool.spec.reads_only is False or tool.spec.destructive is True


def _leads(tool: Tool) -> set[str]:
    """Return the words that its name and its title begin with."""
    names = (_plain(name).split() for name in (tool.spec.name, tool.spec.title))
    return {name[0] for name in names if name}


def _takes_words(tool: Tool) -> bool:
    return arguments.main_field(tool.spec.input_schema) is not None


def _unlikeliness(tool: Tool) -> tuple[bool, bool]:
    return not tool.reads_only, not _takes_words(tool)


def _plain(text: str) -> str:
    return _SIGNS.sub(" ", text.casefold()).strip()
