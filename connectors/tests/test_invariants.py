"""What must never happen: one test, or some, for each sentence of the promise.

Each is attacked through everything that could break it: REST, the domain, admin,
the logs, the database as it is stored.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from itertools import count
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client
from pytest_django import Settings

from accounts import tokens
from accounts.models import User
from config.tests.live import LiveServer
from config.tests.rest import ApiClient
from connectors import calls, manager, pools
from connectors.errors import ConnectorError, ConnectorNotFound, NotVerified
from connectors.models import (
    ConnectionTest,
    Outcome,
    ToolCall,
    UserMCPConnection,
    Via,
)
from connectors.tests import verbs
from connectors.tests.gate import gate
from connectors.tests.over_rest import CONNECTORS, TEST
from connectors.tests.processes import PATIENCE_S, Rest, web_process
from demo.fixtures import DemoServer
from demo.hostile import (
    FAULTS,
    RIGHT_TOKEN,
    Era,
    Exchange,
    Fault,
    Hostile,
    running,
)
from demo.hostile.peer import polite
from demo.hostile.replies import edited, error

pytestmark = pytest.mark.usefixtures("allow_loopback")


@pytest.fixture(autouse=True)
def short_limits(settings: Settings) -> None:
    settings.TEST_TIMEOUT_S = 5
    # Long enough for a busy machine to get as far as the call.
    settings.CALL_TIMEOUT_S = 2
    settings.DISCOVER_TIMEOUT_S = 1
    settings.CONNECT_TIMEOUT_S = 1
    settings.RETRY_DELAY_S = 0.05
    # Without it a server refuses to start while it may reach loopback.
    settings.EGRESS_ALLOW_IN_PRODUCTION = True


# --- 1. A secret leaves the process only towards the server it belongs to ----

CANARY = "canary-5ec2e7"
QUERY_CANARY = "canary-9uery"
ARGUMENT_CANARY = "canary-a26umen7"


async def _tattle(exchange: Exchange) -> None:
    """Say back what came, wherever a server can put text."""
    said = exchange.request.header("authorization")
    if exchange.name == f"{exchange.method}-tells".replace("/", "-"):
        await error(message=f"I do not like {said}")(exchange)
    elif exchange.method == "tools/list":
        tool = {"name": "echo", "description": said, "inputSchema": {"type": "object"}}
        await edited("tools/list", lambda _: {"tools": [tool]})(exchange)
    else:
        await polite(exchange)


@pytest.fixture
def tattler() -> Iterator[Hostile]:
    names = ("tools-list-tells", "tools-call-tells")
    faults = {name: Fault(about="", reply=_tattle) for name in names}
    with running(faults=faults) as server:
        yield server


class Overheard:
    """Everything that anybody but the server gets to see."""

    def __init__(self, client: ApiClient) -> None:
        self.client = client
        self.answers: list[str] = []
        self.pages: list[str] = []

    def send(self, method: str, path: str, body: Any = None) -> Any:
        response = self.client.send(method, path, body)
        self.answers.append(f"{response.headers}{response.content.decode()}")
        return response.json()

    def look(self, staff: Client, *paths: str) -> None:
        for path in paths:
            self.pages.append(staff.get(path).content.decode())


def _stored() -> str:
    """The whole database, column by column, as it is on the disk."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 — our own tables
            found.append(f"{table}: {cursor.fetchall()!r}")
    return "\n".join(found)


