"""A run of a tool from its page: what is asked before, what can go wrong, live."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client
from pytest_django import Settings

from accounts.models import User
from connectors.models import Outcome, Status, ToolCall, UserMCPConnection
from connectors.tests.tool_pages import HTMX, LIVE, at, connector, named, plain
from connectors.views import tools
from demo.fixtures import DemoServer
from demo.hostile import Hostile

PATIENCE_S = 10


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


# --- What can go wrong --------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_arguments_that_do_not_fit_are_said_at_their_field(
    browser: Client, row: UserMCPConnection, headers: dict[str, str], peer: Hostile
) -> None:
    response = browser.post(at(row), {"arg.text": "a" * 21}, headers=headers)
    assert response.status_code == 422
    assert 'id="arg.text-error"' in response.text
    assert f'value="{"a" * 21}"' in response.text
    assert peer.seen("good").tool_calls == 0
    assert response.get("HX-Retarget") == ("#run-form" if headers else None)


def test_what_is_no_json_stays_in_the_editor(
    browser: Client, row: UserMCPConnection
) -> None:
    response = browser.post(at(row), {"arg:json": '{"text": '})
    assert response.status_code == 422
    assert "This is not JSON" in response.text
    assert "{&quot;text&quot;: " in response.text


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("call-closes", "OUTCOME_UNKNOWN"),
        ("call-hangs", "OUTCOME_UNKNOWN"),
        ("call-error", "SERVER_ERROR"),
        ("call-html", "INVALID_MCP_SERVER"),
        ("call-401", "SIGN_IN_REQUIRED"),
    ],
)
def test_a_failure_is_an_alert_with_its_code_and_keeps_the_form(
    run: Callable[..., str],
    alice: User,
    peer: Hostile,
    settings: Settings,
    fault: str,
    code: str,
) -> None:
    settings.CALL_TIMEOUT_S = 1
    page = run(connector(alice, peer.url(fault)), **{"arg.text": "precious"})
    assert 'role="alert"' in page
    assert code in page
    assert 'value="precious"' in page


def test_a_server_that_is_gone_is_said_after_one_more_try(
    run: Callable[..., str],
    alice: User,
    closed_url: str,
    allow_loopback: None,
    settings: Settings,
) -> None:
    settings.RETRY_DELAY_S = 0.01
    page = run(connector(alice, closed_url))
    assert "CONNECTION_FAILED" in page
    assert ToolCall.objects.get().attempts == 2


def test_a_server_that_does_not_take_the_call_in_time_is_a_timeout(
    run: Callable[..., str],
    alice: User,
    silent_url: str,
    allow_loopback: None,
    settings: Settings,
) -> None:
    settings.CALL_TIMEOUT_S = 0.5
    assert "TIMEOUT" in run(connector(alice, silent_url))


def test_a_paused_connector_says_so_before_and_after(
    browser: Client, run: Callable[..., str], alice: User, peer: Hostile
) -> None:
    row = connector(alice, peer.url("good"), is_active=False)
    assert "This connector is paused" in browser.get(at(row)).text
    page = run(row)
    assert "CONNECTOR_DISABLED" in page
    assert ToolCall.objects.get().outcome == Outcome.REFUSED
    assert peer.seen("good").tool_calls == 0


def test_a_connector_that_waits_for_a_sign_in_leads_there(
    run: Callable[..., str], alice: User, peer: Hostile
) -> None:
    row = connector(
        alice, peer.url("good"), status=Status.SIGN_IN_AGAIN, is_verified=False
    )
    page = run(row)
    assert "SIGN_IN_REQUIRED" in page
    assert f'href="/connectors/{row.pk}/edit#sign-in"' in page


def test_too_much_at_once_says_when_to_try_again(
    run: Callable[..., str], row: UserMCPConnection, settings: Settings
) -> None:
    settings.ADMISSION_WAIT_S = 0.01
    settings.OPS_PER_PERSON = 0
    page = run(row)
    assert "TOO_MANY_REQUESTS" in page
    assert "Try again in" in page


# --- Tools that may change things ---------------------------------------------------


@pytest.mark.parametrize(
    ("annotations", "said"),
    [
        (None, "does not say whether it changes things"),
        ({"readOnlyHint": False}, "can delete or overwrite"),
        ({"destructiveHint": True}, "can delete or overwrite"),
        ({"readOnlyHint": False, "destructiveHint": False}, "but deletes none"),
    ],
)
def test_a_tool_that_may_change_things_asks_first(
    run: Callable[..., str], alice: User, peer: Hostile, annotations: Any, said: str
) -> None:
    row = connector(alice, peer.url("good"), **named(annotations))
    page = run(row, **{"arg.text": "mine"})
    assert said in page
    assert "Run, it may change things" in page
    assert 'value="mine"' in page
    assert peer.seen("good").tool_calls == 0
    assert ToolCall.objects.count() == 0
    assert "Answered" in plain(run(row, confirm="true"))
    assert peer.seen("good").tool_calls == 1


def test_a_tool_that_reads_runs_at_once(
    run: Callable[..., str], row: UserMCPConnection
) -> None:
    assert "Run, it may change things" not in run(row)


def test_what_is_wrong_is_said_before_anything_is_asked(
    browser: Client, alice: User, peer: Hostile
) -> None:
    row = connector(alice, peer.url("good"), **named(None))
    response = browser.post(at(row), {"arg:json": "[]"})
    assert response.status_code == 422
    assert "Run, it may change things" not in response.text


# --- Live ---------------------------------------------------------------------------


@pytest.fixture
async def live(async_client: AsyncClient, transactional_db: None) -> AsyncClient:
    return async_client


async def person(client: AsyncClient) -> User:
    user = await User.objects.acreate(username="dora")
    await client.aforce_login(user)
    return user


async def streamed(client: AsyncClient, path: str, data: Any) -> AsyncGenerator[str]:
    response: Any = await client.post(path, data, headers=LIVE)
    assert response["Content-Type"] == "text/event-stream"
    async with aclosing(response.streaming_content) as chunks:
        async for chunk in chunks:
            yield chunk.decode()


async def slow(client: AsyncClient, notes: DemoServer) -> UserMCPConnection:
    user = await person(client)
    return await sync_to_async(connector)(user, notes.url)


async def test_a_slow_run_says_how_far_it_is_and_then_the_result(
    live: AsyncClient, notes_server: DemoServer, allow_loopback: None
) -> None:
    row = await slow(live, notes_server)
    path = at(row, "slow_report")
    events = [event async for event in streamed(live, path, {"arg.seconds": "2"})]
    assert "Running" in events[0]
    assert "Cancel" in events[0]
    assert any('id="run-far"' in event and "Section" in event for event in events[1:-1])
    assert any("<progress" in event for event in events[1:-1])
    assert "The report on bookings is ready" in events[-1]
    assert "Answered after" in events[-1]


async def test_who_leaves_ends_the_call_and_the_evidence_says_so(
    live: AsyncClient, notes_server: DemoServer, allow_loopback: None
) -> None:
    row = await slow(live, notes_server)
    path, has_begun = at(row, "slow_report"), asyncio.Event()

    async def read() -> None:
        async for event in streamed(live, path, {"arg.seconds": "20"}):
            if "Section" in event:
                has_begun.set()

    reading = asyncio.create_task(read())
    async with asyncio.timeout(PATIENCE_S):
        await has_begun.wait()
        reading.cancel()
        await asyncio.wait([reading])
    assert (await ToolCall.objects.aget()).outcome == Outcome.UNKNOWN


async def test_the_second_try_is_announced(
    live: AsyncClient, closed_url: str, allow_loopback: None, settings: Settings
) -> None:
    settings.RETRY_DELAY_S = 1.5
    row = await sync_to_async(connector)(await person(live), closed_url)
    events = [event async for event in streamed(live, at(row), {"arg.text": "a"})]
    assert any("trying once more in 1.5 s" in event for event in events)
    assert "CONNECTION_FAILED" in events[-1]


async def test_arguments_that_are_refused_late_come_back_with_the_form(
    live: AsyncClient,
    hostile: Hostile,
    allow_loopback: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tools, "QUICK_S", 0)
    row = await sync_to_async(connector)(await person(live), hostile.url("good"))
    data = {"arg.text": "a" * 21}
    events = [event async for event in streamed(live, at(row), data)]
    assert 'id="arg.text-error"' in events[-1]
    assert 'hx-swap-oob="true"' in events[-1]
    assert "csrfmiddlewaretoken" in events[-1]


async def test_a_failure_of_our_own_ends_the_stream_with_a_sentence(
    live: AsyncClient,
    hostile: Hostile,
    allow_loopback: None,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
) -> None:
    monkeypatch.setattr(tools, "QUICK_S", 0)
    settings.CALL_TIMEOUT_S = "broken"
    row = await sync_to_async(connector)(await person(live), hostile.url("good"))
    events = [event async for event in streamed(live, at(row), {"arg.text": "a"})]
    assert "INTERNAL_ERROR" in events[-1]
    assert 'role="alert"' in events[-1]


def test_who_cancels_is_told_what_that_means(
    browser: Client, row: UserMCPConnection
) -> None:
    response = browser.get(at(row, query="?cancelled"), headers=HTMX)
    assert "You stopped waiting" in response.text
    assert "not undone" in response.text
    assert "<html" not in response.text
