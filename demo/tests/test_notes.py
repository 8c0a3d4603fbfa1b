import base64
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from mcp import Client
from mcp_types import CallToolResult, ImageContent, TextContent, Tool

from demo.fixtures import DemoServer
from demo.notebook import Notebook
from demo.notes import build

MODES = ["auto", "legacy"]


def text(result: CallToolResult) -> str:
    block = result.content[0]
    assert isinstance(block, TextContent)
    return block.text


def call(
    name: str, arguments: dict[str, Any], notebook: Notebook | None = None
) -> CallToolResult:
    """Call a tool of a Notes server that nobody else uses."""

    async def run() -> CallToolResult:
        async with Client(build(notebook)) as client:
            return await client.call_tool(name, arguments)

    return async_to_sync(run)()


def tools() -> dict[str, Tool]:
    async def run() -> list[Tool]:
        async with Client(build()) as client:
            return (await client.list_tools()).tools

    return {tool.name: tool for tool in async_to_sync(run)()}


@pytest.mark.parametrize("mode", MODES)
async def test_it_is_served_over_http_in_both_eras(
    notes_server: DemoServer, mode: str
) -> None:
    async with Client(notes_server.url, mode=mode) as client:
        versions = {"auto": "2026-07-28", "legacy": "2025-11-25"}
        assert client.protocol_version == versions[mode]
        assert client.server_info
        assert client.server_info.title == "Notes"
        result = await client.call_tool("add", {"a": 1, "b": 2})
    assert text(result) == "3"
    assert result.structured_content == {"result": 3}


@pytest.mark.parametrize("mode", MODES)
async def test_a_slow_report_tells_how_far_it_is(
    notes_server: DemoServer, mode: str
) -> None:
    heard: list[tuple[float, float | None, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total, message))

    async with Client(notes_server.url, mode=mode) as client:
        result = await client.call_tool(
            "slow_report",
            {"topic": "deposits", "seconds": 0.05},
            progress_callback=hear,
        )
    assert "deposits" in text(result)
    assert heard == [(float(n), 10.0, f"Section {n} of 10") for n in range(1, 11)]


def test_every_tool_is_described_for_people() -> None:
    offered = tools()
    assert set(offered) == {
        "search_notes",
        "read_note",
        "note_stats",
        "delete_note",
        "add",
        "calculator",
        "convert_time",
        "slow_report",
        "chart",
        "fail",
    }
    for tool in offered.values():
        assert tool.title
        assert tool.description
        assert tool.description.endswith(".") or tool.description.endswith(".)")
        for argument in tool.input_schema["properties"].values():
            assert argument["description"]


def test_only_deleting_changes_anything() -> None:
    hints = {
        name: tool.annotations.read_only_hint
        for name, tool in tools().items()
        if tool.annotations
    }
    assert [name for name, reads in hints.items() if not reads] == ["delete_note"]
    annotations = tools()["delete_note"].annotations
    assert annotations
    assert annotations.destructive_hint is True


def test_notes_are_searched_and_read() -> None:
    found = call("search_notes", {"query": "waiting list"})
    assert found.structured_content
    first = found.structured_content["notes"][0]
    assert first["id"] == "N-105"
    assert f"{found.structured_content['total']} found" in text(found)
    read = call("read_note", {"note_id": first["id"]})
    assert text(read).startswith("# Waiting list: how a gap is offered")
    assert read.structured_content is None


def test_a_search_shows_no_more_than_asked_for() -> None:
    found = call("search_notes", {"query": "no-show", "limit": 2})
    assert found.structured_content
    assert len(found.structured_content["notes"]) == 2
    assert found.structured_content["total"] > 2


def test_a_search_that_finds_nothing_says_so() -> None:
    found = call("search_notes", {"query": "zeppelin"})
    assert not found.is_error
    assert "No note contains" in text(found)