def _journey(heard: Overheard, hostile: Hostile, tattler: Hostile, closed: str) -> int:
    """Use the secret in every way that works or does not; return a connector's id."""
    secret = {"auth_type": "api_key", "auth_config": {"token": CANARY}}
    header = {"headers": {"X-Api-Key": CANARY, "Authorization": f"Basic {CANARY}"}}
    good = f"{hostile.url('good')}?key={QUERY_CANARY}"
    for url in (good, hostile.url("token"), hostile.url("html"), closed, CANARY):
        heard.send("POST", TEST, {"server_url": url, **secret})
    for url in (tattler.url("tools-list-tells"), hostile.url("token")):
        body = {"name": "Refused", "server_url": url, **secret}
        assert heard.send("POST", CONNECTORS, body)["error"]
    for config in (
        7,
        CANARY,
        {"token": [CANARY]},
        {CANARY: 1},
        {"token": f" {CANARY}\n\0"},
    ):
        body = {"name": "a", "server_url": good, "auth_type": "api_key"}
        heard.send("POST", CONNECTORS, {**body, "auth_config": config})
    pk = heard.send("POST", CONNECTORS, {"name": "Good", "server_url": good, **secret})[
        "id"
    ]
    told = {"name": "Told", "server_url": tattler.url("tools-call-tells"), **secret}
    other = heard.send("POST", CONNECTORS, told)["id"]
    arguments = {"arguments": {"text": ARGUMENT_CANARY}}
    for path in (f"/{pk}", f"/{other}", ""):
        heard.send("GET", f"{CONNECTORS}{path}")
    heard.send("POST", f"{CONNECTORS}/{other}/tools/echo/call", arguments)
    heard.send(
        "POST",
        f"{CONNECTORS}/{pk}/tools/echo/call",
        {"arguments": {"text": 1, "x": ARGUMENT_CANARY}},
    )
    heard.send("POST", f"{CONNECTORS}/{pk}/retest")
    heard.send(
        "PATCH", f"{CONNECTORS}/{pk}", {"auth_type": "api_key", "auth_config": header}
    )
    heard.send("PATCH", f"{CONNECTORS}/{pk}", {"server_url": closed})
    heard.send("PATCH", f"{CONNECTORS}/{pk}", {"name": "New"})
    heard.send("POST", f"{CONNECTORS}/{pk}/toggle", {"is_active": False})
    return int(pk)


