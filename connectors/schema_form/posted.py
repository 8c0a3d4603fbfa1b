"""The names of a form's controls, and what a browser sends under them.

    arg.filter.tags.0       the control of arguments["filter"]["tags"][0]
    arg.filter.tags:n       how many rows the array has
    arg.filter:on           an object that is there
    arg.filter:off          an object or array that is not, but was shown
    arg.size:pick           which alternative was chosen: its fields are in
    arg.size.@1             that alternative, at the same place in the arguments
    arg.size:json           the whole value as JSON
    arg.size:more           the keys that the schema does not name, as JSON
    arg.size:as             what an empty control means: null or empty

A key is percent-encoded, so that "." separates, "@" and ":" mark, and any key at all
(with dots, in any script, empty, `__proto__`) is told from any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

ROOT = "arg"
# The control whose value says which change of the form itself is asked for.
EDIT = "edit"
# Rows that a form can have at all; more are a forgery.
MAX_ROWS = 1000


@dataclass(slots=True)
class Node:
    """What was sent under one name and the names that begin with it."""

    text: str | None = None
    marks: dict[str, str] = field(default_factory=dict)
    children: dict[str, "Node"] = field(default_factory=dict)
    # Added just now, by an edit: it has the defaults of its schema.
    is_fresh: bool = False
    has_focus: bool = False

    @property
    def rows(self) -> int | None:
        """The number of rows of an array, None if it is not there."""
        text = self.marks.get("n")
        if text is None:
            return None
        is_count = text.isascii() and text.isdigit() and len(text) < 5
        return min(int(text), MAX_ROWS) if is_count else 0

    def child(self, segment: str) -> "Node":
        return self.children.setdefault(segment, Node())


def segment_of(key: str | int) -> str:
    """Return the part of a control's name that stands for a key or an index."""
    if isinstance(key, int):
        return str(key)
    # "." is what `quote` never encodes; half a character has no UTF-8.
    return quote(key, safe="", errors="surrogatepass").replace(".", "%2E")


def name_of(parent: str, key: str | int) -> str:
    return f"{parent}.{segment_of(key)}"


def variant_of(parent: str, index: int) -> str:
    return f"{parent}.@{index}"


def read_names(data: Mapping[str, object]) -> Node:
    """Sort what was sent by the names of the controls; what is not ours is left."""
    root = Node()
    for name, value in data.items():
        path, _, mark = name.partition(":")
        segments = path.split(".")
        if segments[0] != ROOT or not isinstance(value, str):
            continue
        node = root
        for segment in segments[1:]:
            node = node.child(segment)
        if mark:
            node.marks[mark] = value
        else:
            node.text = value
    return root


def edit(root: Node, wish: str) -> bool:
    """Make the change that an edit button asks for; False for none that exists."""
    verb, _, name = wish.partition(" ")
    change = _CHANGES.get(verb)
    segments = name.split(".")
    if change is None or segments[0] != ROOT:
        return False
    parent, node = None, root
    for segment in segments[1:]:
        parent, node = node, node.child(segment)
    change(node, parent, segments[-1])
    return True


def _add_row(node: Node, parent: Node | None, segment: str) -> None:
    rows = min((node.rows or 0) + 1, MAX_ROWS)
    node.marks["n"] = str(rows)
    node.children[str(rows - 1)] = Node(is_fresh=True, has_focus=True)


def _include(node: Node, parent: Node | None, segment: str) -> None:
    node.marks = {"on": "1"}
    node.is_fresh = node.has_focus = True


def _drop(node: Node, parent: Node | None, segment: str) -> None:
    node.text, node.marks, node.children = None, {}, {}
    node.has_focus = True


def _drop_row(node: Node, parent: Node | None, segment: str) -> None:
    rows = (parent.rows if parent else None) or 0
    if parent is None or not segment.isdecimal() or int(segment) >= rows:
        return
    left = [parent.child(str(i)) for i in range(rows) if i != int(segment)]
    parent.children = {str(i): child for i, child in enumerate(left)}
    parent.marks["n"] = str(len(left))
    parent.has_focus = True


def _mean_null(node: Node, parent: Node | None, segment: str) -> None:
    _drop(node, parent, segment)
    node.marks["as"] = "null"


def _show(node: Node, parent: Node | None, segment: str) -> None:
    """Change nothing: the form is drawn again for what was chosen in it."""


_CHANGES = {
    "add": _add_row,
    "include": _include,
    "drop": _drop,
    "drop-row": _drop_row,
    "null": _mean_null,
    "show": _show,
}
