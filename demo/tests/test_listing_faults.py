"""Each fault of `tools/list`, and of the tools in it."""

import json
from typing import Any

import httpx2
import pytest

from demo.hostile import HOSTILE_TEXTS, Hostile
from demo.hostile.http_faults import RETRY_AFTER_S
from demo.tests.dialling import (
    Session,
    ask,
    dial,
    error,
    read_until,
    request_bytes,
    result,
)

LIST = "tools/list"


def listing(hostile: Hostile, name: str) -> Any:
    return result(ask(hostile.url(name), LIST))


def tools(hostile: Hostile, name: str) -> Any:
    return listing(hostile, name)["tools"]


def odd_schema(hostile: Hostile, name: str) -> Any:
    """Return the input schema of the one tool that is odd, after two good ones."""
    echo, add, odd = tools(hostile, name)
    assert (echo["name"], add["name"], odd["name"]) == ("echo", "add", "odd")
    return odd["inputSchema"]


# --- The whole listing -------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [("list-error", 200, -32603), ("list-unknown", 200, -32601)],
)
def test_listing_is_an_error(
    hostile: Hostile, name: str, status: int, code: int
) -> None:
    answer = ask(hostile.url(name), LIST)
    assert (answer.status_code, error(answer)["code"]) == (status, code)


def test_listing_fails_over_http(hostile: Hostile) -> None:
    assert ask(hostile.url("list-500"), LIST).status_code == 500
    busy = ask(hostile.url("list-429"), LIST)
    assert busy.status_code == 429
    assert busy.headers["retry-after"] == str(RETRY_AFTER_S)
    assert ask(hostile.url("list-html"), LIST).headers["content-type"] == "text/html"


def test_listing_never_ends(hostile: Hostile) -> None:
    with pytest.raises(httpx2.ReadTimeout):
        ask(hostile.url("list-hangs"), LIST, timeout_s=0.1)


@pytest.mark.parametrize(
    ("name", "marker"),
    [("list-drips", b"1\r\n \r\n1\r\n"), ("list-notifies", b'"notifications/3"')],
)
def test_listing_goes_on_for_ever(hostile: Hostile, name: str, marker: bytes) -> None:
    hostile.pace_s = 0.001
    with dial(hostile.url(name)) as connection:
        connection.sendall(request_bytes(hostile.url(name)))
        assert b'"tools"' not in read_until(connection, marker)


def test_a_listing_may_come_in_an_event_stream(hostile: Hostile) -> None:
    answer = ask(hostile.url("list-events"), LIST)
    assert answer.headers["content-type"] == "text/event-stream"
    data = answer.text.partition("data: ")[2]
    assert len(json.loads(data)["result"]["tools"]) == 2


def test_a_listing_may_begin_with_questions(hostile: Hostile) -> None:
    answer = ask(hostile.url("list-asks-first"), LIST)
    asked = [
        json.loads(line.removeprefix("data: "))
        for line in answer.text.splitlines()
        if line.startswith("data: ")
    ]
    assert [one.get("method") for one in asked] == [
        "ping",
        "roots/list",
        "sampling/createMessage",
        "elicitation/create",
        None,
    ]
    assert asked[-1]["result"]["tools"]


@pytest.mark.parametrize(
    ("name", "listed"),
    [("empty-list", []), ("list-null", None), ("list-string", "echo")],
)
def test_the_tools_are_no_list_of_tools(
    hostile: Hostile, name: str, listed: Any
) -> None:
    assert tools(hostile, name) == listed


def test_the_tools_are_missing(hostile: Hostile) -> None:
    assert "tools" not in listing(hostile, "list-no-tools")


def test_the_fields_of_2026_are_missing(hostile: Hostile) -> None:
    assert set(listing(hostile, "bare-results")) == {"tools", "_meta"}


def test_the_fields_of_2026_are_odd(hostile: Hostile) -> None:
    odd = listing(hostile, "odd-cache")
    assert (odd["ttlMs"], odd["cacheScope"]) == (-1e300, "everybody")
    assert listing(hostile, "odd-result-type")["resultType"] == "surprise"


def follow(hostile: Hostile, name: str, pages: int) -> list[Any]:
    """Turn so many pages, as a client does, and return the cursors."""
    cursors: list[Any] = []
    names: list[str] = []
    for _ in range(pages):
        params = {"cursor": cursors[-1]} if cursors else {}
        listed = result(ask(hostile.url(name), LIST, params))
        names += [tool["name"] for tool in listed["tools"]]
        cursors.append(listed.get("nextCursor"))
    assert names == [f"tool-{number}" for number in range(1, pages + 1)]
    return cursors


