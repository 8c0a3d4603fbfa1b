"""A database that goes away and comes back, under a web process that stays."""

import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from django.db import connection

from config.tests.forwarder import Forwarder, forwarded
from config.tests.processes import Program, free_port, rest

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]
# Two seconds are promised; the rest is for a busy machine.
ANSWER_S = 5.0
RECOVERY_S = 20.0


@pytest.fixture
def line() -> Iterator[Forwarder]:
    place = connection.settings_dict
    with forwarded(place["HOST"], int(place["PORT"])) as opened:
        yield opened


@pytest.fixture
def port(line: Forwarder, project_root: Path) -> Iterator[int]:
    """Run a web process that reaches the test database through `line`."""
    place = connection.settings_dict
    number = free_port()
    url = f"postgres://{place['USER']}:{place['PASSWORD']}@127.0.0.1:{line.port}"
    argv = ["-m", "uvicorn", "config.asgi:application", "--lifespan", "on"]
    program = Program(
        [*argv, "--port", str(number), "--log-level", "info"],
        root=project_root,
        env={
            "DATABASE_URL": f"{url}/{place['NAME']}",
            "DATABASE_POOL_MAX": "4",
            "LOG_LEVEL": "ERROR",
        },
    )
    wait_until_ready(number)
    yield number
    program.end()
    assert not [line for line in rest(program.err) if str(place["USER"]) in line]


def ask(port: int, path: str) -> tuple[int, str | None]:
    """Return the status and Retry-After of a request that asks the database."""
    opened = HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
    try:
        token = "pb_abcdefgh_" + "x" * 43
        opened.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        with opened.getresponse() as response:
            response.read()
            return response.status, response.headers["Retry-After"]
    finally:
        opened.close()


def wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + RECOVERY_S
    while time.monotonic() < deadline:
        try:
            if ask(port, "/readyz")[0] == 200:
                return
        except OSError:
            continue
    raise AssertionError(f"not ready after {RECOVERY_S} seconds")


def test_requests_answer_503_until_the_database_is_back(
    port: int, line: Forwarder
) -> None:
    assert ask(port, "/api/connectors")[0] == 401
    line.cut()
    # More than the pool has: each of its connections is found dead once.
    for _ in range(6):
        status, retry_after = ask(port, "/api/connectors")
        assert status == 503
        assert int(retry_after or 0) > 0
    assert ask(port, "/readyz")[0] == 503
    assert ask(port, "/healthz")[0] == 200
    line.mend()
    wait_until_ready(port)
    assert ask(port, "/api/connectors")[0] == 401


def test_a_database_that_only_restarted_is_not_noticed(
    port: int, line: Forwarder
) -> None:
    line.cut()
    line.mend()
    assert ask(port, "/api/connectors")[0] == 401
