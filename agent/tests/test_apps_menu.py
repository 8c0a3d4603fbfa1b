"""The Apps menu: what it says of connectors, what a search leaves, what it costs."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from agent import apps_menu, costs, selection
from agent.apps_menu import App, Menu
from agent.models import Policy
from agent.selection import Resolved
from agent.tests import boxes
from agent.tests.boxes import listed
from connectors.models import Status, UserMCPConnection
from connectors.tests import rows

pytestmark = pytest.mark.usefixtures("no_system_tools")


def menu(user: User, query: str = "") -> Menu:
    return apps_menu.menu(user_id=user.pk, query=query)


def shown(menu: Menu) -> dict[str, list[str]]:
    return {app.name: [tool.name for tool in app.tools] for app in menu.connectors}


def only(menu: Menu) -> App:
    (app,) = menu.connectors
    return app


def test_a_connector_is_shown_with_its_tools_and_what_they_do(alice: User) -> None:
    search = listed("search", title="Search the notes")
    row = boxes.connector(alice, "Notes", search, listed("add", reads=False))
    app = only(menu(alice))
    assert (app.source, app.ref, app.pick) == (
        "connector", str(row.pk), f"connector:{row.pk}"
    )  # fmt: skip
    assert (app.name, app.slug, app.monogram) == ("Notes", "notes", "No")
    assert (app.look.word, app.is_usable, app.note) == ("Ready", True, "")
    first, second = app.tools
    assert (first.label, first.title, first.name) == (
        "Search the notes", "Search the notes", "search"
    )  # fmt: skip
    assert (first.wire_name, first.reads_only, first.asks) == (
        "notes__search", True, False
    )  # fmt: skip
    assert (second.label, second.title) == ("add", "")
    assert (second.reads_only, second.asks) == (False, True)


def test_what_is_shown_can_be_picked(alice: User) -> None:
    boxes.connector(alice, "Notes")
    box = boxes.load(alice)
    app = only(menu(alice))
    for field in (app.pick, *(tool.pick for tool in app.tools)):
        pick = selection.from_field(field)
        assert pick is not None
        assert isinstance(selection.look_up(box, pick), Resolved)


@pytest.mark.parametrize(
    ("changes", "word", "note"),
    [
        ({"status": Status.SIGN_IN, "is_verified": False},
         "Sign in", "Sign in to use its 2 tools"),
        ({"status": Status.SIGN_IN_AGAIN, "is_verified": False},
         "Sign in again", "Sign in to use its 2 tools"),
        ({"is_active": False}, "Paused by you", "Resume it to use its 2 tools"),
        ({"status": Status.PAUSED_AUTO},
         "Paused automatically", "Test it to use its 2 tools"),
        ({"status": Status.UNREACHABLE, "last_error_code": "TIMEOUT"},
         "Unreachable", "It did not answer in time."),
        ({"status": Status.SERVER_ERROR, "last_error_code": "SERVER_ERROR"},
         "Server error", "It answered with an error."),
        ({"status": Status.NOT_MCP, "last_error_code": "INVALID_MCP_SERVER"},
         "Not an MCP server any more", "It answered, but not as an MCP server."),
    ],
)  # fmt: skip
def test_a_connector_that_cannot_be_used_says_why(
    alice: User, changes: dict[str, Any], word: str, note: str
) -> None:
    boxes.connector(alice, "Notes", **changes)
    found = menu(alice)
    app = only(found)
    assert (app.look.word, app.is_usable, app.note) == (word, False, note)
    assert (app.tools, app.tool_count, found.tool_count) == ([], 2, 0)


def test_what_an_administrator_removed_is_shown_as_that(alice: User) -> None:
    rows.removed(alice)
    app = only(menu(alice))
    assert app.look.word == "Removed by your administrator"
    assert not app.is_usable


def test_a_connector_without_tools_says_so(alice: User) -> None:
    row = boxes.connector(alice, "Notes")
    UserMCPConnection.objects.filter(pk=row.pk).update(
        discovered_tools=[], tool_count=0
    )
    app = only(menu(alice))
    assert (app.is_usable, app.note) == (True, "It offers no tools.")


def test_another_persons_connector_never_appears(alice: User, bob: User) -> None:
    boxes.connector(alice, "Notes")
    found = menu(bob)
    assert (found.connectors, found.system_tools, found.cost) == ([], [], 0)


# --- Search ------------------------------------------------------------------


@pytest.fixture
def tracker(alice: User) -> None:
    boxes.connector(
        alice,
        "Tracker",
        listed("create_issue", description="Open something new."),
        listed("list_commits", title="Commits of a branch"),
    )
    boxes.connector(alice, "Wiki", listed("find", description="Pages on issues."))
    boxes.connector(alice, "Old tracker", is_active=False)


@pytest.mark.usefixtures("tracker")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("ISSUE", {"Tracker": ["create_issue"], "Wiki": ["find"]}),
        ("new open", {"Tracker": ["create_issue"]}),
        ("branch", {"Tracker": ["list_commits"]}),
        ("wiki", {"Wiki": ["find"]}),
        ("tracker", {"Tracker": ["create_issue", "list_commits"], "Old tracker": []}),
        ("tracker commits", {"Tracker": ["list_commits"]}),
        ("nothing", {}),
        (" ", {"Tracker": ["create_issue", "list_commits"], "Wiki": ["find"],
               "Old tracker": []}),
    ],
)  # fmt: skip
def test_a_search_leaves_what_all_its_words_occur_in(
    alice: User, query: str, found: dict[str, list[str]]
) -> None:
    assert shown(menu(alice, query)) == found


@pytest.mark.usefixtures("tracker")
def test_a_search_changes_no_sum(alice: User) -> None:
    everything, found = menu(alice), menu(alice, "commits")
    assert (found.tool_count, found.cost) == (3, everything.cost)
    assert found.connectors[0].cost == everything.connectors[0].cost
    assert found.connectors[0].tool_count == 2


# --- Costs -------------------------------------------------------------------


def test_costs_add_up_without_what_is_never_used(
    alice: User, settings: Settings
) -> None:
    row = boxes.connector(alice, "Notes")
    boxes.decide(alice, row, "add", policy=Policy.NEVER)
    boxes.connector(alice, "Wiki")
    found = menu(alice)
    assert found.budget == settings.TOOL_BUDGET_TOKENS
    assert found.tool_count == 3
    assert found.cost == sum(app.cost for app in found.connectors)
    notes = found.connectors[0]
    assert [tool.is_never for tool in notes.tools] == [False, True]
    assert notes.cost == notes.tools[0].cost > 20


@pytest.mark.parametrize(
    ("tokens", "text"),
    [(0, "0"), (840, "840"), (1000, "1k"), (6240, "6.2k"), (32_000, "32k"),
     (99_990, "100k"), (128_400, "128k")],
)  # fmt: skip
def test_tokens_are_written_as_people_read_them(tokens: int, text: str) -> None:
    assert costs.shown(tokens) == text


def test_a_longer_description_costs_more(alice: User) -> None:
    boxes.connector(alice, "Notes", listed("a"), listed("b", description="word " * 100))
    short, long = only(menu(alice)).tools
    assert 130 < long.cost - short.cost < 160


def test_ten_connectors_of_fifty_tools_take_the_queries_of_one(alice: User) -> None:
    boxes.connector(alice, "First")
    menu(alice)
    with CaptureQueriesContext(connection) as of_one:
        menu(alice)
    for number in range(9):
        tools = [listed(f"tool_{index}") for index in range(50)]
        boxes.connector(alice, f"Server {number}", *tools)
    menu(alice)
    with CaptureQueriesContext(connection) as of_ten:
        found = menu(alice)
    assert len(of_ten) == len(of_one) == 7
    assert found.tool_count == 452
