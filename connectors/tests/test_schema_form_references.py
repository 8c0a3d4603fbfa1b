"""Schemas that refer to parts of themselves."""

from typing import Any

import pytest

from connectors.schema_form import form_for, read
from connectors.tests.as_browser import submitted
from connectors.tests.schemas import field, of

Schema = dict[str, Any]


def test_a_reference_is_followed_within_the_document():
    schema = {
        **of(x={"$ref": "#/$defs/a~1b%20c", "description": "here"}),
        "$defs": {"a/b c": {"type": "integer", "description": "there", "minimum": 1}},
    }
    found = field(form_for(schema), "x")

    assert (found.kind, found.help, found.hint) == ("integer", "here", "At least 1.")


def test_definitions_of_older_drafts_are_followed():
    schema = {**of(x={"$ref": "#/definitions/X"}), "definitions": {"X": {"enum": [1]}}}

    assert field(form_for(schema), "x").kind == "select"


def test_a_tree_is_opened_as_far_as_its_values_go():
    tree = of(name={"type": "string"}, left={"$ref": "#"}, right={"$ref": "#"})
    values = {"name": "a", "left": {"name": "b", "right": {"name": "c"}}}
    form = form_for(tree, values=values)

    assert field(form, "left", "right", "name").value == "c"
    assert not field(form, "right").is_present
    assert read(tree, submitted(form)) == values


def test_what_is_nested_too_deeply_is_one_json_editor():
    tree = of("below", name={"type": "string"}, below={"$ref": "#"})
    values: dict[str, Any] = {"name": "end", "below": {}}
    for _ in range(12):
        values = {"below": values}
    form = form_for(tree, values=values)
    kinds = [
        one.kind for one in form.root.walk() if one.path and one.path[-1] == "below"
    ]

    assert kinds == ["object"] * 5 + ["json"]
    assert read(tree, submitted(form)) == values


@pytest.mark.parametrize(
    "defs",
    [
        {"a": {"$ref": "#/$defs/a"}},
        {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}},
        {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "null"}]}},
    ],
)
def test_a_reference_in_circles_is_one_json_editor(defs: Schema):
    form = form_for({**of(x={"$ref": "#/$defs/a"}), "$defs": defs})

    assert field(form, "x").kind in {"json", "union"}
    assert len(list(form.root.walk())) < 20
