"""Old listings are refreshed beside a turn, each connector by itself."""

import asyncio
from contextlib import aclosing
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from agent import refreshing
from agent.tests import boxes
from connectors import calls, manager
from connectors.models import Status, UserMCPConnection
from connectors.tests import rows, verbs
from connectors.tests.gate import gate
from demo.fixtures import DemoServer

pytestmark = pytest.mark.usefixtures("allow_loopback")

CONNECTORS = UserMCPConnection.objects
STALE: dict[str, Any] = {"tools_listed_at": None}


@pytest.fixture(autouse=True)
def short_limits(settings: Settings) -> None:
    settings.TEST_TIMEOUT_S = 2
    settings.CONNECT_TIMEOUT_S = 0.5
    settings.RETRY_DELAY_S = 0.05


def refresh(user: User) -> list[dict[str, Any]]:
    async def run() -> list[dict[str, Any]]:
        return [notice async for notice in refreshing.refresh(user.pk)]

    return async_to_sync(run)()


def test_what_is_fresh_is_left_alone(alice: User, closed_url: str) -> None:
    rows.connector(alice, server_url=closed_url)
    assert refresh(alice) == []
    assert CONNECTORS.get().status == Status.READY


def test_retry_on_failure(alice: User, closed_url: str) -> None:
    """A connector that fails is tried once more, given up, and said to be."""
    row = rows.connector(
        alice,
        name="Warehouse",
        server_url=closed_url,
        status=Status.UNREACHABLE,
        last_error_code="CONNECTION_FAILED",
    )
    before = timezone.now()
    (notice,) = refresh(alice)
    at = {f"{moment:%H:%M}" for moment in (before, timezone.now())}
    assert notice.pop("detail") in {
        f"Two tries failed, the last at {one} UTC. No connection could be made."
        for one in at
    }
    assert notice == {
        "level": "review",
        "text": "Warehouse was left out of this answer.",
        "code": "CONNECTION_FAILED",
        "connector_id": row.pk,
    }


def test_a_connector_whose_tools_were_offered_was_not_left_out(
    alice: User, closed_url: str
) -> None:
    rows.connector(alice, name="Notes", server_url=closed_url, **STALE)
    (notice,) = refresh(alice)
    assert notice["text"] == "The tools of Notes could not be looked up again."
    assert notice["detail"].endswith("This answer used what was known of them.")
    assert boxes.load(alice).tools == {}


def test_one_dead_connector_costs_the_others_nothing(
    alice: User, notes_server: DemoServer, closed_url: str, silent_url: str
) -> None:
    good = verbs.add(alice, notes_server.url, "Good")
    CONNECTORS.filter(pk=good.pk).update(
        discovered_tools=[],
        tools_listed_at=timezone.now() - timedelta(hours=1),
        status=Status.UNREACHABLE,
    )
    rows.connector(alice, 2, name="Closed", server_url=closed_url, **STALE)
    rows.connector(alice, 3, name="Silent", server_url=silent_url, **STALE)
    notices = refresh(alice)
    # The one that fails first is said first: nobody waits for another.
    assert [notice["connector_id"] for notice in notices] == [good.pk + 1, good.pk + 2]
    assert [notice["code"] for notice in notices] == ["CONNECTION_FAILED", "TIMEOUT"]
    fresh = CONNECTORS.get(pk=good.pk)
    assert (fresh.status, len(fresh.discovered_tools)) == (
        Status.READY, good.tool_count
    )  # fmt: skip


def test_what_is_refreshed_is_there_for_the_next_turn(
    alice: User, notes_server: DemoServer
) -> None:
    row = verbs.add(alice, notes_server.url, "Notes")
    known = [*boxes.load(alice).tools]
    CONNECTORS.filter(pk=row.pk).update(status=Status.UNREACHABLE)
    assert not boxes.load(alice).tools
    assert refresh(alice) == []
    assert [*boxes.load(alice).tools] == known


@pytest.mark.usefixtures("transactional_db")
def test_a_listing_that_is_stored_holds_no_connection_while_others_go_on(
    alice: User, notes_server: DemoServer
) -> None:
    row = verbs.add(alice, notes_server.url, "Notes")
    CONNECTORS.filter(pk=row.pk).update(**STALE)
    assert refresh(alice) == []
    assert connection.connection is None
    assert CONNECTORS.get().tools_listed_at is not None


def test_another_persons_connectors_are_left_alone(
    alice: User, bob: User, closed_url: str
) -> None:
    rows.connector(bob, server_url=closed_url, **STALE)
    assert refresh(alice) == []
    assert CONNECTORS.get().status == Status.READY


def test_too_much_at_once_is_not_said_of_the_server(
    alice: User, closed_url: str, settings: Settings
) -> None:
    settings.OPS_PER_PERSON = 0
    settings.ADMISSION_WAIT_S = 0.05
    rows.connector(alice, server_url=closed_url, **STALE)
    assert refresh(alice) == []


def test_a_refresh_takes_no_place_of_the_person(
    alice: User, notes_server: DemoServer, settings: Settings
) -> None:
    """A call of the turn does not wait for servers that say nothing."""
    row = verbs.add(alice, notes_server.url, "Notes")
    with gate("tools/list") as held:
        add = partial(manager.add, user_id=alice.pk, name="Slow", server_url=held.url)
        slow = held.meanwhile(add, lambda: None)
        CONNECTORS.filter(pk=slow.pk).update(**STALE)
        settings.OPS_PER_PERSON = 1
        settings.ADMISSION_WAIT_S = 0.2

        async def run() -> None:
            async with aclosing(refreshing.refresh(alice.pk)) as notices:
                first = asyncio.ensure_future(anext(notices, None))
                await held.reached()
                await calls.call_tool(
                    user_id=alice.pk,
                    username="alice",
                    connector_id=row.pk,
                    tool="search_notes",
                    arguments={"query": "release"},
                    via="test",
                )
                assert not first.done()
                held.let_one_through()
                assert await first is None

        async_to_sync(run)()


def test_who_gives_up_early_leaves_nobody_waiting(alice: User) -> None:
    with gate("tools/list") as held:
        add = partial(manager.add, user_id=alice.pk, name="Slow", server_url=held.url)
        slow = held.meanwhile(add, lambda: None)
        CONNECTORS.filter(pk=slow.pk).update(**STALE)

        async def run() -> int:
            notices = refreshing.refresh(alice.pk)
            first = asyncio.ensure_future(anext(notices, None))
            await held.reached()
            first.cancel()
            await asyncio.wait([first])
            await notices.aclose()
            return len(asyncio.all_tasks()) - 1

        assert async_to_sync(run)() == 0
    assert CONNECTORS.get().tools_listed_at is None
