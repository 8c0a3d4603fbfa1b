"""Fields with one control."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from connectors.schema_form import controls, words
from connectors.schema_form.bounds import Bounds
from connectors.schema_form.fields import (
    AS_EMPTY,
    AS_NULL,
    Field,
    Place,
    is_option,
)
from connectors.schema_form.json_text import compact, dumps
from connectors.schema_form.shapes import Option, Shape, option
from connectors.schema_form.sources import Given, Posted, Source, Unset

_YES_OR_NO = (option(True, "Yes"), option(False, "No"))  # noqa: FBT003 - the values
_NULL = option(None)
_KEYS = {"email": "email", "url": "url"}
# What a JSON editor starts with.
_EMPTY = {"object": "{}", "array": "[]"}


def drawn(kind: str, shape: Shape, place: Place, **rest: Any) -> Field:
    """Make a field that says what its schema says."""
    label, key_label = words.label_of(place, shape.keywords)
    return Field(
        kind=kind,
        place=place,
        label=label,
        key_label=key_label,
        help=words.help_of(shape.keywords),
        hint=words.hint_of(
            shape, is_required=place.is_required, is_empty=not rest.get("value")
        ),
        is_nullable=shape.is_nullable,
        default=shape.keywords.get("default"),
        **rest,
    )


def leaf(shape: Shape, place: Place, source: Source) -> Field | None:
    """Make the field of a value without parts; None if no control can hold it."""
    make = {"text": _text, "boolean": _boolean, "choice": _choice}.get(shape.kind)
    return (make or _number)(shape, place, source)


def json_editor(shape: Shape, place: Place, source: Source) -> Field:
    """Make a field for a value of any kind, written as JSON."""
    match source:
        case Given(value):
            text = dumps(value)
        case Posted(node):
            text = controls.posted_text(node.marks.get("json", ""))
        case Unset(is_fresh=is_fresh):
            is_filled = is_fresh and place.is_required
            text = _EMPTY.get(shape.kind, "") if is_filled else ""
    field = drawn("json", shape, place, value=text)
    hint = f"{words.json_hint(shape.kind)} {field.hint}".strip()
    return replace(field, hint=hint)


def _text(shape: Shape, place: Place, source: Source) -> Field | None:
    kind = controls.text_kind(place.key, shape.keywords)

    def text_of(value: Any) -> str | None:
        return controls.text_of(kind, value) if isinstance(value, str) else None

    held = _held(shape, source, text_of)
    if held is None:
        return None
    text, meant = held
    is_rule = (
        meant == AS_EMPTY
        and place.is_required
        and not shape.is_nullable
        and kind not in controls.NEVER_EMPTY
    )
    return drawn(
        controls.kind_holding(kind, text),
        shape,
        place,
        value=text,
        meant="" if is_rule else meant,
        keys=_KEYS.get(kind, ""),
        placeholder=words.placeholder_of(shape.keywords),
    )


def _number(shape: Shape, place: Place, source: Source) -> Field | None:
    is_whole = shape.kind == "integer"

    def text_of(value: Any) -> str | None:
        return controls.text_of_number(value, is_whole=is_whole)

    held = _held(shape, source, text_of)
    if held is None:
        return None
    text, meant = held
    low = Bounds.of(shape).low
    # A phone's keys for numbers have no minus.
    keys = (
        ("numeric" if is_whole else "decimal") if low is not None and low >= 0 else ""
    )
    return drawn(
        shape.kind,
        shape,
        place,
        value=text,
        meant=meant if meant == AS_NULL else "",
        keys=keys,
        placeholder=words.placeholder_of(shape.keywords),
    )


def _held(
    shape: Shape, source: Source, text_of: Callable[[Any], str | None]
) -> tuple[str, str] | None:
    """Return the text of a control, and what it means if that is empty."""
    match source:
        case Given(value):
            if value is None and shape.is_nullable:
                return "", AS_NULL
            text = text_of(value)
            return None if text is None else (text, "" if text else AS_EMPTY)
        case Posted(node):
            text = controls.posted_text(node.text or "")
            meant = node.marks.get("as", "")
            is_known = not text and meant in {AS_NULL, AS_EMPTY}
            return text, meant if is_known else ""
    return "", ""


def _boolean(shape: Shape, place: Place, source: Source) -> Field | None:
    is_certain = place.is_required and not shape.is_nullable
    has_default = isinstance(shape.keywords.get("default"), bool)
    text = _chosen(source)
    if is_certain and text not in {"true", "false"} and not isinstance(source, Given):
        text = "false"
    is_two_way = is_certain or (has_default and not shape.is_nullable)
    if is_two_way and text in {"true", "false"}:
        return drawn("checkbox", shape, place, value=text)
    options = (*_YES_OR_NO, _NULL) if shape.is_nullable else _YES_OR_NO
    return _select(shape, place, source, options)


def _choice(shape: Shape, place: Place, source: Source) -> Field | None:
    if shape.is_const and place.is_required:
        only = shape.options[0]
        if isinstance(source, Given) and not is_option(shape.options, source.value):
            return None
        return drawn("const", shape, place, options=shape.options, value=only.text)
    return _select(shape, place, source, shape.options)


def _select(
    shape: Shape, place: Place, source: Source, options: tuple[Option, ...]
) -> Field | None:
    if isinstance(source, Given) and not is_option(options, source.value):
        return None
    return drawn("select", shape, place, options=options, value=_chosen(source))


def _chosen(source: Source) -> str:
    match source:
        case Given(value):
            return compact(value)
        case Posted(node):
            return node.text or ""
    return ""
