"""Whoever waits for a server holds no connection to the database."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from accounts import tokens
from accounts.models import User
from connectors.tests import granted, verbs
from connectors.tests.gate import Gate, gate
from connectors.tests.over_rest import CONNECTORS, TEST
from connectors.tests.processes import Rest, web_process
from demo.authority.running import RunningAuthority

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("allow_loopback"),
]

SLOW = 10


def _hold_ten(method: str, path: str, body: Any, server: Gate, user: User) -> None:
    """Have ten requests wait for `server`, and list connectors meanwhile."""
    _, token = tokens.issue(user=user, name="pool")
    limits = {"DATABASE_POOL_MAX": "2", "CONNECTIONS_PER_ORIGIN": "20"}
    with web_process(**limits) as web, ThreadPoolExecutor(SLOW) as people:
        client = Rest(web.port, token)
        slow = [people.submit(client.send, method, path, body) for _ in range(SLOW)]
        try:
            for _ in slow:
                server.wait()
            assert client.send("GET", CONNECTORS)[0] == 200
        finally:
            server.open()
        assert [done.result()[0] for done in slow] == [200] * SLOW


def test_ten_slow_tests_run_on_a_pool_of_two(alice: User) -> None:
    with gate("tools/list") as server:
        _hold_ten("POST", TEST, {"server_url": server.url}, server, alice)


def test_ten_slow_calls_run_on_a_pool_of_two(alice: User) -> None:
    with gate("tools/call") as server:
        row = verbs.add(alice, server.url)
        path = f"{CONNECTORS}/{row.pk}/tools/echo/call"
        _hold_ten("POST", path, {"arguments": {"text": "a"}}, server, alice)


def test_a_slow_sign_in_service_holds_no_connection(
    alice: User, authority: RunningAuthority
) -> None:
    grant = granted.signed_in(alice, authority)
    authority.expire_all()
    authority.switches.token_delay_s = 3
    _, token = tokens.issue(user=alice, name="pool")
    path = f"{CONNECTORS}/{grant.connector_id}/tools/whoami/call"
    limits = {"DATABASE_POOL_MAX": "2", "CONNECTIONS_PER_ORIGIN": "20"}
    with web_process(**limits) as web, ThreadPoolExecutor(SLOW) as people:
        client = Rest(web.port, token)
        body: Any = {"arguments": {}}
        slow = [people.submit(client.send, "POST", path, body) for _ in range(SLOW)]
        granted.until(lambda: len(authority.mcp_refusals) >= SLOW)
        granted.until(lambda: granted.refreshes(authority))
        assert client.send("GET", CONNECTORS)[0] == 200
        assert granted.refreshes(authority) == [""]
        assert [done.result()[0] for done in slow] == [200] * SLOW
    assert granted.refreshes(authority) == ["ok"]
