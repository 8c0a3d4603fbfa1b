"""The verbs of a person's connectors, against real servers."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from structlog.testing import capture_logs

from accounts.models import User
from connectors import manager
from connectors.errors import (
    ConnectorDisabled,
    ConnectorNotFound,
    DuplicateName,
    DuplicateUrl,
    InvalidInput,
    LimitReached,
    NotVerified,
    TooManyRequests,
)
from connectors.manager import Changes
from connectors.models import ConnectionTest, Status, UserMCPConnection
from connectors.steps import Step
from connectors.tests import verbs
from demo.fixtures import DemoServer
from demo.hostile import RIGHT_TOKEN, Hostile

pytestmark = pytest.mark.usefixtures("allow_loopback")

CONNECTORS = UserMCPConnection.objects
Events = list[Any]


@pytest.fixture(autouse=True)
def short_limits(settings: Settings) -> None:
    settings.TEST_TIMEOUT_S = 5
    settings.DISCOVER_TIMEOUT_S = 0.5


def names(user: User) -> list[str]:
    return [row.name for row in manager.list_for(user_id=user.pk)]


# --- Testing -----------------------------------------------------------------


def test_a_test_is_evidence_and_makes_no_connector(
    alice: User, hostile: Hostile
) -> None:
    with capture_logs() as logs:
        report = verbs.try_out(alice, hostile.url("good"))
    assert report.result.success
    assert report.ticket
    assert not CONNECTORS.exists()
    kept = ConnectionTest.objects.get()
    assert (kept.user, kept.connector, kept.success) == (alice, None, True)
    tested = [log for log in logs if log["event"] == "connector.tested"]
    assert tested[0]["user_id"] == alice.pk
    assert set(tested[0]) <= {
        "event", "log_level", "user_id", "error_code", "duration_ms", "logger"
    }  # fmt: skip


def test_a_failed_test_is_evidence_too_and_has_no_ticket(
    alice: User, hostile: Hostile
) -> None:
    report = verbs.try_out(alice, hostile.url("html"))
    assert report.result.error_code == "INVALID_MCP_SERVER"
    assert report.ticket == ""
    assert ConnectionTest.objects.get().error_code == "INVALID_MCP_SERVER"


@pytest.mark.parametrize(
    "url", ["", "not-a-url", "ftp://example.com", "x" * 5000, "\x00"]
)
def test_any_text_may_be_tested(alice: User, url: str) -> None:
    report = verbs.try_out(alice, url)
    assert report.result.error_code == "INVALID_URL"
    assert ConnectionTest.objects.get().error_code == "INVALID_URL"


def test_the_steps_come_one_by_one_and_the_report_last(
    alice: User, hostile: Hostile
) -> None:
    async def watch() -> list[Any]:
        steps = manager.testing(
            user_id=alice.pk,
            server_url=hostile.url("good"),
            auth_type="none",
            auth_config=None,
        )
        return [item async for item in steps]

    *steps, report = async_to_sync(watch)()
    assert all(isinstance(step, Step) for step in steps)
    assert {step.step for step in steps if step.status == "passed"} == {
        "url", "address", "connection", "sign_in", "handshake", "tools"
    }  # fmt: skip
    assert report.result.success
    assert report.ticket


def test_who_leaves_during_a_test_leaves_no_evidence(
    alice: User, hostile: Hostile
) -> None:
    async def leave() -> None:
        steps = manager.testing(
            user_id=alice.pk,
            server_url=hostile.url("never-answers"),
            auth_type="none",
            auth_config=None,
        )
        async for _ in steps:
            break
        await steps.aclose()

    async_to_sync(leave)()
    assert not ConnectionTest.objects.exists()


def test_tests_are_counted(alice: User, hostile: Hostile, settings: Settings) -> None:
    settings.TESTS_PER_MINUTE = 2
    verbs.try_out(alice, "not-a-url")
    verbs.try_out(alice, "not-a-url")
    with pytest.raises(TooManyRequests):
        verbs.try_out(alice, hostile.url("good"))
    assert hostile.seen("good").requests == 0


def test_credentials_of_the_wrong_shape_are_not_dialled_with(alice: User) -> None:
    with pytest.raises(InvalidInput) as refused:
        verbs.try_out(alice, "https://example.com", auth_type="api_key", auth_config={})
    assert refused.value.errors[0]["loc"][:2] == ["body", "auth_config"]


# --- Adding ------------------------------------------------------------------


def test_create_connector(alice: User, notes_server: DemoServer) -> None:
    with capture_logs() as logs:
        added = verbs.add(alice, notes_server.url, "  Notes ", description="The team's")
    row = CONNECTORS.get()
    assert row == added
    assert (row.user, row.slot, row.name, row.slug) == (alice, 1, "Notes", "notes")
    assert (row.status, row.is_active, row.is_verified) == (Status.READY, True, True)
    assert (row.transport, row.protocol_version) == ("http", "2026-07-28")
    assert row.description == "The team's"
    assert row.server_info["name"]
    assert row.discover_cache
    assert row.tool_count == len(row.discovered_tools) > 3
    assert row.last_verified_at is not None
    assert row.tools_listed_at is not None
    assert row.auth_config is None
    assert row.tests.get().success
    assert {
        "event": "connector.added",
        "user_id": alice.pk,
        "connector_id": row.pk,
    }.items() <= next(log for log in logs if log["event"] == "connector.added").items()


def test_credentials_are_kept_sealed_and_work(
    alice: User, token_server: DemoServer
) -> None:
    added = verbs.add(alice, token_server.url, **verbs.token(token_server.token))
    row = CONNECTORS.get(pk=added.pk)
    assert row.auth_config is not None
    assert row.auth_config.open() == {"token": token_server.token}
    with connection.cursor() as cursor:
        cursor.execute("SELECT auth_config FROM user_mcp_connections")
        assert token_server.token not in cursor.fetchone()[0]


def test_a_server_without_tools_is_saved_with_a_warning(
    alice: User, hostile: Hostile
) -> None:
    row = verbs.add(alice, hostile.url("empty-list"))
    assert (row.status, row.is_verified) == (Status.READY, True)
    assert (row.last_error_code, row.tool_count) == ("NO_TOOLS", 0)


def test_a_test_that_fails_saves_nothing(alice: User, token_server: DemoServer) -> None:
    with pytest.raises(NotVerified) as refused:
        verbs.add(alice, token_server.url)
    assert refused.value.test.error_code == "AUTH_REQUIRED"
    assert refused.value.test.steps
    assert not CONNECTORS.exists()
    assert ConnectionTest.objects.get().connector is None


def test_a_ticket_spares_the_second_test(alice: User, hostile: Hostile) -> None:
    url = hostile.url("good")
    ticket = verbs.try_out(alice, url).ticket
    requests = hostile.seen("good").requests
    row = verbs.add(alice, url, test_ticket=ticket)
    assert hostile.seen("good").requests == requests
    assert row.tool_count == 2
    assert row.discover_cache
    assert row.server_info["name"] == "Hostile peer"
    assert row.tests.count() == 1


def _of_other_credentials(alice: User, bob: User, hostile: Hostile) -> str:
    url = hostile.url("token")
    return verbs.try_out(alice, url, **verbs.token(RIGHT_TOKEN)).ticket


def _of_somebody_else(alice: User, bob: User, hostile: Hostile) -> str:
    return verbs.try_out(bob, hostile.url("good")).ticket


def _of_another_url(alice: User, bob: User, hostile: Hostile) -> str:
    return verbs.try_out(alice, hostile.url("bare-results")).ticket


def _expired(alice: User, bob: User, hostile: Hostile) -> str:
    ticket = verbs.try_out(alice, hostile.url("good")).ticket
    ConnectionTest.objects.update(expires_at="2020-01-01T00:00Z")
    return ticket


def _made_up(alice: User, bob: User, hostile: Hostile) -> str:
    return "made-up \ud800"


@pytest.mark.parametrize(
    "stale",
    [_of_other_credentials, _of_somebody_else, _of_another_url, _expired, _made_up],
)
def test_a_ticket_that_proves_nothing_is_replaced_by_a_test(
    alice: User, bob: User, hostile: Hostile, stale: Callable[..., str]
) -> None:
    ticket = stale(alice, bob, hostile)
    requests = hostile.seen("good").requests
    row = verbs.add(alice, hostile.url("good"), test_ticket=ticket)
    assert row.is_verified
    assert hostile.seen("good").requests > requests


def test_the_url_is_kept_as_typed_without_its_fragment(
    alice: User, hostile: Hostile
) -> None:
    row = verbs.add(alice, f"  {hostile.url('good')}?team=A#part ")
    assert row.server_url == f"{hostile.url('good')}?team=A"


@pytest.mark.parametrize(
    ("url", "constraint"),
    [
        ("not-a-url", "url"),
        ("https://me:pw@example.com/", "userinfo"),
        (f"https://example.com/{'x' * 2048}", "max_length"),
    ],
)
def test_what_is_no_url_names_the_constraint(
    alice: User, url: str, constraint: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        verbs.add(alice, url)
    assert refused.value.errors[0]["loc"] == ["body", "server_url", constraint]


def test_hostile_names_are_cleaned_and_empty_ones_refused(
    alice: User, hostile: Hostile
) -> None:
    row = verbs.add(
        alice, hostile.url("good"), "\u202eNo\x00tes\x1b[31m", description="a\x00b"
    )
    assert (row.name, row.description) == ("Notes", "ab")
    with pytest.raises(InvalidInput) as refused:
        verbs.update(alice, row.pk, name="\u200b \x00")
    assert refused.value.errors[0]["loc"] == ["body", "name", "blank"]


def test_without_a_name_it_is_its_hosts(alice: User, hostile: Hostile) -> None:
    rows = [
        verbs.add(alice, hostile.url("good"), None, allow_duplicate=True)
        for _ in range(3)
    ]
    assert [row.name for row in rows] == ["127.0.0.1", "127.0.0.1-2", "127.0.0.1-3"]
    assert len({row.slug for row in rows}) == 3


# --- Limits and duplicates ---------------------------------------------------


def test_the_limit_comes_before_the_dial(
    alice: User, hostile: Hostile, settings: Settings
) -> None:
    settings.CONNECTOR_LIMIT = 1
    verbs.add(alice, hostile.url("good"))
    requests = hostile.seen("good").requests
    with capture_logs() as logs, pytest.raises(LimitReached):
        verbs.add(alice, hostile.url("good"), "Peer", allow_duplicate=True)
    assert hostile.seen("good").requests == requests
    assert [log["event"] for log in logs] == ["connector.limit_reached"]


def test_a_freed_slot_is_taken_again_and_one_removed_by_staff_takes_none(
    alice: User, hostile: Hostile, settings: Settings
) -> None:
    settings.CONNECTOR_LIMIT = 3
    url = hostile.url("good")
    first, second, _ = (
        verbs.add(alice, url, name, allow_duplicate=True) for name in "abc"
    )
    verbs.remove(alice, second.pk)
    assert verbs.add(alice, url, "d", allow_duplicate=True).slot == 2
    CONNECTORS.filter(pk=first.pk).update(slot=None, status=Status.REMOVED_BY_ADMIN)
    assert verbs.add(alice, url, "e", allow_duplicate=True).slot == 1
    assert names(alice) == ["e", "d", "c", "a"]


def test_the_same_address_twice_needs_a_word(alice: User, hostile: Hostile) -> None:
    verbs.add(alice, hostile.url("good"))
    requests = hostile.seen("good").requests
    with capture_logs() as logs, pytest.raises(DuplicateUrl):
        verbs.add(alice, hostile.url("good").upper().replace("GOOD", "good") + "/", "B")
    assert hostile.seen("good").requests == requests
    assert [log["event"] for log in logs] == ["connector.duplicate"]
    twin = verbs.add(alice, hostile.url("good"), "B", allow_duplicate=True)
    assert twin.allow_duplicate


def test_a_name_is_used_once_whatever_its_case(alice: User, hostile: Hostile) -> None:
    verbs.add(alice, hostile.url("good"), "Notes")
    with pytest.raises(DuplicateName):
        verbs.add(alice, hostile.url("bare-results"), "NOTES")
    assert hostile.seen("bare-results").requests == 0


def test_other_people_are_not_in_the_way(
    alice: User, bob: User, hostile: Hostile, settings: Settings
) -> None:
    settings.CONNECTOR_LIMIT = 1
    mine, theirs = (verbs.add(user, hostile.url("good")) for user in (alice, bob))
    assert (mine.name, mine.slug, mine.slot) == (theirs.name, theirs.slug, theirs.slot)


# --- Reading and removing ----------------------------------------------------


def test_list_user_connectors(alice: User, bob: User, hostile: Hostile) -> None:
    for user, name in ((alice, "b"), (bob, "x"), (alice, "a")):
        verbs.add(user, hostile.url("good"), name, allow_duplicate=True)
    requests = hostile.seen("good").requests
    with CaptureQueriesContext(connection) as queries:
        assert names(alice) == ["b", "a"]
    assert len(queries) == 1
    assert not re.search("discovered_tools|discover_cache", queries[0]["sql"])
    assert hostile.seen("good").requests == requests


@pytest.mark.parametrize("connector_id", [0, -1, 10**30])
def test_a_connector_that_is_not_there(alice: User, connector_id: int) -> None:
    with pytest.raises(ConnectorNotFound):
        manager.get(user_id=alice.pk, connector_id=connector_id)


def test_delete_connector(alice: User, hostile: Hostile) -> None:
    row = verbs.add(alice, hostile.url("good"), "Notes")
    requests = hostile.seen("good").requests
    with capture_logs() as logs:
        verbs.remove(alice, row.pk)
    assert not CONNECTORS.exists()
    assert not ConnectionTest.objects.exists()
    assert hostile.seen("good").requests == requests
    assert [log["event"] for log in logs] == ["connector.removed"]
    # Whoever knows the slug must not soon reach another server under it.
    assert verbs.add(alice, hostile.url("good"), "Notes").slug == "notes-2"
    with pytest.raises(ConnectorNotFound):
        verbs.remove(alice, row.pk)


def test_a_connector_is_paused_and_enabled(alice: User, hostile: Hostile) -> None:
    row = verbs.add(alice, hostile.url("good"))
    with capture_logs() as logs:
        assert not verbs.toggle(alice, row.pk, is_active=False).is_active
    assert not CONNECTORS.get().is_active
    assert logs[0]["event"] == "connector.toggled"
    assert verbs.toggle(alice, row.pk, is_active=True).is_active


def test_what_staff_removed_can_only_be_deleted(alice: User, hostile: Hostile) -> None:
    row = verbs.add(alice, hostile.url("good"))
    CONNECTORS.update(slot=None, status=Status.REMOVED_BY_ADMIN)
    for verb in (
        lambda: verbs.toggle(alice, row.pk, is_active=True),
        lambda: verbs.retest(alice, row.pk),
        lambda: verbs.update(alice, row.pk, name="Mine"),
    ):
        with pytest.raises(ConnectorDisabled):
            verb()
    verbs.remove(alice, row.pk)
    assert not CONNECTORS.exists()


def test_nothing_that_holds_a_secret_shows_it() -> None:
    shown = repr(Changes(auth_config={"token": "canary"}, test_ticket="canary"))
    assert "canary" not in shown
