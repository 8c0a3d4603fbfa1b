"""Listings that are made again in the background."""

from collections.abc import Awaitable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone
from pytest_django import Settings
from structlog.testing import capture_logs

from accounts.models import User
from connectors import manager, refreshing
from connectors.errors import ConnectionFailed, SecretUnreadable, TooManyRequests
from connectors.models import Status, UserMCPConnection
from connectors.refreshing import Refreshed
from connectors.tests import rows, verbs
from connectors.tests.gate import Gate, gate
from demo.fixtures import DemoServer
from demo.hostile import Exchange, Fault, Hostile, running
from demo.hostile.peer import polite

pytestmark = pytest.mark.usefixtures("allow_loopback")

CONNECTORS = UserMCPConnection.objects


@pytest.fixture(autouse=True)
def short_limits(settings: Settings) -> None:
    settings.TEST_TIMEOUT_S = 2
    settings.CONNECT_TIMEOUT_S = 0.5
    settings.RETRY_DELAY_S = 0.05


def refresh(row: UserMCPConnection) -> Refreshed:
    seen = CONNECTORS.get(pk=row.pk)
    return async_to_sync(refreshing.refresh_listing)(seen)


def events(logs: list[Any]) -> list[str]:
    return [log["event"] for log in logs]


def grown_old(row: UserMCPConnection, **changes: Any) -> UserMCPConnection:
    """Let the stored listing be an hour old, and another one than the server's."""
    fields = {
        "discovered_tools": rows.TOOLS,
        "tool_count": len(rows.TOOLS),
        "tools_listed_at": timezone.now() - timedelta(hours=1),
        **changes,
    }
    CONNECTORS.filter(pk=row.pk).update(**fields)
    return CONNECTORS.get(pk=row.pk)


# --- What is due -------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "is_due"),
    [
        ({}, False),
        ({"tools_listed_at": timezone.now() - timedelta(seconds=700)}, True),
        ({"tools_listed_at": None}, True),
        ({"tools_listed_at": None, "status": Status.REVIEW}, True),
        ({"status": Status.UNREACHABLE}, True),
        ({"status": Status.SERVER_ERROR}, True),
        ({"status": Status.UNREACHABLE, "is_active": False}, False),
        ({"status": Status.UNREACHABLE, "is_verified": False}, False),
        ({"status": Status.SIGN_IN_AGAIN, "tools_listed_at": None}, False),
        ({"status": Status.NOT_MCP, "tools_listed_at": None}, False),
        ({"status": Status.PAUSED_AUTO, "tools_listed_at": None}, False),
    ],
)
def test_what_is_stale_or_was_away_is_due(
    alice: User, bob: User, changes: dict[str, Any], is_due: bool
) -> None:
    row = rows.connector(alice, **changes)
    rows.connector(bob, tools_listed_at=None)
    due = refreshing.due(user_id=alice.pk)
    assert due == ([row] if is_due else [])


# --- Success -----------------------------------------------------------------


def test_a_new_listing_replaces_the_old_one(
    alice: User, notes_server: DemoServer
) -> None:
    row = verbs.add(alice, notes_server.url)
    grown_old(row)
    with capture_logs() as logs:
        done = refresh(row)
    assert (done.failure, done.attempts) == (None, 1)
    fresh = CONNECTORS.get()
    assert fresh.discovered_tools == row.discovered_tools
    assert fresh.tool_count == row.tool_count
    assert fresh.tools_listed_at
    assert timezone.now() - fresh.tools_listed_at < timedelta(minutes=1)
    assert events(logs) == ["listing.refreshed"]
    assert logs[0]["connector_id"] == row.pk
    assert logs[0]["duration_ms"] >= 0


@pytest.mark.parametrize("name", ["sse", "token"])
def test_servers_of_every_kind_are_listed(
    alice: User, sse_server: DemoServer, token_server: DemoServer, name: str
) -> None:
    if name == "sse":
        row = verbs.add(alice, sse_server.url)
    else:
        row = verbs.add(alice, token_server.url, **verbs.token(token_server.token))
    grown_old(row)
    assert refresh(row).failure is None
    assert CONNECTORS.get().discovered_tools == row.discovered_tools


def test_a_server_that_is_back_is_ready_again(
    alice: User, notes_server: DemoServer
) -> None:
    row = verbs.add(alice, notes_server.url)
    grown_old(
        row,
        status=Status.UNREACHABLE,
        last_error_code="TIMEOUT",
        consecutive_failures=2,
    )
    with capture_logs() as logs:
        refresh(row)
    fresh = CONNECTORS.get()
    assert (fresh.status, fresh.last_error_code) == (Status.READY, "")
    assert fresh.consecutive_failures == 0
    assert events(logs) == ["connector.status_changed", "listing.refreshed"]


def test_a_server_that_lost_its_tools_has_none(alice: User, hostile: Hostile) -> None:
    row = verbs.add(alice, hostile.url("empty-list"))
    grown_old(row)
    assert refresh(row).failure is None
    fresh = CONNECTORS.get()
    assert (fresh.discovered_tools, fresh.tool_count) == ([], 0)
    assert (fresh.status, fresh.last_error_code) == (Status.READY, "NO_TOOLS")


# --- Failure -----------------------------------------------------------------


class Flaky:
    """Hangs up on the first requests, and is a good server after that."""

    def __init__(self, failures: int) -> None:
        self.left = failures

    async def reply(self, exchange: Exchange) -> None:
        if self.left:
            self.left -= 1
            exchange.wire.close()
        else:
            await polite(exchange)


