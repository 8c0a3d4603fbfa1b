"""Schemas that break requests to some provider, made when they are asked for."""

from collections.abc import Callable
from typing import Any


def deep(levels: int = 60) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def _of(**changes: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": {"type": "string"}}, **changes}


def _property(schema: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": schema}}


HOSTILE: dict[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "a text": lambda: "object",
    "a list": list,
    "a string schema": lambda: {"type": "string"},
    "an array schema": lambda: {"type": "array", "items": {"type": "object"}},
    "no properties": lambda: {"type": "object", "properties": None},
    "a list of properties": lambda: {"type": "object", "properties": ["a"]},
    "a property that is no schema": lambda: _property(7),
    "a type that is none": lambda: _property({"type": "text"}),
    "types twice": lambda: _property({"type": ["string", "string"]}),
    "required as a flag": lambda: _property({"type": "string", "required": True}),
    "required as a text": lambda: _of(required="a"),
    "an empty enum": lambda: _property({"enum": []}),
    "an empty anyOf": lambda: _property({"anyOf": []}),
    "a negative length": lambda: _property({"type": "string", "minLength": -1}),
    "half a length": lambda: _property({"type": "string", "maxLength": 1.5}),
    "a bound that is text": lambda: _property({"type": "integer", "minimum": "1"}),
    "a pattern that is none": lambda: _property({"type": "string", "pattern": "("}),
    "a pattern of browsers": lambda: _property({"pattern": r"^\p{L}+$"}),
    "a reference elsewhere": lambda: _property({"$ref": "https://example.com/a.json"}),
    "a file": lambda: _property({"$ref": "file:///etc/passwd"}),
    "a reference to nowhere": lambda: _property({"$ref": "#/$defs/Nobody"}),
    "a reference to itself": lambda: {
        **_property({"$ref": "#/$defs/A"}),
        "$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}},
    },
    "a reference to data": lambda: {
        **_property({"$ref": "#/properties/a/default"}),
        "default": {},
    },
    "a root that refers to itself": lambda: {"$ref": "#"},
    "anyOf at the root": lambda: {"type": "object", "anyOf": [_of(), _of()]},
    "enum at the root": lambda: _of(enum=[{}]),
    "if at the root": lambda: _of(**{"if": {}, "then": {"required": ["a"]}}),
    "too deep": deep,
    "too large": lambda: _property({"enum": ["x" * 500 + str(i) for i in range(200)]}),
}
