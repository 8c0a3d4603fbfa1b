"""What providers see of schemas: always something that they accept."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from agent import wire_schema
from agent.tests.schemas import HOSTILE
from agent.tool_types import ToolSpec
from agent.wire_schema import MAX_CHARS, REMEMBERED, WireSchema

KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
NOT_AT_ROOT = {"anyOf", "oneOf", "allOf", "not", "enum", "const", "if", "then", "else"}


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def make(schema: object) -> WireSchema:
    wire = wire_schema.make(schema)
    assert_accepted(wire)
    return wire


def assert_accepted(wire: WireSchema) -> None:
    """Check what the strictest of the providers check."""
    schema = wire.schema
    Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert not NOT_AT_ROOT & schema.keys()
    assert all(KEY.fullmatch(key) for key in schema["properties"])
    assert set(schema.get("required", [])) <= schema["properties"].keys()
    assert len(json.dumps(schema)) == wire.size <= MAX_CHARS
    for reference in references(schema):
        assert reference.startswith("#")
    # Following each reference ends: nothing here is without one.
    Draft202012Validator(schema).is_valid({})


def references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [found for one in node for found in references(one)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
    return own + [found for one in node.values() for found in references(one)]


# --- Whatever comes ----------------------------------------------------------

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(-9, 9)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYWORDS = (
    "type properties required items prefixItems anyOf oneOf allOf not if then else enum"
    " const default $ref $defs definitions $id $schema $anchor additionalProperties"
    " patternProperties pattern format minimum exclusiveMinimum exclusiveMaximum"
    " maxLength multipleOf description title dependencies dependentSchemas contains"
    " uniqueItems additionalItems examples propertyNames x-vendor"
).split()
REFERENCES = ("#", "#/$defs/a", "#/properties/a", "#/$defs/b~1c", "#/nowhere", "#a")


def schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    named = st.dictionaries(st.sampled_from(["a", "b/c", "имя", "x" * 70]), inner)
    values = (
        inner
        | named
        | st.lists(inner, max_size=3)
        | st.sampled_from(REFERENCES)
        | st.sampled_from(["object", "string", "array", ["object", "null"]])
        | json_values
    )
    return st.dictionaries(st.sampled_from(KEYWORDS), values, max_size=6)


any_schema = st.recursive(
    json_values | st.just({"type": "string"}), schemas, max_leaves=12
)


@given(any_schema)
def test_whatever_a_server_calls_a_schema_becomes_one(schema: Any) -> None:
    make(schema)


@given(any_schema, any_schema)
def test_properties_of_any_kind_stay_known_by_name(one: Any, other: Any) -> None:
    wire = make(of(query=one, **{"имя файла": other}))
    assert "query" in wire.schema["properties"]
    assert "имя файла" in wire.keys.values()


@pytest.mark.parametrize("name", HOSTILE)
def test_each_known_way_to_break_a_provider_is_mended(name: str) -> None:
    wire = make(HOSTILE[name]())
    assert wire.notes


# --- What is kept ------------------------------------------------------------


@pytest.mark.parametrize(
    "schema",
    [
        {
            **of(
                query={"type": "string", "title": "Q", "minLength": 1},
                count={"type": ["integer", "null"], "minimum": 1, "default": 5},
                kind={"enum": ["a", 1, None]},
                either={"anyOf": [{"type": "string"}, {"type": "array", "items": {}}]},
                tree={"$ref": "#/$defs/Tree", "description": "A tree."},
            ),
            "required": ["query"],
            "additionalProperties": False,
            "$defs": {"Tree": of(sub={"$ref": "#/$defs/Tree"})},
        },
        {"type": "object", "properties": {}},
        of(title={"type": "string"}, required={"type": "boolean"}),
    ],
)
def test_a_good_schema_is_untouched(schema: dict[str, Any]) -> None:
    wire = make(schema)
    assert wire.schema == schema
    assert not wire.notes
    assert wire.arguments({"query": "a"}) == {"query": "a"}


def test_older_drafts_are_said_in_todays_words() -> None:
    wire = make(
        of(
            pair={
                "type": "array",
                "items": [{"type": "string"}],
                "additionalItems": False,
            },
            over={"minimum": 3, "exclusiveMinimum": True, "maximum": 9},
            upto={"maximum": 3, "exclusiveMaximum": False},
        )
    )
    assert wire.schema["properties"] == {
        "pair": {"type": "array", "prefixItems": [{"type": "string"}], "items": False},
        "over": {"exclusiveMinimum": 3, "maximum": 9},
        "upto": {"maximum": 3},
    }


def test_what_the_root_may_not_have_is_said_in_words() -> None:
    wire = make(
        {
            "type": "object",
            "description": "Finds.",
            "oneOf": [
                {**of(id={"type": "integer"}), "required": ["id"]},
                {**of(name={"type": "string"}), "required": ["name"]},
            ],
        }
    )
    assert wire.schema["properties"] == {
        "id": {"type": "integer"}, "name": {"type": "string"}
    }  # fmt: skip
    assert wire.schema["description"].startswith("Finds. Also: oneOf [{")
    assert wire.notes == ("oneOf at the root: said in words",)


def test_a_root_that_is_a_reference_is_what_it_refers_to() -> None:
    wire = make({"$ref": "#/$defs/In", "$defs": {"In": of(a={"type": "string"})}})
    assert wire.schema["properties"] == {"a": {"type": "string"}}


def test_a_long_chain_of_references_is_not_followed_from_each_of_its_links() -> None:
    links = 300
    chain = {f"a{n}": {"$ref": f"#/$defs/a{n + 1}"} for n in range(links)}
    chain[f"a{links}"] = {"type": "string"}
    first = {"$ref": "#/$defs/a0"}
    wire = make({"type": "object", "properties": {"a": first}, "$defs": chain})
    assert "a reference that leads nowhere: read as anything" in wire.notes
    assert "$ref" not in wire.schema["properties"]["a"]
    # The last links are short enough.
    assert wire.schema["$defs"][f"a{links - 2}"] == chain[f"a{links - 2}"]


def test_properties_with_other_names_come_back_under_their_own() -> None:
    long = "x" * 100
    schema = of(**{"имя файла": {}, long: {}, long + "y": {}, "ok": {}})
    wire = make({**schema, "required": ["имя файла", "ok", "nowhere"]})
    assert len(wire.schema["properties"]) == 4
    assert wire.schema["required"][1:] == ["ok"]
    said = {name: number for number, name in enumerate(wire.schema["properties"])}
    assert wire.arguments(said) == {"имя файла": 0, long: 1, long + "y": 2, "ok": 3}


# --- Size --------------------------------------------------------------------


def test_a_long_schema_loses_its_inner_words_first() -> None:
    inner = of(
        **{f"q{j}": {"type": "string", "description": "x" * 400} for j in range(9)}
    )
    wire = make(of(**{f"p{i}": {"description": "Part.", **inner} for i in range(9)}))
    last = wire.schema["properties"]["p8"]
    assert last["description"] == "Part."
    assert last["properties"]["q8"] == {"type": "string"}
    assert wire.notes == ("long: inner descriptions left out",)


def test_a_very_long_schema_keeps_its_first_level() -> None:
    inner = of(**{f"q{j}": {"type": "string"} for j in range(90)})
    wire = make({**of(**{f"p{i}": inner for i in range(90)}), "required": ["p0"]})
    assert wire.schema["properties"]["p89"] == {"type": "object"}
    assert wire.schema["required"] == ["p0"]


def test_a_far_too_long_schema_takes_any_arguments() -> None:
    wire = make(of(**{f"property_{i}": {"type": "string"} for i in range(900)}))
    assert wire.schema["properties"] == {}
    assert wire.schema["additionalProperties"] is True


# --- Memory ------------------------------------------------------------------


def spec(definition_hash: str, **properties: Any) -> ToolSpec:
    return ToolSpec(
        name="x", input_schema=of(**properties), definition_hash=definition_hash
    )


def test_a_definition_is_read_once() -> None:
    assert wire_schema.of(spec("1" * 64)) is wire_schema.of(spec("1" * 64))


def test_what_has_no_hash_is_not_remembered() -> None:
    assert "a" in wire_schema.of(spec("", a={})).schema["properties"]
    assert "b" in wire_schema.of(spec("", b={})).schema["properties"]


def test_only_so_many_definitions_are_remembered() -> None:
    first = wire_schema.of(spec("first"))
    for number in range(REMEMBERED):
        wire_schema.of(spec(f"number {number}"))
    assert wire_schema.of(spec("first")) is not first
