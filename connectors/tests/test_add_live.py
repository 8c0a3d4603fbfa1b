"""A test that is watched: steps as they happen, and what ends when its reader goes."""

from concurrent.futures import ThreadPoolExecutor, as_completed

import pytest
from asgiref.sync import async_to_sync
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from config.tests.journeys.unanswered import Unanswered
from config.tests.live import LiveServer
from connectors.models import ConnectionTest, UserMCPConnection
from connectors.steps import STEPS
from connectors.tests.add_pages import (
    SECRET,
    TEST,
    events,
    from_dialog,
    may_save,
    value,
)
from connectors.tests.gate import Gate, gate
from connectors.tests.over_rest import CONNECTORS
from connectors.tests.processes import PATIENCE_S, web_process
from connectors.tests.watcher import cookies, get, watching
from demo.fixtures import DemoServer
from demo.hostile import Hostile

pytestmark = pytest.mark.usefixtures("dialling")

MANY = 200
# How many begin together: each needs a connection to find out who asks.
AT_ONCE = 20
PASSED = "This result is good"


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def dialling(allow_loopback: None, settings: Settings) -> None:
    """Let the live server start although connectors may reach this machine."""
    settings.EGRESS_ALLOW_IN_PRODUCTION = True


# --- What is sent ------------------------------------------------------------


def test_each_step_is_one_event_and_the_result_is_the_last(
    browser: Client, peer: Hostile
) -> None:
    begun, *steps, ended = events(browser, server_url=peer.url("good"))
    assert "Testing 127.0.0.1" in begun
    assert "Stop test" in begun
    for name in STEPS:
        lines = [step for step in steps if f'id="step-{name}"' in step]
        assert ['class="now"' in line for line in lines] == [True, False]
        assert all('hx-swap-oob="true"' in line for line in lines)
    assert "Connected." in ended
    assert may_save(ended)
    assert value(ended, "test_ticket")
    assert not UserMCPConnection.objects.exists()


def test_steps_are_counted_in_words(browser: Client, peer: Hostile) -> None:
    sent = "".join(events(browser, server_url=peer.url("html")))
    for number in range(1, 6):
        assert f"Step {number} of 6." in sent
    assert "Failed at step 5 of 6. Nothing was saved." in sent


def test_a_failure_ends_with_fixes_the_first_in_focus(
    browser: Client, peer: Hostile
) -> None:
    ended = events(browser, server_url=peer.url("html"))[-1]
    assert "INVALID_MCP_SERVER" in ended
    assert f'value="{peer.url("html")}/mcp" autofocus' in ended
    assert "Answers, but not as an MCP server." in ended
    assert not may_save(ended)


def test_a_fix_that_is_tested_changes_the_field(browser: Client, peer: Hostile) -> None:
    begun, *_ = events(browser, server_url=peer.origin, try_url=peer.url("good"))
    assert value(begun, "server_url") == peer.url("good")


def test_a_url_that_is_tested_as_it_was_typed_is_not_drawn_again(
    browser: Client, peer: Hostile
) -> None:
    begun, *_ = events(
        browser, server_url=peer.url("good"), sign_in="token", token=SECRET
    )
    assert 'name="server_url"' not in begun
    assert 'name="token"' not in begun


def test_what_was_pasted_fills_the_form_and_shows_no_secret(
    browser: Client, token_server: DemoServer
) -> None:
    line = f"curl {token_server.url} -H 'Authorization: Bearer {token_server.token}'"
    sent = events(browser, server_url=line)
    assert value(sent[0], "server_url") == token_server.url
    assert value(sent[0], "kept")
    assert "Connected." in sent[-1]
    assert token_server.token not in "".join(sent)


@pytest.mark.parametrize("path", ["good", "401", "echoes-secret", "html"])
def test_no_secret_is_in_an_event(browser: Client, peer: Hostile, path: str) -> None:
    path = path if path in peer.server.faults else "500"
    data = {"sign_in": "headers", "headers": f"X-Key: {SECRET}"}
    sent = events(browser, server_url=peer.url(path), **data)
    assert SECRET not in "".join(sent)


