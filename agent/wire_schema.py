"""What a language model sees of a tool's input schema.

Providers refuse a whole request for one tool whose schema they do not like, and
tools are described by strangers: so one bad schema may cost its own tool some words
and nobody else anything. The tool's own schema stays the one that arguments are
checked against.
"""

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from typing import Any

from agent.schema_reading import DATA, NOWHERE, Reading, Schema, mended, target
from agent.tool_types import ToolSpec

MAX_CHARS = 16_000
# How many tools' schemas are remembered, of all people.
REMEMBERED = 2000

# Anthropic's rule for the names of properties, the strictest.
_KEY = re.compile("[A-Za-z0-9_.-]{1,64}")
_NOT_IN_KEY = re.compile("[^A-Za-z0-9_.-]")
# OpenAI and Anthropic refuse these at the root.
_NOT_AT_ROOT = ("anyOf", "oneOf", "allOf", "not", "enum", "const", "if", "then", "else")
_ALTERNATIVES = ("anyOf", "oneOf", "allOf")
_WORDS_CHARS = 300


@dataclass(frozen=True, kw_only=True)
class WireSchema:
    """A schema that providers accept, and how its arguments are called by the tool."""

    schema: Schema
    # What was changed, for whoever asks why a model does not know something.
    notes: tuple[str, ...] = ()
    # The name of a property here -> the tool's own, where they differ.
    keys: dict[str, str] = field(default_factory=dict)
    # Characters of the schema as JSON.
    size: int = 0

    def arguments(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return arguments that a model sent under the tool's own names."""
        return {self.keys.get(key, key): value for key, value in arguments.items()}


_cache: dict[str, WireSchema] = {}
_cache_lock = threading.Lock()


def of(spec: ToolSpec) -> WireSchema:
    """Return what a model sees of the tool's schema; made once for a definition."""
    if not spec.definition_hash:
        return make(spec.input_schema)
    found = _cache.get(spec.definition_hash)
    if found is None:
        found = make(spec.input_schema)
        with _cache_lock:
            while len(_cache) >= REMEMBERED:
                del _cache[next(iter(_cache))]
            _cache[spec.definition_hash] = found
    return found


def make(raw: object) -> WireSchema:
    """Return what a model sees of the schema `raw`, whatever that is."""
    reading = Reading()
    try:
        schema = _rooted(reading.schema(raw, 0), reading)
        schema = mended(schema, schema, reading)
        keys = _renamed(schema)
        schema, size = _short(schema, reading)
    except (RecursionError, ValueError, TypeError):
        # The tool is still offered: what it takes is checked before it is called.
        reading.note("unreadable: any arguments are taken")
        schema, keys, size = _open(), {}, len(json.dumps(_open()))
    return WireSchema(schema=schema, notes=tuple(reading.notes), keys=keys, size=size)


def _open() -> Schema:
    return {"type": "object", "properties": {}, "additionalProperties": True}


# --- The root ----------------------------------------------------------------


def _rooted(schema: Schema, reading: Reading) -> Schema:
    """Return `schema` as an object that says everything in its properties."""
    schema = _without_reference(schema, reading)
    types = schema.get("type", "object")
    if "object" not in (types if isinstance(types, list) else [types]):
        reading.note("not an object: any arguments are taken")
        return _open()
    schema = {**schema, "type": "object"}
    properties = dict(schema.get("properties", {}))
    for keyword in _NOT_AT_ROOT:
        if keyword in schema:
            part = schema.pop(keyword)
            if keyword in _ALTERNATIVES:
                for one in part:
                    properties = {**one.get("properties", {}), **properties}
            said = f"Also: {keyword} {json.dumps(part)[:_WORDS_CHARS]}"
            schema["description"] = f"{schema.get('description', '')} {said}".strip()
            reading.note(f"{keyword} at the root: said in words")
    return {**schema, "properties": properties}


def _without_reference(schema: Schema, reading: Reading) -> Schema:
    """Return `schema` with what its root refers to in the place of the reference."""
    if "$ref" not in schema:
        return schema
    referred = target(schema, schema["$ref"])
    if referred is None or referred is schema:
        reading.note(NOWHERE)
    whole = {**(referred or {}), **schema}
    return {key: value for key, value in whole.items() if key != "$ref"}


def _renamed(schema: Schema) -> dict[str, str]:
    """Give properties names that providers accept, in place; return the changed."""
    changed = {}
    properties = {}
    for key, value in schema["properties"].items():
        name = key
        if not _KEY.fullmatch(key):
            digest = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:8]
            name = f"{_NOT_IN_KEY.sub('_', key)[:55]}_{digest}"
            changed[name] = key
        properties[name] = value
    back = {key: name for name, key in changed.items()}
    required = [back.get(key, key) for key in schema.pop("required", [])]
    schema["properties"] = properties
    if required := [key for key in required if key in properties]:
        schema["required"] = required
    return changed


# --- Size --------------------------------------------------------------------


def _short(schema: Schema, reading: Reading) -> tuple[Schema, int]:
    """Return as much of `schema` as MAX_CHARS hold, and its size."""
    size = len(json.dumps(schema))
    for shorten, said in (
        (_plain, "long: inner descriptions left out"),
        (_flat, "very long: only the first level is shown"),
        (lambda _: _open(), "far too long: any arguments are taken"),
    ):
        if size <= MAX_CHARS:
            break
        schema = shorten(schema)
        size = len(json.dumps(schema))
        reading.note(said)
    return schema, size


def _plain(schema: Schema) -> Schema:
    """Return `schema` with descriptions of its own and its properties' only."""
    kept = {key: _undescribed(value) for key, value in schema.items()}
    for name, one in schema["properties"].items():
        if "description" in one:
            kept["properties"][name]["description"] = one["description"]
    return kept


def _undescribed(node: Any) -> Any:
    if isinstance(node, list):
        return [_undescribed(one) for one in node]
    if not isinstance(node, dict):
        return node
    # A property may be called so, too: it is a schema then.
    return {
        key: value if key in DATA else _undescribed(value)
        for key, value in node.items()
        if key not in ("title", "description") or not isinstance(value, str)
    }


def _flat(schema: Schema) -> Schema:
    shown = ("type", "description", "enum")
    properties = {
        name: {key: one[key] for key in shown if key in one}
        for name, one in schema["properties"].items()
    }
    kept = {"type": "object", "properties": properties}
    return {**kept, "required": schema["required"]} if "required" in schema else kept