@pytest.fixture
def flaky() -> Iterator[tuple[Flaky, str]]:
    peer = Flaky(0)
    fault = Fault(about="hangs up at first", reply=peer.reply)
    with running(faults={"flaky": fault}) as server:
        yield peer, server.url("flaky")


def test_a_listing_that_fails_is_tried_once_more(
    alice: User, flaky: tuple[Flaky, str]
) -> None:
    peer, url = flaky
    row = verbs.add(alice, url)
    grown_old(row)
    peer.left = 1
    done = refresh(row)
    assert (done.failure, done.attempts) == (None, 2)
    assert CONNECTORS.get().status == Status.READY


def test_a_server_that_is_away_is_tried_twice_and_keeps_its_tools(
    alice: User, closed_url: str
) -> None:
    row = rows.connector(alice, server_url=closed_url)
    with capture_logs() as logs:
        done = refresh(row)
    assert isinstance(done.failure, ConnectionFailed)
    assert done.attempts == 2
    fresh = CONNECTORS.get()
    assert (fresh.status, fresh.is_verified) == (Status.UNREACHABLE, True)
    assert fresh.consecutive_failures == 1
    assert fresh.discovered_tools == rows.TOOLS
    assert fresh.tools_listed_at == row.tools_listed_at
    assert events(logs) == ["connector.status_changed", "listing.failed"]
    assert logs[-1]["error_code"] == "CONNECTION_FAILED"


def test_a_server_that_says_nothing_is_a_timeout(
    alice: User, silent_url: str, settings: Settings
) -> None:
    settings.TEST_TIMEOUT_S = 0.3
    row = rows.connector(alice, server_url=silent_url)
    done = refresh(row)
    assert done.failure is not None
    assert (done.failure.code, done.attempts) == ("TIMEOUT", 2)
    assert CONNECTORS.get().status == Status.UNREACHABLE


def test_an_address_that_is_not_allowed_is_not_tried_again(
    alice: User, closed_url: str, settings: Settings
) -> None:
    settings.EGRESS_ALLOW = []
    done = refresh(rows.connector(alice, server_url=closed_url))
    assert isinstance(done.failure, ConnectionFailed)
    assert done.attempts == 1


def test_a_server_that_answers_is_not_asked_again(
    alice: User, token_server: DemoServer
) -> None:
    row = verbs.add(alice, token_server.url, **verbs.token(token_server.token))
    fresh = CONNECTORS.get()
    fresh.auth_config = {"token": "expired"}
    fresh.save()
    done = refresh(row)
    assert done.failure is not None
    assert (done.failure.code, done.attempts) == ("AUTH_FAILED", 1)
    fresh = CONNECTORS.get()
    assert (fresh.status, fresh.is_verified) == (Status.SIGN_IN_AGAIN, False)


def test_credentials_that_cannot_be_read_are_a_failure(
    alice: User, settings: Settings
) -> None:
    row = rows.connector(alice, auth_type="api_key", auth_config={"token": "t"})
    settings.ENCRYPTION_KEYS = {"k2": b"2" * 32}
    done = refresh(row)
    assert isinstance(done.failure, SecretUnreadable)
    assert done.attempts == 0
    assert CONNECTORS.get().status == Status.SECRET_UNREADABLE


def test_too_much_at_once_says_nothing_about_the_server(
    alice: User, closed_url: str, settings: Settings
) -> None:
    settings.OPS_PER_PERSON = 0
    settings.ADMISSION_WAIT_S = 0.05
    done = refresh(rows.connector(alice, server_url=closed_url))
    assert isinstance(done.failure, TooManyRequests)
    assert CONNECTORS.get().status == Status.READY


# --- Meanwhile ---------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"server_url": "https://elsewhere.example/mcp"},
        {"auth_type": "api_key", "auth_config": {"token": "new"}},
        {"slot": None, "status": Status.REMOVED_BY_ADMIN},
        {"tools_listed_at": timezone.now() + timedelta(seconds=1)},
    ],
)
def test_what_changed_meanwhile_is_left_alone(
    alice: User, change: dict[str, Any]
) -> None:
    with gate("tools/list") as held:
        seen = _added(alice, held)

        def edit() -> None:
            row = CONNECTORS.get()
            for name, value in change.items():
                setattr(row, name, value)
            row.save()

        held.meanwhile(lambda: refreshing.refresh_listing(seen), edit)
    assert CONNECTORS.get().discovered_tools == rows.TOOLS


def test_a_deleted_connector_does_not_come_back(alice: User) -> None:
    with gate("tools/list") as held:
        seen = _added(alice, held)
        held.meanwhile(
            lambda: refreshing.refresh_listing(seen),
            lambda: CONNECTORS.get(pk=seen.pk).delete(),
        )
    assert not CONNECTORS.exists()


def _added(user: User, held: Gate) -> UserMCPConnection:
    def add() -> Awaitable[UserMCPConnection]:
        return manager.add(user_id=user.pk, name="Held", server_url=held.url)

    return grown_old(held.meanwhile(add, lambda: None))


# --- Secrets -----------------------------------------------------------------


def test_a_secret_that_a_listing_repeats_is_not_stored(
    alice: User, hostile: Hostile
) -> None:
    row = verbs.add(alice, hostile.url("good"), **verbs.token("numbers"))
    grown_old(row)
    assert refresh(row).failure is None
    assert CONNECTORS.get().discovered_tools[1]["description"] == "Adds two [hidden]."
