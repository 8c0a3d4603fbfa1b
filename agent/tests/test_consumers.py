"""The socket of a conversation, over real sockets: who may listen, and what they hear.

Two tabs, a connection that breaks, another worker: each hears all, and once.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import Client
from pytest_django import Settings
from structlog.testing import capture_logs
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from accounts.models import User
from agent import consumers, hearing, journal
from agent.models import Conversation, Turn, TurnState
from agent.tests import threads
from agent.tests.threads import done, finished, happen, started, text
from agent.thread import load
from config.asgi import application
from config.tests.live import LiveServer, serve

SOON_S = 10.0

pytestmark = pytest.mark.usefixtures("transactional_db")


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "AT_WORK_S", 0.1)
    monkeypatch.setattr(consumers, "IDLE_S", 0.1)


@pytest.fixture
def one(alice: User) -> Conversation:
    return threads.conversation(alice)


@pytest.fixture
def turn(one: Conversation) -> Turn:
    turn = threads.turn(one)
    happen(turn, text("One"))
    return turn


@asynccontextmanager
async def listening(
    server: LiveServer, user: User | None, query: str, *, origin: str = ""
) -> AsyncIterator[ClientConnection]:
    headers = {}
    if user is not None:
        client = Client()
        await client.aforce_login(user)
        headers["Cookie"] = f"sessionid={client.cookies['sessionid'].value}"
    url = server.url.replace("http", "ws")
    async with connect(
        f"{url}/ws/chat?{query}",
        additional_headers=headers,
        origin=Origin(origin or server.url),
        proxy=None,
    ) as hearing:
        yield hearing


async def heard(hearing: ClientConnection) -> dict[str, Any]:
    """Return the next message; fail if it does not come soon."""
    async with asyncio.timeout(SOON_S):
        said: dict[str, Any] = json.loads(await hearing.recv())
    return said


async def close_code(hearing: ClientConnection) -> int:
    async with asyncio.timeout(SOON_S):
        await hearing.wait_closed()
    assert hearing.close_code
    return hearing.close_code


async def write(turn: Turn, *events: Any, state: str = "") -> None:
    await sync_to_async(happen)(turn, *events, state=state)
    await journal.wake(turn.conversation_id)


async def query_of(one: Conversation) -> str:
    """Return what the page of a conversation asks its socket for."""
    shown = await sync_to_async(load)(one)
    return f"conversation={one.pk}&after={shown.place}&state={shown.state}"


# --- Who may listen ----------------------------------------------------------


async def test_one_person_has_only_so_many_sockets(
    live_server_asgi: LiveServer,
    alice: User,
    one: Conversation,
    bob: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consumers, "SOCKETS_PER_PERSON", 1)
    query = f"conversation={one.pk}"
    others = await sync_to_async(threads.conversation)(bob)
    async with (
        listening(live_server_asgi, bob, f"conversation={others.pk}") as of_bob,
        listening(live_server_asgi, alice, query) as first,
        listening(live_server_asgi, alice, query) as second,
    ):
        assert await close_code(second) == 4429
        assert (first.close_code, of_bob.close_code) == (None, None)


@pytest.mark.parametrize(
    ("who", "code"), [(None, 4401), ("bob", 4404), ("carol", 4404)]
)
async def test_nobody_else_listens(
    live_server_asgi: LiveServer,
    one: Conversation,
    bob: User,
    carol: User,
    who: str | None,
    code: int,
) -> None:
    user = {"bob": bob, "carol": carol}.get(who or "")
    async with listening(live_server_asgi, user, await query_of(one)) as hearing:
        assert await close_code(hearing) == code


@pytest.mark.parametrize(
    "query", ["", "conversation=", "conversation=x", "conversation=999999999999999999"]
)
async def test_what_is_no_conversation_is_refused(
    live_server_asgi: LiveServer, alice: User, query: str
) -> None:
    async with listening(live_server_asgi, alice, query) as hearing:
        assert await close_code(hearing) == 4404


async def test_a_page_of_another_site_gets_no_socket(
    live_server_asgi: LiveServer, alice: User, one: Conversation
) -> None:
    query = await query_of(one)
    with pytest.raises(InvalidStatus) as refused:
        async with listening(
            live_server_asgi, alice, query, origin="https://evil.example"
        ):
            pass
    assert refused.value.response.status_code == 403


async def test_a_session_that_ends_closes_its_sockets(
    live_server_asgi: LiveServer, alice: User, turn: Turn
) -> None:
    query = await query_of(turn.conversation)
    async with listening(live_server_asgi, alice, query) as hearing:
        await write(turn, text(" two"))
        await heard(hearing)
        alice.set_password("another one entirely")
        await alice.asave()
        assert await close_code(hearing) == 4401


async def test_a_conversation_that_is_deleted_closes_its_sockets(
    live_server_asgi: LiveServer, alice: User, one: Conversation
) -> None:
    async with listening(live_server_asgi, alice, await query_of(one)) as hearing:
        await one.adelete()
        assert await close_code(hearing) == 4404


async def test_deleting_what_a_tab_shows_is_no_failure(
    live_server_asgi: LiveServer, alice: User, turn: Turn
) -> None:
    query = await query_of(turn.conversation)
    with capture_logs() as logs:
        async with listening(live_server_asgi, alice, query) as hearing:
            await write(turn, text(" two"))
            await heard(hearing)
            await turn.conversation.adelete()
            assert await close_code(hearing) == 4404
    assert "chat.socket_failed" not in [log["event"] for log in logs]


async def test_what_is_sent_to_it_is_nothing(
    live_server_asgi: LiveServer, alice: User, turn: Turn
) -> None:
    query = await query_of(turn.conversation)
    async with listening(live_server_asgi, alice, query) as hearing:
        for said in ("{}", "not json", b"\x00", '{"type": "look"}', "x" * 100_000):
            await hearing.send(said)
        await write(turn, text(" two"))
        assert "One two" in (await heard(hearing))["content"]


# --- What they hear ----------------------------------------------------------


async def test_it_tells_what_is_new_as_it_happens(
    live_server_asgi: LiveServer, alice: User, turn: Turn
) -> None:
    query = await query_of(turn.conversation)
    async with listening(live_server_asgi, alice, query) as hearing:
        await write(turn, text(" *two"))
        await heard(hearing)
        await write(turn, text("*"))
        said = await heard(hearing)
        assert (said["since"], said["at"]) == ("2.2", "2.3")
        assert (said["target"], said["swap"]) == ("#thread", "none")
        place = f'<hx-partial hx-target="#part-{turn.pk}-0" hx-swap="outerHTML">'
        assert said["content"].startswith(place)
        assert "One <em>two</em>" in said["content"]
        await write(turn, started())
        said = await heard(hearing)
        assert 'hx-swap="beforeend"' in said["content"]
        await write(turn, finished(), done(), state=TurnState.DONE)
        said = await heard(hearing)
        assert said["state"] == "done"
        assert "The answer is complete" in said["content"]
        assert 'id="composer-turn"' in said["content"]


async def test_two_tabs_hear_the_same(
    live_server_asgi: LiveServer, alice: User, turn: Turn
) -> None:
    query = await query_of(turn.conversation)
    async with (
        listening(live_server_asgi, alice, query) as first,
        listening(live_server_asgi, alice, query) as second,
    ):
        await write(turn, text(" two"))
        for hearing in (first, second):
            assert "One two" in (await heard(hearing))["content"]
        await write(turn, text(" three"))
        assert await heard(first) == await heard(second)


async def test_whoever_comes_back_hears_all_that_they_missed_and_once(
    live_server_asgi: LiveServer, alice: User, turn: Turn
) -> None:
    one = turn.conversation
    async with listening(live_server_asgi, alice, await query_of(one)) as hearing:
        await write(turn, text(" two"))
        at = (await heard(hearing))["at"]
    await write(turn, text(" three"), done(), state=TurnState.DONE)
    later = await sync_to_async(threads.turn)(one, text="And more?")
    await write(later, text("More"))
    # Another process of the same installation.
    with serve(application) as other:
        query = f"conversation={one.pk}&after={at}&state=running"
        async with listening(other, alice, query) as hearing:
            said = await heard(hearing)
            assert (said["since"], said["at"]) == (at, "4.1")
            content = said["content"]
            for part in ("One two three", "And more?", "More"):
                assert content.count(part) == 1
            await write(later, text(" yet"))
            assert (await heard(hearing))["since"] == "4.1"


async def test_without_a_layer_it_comes_a_little_later(
    settings: Settings,
    live_server_asgi: LiveServer,
    alice: User,
    turn: Turn,
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [f"redis://127.0.0.1:{port}"]},
        }
    }
    query = await query_of(turn.conversation)
    async with listening(live_server_asgi, alice, query) as hearing:
        await sync_to_async(happen)(turn, text(" two"))
        assert "One two" in (await heard(hearing))["content"]


async def test_an_outage_of_the_layer_is_logged_once(
    settings: Settings,
    live_server_asgi: LiveServer,
    alice: User,
    one: Conversation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hearing, "LISTEN_AGAIN_S", 0.02)
    tried: asyncio.Queue[None] = asyncio.Queue()

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        tried.put_nowait(None)

    query = await query_of(one)
    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings.CHANNEL_LAYERS = {
            "default": {
                "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
                "CONFIG": {"hosts": [f"redis://127.0.0.1:{port}"]},
            }
        }
        with capture_logs() as logs:
            async with (
                asyncio.timeout(SOON_S),
                listening(live_server_asgi, alice, query),
                listening(live_server_asgi, alice, query),
            ):
                for _ in range(8):
                    await tried.get()
    assert [log["event"] for log in logs].count("channels.failing") == 1


async def test_a_long_answer_is_not_drawn_anew_for_each_word(
    live_server_asgi: LiveServer, alice: User, turn: Turn
) -> None:
    await write(turn, text("**long** answer, " * 4000))
    query = await query_of(turn.conversation)
    async with listening(live_server_asgi, alice, query) as hearing:
        for _ in range(30):
            await write(turn, text(" x"))
        await write(turn, text(" last"))
        drawn = 1
        while "last" not in (await heard(hearing))["content"]:
            drawn += 1
    assert drawn < 20


async def test_many_events_at_once_arrive_in_order_and_whole(
    live_server_asgi: LiveServer, alice: User, turn: Turn
) -> None:
    query = await query_of(turn.conversation)
    async with listening(live_server_asgi, alice, query) as hearing:
        for number in range(40):
            await write(turn, text(f" {number}"))
        await write(turn, done(), state=TurnState.DONE)
        at = "2.1"
        while True:
            said = await heard(hearing)
            assert said["since"] == at
            at = said["at"]
            if said["state"] == "done":
                break
        assert at == "2.42"
        assert " ".join(map(str, range(40))) in said["content"]
