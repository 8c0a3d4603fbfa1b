"""The page of one connector, and the transcripts of its tests."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from connectors.models import AuthType, Outcome, Status, UserMCPConnection, Via
from connectors.tests import rows


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def notes(alice: User) -> UserMCPConnection:
    return rows.connector(alice, name="Notes", server_url="https://notes.example/mcp")


def show(
    browser: Client, row: UserMCPConnection, query: str = "", **headers: str
) -> str:
    page = browser.get(f"/connectors/{row.pk}{query}", headers=headers)
    assert page.status_code == 200
    return page.text


def part(browser: Client, row: UserMCPConnection, target: str, query: str = "") -> str:
    return show(browser, row, query, **{"HX-Request": "true", "HX-Target": target})


def section(page: str, id_: str) -> str:
    """Return the page from the element of this id on."""
    return page[page.index(f'id="{id_}"') :]


# --- What it is, how it is ---------------------------------------------------


def test_the_header_says_what_it_is_and_how_it_is(browser: Client, alice: User) -> None:
    row = rows.connector(
        alice,
        name="Notes",
        description="What the team knows",
        server_url="https://notes.example/mcp?key=s3cret",
        auth_type=AuthType.API_KEY,
        auth_config={"token": "t0ps3cret"},
    )
    page = show(browser, row)

    assert page.count("<h1>") == 1
    assert "<h1>Notes</h1>" in page
    assert "notes.example/mcp</code> · token, stored encrypted · added" in page
    assert "What the team knows" in page
    assert "<b>Ready</b>" in page
    for action in ("retest", "toggle", "edit", "delete"):
        assert f'"/connectors/{row.pk}/{action}' in page
    assert "s3cret" not in page


def test_a_failing_one_shows_its_sentence_and_its_code_last(
    browser: Client, alice: User
) -> None:
    row = rows.connector(
        alice,
        status=Status.NOT_MCP,
        last_error_code="INVALID_MCP_SERVER",
        is_verified=False,
        server_url="https://notes.example/sse",
    )
    page = show(browser, row)
    assert "Not an MCP server any more" in page
    assert re.search(r"a test passes\. <code[^>]*>INVALID_MCP_SERVER</code>", page)
    assert "Try /mcp" in page


def test_a_removed_one_shows_its_state_and_can_only_be_dismissed(
    browser: Client, alice: User
) -> None:
    row = rows.removed(alice)
    page = show(browser, row)
    assert "Removed by your administrator" in page
    assert "Dismiss" in page
    assert 'id="tools"' not in page
    assert 'id="danger"' not in page
    for other in ("edit", "toggle", "retest"):
        assert f"/connectors/{row.pk}/{other}" not in page


def test_what_the_server_says_of_itself_is_escaped(
    browser: Client, alice: User
) -> None:
    row = rows.connector(
        alice,
        transport="http",
        protocol_version="2026-07-28",
        server_info={
            "name": "<b>Srv", "version": "1.2", "instructions": "Ask <i>nicely"
        },
    )  # fmt: skip
    about = section(show(browser, row), "about")
    assert "&lt;b&gt;Srv" in about
    assert "1.2" in about
    assert "MCP 2026-07-28" in about
    assert "Streamable HTTP" in about
    assert "Ask &lt;i&gt;nicely" in about


# --- Tools -------------------------------------------------------------------


def test_tools_are_grouped_and_lead_to_their_pages(
    browser: Client, notes: UserMCPConnection
) -> None:
    page = show(browser, notes)
    assert "2 tools" in page
    assert "Reads · 1" in page
    assert "Changes things · 1" in page
    assert f'href="/connectors/{notes.pk}/tools/search_notes"' in page
    assert "Finds notes by words." in page


def test_the_name_of_a_tool_cannot_leave_its_link(browser: Client, alice: User) -> None:
    tool = {**rows.TOOLS[0], "name": 'a/b"?c#d'}
    row = rows.connector(alice, discovered_tools=[tool], tool_count=1)
    assert f'href="/connectors/{row.pk}/tools/a/b%22%3Fc%23d"' in show(browser, row)


def test_a_filter_needs_no_script(browser: Client, notes: UserMCPConnection) -> None:
    page = show(browser, notes, "?q=for good")
    assert "delete_note" in page
    assert "search_notes" not in page
    assert "2 tools" in page


def test_typing_swaps_the_tools_alone(
    browser: Client, notes: UserMCPConnection
) -> None:
    found = part(browser, notes, "div#tool-rows", "?q=delete")
    assert found.strip().startswith('<div id="tool-rows">')
    assert "search_notes" not in found


def test_more_tools_than_are_shown_are_said_and_found(
    browser: Client, alice: User, settings: Settings
) -> None:
    settings.TOOLS_SHOWN = 3
    many = [{**rows.TOOLS[1], "name": f"tool_{number}"} for number in range(5)]
    row = rows.connector(alice, discovered_tools=many, tool_count=5)
    page = show(browser, row)
    assert "5 tools" in page
    assert "2 more are there. Filter to find them." in page
    assert "tool_4" not in page
    assert "tool_4" in show(browser, row, "?q=tool_4")


def test_a_filter_that_finds_nothing_says_so(
    browser: Client, notes: UserMCPConnection
) -> None:
    assert "No tool matches “zzz”." in show(browser, notes, "?q=zzz")


def test_tools_that_were_left_out_are_named_with_the_reason(
    browser: Client, alice: User
) -> None:
    dropped = [{"name": "bad<tool", "reason": "It has no inputSchema."}]
    row = rows.connector(alice, dropped_tools=dropped)
    page = show(browser, row)
    assert "1 left out" in page
    assert "bad&lt;tool" in page
    assert "It has no inputSchema." in page


# --- Evidence ----------------------------------------------------------------


def test_tests_are_listed_newest_first_each_with_its_transcript(
    browser: Client, notes: UserMCPConnection
) -> None:
    old = rows.test_of(notes, success=False, error_code="TIMEOUT", duration_ms=10_010)
    new = rows.test_of(notes)
    history = section(show(browser, notes), "history")
    links = re.findall(rf"/connectors/{notes.pk}/tests/(\d+)", history)
    assert links == [str(new.pk), str(old.pk)]
    assert "It did not answer in time." in history
    assert "TIMEOUT" in history
    assert "142 ms" in history
    assert "10.0 s" in history


def test_calls_are_listed_without_their_arguments(
    browser: Client, notes: UserMCPConnection, bob: User
) -> None:
    rows.call_of(notes, tool="search_notes", via=Via.PAGE)
    rows.call_of(notes, outcome=Outcome.UNKNOWN, error_code="OUTCOME_UNKNOWN")
    rows.call_of(notes, tool="not_hers", user_id=bob.pk)
    calls = section(show(browser, notes), "calls-title")
    assert "You, on a page" in calls
    assert "Answered" in calls
    assert "May or may not have happened" in calls
    assert "410 ms" in calls
    assert "not_hers" not in calls


def test_who_never_called_is_told_so(browser: Client, notes: UserMCPConnection) -> None:
    assert "No tool of it was called yet." in show(browser, notes)


def test_a_transcript_is_a_page_with_steps_and_requests(
    browser: Client, notes: UserMCPConnection
) -> None:
    test = rows.test_of(notes)
    page = browser.get(f"/connectors/{notes.pk}/tests/{test.pk}").text
    assert "<h1>Test of Notes</h1>" in page
    assert "Not reached" in page
    assert "POST https://notes.example/mcp" in page
    assert "200 application/json, 512 B" in page
    assert "data-copy=" in page


def test_htmx_gets_the_transcript_alone(
    browser: Client, notes: UserMCPConnection
) -> None:
    test = rows.test_of(notes)
    address = f"/connectors/{notes.pk}/tests/{test.pk}"
    found = browser.get(address, headers={"HX-Request": "true"}).text
    assert "POST https://notes.example/mcp" in found
    assert "<h1" not in found


def test_a_transcript_is_found_below_its_own_connector_only(
    browser: Client, notes: UserMCPConnection, alice: User, bob: User
) -> None:
    other = rows.connector(alice, 2)
    his = rows.connector(bob, 3)
    for owner, test in [
        (other, rows.test_of(notes)),
        (his, rows.test_of(his)),
        (notes, rows.test_of(his)),
    ]:
        address = f"/connectors/{owner.pk}/tests/{test.pk}"
        assert browser.get(address).status_code == 404


# --- Parts, cost, strangers --------------------------------------------------


def test_a_card_of_the_list_can_be_fetched_alone(
    browser: Client, notes: UserMCPConnection
) -> None:
    card = part(browser, notes, f"article#connector-{notes.pk}")
    assert card.strip().startswith("<article")
    assert card.count("<article") == 1


def test_the_header_can_be_fetched_alone(
    browser: Client, notes: UserMCPConnection
) -> None:
    header = part(browser, notes, "div#header")
    assert "<h1>Notes</h1>" in header
    assert 'id="tools"' not in header


def test_it_costs_the_same_beside_ten_others(
    browser: Client, alice: User, notes: UserMCPConnection
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            show(browser, notes)
        return len(queries)

    rows.test_of(notes)
    rows.call_of(notes)
    one = cost()
    for slot in range(2, 11):
        other = rows.connector(alice, slot, last_verified_at=timezone.now())
        rows.test_of(other)
        rows.test_of(notes)
        rows.call_of(notes)
    assert cost() == one
    # Session, person, connector, tests, calls; in the rail, how many need a look.
    assert one == 6


def test_a_stranger_finds_nothing(client: Client, alice: User, bob: User) -> None:
    row = rows.connector(alice, name="Hers alone")
    client.force_login(bob)
    page = client.get(f"/connectors/{row.pk}")
    assert page.status_code == 404
    assert "Hers alone" not in page.text
    assert client.get("/connectors/9999999").status_code == 404