def test_the_name_follows_the_server_until_one_is_typed(
    browser: Client, notes_server: DemoServer
) -> None:
    url = notes_server.url
    begun, *_, ended = events(browser, server_url=url)
    assert value(begun, "suggested_name") == "127.0.0.1"
    assert value(ended, "suggested_name") == "Notes"
    followed = events(browser, server_url=url, name="X", suggested_name="X")[-1]
    assert value(followed, "suggested_name") == "Notes"
    typed = events(browser, server_url=url, name="Mine", suggested_name="Notes")
    assert value(typed[-1], "suggested_name") == "Notes"


def test_hostile_texts_cannot_leave_their_place(browser: Client, peer: Hostile) -> None:
    sent = "".join(events(browser, server_url=peer.url("hostile-texts")))
    assert "<script" not in sent
    assert "\u202e" not in sent


def test_too_many_tests_are_said_with_their_wait(
    browser: Client, peer: Hostile, settings: Settings
) -> None:
    settings.TESTS_PER_MINUTE = 0
    _, ended = events(browser, server_url=peer.url("good"))
    assert "TOO_MANY_REQUESTS" in ended
    assert "Try again in" in ended
    assert "Stop test" not in ended
    assert peer.seen("good").requests == 0


def test_what_nobody_anticipated_ends_the_test_with_a_sentence(
    browser: Client, peer: Hostile, settings: Settings
) -> None:
    settings.TEST_TIMEOUT_S = "soon"
    ended = events(browser, server_url=peer.url("good"))[-1]
    assert "This failed here, not at your server" in ended
    assert "Stop test" not in ended


def test_who_stops_gets_the_form_back(browser: Client) -> None:
    response = from_dialog(browser, TEST, stop="true")
    assert response.status_code == 200
    assert "The test was stopped. Nothing was saved." in response.text
    assert "Test again" in response.text
    assert not may_save(response.text)


# --- While it happens --------------------------------------------------------


def test_steps_are_shown_while_the_server_still_thinks(
    live_server_asgi: LiveServer, alice: User
) -> None:
    with (
        gate("tools/list") as server,
        watching(live_server_asgi.port, cookies(alice), server.url) as watcher,
    ):
        server.wait()
        watcher.until('class="done" id="step-handshake"')
        watcher.until('class="now" id="step-tools"')
        server.open()
        assert may_save(watcher.until(PASSED))


def test_nothing_is_dialled_any_more_for_who_left(
    live_server_asgi: LiveServer, alice: User, peer: Hostile, settings: Settings
) -> None:
    settings.TEST_TIMEOUT_S = settings.DISCOVER_TIMEOUT_S = 60
    settings.OPS_PER_PERSON = 1
    port, cookie = live_server_asgi.port, cookies(alice)
    with Unanswered().serving() as server:
        with watching(port, cookie, server.url) as watcher:
            watcher.until('class="now" id="step-tools"')
            async_to_sync(server.asked)()
        async_to_sync(server.left)()
        assert server.methods == {"server/discover": 1, "tools/list": 1}
    # Their place is free again, too.
    with watching(port, cookie, peer.url("good")) as watcher:
        watcher.until(PASSED)
    assert ConnectionTest.objects.count() == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_hundred_who_watch_slow_tests_share_a_pool_of_two(alice: User) -> None:
    limits = {
        "DATABASE_POOL_MAX": "2",
        "OPS_PER_PERSON": str(MANY),
        "CONNECTIONS_PER_ORIGIN": str(MANY),
        "OPS_PER_PROCESS": str(MANY),
        "TESTS_PER_MINUTE": str(MANY),
        # So many start one after the other: not the limit is tested here.
        "TEST_TIMEOUT_S": str(PATIENCE_S),
    }
    cookie = cookies(alice)
    with (
        gate("tools/list") as server,
        web_process(**limits) as web,
        ThreadPoolExecutor(MANY) as people,
    ):
        watched = []
        try:
            for _ in range(MANY // AT_ONCE):
                watched += [
                    people.submit(_watch, web.port, cookie, server)
                    for _ in range(AT_ONCE)
                ]
                for _ in range(AT_ONCE):
                    server.wait()
            assert get(web.port, cookie, CONNECTORS) == 200
            # One after the other: two connections are enough for them, not for all.
            finished = as_completed(watched, PATIENCE_S)
            for _ in watched:
                server.let_one_through()
                assert may_save(next(finished).result())
        finally:
            server.open()


def _watch(port: int, cookie: str, server: Gate) -> str:
    with watching(port, cookie, server.url) as watcher:
        return watcher.until(PASSED)
