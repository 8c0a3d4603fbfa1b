"""Where the content of a field comes from."""

from dataclasses import dataclass
from typing import Any, Final

from connectors.schema_form.fields import Place
from connectors.schema_form.posted import Node, segment_of
from connectors.schema_form.shapes import Shape

# Rows of a new list that has a minimum.
MAX_FIRST_ROWS = 20


@dataclass(frozen=True, slots=True)
class Given:
    """A value to show exactly."""

    value: Any


@dataclass(frozen=True, slots=True)
class Posted:
    """What a person sent."""

    node: Node


@dataclass(frozen=True, slots=True)
class Unset:
    """Nothing. `is_fresh`: the schema's defaults; `is_included`: it must be there."""

    is_fresh: bool = False
    is_included: bool = False


FRESH: Final = Unset(is_fresh=True)
ABSENT: Final = Unset()
Source = Given | Posted | Unset


def posted(node: Node | None) -> Source:
    """Return what was sent under a name; something added just now is fresh."""
    if node is None:
        return ABSENT
    return Unset(is_fresh=True, is_included=True) if node.is_fresh else Posted(node)


def of_key(source: Source, key: str) -> Source:
    """Return where one property of an object comes from."""
    match source:
        case Given(value):
            return Given(value[key]) if key in value else ABSENT
        case Posted(node):
            return posted(node.children.get(segment_of(key)))
        case Unset(is_fresh=is_fresh):
            return FRESH if is_fresh else ABSENT


def rows_of(shape: Shape, place: Place, source: Source) -> list[Source] | None:
    """Return where each item of a list comes from, None if the list is not there."""
    is_certain = place.is_required and not shape.is_nullable
    match source:
        case Given(value):
            return [Given(item) for item in value]
        case Posted(node):
            if node.rows is None:
                return [] if is_certain else None
            return [posted(node.children.get(str(row))) for row in range(node.rows)]
        case Unset(is_included=is_included, is_fresh=is_fresh):
            if not is_certain and not is_included:
                return None
            fewest = min(shape.count("minItems", 0), MAX_FIRST_ROWS)
            return [FRESH if is_fresh else ABSENT] * fewest
