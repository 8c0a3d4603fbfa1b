"""Tools are found by the words that people use for them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import tool_search
from agent.tool_search import ToolIndex
from agent.tool_types import ToolSpec

# Connector, tool, description: as real servers describe theirs.
TOOLS = """
GitHub|create_issue|Open a new issue in a repository.
GitHub|search_issues|Search issues and pull requests by words.
GitHub|list_commits|List the commits of a branch.
GitHub|merge_pull_request|Merge a pull request into its base branch.
Stripe|list_payouts|List the payouts of the account with their status.
Stripe|create_refund|Refund a charge, wholly or in part.
Stripe|retrieve_customer|Look up one customer by id or e-mail.
Calendar|createEvent|Create an event and invite people to it.
Calendar|list-events|List events between two dates.
Calendar|find_free_time|Find when several people are free.
Mail|send_message|Send an e-mail.
Mail|search.messages|Search a mailbox.
Files|read_file|Read a file as text.
Files|write_file|Write text to a file.
Files|list_directory|List what a directory holds.
Weather|get_forecast|Weather of the next days for a place.
Warehouse|run_query|Run a read-only SQL query and return its rows.
Warehouse|describe_table|Columns and types of a table.
Notes|search_notes|Find notes by words; the newest first.
Notes|add_note|Write a new note.
""".strip().splitlines()


def index(extra: int = 0) -> ToolIndex:
    lines = TOOLS + [
        f"Crowd|do_thing_{number}|Does thing {number} with the objects of the crowd."
        for number in range(extra)
    ]
    tools = {}
    for line in lines:
        label, name, description = line.split("|")
        spec = ToolSpec(name=name, description=description)
        tools[f"{label}.{name}"] = (label, spec)
    return ToolIndex.build(tools)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("which payouts failed since Friday?", "Stripe.list_payouts"),
        ("give the customer their money back: refund", "Stripe.create_refund"),
        ("what is the weather in Berlin tomorrow", "Weather.get_forecast"),
        ("open an issue about the retry limit", "GitHub.create_issue"),
        ("are there any issues on payments", "GitHub.search_issues"),
        ("merge the pull request", "GitHub.merge_pull_request"),
        ("invite Mara to an event", "Calendar.createEvent"),
        ("events of next week", "Calendar.list-events"),
        ("when are we all free?", "Calendar.find_free_time"),
        ("send Mara an email message", "Mail.send_message"),
        ("searching the mailbox", "Mail.search.messages"),
        ("columns of the table orders", "Warehouse.describe_table"),
        ("sql", "Warehouse.run_query"),
        ("what changed in the notes last week?", "Notes.search_notes"),
        ("add a note", "Notes.add_note"),
    ],
)
@pytest.mark.parametrize("extra", [0, 480])
def test_natural_words_find_the_right_tool(query: str, first: str, extra: int) -> None:
    assert first in index(extra).search(query, limit=3)


def test_the_name_of_a_connector_finds_its_tools() -> None:
    found = index().search("github", limit=8)
    assert {key.partition(".")[0] for key in found} == {"GitHub"}
    assert len(found) == 4


def test_no_more_than_the_limit_are_found() -> None:
    assert len(index(480).search("thing crowd", limit=8)) == 8


@pytest.mark.parametrize("query", ["", "the of it", "?!", "qwertz"])
def test_words_that_say_nothing_find_nothing(query: str) -> None:
    assert index().search(query, limit=8) == []


def test_the_same_words_find_the_same_order() -> None:
    assert index(50).search("thing", limit=8) == index(50).search("thing", limit=8)


@given(st.text(max_size=50))
def test_any_words_can_be_searched_for(query: str) -> None:
    assert len(index().search(query, limit=3)) <= 3
    assert all(tool_search.words(query))


def test_an_empty_index_finds_nothing() -> None:
    assert ToolIndex.build({}).search("notes", limit=8) == []


def test_parameters_are_found_and_odd_ones_do_no_harm() -> None:
    found = ToolIndex.build(
        {
            "a": ("A", ToolSpec(name="x", input_schema={"properties": {"isbn": {}}})),
            "b": ("B", ToolSpec(name="y", input_schema={"properties": ["isbn"]})),
        }
    )
    assert found.search("isbn", limit=8) == ["a"]
