"""Example arguments: what a person starts from."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from connectors.schema_form import example

Schema = dict[str, Any]


def of(schema: Any) -> Any:
    """Return the example of one required property."""
    properties = {"x": schema}
    return example({"type": "object", "properties": properties, "required": ["x"]})["x"]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "example"),
        ({"type": "string", "default": "a", "examples": ["b"]}, "a"),
        ({"type": "string", "examples": ["b", "c"]}, "b"),
        ({"type": "string", "default": 1, "examples": [2, "c"]}, "c"),
        ({"type": "string", "minLength": 10}, "examplexxx"),
        ({"type": "string", "maxLength": 3}, "exa"),
        ({"type": "string", "pattern": "^(a+)+$"}, ""),
        ({"type": "string", "format": "date"}, "2026-01-31"),
        ({"type": "string", "format": "unheard-of"}, "example"),
        ({"type": "integer"}, 1),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "integer", "exclusiveMinimum": 5}, 6),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "integer", "minimum": 7, "multipleOf": 5}, 10),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
        ({"type": "number", "multipleOf": 0.25, "minimum": 1.1}, 1.25),
        ({"type": "boolean"}, False),
        ({"type": "boolean", "default": True}, True),
        ({"enum": ["b", "a"]}, "b"),
        ({"enum": ["b", "a"], "default": "a"}, "a"),
        ({"const": {"a": 1}}, {"a": 1}),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, 1),
        ({"type": ["string", "integer"]}, "example"),
        ({"type": "array", "items": {"type": "string"}}, []),
        (
            {"type": "array", "items": {"type": "string"}, "minItems": 2},
            ["example", "example"],
        ),
        (
            {"items": {"type": "string"}, "minItems": 3, "uniqueItems": True},
            ["example", "example2", "example3"],
        ),
        ({"items": {"enum": [3, 4]}, "minItems": 2, "uniqueItems": True}, [3, 4]),
        (
            {"type": "array", "prefixItems": [{"type": "integer"}, {}], "minItems": 2},
            [1, {}],
        ),
        ({"type": "object"}, {}),
        ({}, {}),
        ({"type": "null"}, None),
    ],
)
def test_an_example_of_each_kind(schema: Schema, value: Any):
    assert of(schema) == value
    is_valid = Draft202012Validator(schema).is_valid(value)
    assert is_valid or "pattern" in schema


def test_only_what_is_required_or_has_a_default_is_in_it():
    schema = {
        "type": "object",
        "properties": {
            "needed": {"type": "integer"},
            "usual": {"type": "integer", "default": 3},
            "wrong": {"type": "integer", "minimum": 1, "default": 0},
            "empty": {"type": "string", "default": ""},
            "none": {"type": ["string", "null"], "default": None},
            "free": {"type": "string", "examples": ["x"]},
        },
        "required": ["needed"],
    }

    assert example(schema) == {"needed": 1, "usual": 3}


def test_properties_are_added_until_there_are_enough():
    properties = {name: {"type": "integer"} for name in "abc"}
    schema = {"type": "object", "properties": properties, "minProperties": 2}

    assert example(schema) == {"a": 1, "b": 1}


def test_a_reference_in_circles_ends():
    node: Schema = {"type": "object", "properties": {"next": {"$ref": "#"}}}
    node["required"] = ["next"]

    assert "next" in example(node)


def test_what_has_no_example_is_empty():
    for schema in (False, {"type": "string"}):
        assert example(schema) == {}
