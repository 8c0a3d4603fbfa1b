"""Whoever waits for a server holds no connection to the database."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from accounts import tokens
from accounts.models import User
from connectors.tests import verbs
from connectors.tests.gate import Gate, gate
from connectors.tests.over_rest import CONNECTORS, TEST
from connectors.tests.processes import Rest, web_process

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
