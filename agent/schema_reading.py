"""Read a stranger's JSON Schema keyword by keyword.

What JSON Schema 2020-12 knows is kept if it has the right shape, the rest is left
out; what older drafts say otherwise is said in today's words. References stay
within the schema.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

MAX_DEPTH = 24

Schema = dict[str, Any]

# Keywords whose values are data, not schemas.
DATA = ("enum", "const", "default")
NOWHERE = "a reference that leads nowhere: read as anything"
_TYPES = {"object", "array", "string", "number", "integer", "boolean", "null"}
_UNFIT = object()


class Reading:
    """The reading of one schema, with what was noticed."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def schema(self, value: Any, depth: int) -> Schema:
        if isinstance(value, bool):
            return {} if value else {"not": {}}
        if not isinstance(value, dict):
            self.note("no schema: read as anything")
            return {}
        if depth > MAX_DEPTH:
            self.note("nested too deeply: cut")
            return {}
        read: Schema = {}
        for keyword, part in _modern(value).items():
            reader = _READERS.get(keyword)
            if reader is None:
                continue
            kept = reader(self, part, depth + 1)
            if kept is _UNFIT:
                self.note(f"{keyword} of the wrong shape: left out")
            else:
                read[keyword] = kept
        return read


_Reader = Callable[[Reading, Any, int], Any]


def _modern(schema: Schema) -> Schema:
    """Return `schema` with what older drafts say otherwise in today's words."""
    schema = dict(schema)
    if isinstance(schema.get("items"), list):
        schema["prefixItems"] = schema.pop("items")
        if "additionalItems" in schema:
            schema["items"] = schema["additionalItems"]
    for bound in ("minimum", "maximum"):
        # A flag beside the bound in draft 4, the bound itself since.
        exclusive = f"exclusive{bound.capitalize()}"
        if isinstance(flag := schema.get(exclusive), bool):
            del schema[exclusive]
            if flag and bound in schema:
                schema[exclusive] = schema.pop(bound)
    return schema


# --- Keywords: each gives what is kept of its value, or _UNFIT ---------------


def _if(fits: Callable[[Any], bool]) -> _Reader:
    return lambda _reading, value, _depth: value if fits(value) else _UNFIT


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_number(value) and value >= 0 and value == int(value)


def _is_type(value: Any) -> bool:
    names = value if isinstance(value, list) else [value]
    return (
        bool(names)
        and all(isinstance(name, str) and name in _TYPES for name in names)
        and len(set(names)) == len(names)
    )


@lru_cache(maxsize=1000)
def _is_pattern(value: Any) -> bool:
    """Tell whether it is a pattern as providers read them; browsers know more."""
    try:
        return bool(re.compile(value))
    except (re.error, TypeError, OverflowError, RecursionError):
        return False


def _one(reading: Reading, value: Any, depth: int) -> Any:
    return value if isinstance(value, bool) else reading.schema(value, depth)


def _several(reading: Reading, value: Any, depth: int) -> Any:
    if not isinstance(value, list) or not value:
        return _UNFIT
    return [reading.schema(one, depth) for one in value]


def _named(reading: Reading, value: Any, depth: int) -> Any:
    if not isinstance(value, dict):
        return _UNFIT
    return {str(name): reading.schema(one, depth) for name, one in value.items()}


def _patterns(reading: Reading, value: Any, depth: int) -> Any:
    if not isinstance(value, dict):
        return _UNFIT
    known = {name: one for name, one in value.items() if _is_pattern(name)}
    return _named(reading, known, depth)


def _texts(_reading: Reading, value: Any, _depth: int) -> Any:
    if not isinstance(value, list):
        return _UNFIT
    return list(dict.fromkeys(one for one in value if isinstance(one, str)))


def _all(keywords: str, reader: _Reader) -> dict[str, _Reader]:
    return dict.fromkeys(keywords.split(), reader)


_READERS: dict[str, _Reader] = {
    **_all(
        "title description format contentEncoding contentMediaType",
        _if(lambda value: isinstance(value, str)),
    ),
    **_all("minimum maximum exclusiveMinimum exclusiveMaximum", _if(_is_number)),
    **_all(
        "minLength maxLength minItems maxItems minProperties maxProperties"
        " minContains maxContains",
        _if(_is_count),
    ),
    **_all("const default", _if(lambda _: True)),
    **_all("anyOf oneOf allOf prefixItems", _several),
    **_all("properties $defs definitions dependentSchemas", _named),
    **_all(
        "items additionalProperties not if then else contains propertyNames"
        " unevaluatedItems unevaluatedProperties",
        _one,
    ),
    "multipleOf": _if(lambda value: _is_number(value) and value > 0),
    "uniqueItems": _if(lambda value: isinstance(value, bool)),
    "enum": _if(lambda value: isinstance(value, list) and bool(value)),
    "type": _if(_is_type),
    "pattern": _if(lambda value: isinstance(value, str) and _is_pattern(value)),
    "patternProperties": _patterns,
    "required": _texts,
    "$ref": _if(lambda value: isinstance(value, str) and value.startswith("#")),
}


# --- References ---------------------------------------------------------------


def target(root: Schema, reference: Any) -> Schema | None:
    """Return the schema that a reference leads to, over others; None if nowhere.

    Also None if it is over more than MAX_DEPTH: each of a long chain is looked at.
    """
    seen: set[str] = set()
    while isinstance(reference, str) and len(seen) < MAX_DEPTH:
        if reference in seen:
            return None
        seen.add(reference)
        found = _at(root, reference)
        if found is None or "$ref" not in found or found is root:
            return found
        reference = found["$ref"]
    return None


def _at(root: Schema, pointer: str) -> Schema | None:
    node: Any = root
    for part in pointer.removeprefix("#").removeprefix("/").split("/"):
        if pointer == "#":
            break
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node, list) and key.isdecimal() and int(key) < len(node):
            node = node[int(key)]
        elif isinstance(node, dict) and key in node:
            node = node[key]
        else:
            return None
    return node if isinstance(node, dict) else None


def mended(root: Schema, node: Any, reading: Reading) -> Any:
    """Return `node` without references that lead nowhere in `root`."""
    if isinstance(node, list):
        return [mended(root, one, reading) for one in node]
    if not isinstance(node, dict):
        return node
    kept = {
        key: one if key in DATA else mended(root, one, reading)
        for key, one in node.items()
    }
    reference = kept.get("$ref")
    if isinstance(reference, str) and target(root, reference) is None:
        reading.note(NOWHERE)
        del kept["$ref"]
    return kept
