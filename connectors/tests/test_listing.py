"""One bad tool is dropped and reported, the rest kept; every size has a cap."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from pytest_django import Settings

from connectors import listing
from connectors.errors import ResponseTooLarge
from connectors.listing import Listing, Unusable


def tool(name: Any = "search", **fields: Any) -> dict[str, Any]:
    return {"name": name, "inputSchema": {"type": "object"}, **fields}


def names(found: Listing) -> list[str]:
    return [one["name"] for one in found.tools]


def test_a_tool_keeps_what_people_and_models_read():
    found = listing.read_tool(
        tool(
            title="Search",
            description="First line\nsecond line",
            outputSchema={"type": "object"},
            annotations={"readOnlyHint": True, "destructiveHint": "no", "x": 1},
            icons=[{"src": "https://tracker.example/pixel.png"}],
        )
    )
    assert found["title"] == "Search"
    assert found["description"] == "First line\nsecond line"
    assert found["outputSchema"] == {"type": "object"}
    assert found["annotations"] == {"readOnlyHint": True}
    assert "icons" not in found


def test_the_title_may_stand_among_the_annotations():
    found = listing.read_tool(tool(annotations={"title": "Search all"}))
    assert found["title"] == "Search all"
    assert found["annotations"] == {}


def test_hostile_text_is_cleaned():
    found = listing.read_tool(
        tool(title="a\u202eb\x1b[31mc\x00", description="<b>x</b>\u200b\ud800")
    )
    assert found["title"] == "abc"
    assert found["description"] == "<b>x</b>"


def test_a_schema_loses_only_what_cannot_be_stored():
    schema = {"type": "object", "properties": {"q": {"description": "a\x00\ud800b"}}}
    found = listing.read_tool(tool(inputSchema=schema))
    text = found["inputSchema"]["properties"]["q"]["description"]
    assert "\x00" not in text
    assert text.encode()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("search", "not an object"),
        ({"inputSchema": {"type": "object"}}, "no name"),
        (tool(name=5), "no name"),
        (tool(name=""), "no name"),
        (tool(name="x" * 129), "longer than"),
        (tool(name="a\u202eb"), "not allowed"),
        (tool(name="a\x1b[0mb"), "not allowed"),
        (tool(name=".."), "address"),
        (tool(name="a/../b"), "address"),
        ({"name": "a"}, "no inputSchema"),
        (tool(inputSchema=[]), "no inputSchema"),
        (tool(inputSchema={}), "type object"),
        (tool(inputSchema={"type": "string"}), "type object"),
        (tool(outputSchema="x"), "no outputSchema"),
        (
            tool(inputSchema={"type": "object", "description": "x" * 200_001}),
            "too large",
        ),
        (tool(inputSchema={"type": "object", "x-mcp-header": "A"}), "headers"),
    ],
)
def test_a_tool_that_cannot_be_used_says_why(raw: Any, reason: str):
    with pytest.raises(Unusable, match=reason):
        listing.read_tool(raw)


def test_a_schema_nested_too_deeply_is_refused(settings: Settings):
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(settings.MAX_JSON_DEPTH):
        schema = {"type": "object", "properties": schema}
    with pytest.raises(Unusable, match="nested"):
        listing.read_tool(tool(inputSchema=schema))


def test_depth_is_counted_in_levels():
    assert not listing.deeper_than("x", 0)
    assert not listing.deeper_than({"a": [1]}, 2)
    assert listing.deeper_than({"a": [1]}, 1)
    assert listing.deeper_than([[[]]], 2)


def test_one_bad_tool_is_dropped_and_the_rest_kept():
    found = Listing()
    found.add_page([tool("a"), {"name": "broken"}, tool("b"), 7])
    assert names(found) == ["a", "b"]
    assert [one["name"] for one in found.dropped] == ["broken", "(no name)"]


def test_a_name_that_came_before_is_dropped():
    found = Listing()
    found.add_page([tool("a")])
    found.add_page([tool("A"), tool("a"), tool("b")])
    assert names(found) == ["a", "b"]
    assert len(found.dropped) == 2


def test_more_tools_than_allowed_are_too_large(settings: Settings):
    settings.MAX_TOOLS = 2
    found = Listing()
    with pytest.raises(ResponseTooLarge, match="more than 2 tools"):
        found.add_page([tool(str(n)) for n in range(3)])


def test_more_bytes_than_allowed_are_too_large(settings: Settings):
    settings.MAX_LISTING_BYTES = 500
    with pytest.raises(ResponseTooLarge):
        Listing().add_page([tool("a", description="x" * 500)])


def test_the_hash_changes_with_everything_that_is_read():
    base = listing.read_tool(tool())
    for change in (
        {"title": "T"},
        {"description": "D"},
        {"annotations": {"readOnlyHint": True}},
        {"inputSchema": {"type": "object", "required": []}},
        {"outputSchema": {"type": "object"}},
    ):
        assert listing.read_tool(tool(**change))["hash"] != base["hash"]
    assert listing.read_tool(tool(_meta={"x": 1}))["hash"] == base["hash"]


def test_a_tool_whose_schema_no_call_can_be_checked_against_is_dropped():
    found = Listing()
    remote = {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1/x"}}}
    wrong = {"type": "object", "properties": {"a": {"type": "nonsense"}}}
    found.add_page(
        [tool("a"), tool("b", inputSchema=remote), tool("c", inputSchema=wrong)]
    )
    async_to_sync(found.lint)()
    assert names(found) == ["a", "b"]
    assert [one["name"] for one in found.dropped] == ["c"]
