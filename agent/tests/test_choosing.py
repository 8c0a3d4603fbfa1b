"""Of a whole connector, the tool is used that the words are for."""

import pytest

from accounts.models import User
from agent import choosing
from agent.tests import boxes
from agent.tool import Tool
from agent.toolbox import Toolbox

EMPTY = {"type": "object", "properties": {}}
ADDS = {"type": "object", "properties": {"title": {"type": "string"}}}


def chosen(box: Toolbox, words: str) -> str:
    return choosing.best(box, [*box.tools.values()], words).spec.name


@pytest.fixture
def journal(alice: User) -> Toolbox:
    boxes.connector(
        alice, "Journal",
        boxes.listed("list_entries", title="List entries", inputSchema=EMPTY),
        boxes.listed("search_entries", title="Search entries"),
        boxes.listed(
            "add_entry", reads=False, title="Add an entry", inputSchema=ADDS,
            description="Write an entry into your journal, under today.",
        ),
        boxes.listed("send", reads=False, description="Send your journal."),
        boxes.listed("drop", reads=False, description="Forget the newest."),
    )  # fmt: skip
    return boxes.load(alice)


@pytest.mark.parametrize(
    "words",
    [
        "what did I write last week?",
        "Did I write into it today?",
        "what did I send?",
        "new things I write of",
        "zzz",
        "",
    ],
)
def test_words_that_ask_for_no_change_are_for_a_tool_that_reads(
    journal: Toolbox, words: str
) -> None:
    assert chosen(journal, words) == "search_entries"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("write that I had tea today", "add_entry"),
        ("Could you please add an entry?", "add_entry"),
        ("I want to write into my journal", "add_entry"),
        ("tea: add_entry", "add_entry"),
        ("is it so? Add an entry", "add_entry"),
        ("send it to Mara", "send"),
        ("drop it", "drop"),
        ("list entries that I did write", "list_entries"),
    ],
)
def test_words_that_ask_for_a_change_or_name_a_tool_are_for_that(
    journal: Toolbox, words: str, name: str
) -> None:
    assert chosen(journal, words) == name


def test_the_one_that_suits_best_is_chosen_of_those_that_read(alice: User) -> None:
    boxes.connector(
        alice, "Notes",
        boxes.listed("delete", reads=False), boxes.listed("ping", inputSchema=EMPTY),
        boxes.listed("find"), boxes.listed("weather"),
    )  # fmt: skip
    box = boxes.load(alice)
    assert chosen(box, "the weather in Paris") == "weather"
    assert chosen(box, "zzz") == "find"


def test_where_nothing_reads_the_words_decide(alice: User) -> None:
    boxes.connector(
        alice, "Mail",
        boxes.listed("draft", reads=False), boxes.listed("send", reads=None),
    )  # fmt: skip
    box = boxes.load(alice)
    assert chosen(box, "what did I send?") == "send"
    assert chosen(box, "zzz") == "draft"


def test_a_tool_that_says_nothing_of_itself_does_not_only_read(alice: User) -> None:
    boxes.connector(
        alice, "Mail", boxes.listed("fetch", reads=None), boxes.listed("look")
    )
    assert chosen(boxes.load(alice), "fetch-ed what?") == "look"


def test_one_alone_is_taken_whatever_the_words(alice: User) -> None:
    boxes.connector(alice, "Notes", boxes.listed("delete", reads=False))
    box = boxes.load(alice)
    (tool,) = box.tools.values()
    assert isinstance(tool, Tool)
    assert chosen(box, "weather") == "delete"
