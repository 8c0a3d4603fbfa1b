"""How a connector's tools are found and grouped."""

from typing import Any

import pytest

from connectors import tool_list
from connectors.tool_list import SUMMARY_CHARS


def tool(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "title": "",
        "description": "",
        "inputSchema": {"type": "object"},
        "annotations": {},
        **changes,
    }


READS = tool(
    "search_notes",
    title="Search notes",
    description="Finds notes by words.\nAt most ten.",
    annotations={"readOnlyHint": True},
)
WRITES = tool("delete_note", description="Deletes for good.")


def names(rows: list[tool_list.ToolRow]) -> list[str]:
    return [row.name for row in rows]


def test_tools_are_grouped_by_what_they_say_they_do() -> None:
    found = tool_list.find([WRITES, READS], limit=10)
    assert names(found.reads) == ["search_notes"]
    assert names(found.changes) == ["delete_note"]
    assert (found.found, found.total, found.hidden) == (2, 2, 0)


@pytest.mark.parametrize(
    "annotations",
    [None, {}, {"readOnlyHint": False}, {"readOnlyHint": "yes"},
     {"destructiveHint": False}],
)  # fmt: skip
def test_a_tool_that_does_not_say_it_only_reads_may_change_things(
    annotations: Any,
) -> None:
    assert not tool_list.reads_only(tool("x", annotations=annotations))


@pytest.mark.parametrize("query", ["SEARCH", "notes words", "at most", "search_"])
def test_a_filter_looks_at_name_title_and_description(query: str) -> None:
    found = tool_list.find([WRITES, READS], query=query, limit=10)
    assert names(found.rows) == ["search_notes"]
    assert (found.found, found.total) == (1, 2)


def test_more_tools_than_the_limit_are_counted_and_can_be_found() -> None:
    many = [tool(f"tool_{number:03}") for number in range(300)]
    found = tool_list.find(many, limit=128)
    assert (len(found.rows), found.found, found.total, found.hidden) == (
        128, 300, 300, 172
    )  # fmt: skip
    assert names(tool_list.find(many, query="tool_299", limit=128).rows) == ["tool_299"]


def test_a_summary_is_the_first_line_cut_at_a_word() -> None:
    (row,) = tool_list.find([READS], limit=1).rows
    assert row.summary == "Finds notes by words."
    (row,) = tool_list.find([tool("x", description="word " * 100)], limit=1).rows
    assert row.summary.endswith("word…")
    assert len(row.summary) <= SUMMARY_CHARS


def test_a_tool_of_which_only_the_name_is_known_is_shown() -> None:
    (row,) = tool_list.find([{"name": "echo", "inputSchema": {}}], limit=1).rows
    assert (row.name, row.title, row.summary) == ("echo", "", "")
