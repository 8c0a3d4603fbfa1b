"""Invariant 2: no request goes where egress has not resolved, checked and pinned.

A person chooses a URL; a server chooses where it redirects, where it wants its
messages, and what its name resolves to. 127.0.0.66 stands for a service inside,
127.0.0.1 for the internet.
"""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from django.core.management import call_command
from pytest_django import Settings
from structlog.testing import capture_logs

from accounts.models import User
from config.tests.rest import ApiClient
from connectors import egress, tasks
from connectors.errors import NotVerified, ServerFailure
from connectors.models import UserMCPConnection
from connectors.tests import verbs
from connectors.tests.loopback import always, dial, listen, reply
from connectors.tests.over_rest import CONNECTORS, TEST
from connectors.validator import validate_mcp_connection
from demo.hostile import PRIVATE_HOST, Hostile

pytestmark = pytest.mark.usefixtures("allow_loopback")

LEADING_AWAY = (
    "redirect-elsewhere", "redirect-private", "redirect-file", "redirect-user",
    "sse-elsewhere",
)  # fmt: skip
# What opens connections by itself. `asyncio` and `anyio` do so by these functions.
CLIENTS = {"aiohttp", "httpcore", "httpx", "pycurl", "requests", "urllib3"}
OPENERS = {
    "AsyncClient", "AsyncConnectionPool", "AsyncHTTPTransport", "ConnectionPool",
    "HTTPConnection", "HTTPSConnection", "HTTPTransport", "connect_tcp",
    "create_connection", "create_mcp_http_client", "open_connection", "urlopen",
}  # fmt: skip
# They ask this machine whether our own processes answer.
OURSELVES = {"config/probe.py", "config/supervise.py"}


@pytest.fixture(autouse=True)
def short_limits(settings: Settings) -> None:
    settings.TEST_TIMEOUT_S = 2
    # What a machine under load can keep: only what ends by time waits so long.
    settings.CALL_TIMEOUT_S = 2
    settings.DISCOVER_TIMEOUT_S = 0.4


@pytest.mark.parametrize("name", LEADING_AWAY)
def test_invariant_2_no_server_leads_elsewhere(
    alice: User, hostile: Hostile, name: str
) -> None:
    row = verbs.add(alice, hostile.url("good"), **verbs.token("secret"))
    away, secret = hostile.url(name), verbs.token("secret")
    assert not verbs.try_out(alice, away, **secret).result.success
    with pytest.raises(NotVerified):
        verbs.add(alice, away, "Away", **secret)
    with pytest.raises(NotVerified):
        verbs.update(alice, row.pk, server_url=away, **secret)
    # It was good when it was added, and leads away by now.
    UserMCPConnection.objects.update(server_url=away)
    assert not verbs.retest(alice, row.pk).result.success
    with pytest.raises(ServerFailure):
        verbs.call(alice, row.pk)
    assert hostile.seen("trap").requests == 0


def test_invariant_2_no_face_reaches_an_address_inside(
    alice: User, api: ApiClient, hostile: Hostile
) -> None:
    row = verbs.add(alice, hostile.url("good"))
    before = hostile.connections
    inside = hostile.url("good").replace("127.0.0.1", PRIVATE_HOST)
    with capture_logs() as logs:
        tested = api.post(TEST, {"server_url": inside}).json()
        added = api.post(CONNECTORS, {"name": "Inside", "server_url": inside}).json()
        path = f"{CONNECTORS}/{row.pk}"
        changed = api.send("PATCH", path, {"server_url": inside}).json()
    for result in (tested, added["test"], changed["test"]):
        assert result["error_code"] == "CONNECTION_FAILED"
    blocked = [event for event in logs if event["event"] == "egress.blocked"]
    assert len(blocked) == 3
    assert PRIVATE_HOST not in str(blocked)
    with pytest.raises(SystemExit):
        call_command("probe", inside)
    assert validate_mcp_connection(inside).error_code == "CONNECTION_FAILED"
    # The policy is that of the moment, whatever was allowed when it was saved.
    UserMCPConnection.objects.update(server_url=inside)
    assert api.post(f"{path}/retest").json()["error_code"] == "CONNECTION_FAILED"
    call = api.post(f"{path}/tools/echo/call", {"arguments": {"text": "x"}})
    assert (call.status_code, call.json()["error"]) == (502, "CONNECTION_FAILED")
    tasks.test_again.enqueue(connector_id=row.pk, user_id=alice.pk)
    assert hostile.connections == before


async def test_invariant_2_a_name_that_rebinds_gains_nothing() -> None:
    looked_up: list[str] = []
    replies = iter([["127.0.0.1"], [PRIVATE_HOST], ["127.0.0.1", PRIVATE_HOST]])

    async def rebind(name: str) -> list[str]:
        looked_up.append(name)
        return next(replies)

    policy = egress.Policy(allow=("127.0.0.1/32",), resolver=rebind)
    closing = always(reply(headers=("Connection: close",)))
    async with (
        listen(closing) as peer,
        listen(closing, host=PRIVATE_HOST, port=peer.port) as inside,
        dial(policy=policy) as (client, _),
    ):
        url = f"http://name.example.test:{peer.port}/"
        assert (await client.get(url)).status_code == 200
        # Checked and dialled is one and the same answer: there is one lookup each.
        assert len(looked_up) == 1
        for _ in range(2):
            with pytest.raises(httpx2.ConnectError):
                await client.get(url)
        assert (peer.connections, inside.connections) == (1, 0)


def _sources(root: Path) -> Iterator[tuple[str, ast.AST]]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=root, check=True, capture_output=True, text=True,
    )  # fmt: skip
    for name in listed.stdout.split():
        outside = name.startswith(("demo/", "bench/", ".ci/")) or "/tests/" in name
        if not outside and name != "conftest.py":
            yield name, ast.parse((root / name).read_text())


def _opens(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found |= {a.name.partition(".")[0] for a in names} & CLIENTS
            case ast.ImportFrom(module=str(module), names=names):
                found |= {module.partition(".")[0]} & CLIENTS
                found |= {alias.name for alias in names} & OPENERS
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                found |= {name} & OPENERS
    return found


def test_invariant_2_nothing_but_egress_opens_connections(project_root: Path) -> None:
    sources = dict(_sources(project_root))
    assert len(sources) > 100
    opening = {name for name, tree in sources.items() if _opens(tree)}
    door = {name for name in opening if name.startswith("connectors/egress/")}
    assert door, "the search finds what is there"
    assert opening - door - OURSELVES == set()
