"""The page of one tool: its form, a run, and what it answers."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from connectors.models import Outcome, ToolCall, UserMCPConnection, Via
from connectors.tests import rows
from connectors.tests.tool_pages import ECHO, HTMX, at, connector, plain
from demo.hostile import Hostile


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def row(alice: User, peer: Hostile) -> UserMCPConnection:
    return connector(alice, peer.url("good"))


@pytest.fixture
def run(browser: Client) -> Callable[..., str]:
    """Send the form of a tool, and return the page."""

    def send(row: UserMCPConnection, tool: str = "echo", **data: str) -> str:
        values = {"arg.text": "hello"} | data
        response = browser.post(at(row, tool), values)
        assert response.status_code == 200, response.text
        return response.text

    return send


# --- The form ---------------------------------------------------------------------


def test_the_form_is_filled_with_an_example(
    browser: Client, row: UserMCPConnection
) -> None:
    page = browser.get(at(row)).text
    assert "<h1>Peer: Say it again</h1>" in page
    assert 'name="arg.text"' in page
    assert 'value="hello"' in page
    assert "What the tool answers is shown here." in page


def test_run_has_the_focus_after_a_connector_was_saved(
    browser: Client, row: UserMCPConnection
) -> None:
    assert "autofocus" not in browser.get(at(row)).text
    assert "autofocus" in browser.get(at(row, query="?first=1")).text


def test_a_page_reads_the_connector_once_and_little_else(
    browser: Client, row: UserMCPConnection
) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert browser.get(at(row)).status_code == 200
    assert sum("discovered_tools" in query["sql"] for query in queries) == 1
    # The session, the person (for the log, then for the view), what the shell counts.
    assert len(queries) <= 5


def test_the_arguments_can_be_written_as_json(
    browser: Client, row: UserMCPConnection
) -> None:
    page = browser.get(at(row, query="?json=1")).text
    assert 'name="arg:json"' in page
    assert "&quot;text&quot;: &quot;hello&quot;" in page


def test_the_json_of_the_arguments_is_called_that(browser: Client, alice: User) -> None:
    schema = {**ECHO["inputSchema"], "title": "echoArguments"}
    tool = {**ECHO, "inputSchema": schema}
    row = rows.connector(alice, discovered_tools=[tool])
    page = browser.get(at(row, query="?json=1")).text
    assert '<label for="arg:json">Arguments' in page
    assert "echoArguments" not in page


def test_what_is_typed_is_kept_when_the_form_becomes_json_and_back(
    browser: Client, row: UserMCPConnection
) -> None:
    page = browser.post(at(row), {"arg.text": "mine", "edit": "json"}).text
    assert "&quot;text&quot;: &quot;mine&quot;" in page
    page = browser.post(
        at(row), {"arg:json": '{"text": "ours"}', "edit": "fields"}
    ).text
    assert 'name="arg.text"' in page
    assert 'value="ours"' in page
    assert ToolCall.objects.count() == 0


def test_a_row_that_is_added_keeps_what_is_typed(
    browser: Client, row: UserMCPConnection
) -> None:
    page = browser.post(at(row), {"arg.text": "mine", "edit": "add arg.tags"}).text
    assert 'name="arg.tags.0"' in page
    assert 'value="mine"' in page


def test_htmx_gets_the_fields_that_its_button_is_in(
    browser: Client, row: UserMCPConnection
) -> None:
    response = browser.post(
        at(row),
        {"arg.text": "mine", "edit": "add arg.tags"},
        headers=HTMX | {"HX-Target": "div#arguments"},
    )
    assert response.text.lstrip().startswith('<div class="stack" id="arguments">')
    assert "HX-Retarget" not in response


def test_htmx_gets_the_whole_form_when_it_becomes_json(
    browser: Client, row: UserMCPConnection
) -> None:
    response = browser.post(at(row), {"arg.text": "a", "edit": "json"}, headers=HTMX)
    assert response["HX-Retarget"] == "#run-form"
    assert response.text.lstrip().startswith("<form")


def test_arguments_can_be_run_as_json(
    browser: Client, row: UserMCPConnection, peer: Hostile
) -> None:
    response = browser.post(at(row), {"arg:json": '{"text": "as json"}'})
    assert "Answered" in plain(response.text)
    assert peer.seen("good").tool_calls == 1


# --- Who may ------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_strangers_tool_is_404(
    client: Client, bob: User, row: UserMCPConnection, method: str, peer: Hostile
) -> None:
    client.force_login(bob)
    response = getattr(client, method)(at(row), {"arg.text": "a"})
    assert response.status_code == 404
    assert ToolCall.objects.count() == 0
    assert peer.seen("good").tool_calls == 0


@pytest.mark.parametrize("method", ["get", "post"])
def test_who_is_not_signed_in_is_sent_to_the_sign_in(
    client: Client, row: UserMCPConnection, method: str
) -> None:
    response = getattr(client, method)(at(row))
    assert response.status_code == 302
    assert "/accounts/login/" in response["Location"]


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_tool_that_the_connector_does_not_have_is_404(
    browser: Client, row: UserMCPConnection, method: str
) -> None:
    assert getattr(browser, method)(at(row, "nothing")).status_code == 404


def test_a_connector_that_an_administrator_removed_has_no_form(
    browser: Client, alice: User
) -> None:
    response = browser.get(at(rows.removed(alice), "search_notes"))
    assert response.status_code == 409
    assert "An administrator removed this connector." in response.text


def test_a_tool_may_have_slashes_in_its_name(browser: Client, alice: User) -> None:
    tool = {**ECHO, "name": "notes/search?a=1"}
    row = rows.connector(alice, discovered_tools=[tool])
    response = browser.get(at(row, "notes/search%3Fa=1"))
    assert response.status_code == 200
    assert f'action="{at(row, "notes/search%3Fa=1")}"' in response.text


# --- A run --------------------------------------------------------------------------


def test_a_run_shows_the_result_below_what_was_typed(
    run: Callable[..., str], row: UserMCPConnection
) -> None:
    page = run(row, **{"arg.text": "<b>mine</b>"})
    assert "Answered" in plain(page)
    assert "&lt;b&gt;mine&lt;/b&gt;" in page
    assert "<b>mine</b>" not in page
    assert 'value="&lt;b&gt;mine&lt;/b&gt;"' in page


def test_a_run_is_evidence_of_a_call_from_a_page(
    run: Callable[..., str], row: UserMCPConnection
) -> None:
    run(row)
    call = ToolCall.objects.get()
    assert (call.via, call.outcome, call.tool) == (Via.PAGE, Outcome.OK, "echo")
    assert call.username == "alice"


def test_a_quick_run_answers_htmx_with_the_result_alone(
    browser: Client, row: UserMCPConnection
) -> None:
    response = browser.post(at(row), {"arg.text": "hello"}, headers=HTMX)
    assert response.text.lstrip().startswith("<p")
    assert "Answered after" in response["HX-Trigger"]
    assert "HX-Retarget" not in response


def test_a_run_comes_with_its_command_line(
    run: Callable[..., str], row: UserMCPConnection, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://patchbay.example"
    words = plain(run(row, **{"arg.text": "it's"}))
    assert "https://patchbay.example/api/connectors/" in words
    assert "$TOKEN" in words


def test_the_command_line_is_shown_without_a_run(
    run: Callable[..., str], row: UserMCPConnection, peer: Hostile
) -> None:
    words = plain(run(row, curl="true"))
    assert "Authorization: Bearer $TOKEN" in words
    assert peer.seen("good").tool_calls == 0
    assert ToolCall.objects.count() == 0


@pytest.mark.parametrize(
    ("fault", "shown"),
    [
        ("call-image", 'src="data:image/png;base64,'),
        ("call-audio", 'download="result-1.wav"'),
        ("call-resource", "A note."),
        ("call-link", "https://example.com/a"),
        ("call-unknown-content", "hologram"),
        ("call-no-content", "[]"),
        ("call-list-structured", "result-json"),
    ],
)
def test_each_kind_of_content_is_shown(
    run: Callable[..., str], alice: User, peer: Hostile, fault: str, shown: str
) -> None:
    page = run(connector(alice, peer.url(fault)))
    assert shown in page
    assert 'href="https://example.com' not in page


def test_hostile_text_is_shown_as_what_it_is(
    run: Callable[..., str], alice: User, peer: Hostile
) -> None:
    page = run(connector(alice, peer.url("call-hostile-text")))
    result = page[page.index('id="run-result"') :]
    assert "\u202e" not in result
    assert "<script>alert" not in result
    assert "⟨U+202E⟩" in result


def test_the_tools_own_failure_is_called_that(
    run: Callable[..., str], alice: User, peer: Hostile
) -> None:
    words = plain(run(connector(alice, peer.url("call-is-error"))))
    assert "The tool reported an error" in words
    assert "Answered" not in words
