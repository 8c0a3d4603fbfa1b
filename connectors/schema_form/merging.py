"""Join two schemas that hold at once: `allOf`, and what stands beside a `$ref`."""

from collections.abc import Callable
from typing import Any

Keywords = dict[str, Any]

# What describes a value without deciding whether it is valid.
ANNOTATIONS = frozenset(
    "$comment $defs $id $schema default definitions deprecated description enumNames "
    "examples readOnly title writeOnly".split()
)
# Shown as a hint, no more: the second of two is left to the validation.
_HINTS = frozenset({"pattern", "format", "contentMediaType", "contentEncoding"})
_TIGHTER: dict[str, Callable[[Any, Any], Any]] = {
    "minimum": max,
    "exclusiveMinimum": max,
    "minLength": max,
    "minItems": max,
    "minProperties": max,
    "maximum": min,
    "exclusiveMaximum": min,
    "maxLength": min,
    "maxItems": min,
    "maxProperties": min,
}


class NoForm(Exception):
    """A part of a schema that only a JSON editor can fill."""


def merged(under: Keywords, over: Keywords) -> Keywords:
    """Return the keywords of both; `over` says what the value is called.

    Raises:
        NoForm: they say something together that a form cannot ask for.
    """
    joined = {**under, **over}
    for key in under.keys() & over.keys() - ANNOTATIONS - _HINTS:
        if under[key] != over[key]:
            joined[key] = _both(key, under[key], over[key])
    return joined


def _both(key: str, one: Any, other: Any) -> Any:
    if key in _TIGHTER and _is_number(one) and _is_number(other):
        return _TIGHTER[key](one, other)
    if key == "required" and isinstance(one, list) and isinstance(other, list):
        return one + other
    if key == "properties" and isinstance(one, dict) and isinstance(other, dict):
        shared = {
            name: {"allOf": [one[name], other[name]]} for name in one.keys() & other
        }
        return {**one, **other, **shared}
    if key == "type":
        return _common_type(one, other)
    raise NoForm


def _common_type(one: Any, other: Any) -> list[str]:
    common = [name for name in _names(one) if name in _names(other)]
    if not common and {"number", "integer"} <= {*_names(one), *_names(other)}:
        common = ["integer"]
    if not common:
        raise NoForm
    return common


def _names(types: Any) -> list[str]:
    listed = types if isinstance(types, list) else [types]
    return [name for name in listed if isinstance(name, str)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