@pytest.mark.parametrize(
    ("name", "cursors"),
    [
        ("pages", ["2", "3", None]),
        ("endless-cursor", ["page-1", "page-2", "page-3"]),
        ("repeated-cursor", ["again", "again", "again"]),
        ("empty-cursor", ["", "", ""]),
        ("odd-cursor", [1, 2, 3]),
    ],
)
def test_pages_lead_on(hostile: Hostile, name: str, cursors: list[Any]) -> None:
    assert follow(hostile, name, 3) == cursors


@pytest.mark.parametrize(
    ("name", "count"), [("many-tools", 5_000), ("some-tools", 200)]
)
def test_there_are_many_tools(hostile: Hostile, name: str, count: int) -> None:
    assert len({tool["name"] for tool in tools(hostile, name)}) == count


def test_a_listing_is_large(hostile: Hostile) -> None:
    assert len(ask(hostile.url("big-list"), LIST).content) > 5 << 20


def test_the_tools_change_between_listings(hostile: Hostile) -> None:
    first, second = tools(hostile, "changing"), tools(hostile, "changing")
    assert first[0]["description"] != second[0]["description"]
    assert first[1] == second[1]


# --- Single tools ------------------------------------------------------------


def test_one_tool_has_no_input_schema(hostile: Hostile) -> None:
    listed = tools(hostile, "one-bad-tool")
    assert [tool["name"] for tool in listed] == ["echo", "bad", "add"]
    assert [tool["name"] for tool in listed if "inputSchema" not in tool] == ["bad"]
    assert not any("inputSchema" in tool for tool in tools(hostile, "all-bad"))


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("schema-type", '"type": "string"'),
        ("schema-list", '["a"]'),
        ("schema-invalid", "strnig"),
        ("schema-remote", "file:///etc/passwd"),
        ("schema-regex", "^(a+)+$"),
        ("schema-branches", '"anyOf"'),
        ("schema-loop", "#/properties/a"),
        ("header-schema", "Bad Name:"),
    ],
)
def test_one_schema_is_odd(hostile: Hostile, name: str, holds: str) -> None:
    assert holds in json.dumps(odd_schema(hostile, name))


def test_one_schema_is_large(hostile: Hostile) -> None:
    assert len(json.dumps(odd_schema(hostile, "big-schema"))) > 300_000


def test_one_schema_is_deep(hostile: Hostile) -> None:
    schema = odd_schema(hostile, "deep-schema")
    levels = 0
    while "properties" in schema:
        schema = schema["properties"]["a"]
        levels += 1
    assert levels == 201


def test_one_output_schema_is_odd(hostile: Hostile) -> None:
    assert tools(hostile, "output-schema-type")[2]["outputSchema"] == []


def test_some_of_the_tools_are_none(hostile: Hostile) -> None:
    assert tools(hostile, "not-tools")[2:] == ["tool", 7, None, []]


@pytest.mark.parametrize(
    ("name", "field", "values"),
    [
        ("no-name", "name", [None, "", 7, " ", "a b", "é", "a" * 300]),
        (
            "odd-annotations",
            "annotations",
            [{"readOnlyHint": "yes", "title": 7}, ["readOnlyHint"]],
        ),
        ("odd-fields", "description", [{"a": 1}]),
        ("hostile-names", "name", list(HOSTILE_TEXTS.values())),
    ],
)
def test_some_fields_are_odd(
    hostile: Hostile, name: str, field: str, values: list[Any]
) -> None:
    assert [tool[field] for tool in tools(hostile, name)[2:]] == values


def test_two_tools_share_a_name(hostile: Hostile) -> None:
    names = [tool["name"] for tool in tools(hostile, "duplicate-names")]
    assert names == ["echo", "echo", "ECHO"]


def test_texts_deceive(hostile: Hostile) -> None:
    for tool in tools(hostile, "hostile-texts"):
        text = HOSTILE_TEXTS[tool["name"].removeprefix("tool-")]
        assert tool["title"] == tool["description"] == text
        assert list(tool["inputSchema"]["properties"]) == [text]


def test_what_deceives_is_escaped_on_the_wire(hostile: Hostile) -> None:
    answer = ask(hostile.url("hostile-texts"), LIST)
    for escaped in (r"\u0000", r"\u001b", r"\u202e", r"\u200b", r"\ud800 ", r"\udb40"):
        assert escaped in answer.text
    assert answer.content.isascii()


def test_texts_are_long(hostile: Hostile) -> None:
    tool = tools(hostile, "long-texts")[2]
    assert [len(tool[field]) for field in ("name", "title", "description")] == [
        128,
        1_000,
        50_000,
    ]


def test_a_listing_is_as_odd_with_a_session(hostile: Hostile) -> None:
    listed = result(Session(hostile.url("one-bad-tool", "legacy")).ask(LIST))
    assert "inputSchema" not in listed["tools"][1]
    assert "resultType" not in listed