def test_statistics_keep_to_their_schema() -> None:
    schema = tools()["note_stats"].output_schema
    assert schema
    assert schema["properties"]["by_tag"]["additionalProperties"] == {"type": "integer"}
    counted = call("note_stats", {})
    assert counted.structured_content
    assert counted.structured_content["notes"] == 25
    assert counted.structured_content["newest"] == "2026-09-25"


def test_a_deleted_note_is_gone_from_this_server_only() -> None:
    notebook = Notebook.bundled()
    deleted = call("delete_note", {"note_id": "N-125"}, notebook)
    assert "24 notes are left" in text(deleted)
    again = call("delete_note", {"note_id": "N-125"}, notebook)
    assert again.is_error
    assert "search_notes" in text(again)
    assert not call("read_note", {"note_id": "N-125"}).is_error


def test_an_empty_notebook_is_counted_too() -> None:
    counted = call("note_stats", {}, Notebook({}))
    assert counted.structured_content
    assert counted.structured_content["notes"] == 0
    assert counted.structured_content["oldest"] is None


def test_the_calculator_works_and_explains_itself() -> None:
    right = call("calculator", {"expression": "24 * 12"})
    assert text(right) == "24 * 12 = 288"
    wrong = call("calculator", {"expression": "1 / 0"})
    assert wrong.is_error
    assert "divides by zero" in text(wrong)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            {
                "time": "2026-07-01 09:30",
                "from_zone": "Europe/Paris",
                "to_zone": "Asia/Tokyo",
            },
            "2026-07-01 16:30 in Asia/Tokyo",
        ),
        (
            {
                "time": "2026-12-31 20:00",
                "from_zone": "America/New_York",
                "to_zone": "UTC",
            },
            "2027-01-01 01:00 in UTC",
        ),
        ({"time": "9:05", "from_zone": "UTC", "to_zone": "UTC"}, "09:05 in UTC"),
    ],
)
def test_times_are_converted(arguments: dict[str, Any], says: str) -> None:
    assert says in text(call("convert_time", arguments))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            {"time": "9:30", "from_zone": "Europe/Pariss", "to_zone": "UTC"},
            "Did you mean Europe/Paris",
        ),
        (
            {"time": "9:30", "from_zone": "UTC", "to_zone": "../../etc/passwd"},
            "There is no time zone",
        ),
        (
            {"time": "tea time", "from_zone": "UTC", "to_zone": "UTC"},
            "'tea time' is not a time",
        ),
        (
            {"time": "9999-12-31 23:30", "from_zone": "UTC", "to_zone": "Asia/Tokyo"},
            "no such year",
        ),
    ],
)
def test_a_time_that_makes_no_sense_is_explained(
    arguments: dict[str, Any], says: str
) -> None:
    result = call("convert_time", arguments)
    assert result.is_error
    assert says in text(result)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("add", {"a": 1e308, "b": 1e308}),
        ("chart", {"values": [1e300]}),
        ("chart", {"values": []}),
        ("slow_report", {"seconds": 101}),
    ],
)
def test_numbers_have_limits(name: str, arguments: dict[str, Any]) -> None:
    assert call(name, arguments).is_error


def test_a_chart_is_a_picture_with_a_caption() -> None:
    result = call("chart", {"values": [14, 9.6], "labels": ["July", "September"]})
    assert text(result) == "From left to right: July: 14, September: 9.6."
    picture = result.content[1]
    assert isinstance(picture, ImageContent)
    assert picture.mime_type == "image/png"
    assert base64.b64decode(picture.data).startswith(b"\x89PNG")


def test_bars_without_a_name_are_numbered() -> None:
    result = call("chart", {"values": [1, 2], "labels": ["one"]})
    assert text(result) == "From left to right: one: 1, 2: 2."


def test_failing_is_an_answer_that_helps() -> None:
    result = call("fail", {})
    assert result.is_error
    assert "Try again later" in text(result)
