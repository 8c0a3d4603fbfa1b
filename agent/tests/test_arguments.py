"""What a tool is given when a person only wrote words."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import arguments

SEARCH = {
    "type": "object",
    "properties": {
        "query": {"type": "string"},
        "limit": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "mode": {"$ref": "#/$defs/Mode"},
        "when": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "all": {"type": "boolean"},
    },
    "required": ["query"],
    "$defs": {"Mode": {"enum": ["Fast", "Full"]}},
}


def needs(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object", "properties": properties, "required": list(properties)
    }  # fmt: skip


def may_have(name: str) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": "string", "default": ""}}}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("budget 2027", {"query": "budget 2027"}),
        ("don't panic", {"query": "don't panic"}),
        ("what changed\nlast week?", {"query": "what changed\nlast week?"}),
        (
            "limit=5 tags=a,b mode=full cats and dogs",
            {"limit": 5, "tags": ["a", "b"], "mode": "Full", "query": "cats and dogs"},
        ),
        ('{"query": "x", "limit": 2}', {"query": "x", "limit": 2}),
        ('{"query": ', {"query": '{"query":'}),
        ('query: "two words" when: null', {"query": "two words", "when": None}),
        ("http://example.com/a", {"query": "http://example.com/a"}),
        ("limit=0 ALL=yes q", {"limit": 0, "all": True, "query": "q"}),
        ("limit=many cats", {"limit": "many", "query": "cats"}),
        ("limit=1 limit=2", {"limit": 1, "query": "limit=2"}),
        ("unknown=1 cats", {"query": "unknown=1 cats"}),
        ("limit=", {"query": "limit="}),
        ('tags=["a","b"] cats', {"tags": ["a", "b"], "query": "cats"}),
        ("", {}),
    ],
)
def test_words_become_arguments(words: str, expected: dict[str, Any]) -> None:
    assert arguments.from_words(SEARCH, words) == expected


@pytest.mark.parametrize(
    ("schema", "words", "expected"),
    [
        (needs(id={"type": "integer"}), "7", {"id": 7}),
        (needs(id={"type": "integer"}), "the last one", {}),
        (needs(price={"type": "number"}), "1.5", {"price": 1.5}),
        (needs(a={"type": "number"}, b={"type": "number"}), "1 and 2", {}),
        (needs(to={"type": "string"}, body={"type": "string"}), "hi", {"body": "hi"}),
        (needs(size={"enum": [1, 2]}), "2", {"size": 2}),
        (needs(size={"enum": ["s", "m"]}), "M", {"size": "m"}),
        (needs(size={"enum": ["s", "m"]}), "large", {}),
        (needs(a={"type": "number"}, b={"type": "number"}), "a=1 b", {"a": 1}),
        (needs(filter={"type": "object"}), "filter={} x", {"filter": {}}),
        (needs(anything=True), "hello", {"anything": "hello"}),
        ({"type": "object"}, "hello", {}),
        ({"type": "object", "properties": {"q": {"type": "string"}}}, "x", {"q": "x"}),
        (may_have("q"), "x", {"q": "x"}),
        (may_have("of"), "which failed?", {}),
        (may_have("of"), "of=Notes", {"of": "Notes"}),
    ],
)
def test_the_schema_says_what_the_words_are(
    schema: dict[str, Any], words: str, expected: dict[str, Any]
) -> None:
    assert arguments.from_words(schema, words) == expected


NOTE = {"type": "string", "examples": ["N-104"]}


@pytest.mark.parametrize(
    ("properties", "words", "expected"),
    [
        ({"note": NOTE}, "delete N-105", "N-105"),
        ({"note": NOTE}, "Delete n-7, please.", "n-7"),
        ({"note": NOTE}, "delete the 3 of (N-105)!", "N-105"),
        ({"note": NOTE}, "N-105", "N-105"),
        ({"note": NOTE}, "delete N-105 and N-106", None),
        ({"note": NOTE}, "delete the last one", "delete the last one"),
        ({"note_id": {"type": "string"}}, "delete N-105", "N-105"),
        ({"noteId": {"type": "string"}}, "delete N-105", "N-105"),
        ({"id": {"type": "string"}}, "delete 105", "105"),
        ({"x": {"type": "string", "pattern": "(a+)+$"}}, "take a7", "a7"),
        ({"x": {"type": "string", "description": "Its ID."}}, "take a7", "a7"),
        # What is searched for is words, whatever is in them.
        ({"query": {"type": "string", "pattern": "."}}, "budget 2027", "budget 2027"),
        (
            {"query": {"type": "string", "description": "Words or an id."}},
            "budget 2027",
            "budget 2027",
        ),
        ({"x": {"type": "string", "examples": ["cats 2"]}}, "is 7", "is 7"),
        ({"x": {"type": "string", "examples": ["cats"]}}, "is 7", "is 7"),
        ({"x": {"type": "string", "examples": "N-1"}}, "is 7", "is 7"),
        ({"x": {"type": "string", "examples": [1, None]}}, "is 7", "is 7"),
    ],
)
def test_an_id_is_the_word_that_looks_like_one(
    properties: dict[str, Any], words: str, expected: str | None
) -> None:
    (name,) = properties
    found = arguments.from_words(needs(**properties), words)
    assert found == ({} if expected is None else {name: expected})


@pytest.mark.parametrize(
    "words",
    [
        "topic: trains, seconds: 8",
        "topic=trains; seconds=8;",
        'topic: "trains", seconds: 8',
        "seconds: 8, trains",
        "trains, seconds: 8",
    ],
)
def test_what_stands_between_values_is_in_none(words: str) -> None:
    schema = needs(topic={"type": "string"}, seconds={"type": "number"})
    assert arguments.from_words(schema, words) == {"topic": "trains", "seconds": 8}


def test_the_main_field_is_what_the_words_would_be() -> None:
    assert arguments.main_field(SEARCH) == "query"
    assert arguments.main_field({"type": "object"}) is None


@given(
    words=st.text(max_size=200),
    schema=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "properties", "required", "$ref", "enum", "anyOf", "items"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    ),
)
def test_no_schema_and_no_words_make_it_fail(words: str, schema: Any) -> None:
    whole = {"type": "object", "properties": {"a": schema, "b": schema}}
    assert isinstance(arguments.from_words(whole, words), dict)
    assert isinstance(arguments.from_words(schema, words), dict)


@pytest.mark.parametrize(
    "words",
    ["a=" * 10_000, '"' * 20_000, "{" * 20_000, "limit=" + "9" * 20_000, "a " * 9_999],
)
def test_hostile_words_cost_little(words: str) -> None:
    began = time.monotonic()
    assert isinstance(arguments.from_words(SEARCH, words), dict)
    assert time.monotonic() - began < 1