def test_invariant_1_a_secret_is_seen_by_its_server_alone(
    api: ApiClient,
    carol: User,
    client: Client,
    hostile: Hostile,
    tattler: Hostile,
    closed_url: str,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level("DEBUG")
    heard = Overheard(api)
    pk = _journey(heard, hostile, tattler, closed_url)
    assert hostile.seen("good").holds(CANARY)
    keys = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = {"k2": b"2" * 32}
    heard.send("POST", f"{CONNECTORS}/{pk}/retest")
    settings.ENCRYPTION_KEYS = keys
    client.force_login(carol)
    for model, rows in (
        ("usermcpconnection", UserMCPConnection.objects),
        ("connectiontest", ConnectionTest.objects),
        ("toolcall", ToolCall.objects),
    ):
        page = f"/admin/connectors/{model}/"
        heard.look(client, page, *(f"{page}{row.pk}/change/" for row in rows.all()))
    logs = caplog.text + "".join(capfd.readouterr())
    assert "connector.tested" in logs
    stored = _stored()
    assert sum("[hidden]" in answer for answer in heard.answers) >= 3
    for place in (*heard.answers, *heard.pages, logs, stored):
        assert CANARY not in place
    # An address is its owner's to read; its query is nobody else's.
    for place in (*heard.pages, logs):
        assert QUERY_CANARY not in place
    for place in (*heard.pages, logs, stored):
        assert ARGUMENT_CANARY not in place


# --- 3. No person reaches another person's connector -------------------------


@pytest.fixture
def of_bob(bob: User, hostile: Hostile) -> UserMCPConnection:
    row = verbs.add(bob, hostile.url("token"), "Bob's", **verbs.token(RIGHT_TOKEN))
    hostile.clear()
    return row


def _rows() -> list[Any]:
    """What a stranger may not change."""
    rows = UserMCPConnection.objects.values()
    seen = [{**row, "auth_config": None} for row in rows]
    return [seen, ConnectionTest.objects.count(), ToolCall.objects.count()]


VERBS: dict[str, Callable[[User, int], Any]] = {
    "get": lambda user, pk: manager.get(user_id=user.pk, connector_id=pk),
    "rename": lambda user, pk: verbs.update(user, pk, name="Mine"),
    "move": lambda user, pk: verbs.update(user, pk, server_url="https://a.example/"),
    "pause": lambda user, pk: verbs.toggle(user, pk, is_active=False),
    "retest": verbs.retest,
    "call": verbs.call,
    "remove": verbs.remove,
}


@pytest.mark.parametrize("verb", VERBS)
def test_invariant_3_a_strangers_connector_is_not_there(
    alice: User, of_bob: UserMCPConnection, hostile: Hostile, verb: str
) -> None:
    before = _rows()
    with pytest.raises(ConnectorNotFound) as of_a_stranger:
        VERBS[verb](alice, of_bob.pk)
    with pytest.raises(ConnectorNotFound) as of_nobody:
        VERBS[verb](alice, of_bob.pk + 1000)
    assert of_a_stranger.value.message == of_nobody.value.message
    assert _rows() == before
    assert hostile.seen("token").requests == 0
    assert not manager.list_for(user_id=alice.pk).exists()


ROUTES: dict[str, tuple[str, str, Any]] = {
    "read": ("GET", "", None),
    "replace": ("PUT", "", {"name": "Mine"}),
    "change": ("PATCH", "", {"name": "Mine"}),
    "delete": ("DELETE", "", None),
    "toggle": ("POST", "/toggle", {"is_active": False}),
    "retest": ("POST", "/retest", None),
    "call": ("POST", "/tools/echo/call", {"arguments": {"text": "a"}}),
}


@pytest.mark.parametrize("person", ["alice", "carol"])
@pytest.mark.parametrize("route", ROUTES)
def test_invariant_3_rest_answers_a_stranger_and_staff_404(
    alice: User,
    carol: User,
    api_client: Callable[..., ApiClient],
    of_bob: UserMCPConnection,
    hostile: Hostile,
    person: str,
    route: str,
) -> None:
    stranger = api_client({"alice": alice, "carol": carol}[person])
    before = _rows()
    method, rest, body = ROUTES[route]
    response = stranger.send(method, f"{CONNECTORS}/{of_bob.pk}{rest}", body)
    assert response.status_code == 404
    assert response.json()["error"] == "CONNECTOR_NOT_FOUND"
    assert _rows() == before
    assert hostile.seen("token").requests == 0


def test_invariant_3_a_ticket_is_good_for_its_owner_alone(
    alice: User, bob: User, hostile: Hostile
) -> None:
    url = hostile.url("token")
    ticket = verbs.try_out(bob, url, **verbs.token(RIGHT_TOKEN)).ticket
    with pytest.raises(NotVerified):
        verbs.add(alice, url, test_ticket=ticket)


# --- 4. A tool call that may have been delivered is never repeated -----------


def _call_paths() -> list[tuple[str, Era | None]]:
    faults = [name for name in FAULTS if name.startswith(("call-", "sse-call-"))]
    modern = [name for name in faults if FAULTS[name].era == "modern"]
    return [(name, None) for name in faults] + [(name, "legacy") for name in modern]


@pytest.mark.parametrize(("name", "era"), _call_paths())
def test_invariant_4_a_call_reaches_its_server_at_most_once(
    alice: User, hostile: Hostile, name: str, era: Era | None
) -> None:
    row = verbs.add(alice, hostile.url(name, era))
    with suppress(ConnectorError):
        verbs.call(alice, row.pk)
    # 404 for a session says that the server does not know it, so did not do it.
    forgot = name.startswith("call-session-") or (name, era) == ("call-404", "legacy")
    attempts = 2 if forgot else 1
    assert hostile.seen(name).tool_calls == attempts
    evidence = ToolCall.objects.get()
    assert evidence.outcome not in {Outcome.STARTED, Outcome.NOT_SENT, Outcome.REFUSED}
    assert evidence.attempts == attempts


# --- 6. One dead, slow or hostile server costs the others nothing ------------


def test_invariant_6_lists_and_pages_dial_nobody(
    alice: User, api: ApiClient, client: Client, carol: User, hostile: Hostile
) -> None:
    row = verbs.add(alice, hostile.url("good"))
    UserMCPConnection.objects.update(server_url=hostile.url("never-answers"))
    connections_before = hostile.connections
    client.force_login(carol)
    assert api.send("GET", CONNECTORS).json()["total"] == 1
    assert api.send("GET", f"{CONNECTORS}/{row.pk}").json()["tool_count"] == 2
    assert client.get("/admin/connectors/usermcpconnection/").status_code == 200
    assert hostile.connections == connections_before


async def _call(user: User, connector_id: int, tool: str, **arguments: Any) -> Any:
    return await calls.call_tool(
        user_id=user.pk,
        username=user.username,
        connector_id=connector_id,
        tool=tool,
        arguments=arguments,
        via=Via.TEST,
    )


@pytest.mark.django_db(transaction=True)
async def test_invariant_6_a_hanging_server_costs_the_others_nothing(
    alice: User, bob: User, notes_server: DemoServer, settings: Settings
) -> None:
    settings.CALL_TIMEOUT_S = 30
    search = {"tool": "search_notes", "query": "release"}
    with gate("tools/call") as hanging:
        async with pools.resident():
            stuck, mine, theirs = [
                await manager.add(user_id=user.pk, name=name, server_url=url)
                for user, name, url in (
                    (alice, "Stuck", hanging.url),
                    (alice, "Mine", notes_server.url),
                    (bob, "Theirs", notes_server.url),
                )
            ]
            waiting = [
                asyncio.ensure_future(_call(alice, stuck.pk, "echo", text="a"))
                for _ in range(settings.CONNECTIONS_PER_ORIGIN)
            ]
            for _ in waiting:
                await hanging.reached()
            assert (await _call(bob, theirs.pk, **search)).content
            assert (await _call(alice, mine.pk, **search)).content
            retested = await manager.retest(user_id=bob.pk, connector_id=theirs.pk)
            assert retested.result.success
            assert not any(call.done() for call in waiting)
            hanging.open()
            assert all([(await call).content for call in waiting])


# --- 8. The eleventh connector does not exist --------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("over_rest", [False, True], ids=["domain", "rest"])
def test_invariant_8_the_eleventh_connector_does_not_exist(
    alice: User,
    hostile: Hostile,
    live_server_asgi: LiveServer,
    over_rest: bool,
) -> None:
    url = hostile.url("good")
    ticket = verbs.try_out(alice, url).ticket
    more = {"test_ticket": ticket, "allow_duplicate": True}
    for number in range(9):
        verbs.add(alice, url, f"Early {number}", **more)
    _, token = tokens.issue(user=alice, name="race")
    client = Rest(live_server_asgi.port, token)
    start = threading.Barrier(50)

    def create(number: int) -> str:
        start.wait(30)
        name = f"Late {number}"
        if over_rest:
            body = {"name": name, "server_url": url, **more}
            status, said = client.send("POST", CONNECTORS, body)
            return "saved" if status == 201 else str(said["error"])
        try:
            verbs.add(alice, url, name, **more)
        except ConnectorError as error:
            return error.code
        finally:
            connections.close_all()
        return "saved"

    with ThreadPoolExecutor(50) as people:
        answers = Counter(people.map(create, range(50)))
    assert answers == {"saved": 1, "CONNECTOR_LIMIT_REACHED": 49}
    slots = [row.slot for row in manager.list_for(user_id=alice.pk)]
    assert slots == list(range(1, 11))


# --- 9. What was answered "saved" is there after kill -9 ----------------------

ROUNDS = 4
SAVERS = 4


def _secret_of(name: str) -> dict[str, str]:
    return {"token": f"secret of {name}".replace(" ", "-")}


def _save_until_it_dies(
    client: Rest, url: str, names: Iterator[str], heard: threading.Semaphore
) -> list[str]:
    """Add connectors as long as somebody answers; return those answered 201."""
    saved = []
    with suppress(OSError, HTTPException):
        for name in names:
            body = {
                "name": name,
                "server_url": url,
                "auth_type": "api_key",
                "auth_config": _secret_of(name),
                "allow_duplicate": True,
            }
            status, answer = client.send("POST", CONNECTORS, body)
            assert status == 201, answer
            saved.append(answer["name"])
            heard.release()
    return saved


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_invariant_9_what_was_saved_is_there_after_kill_9(
    alice: User, hostile: Hostile
) -> None:
    _, token = tokens.issue(user=alice, name="saver")
    numbers = count()
    names = iter(lambda: f"Server {next(numbers)}", None)
    saved: set[str] = set()
    for round_ in range(ROUNDS):
        heard = threading.Semaphore(0)
        with (
            web_process(CONNECTOR_LIMIT="10000", TESTS_PER_MINUTE="10000") as server,
            ThreadPoolExecutor(SAVERS) as people,
        ):
            todo = (Rest(server.port, token), hostile.url("good"), names, heard)
            work = [people.submit(_save_until_it_dies, *todo) for _ in range(SAVERS)]
            for _ in range(10 + round_):
                assert heard.acquire(timeout=PATIENCE_S)
            # One save was just answered; the others are somewhere in the middle.
            server.kill()
            saved |= {name for done in work for name in done.result()}
    rows = {row.name: row for row in UserMCPConnection.objects.owned_by(alice)}
    assert len(saved) >= 10 * ROUNDS
    assert saved <= rows.keys()
    for name, row in rows.items():
        assert row.auth_config is not None
        assert row.auth_config.open() == _secret_of(name)
        assert (row.is_verified, row.tool_count) == (True, len(row.discovered_tools))
        assert row.discover_cache
        assert row.tests.get().success
    assert sorted(row.slot or 0 for row in rows.values()) == [*range(1, len(rows) + 1)]
