"""Schemas that are large, or that are made to cost without end."""

from contextlib import suppress
from typing import Any

import pytest

from connectors.errors import InvalidInput
from connectors.schema_form import SchemaForm, example, form_for, read
from connectors.tests.as_browser import html_of, submitted

MAX_FIELDS = 210
MAX_HTML = 2_000_000
Schema = dict[str, Any]


def size(form: SchemaForm) -> int:
    assert len(html_of(form)) < MAX_HTML
    return sum(1 for _ in form.root.walk())


def doubling(keyword: str) -> Schema:
    """Write a schema of n parts that stands for 2 ** n."""
    defs: Schema = {"d0": {"type": "object", "properties": {"x": {"type": "string"}}}}
    for level in range(1, 60):
        below = {"$ref": f"#/$defs/d{level - 1}"}
        defs[f"d{level}"] = {keyword: [below, below]}
    properties = {"x": {"$ref": "#/$defs/d59"}, "y": {"$ref": "#/$defs/d3"}}
    return {"type": "object", "properties": properties, "$defs": defs}


def branching() -> Schema:
    """Write a tree in which each part needs forty others of the same kind."""
    parts = {f"p{number}": {"$ref": "#/$defs/node"} for number in range(40)}
    node = {"type": "object", "properties": parts, "required": [*parts]}
    return {**node, "$defs": {"node": node}}


def nested(keyword: str, depth: int) -> Schema:
    schema: Schema = {"type": "string"}
    for _ in range(depth):
        schema = {keyword: [schema, {"type": "integer"}]}
    return {"type": "object", "properties": {"x": schema}, "required": ["x"]}


def wide(count: int) -> Schema:
    names = [f"name{number}" for number in range(count)]
    properties = {name: {"type": "string"} for name in names}
    return {"type": "object", "properties": properties, "required": names}


HOSTILE = {
    "doubling allOf": doubling("allOf"),
    "doubling anyOf": doubling("anyOf"),
    "branching": branching(),
    "nested anyOf": nested("anyOf", 60),
    "nested oneOf": nested("oneOf", 900),
    "nested allOf": nested("allOf", 900),
    "wide": wide(20_000),
    "long list": {
        "type": "object",
        "properties": {"x": {"type": "array", "items": {}, "minItems": 10**9}},
        "required": ["x"],
    },
    "many options": {
        "type": "object",
        "properties": {
            f"p{n}": {"$ref": "#/$defs/e", "title": "t" * 10_000} for n in range(190)
        },
        "$defs": {"e": {"enum": [f"option {n}" for n in range(500)]}},
    },
    "long texts": {
        "type": "object",
        "properties": {
            "x" * 100_000: {"type": "string"},
            "y": {"type": "string", "description": "y" * 10**6, "pattern": "(a+)+$"},
        },
    },
    "huge numbers": {
        "type": "object",
        "properties": {
            "x": {"type": "integer", "minimum": 10**400, "multipleOf": 1e-320},
            "y": {
                "type": "number",
                "maximum": float("inf"),
                "multipleOf": float("nan"),
            },
            "z": {"type": "string", "minLength": 10**12, "maxLength": 1e300},
        },
        "required": ["x", "y", "z"],
    },
    "long reference": {
        "type": "object",
        "properties": {"x": {"$ref": "#" + "/a" * 100_000}, "y": {"$ref": "#/%"}},
    },
    "wrong types": {
        "type": "object",
        "properties": {
            "a": {"type": "string", "title": [], "description": 1, "format": {}},
            "b": {"enum": []},
            "c": {"enum": [[], {}, 1.5, None], "enumNames": [1]},
            "d": {"type": []},
            "e": {"type": [1]},
            "f": {"anyOf": []},
            "g": {"anyOf": "x", "oneOf": []},
            "h": {"allOf": {}},
            "i": {"items": "x", "minItems": "x", "prefixItems": 1},
            "j": {"$ref": 1},
            "k": [],
            "l": None,
            "m": {"type": "string", "examples": {}, "maxLength": True},
            "n": {"type": "object", "properties": [], "required": {}},
            "o": {"properties": {}, "additionalProperties": "x"},
        },
        "required": ["a", 1, None, [], "a"],
    },
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_schema_gets_a_form_of_bounded_size(name: str):
    schema = HOSTILE[name]
    form = form_for(schema)

    assert size(form) <= MAX_FIELDS
    assert size(form_for(schema, values=example(schema))) <= MAX_FIELDS
    with suppress(InvalidInput):
        read(schema, submitted(form))


def test_what_is_too_wide_is_one_json_editor():
    assert form_for(wide(150)).root.kind == "object"
    assert form_for(wide(250)).is_json


def test_a_long_list_is_one_json_editor():
    schema = {
        "type": "object",
        "properties": {"x": {"type": "array", "items": {"type": "integer"}}},
    }
    values = {"x": list(range(1000))}
    form = form_for(schema, values=values)

    assert form.fields[0].kind == "json"
    assert read(schema, submitted(form)) == values


def test_options_beyond_what_a_page_can_hold_are_json():
    kinds = {field.kind for field in form_for(HOSTILE["many options"]).fields}

    assert kinds == {"select", "json"}


def test_steps_grow_with_the_schema_and_not_faster():
    """Twice the properties, as rows of one list, twice the fields."""

    def fields(rows: int) -> int:
        items = wide(5)
        schema = {
            "type": "object",
            "properties": {"x": {"type": "array", "items": items}},
        }
        values = {"x": [example(items)] * rows}
        return size(form_for(schema, values=values))

    # The form, the list, and six fields for each row.
    assert [fields(5), fields(10), fields(20)] == [32, 62, 122]


def test_names_that_programs_stumble_over_are_just_names():
    names = [
        "__proto__",
        "constructor",
        "toString",
        "__class__",
        "items",
        "edit",
        "arg",
    ]
    schema = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in names},
    }
    values = {name: name for name in names}

    assert read(schema, submitted(form_for(schema, values=values))) == values
