"""What objects and lists have beside their parts."""

from dataclasses import replace
from typing import Any

from connectors.schema_form import controls
from connectors.schema_form.fields import AS_NULL, Field, Place
from connectors.schema_form.json_text import dumps, is_storable
from connectors.schema_form.leaves import drawn
from connectors.schema_form.shapes import Shape
from connectors.schema_form.sources import Given, Posted, Source, Unset
from connectors.schema_form.words import json_hint

MAX_KEY_CHARS = 200


def is_nameable(key: str) -> bool:
    """Tell whether a control can be named for `key`."""
    return len(key) <= MAX_KEY_CHARS and is_storable(key)


def is_there(source: Source) -> bool:
    """Tell whether an object is, or has just been, filled in."""
    match source:
        case Given():
            return True
        case Posted(node):
            return bool(node.children) or "on" in node.marks
        case Unset(is_included=is_included):
            return is_included


def others(shape: Shape, place: Place, source: Source) -> Field | None:
    """Make the field of the keys that an object's schema does not name."""
    text = ""
    match source:
        case Given(value):
            more = {k: v for k, v in value.items() if k not in shape.properties}
            text = dumps(more) if more else ""
        case Posted(node):
            text = controls.posted_text(node.marks.get("more", ""))
    if not text and not shape.has_more:
        return None
    return Field(
        kind="more",
        place=replace(place, is_required=False),
        label="Other values",
        hint=json_hint("object"),
        value=text,
    )


def left_out(kind: str, shape: Shape, place: Place, value: Any) -> Field | None:
    """Make an object or list that is null; None for a value of another type."""
    if value is not None or not shape.is_nullable:
        return None
    return drawn(
        kind,
        shape,
        place,
        is_present=False,
        can_grow=kind == "array" and shape.item(0) is not False,
        meant="" if place.is_required else AS_NULL,
    )


def meant_by(source: Source) -> str:
    """Return what an object or list that is not there is sent as."""
    is_null = isinstance(source, Posted) and source.node.marks.get("as") == AS_NULL
    return AS_NULL if is_null else ""
