"""Edits and repeated tests: what they replace, and what may not be overwritten."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import Settings
from structlog.testing import capture_logs

from accounts.models import User
from connectors import manager, saving
from connectors.errors import (
    ConnectorNotFound,
    DuplicateName,
    DuplicateUrl,
    InvalidInput,
    LimitReached,
    NotVerified,
    SecretUnreadable,
    TooManyRequests,
)
from connectors.manager import Changes
from connectors.models import ConnectionTest, Status, UserMCPConnection
from connectors.tests import verbs
from connectors.tests.gate import gate
from demo.fixtures import DemoServer
from demo.hostile import RIGHT_TOKEN, Hostile

pytestmark = pytest.mark.usefixtures("allow_loopback")

CONNECTORS = UserMCPConnection.objects
OTHER_KEY = {"k2": b"2" * 32}


@pytest.fixture(autouse=True)
def short_limits(settings: Settings) -> None:
    settings.TEST_TIMEOUT_S = 5
    settings.DISCOVER_TIMEOUT_S = 0.5


@pytest.fixture
def added(alice: User, hostile: Hostile) -> UserMCPConnection:
    return verbs.add(alice, hostile.url("good"), "Good")


@pytest.fixture
def with_token(alice: User, hostile: Hostile) -> UserMCPConnection:
    return verbs.add(alice, hostile.url("token"), "Token", **verbs.token(RIGHT_TOKEN))


def fields(row: UserMCPConnection) -> dict[str, Any]:
    """What an edit that fails may not touch."""
    values = CONNECTORS.filter(pk=row.pk).values().get()
    return {name: value for name, value in values.items() if name != "auth_config"}


# --- Edits -------------------------------------------------------------------


def test_a_new_name_dials_nobody(
    alice: User, added: UserMCPConnection, hostile: Hostile
) -> None:
    hostile.clear()
    with capture_logs() as logs:
        row = verbs.update(alice, added.pk, name="Better", description="New")
    assert (row.name, row.description, row.slug) == ("Better", "New", "good")
    assert hostile.seen("good").requests == 0
    assert [log["event"] for log in logs] == ["connector.updated"]
    assert verbs.update(alice, added.pk, description="").description == ""
    assert CONNECTORS.get().name == "Better"


def test_its_own_name_and_url_are_not_duplicates(
    alice: User, added: UserMCPConnection, hostile: Hostile
) -> None:
    hostile.clear()
    row = verbs.update(alice, added.pk, name="GOOD", server_url=hostile.url("good"))
    assert row.name == "GOOD"
    assert hostile.seen("good").requests == 0


def test_the_name_or_url_of_another_one_is_refused_before_the_dial(
    alice: User, added: UserMCPConnection, hostile: Hostile
) -> None:
    verbs.add(alice, hostile.url("bare-results"), "Other")
    hostile.clear()
    with pytest.raises(DuplicateName):
        verbs.update(alice, added.pk, name="other")
    with pytest.raises(DuplicateUrl):
        verbs.update(alice, added.pk, server_url=hostile.url("bare-results"))
    assert hostile.seen("bare-results").requests == 0
    moved = verbs.update(
        alice, added.pk, server_url=hostile.url("bare-results"), allow_duplicate=True
    )
    assert moved.allow_duplicate


def test_a_new_url_is_tested_and_replaces_everything_that_was_found(
    alice: User, added: UserMCPConnection, hostile: Hostile
) -> None:
    CONNECTORS.update(status=Status.UNREACHABLE, last_error_code="TIMEOUT")
    with capture_logs() as logs:
        verbs.update(alice, added.pk, server_url=hostile.url("some-tools"))
    row = CONNECTORS.get()
    assert row.server_url == hostile.url("some-tools")
    assert (row.status, row.last_error_code) == (Status.READY, "")
    assert row.tool_count == len(row.discovered_tools) != added.tool_count
    assert row.url_key != added.url_key
    assert row.tests.count() == 2
    events = [log["event"] for log in logs]
    assert events == [
        "connector.tested", "connector.updated", "connector.status_changed"
    ]  # fmt: skip


def test_a_ticket_is_good_for_an_edit(
    alice: User, added: UserMCPConnection, hostile: Hostile
) -> None:
    url = hostile.url("bare-results")
    ticket = verbs.try_out(alice, url).ticket
    hostile.clear()
    verbs.update(alice, added.pk, server_url=url, test_ticket=ticket)
    assert hostile.seen("bare-results").requests == 0


def test_an_edit_that_fails_its_test_changes_nothing(
    alice: User, added: UserMCPConnection, hostile: Hostile
) -> None:
    before = fields(added)
    with pytest.raises(NotVerified) as refused:
        verbs.update(alice, added.pk, name="New", server_url=hostile.url("html"))
    assert refused.value.test.error_code == "INVALID_MCP_SERVER"
    assert fields(added) == before


def test_new_credentials_replace_the_old_ones_only_if_they_work(
    alice: User, with_token: UserMCPConnection
) -> None:
    with pytest.raises(NotVerified) as refused:
        verbs.update(alice, with_token.pk, **verbs.token("wrong"))
    assert refused.value.test.error_code == "AUTH_FAILED"
    row = CONNECTORS.get()
    assert row.auth_config is not None
    assert row.auth_config.open() == {"token": RIGHT_TOKEN}
    headers = {"headers": {"Authorization": f"Bearer {RIGHT_TOKEN}"}}
    verbs.update(alice, with_token.pk, auth_type="api_key", auth_config=headers)
    row = CONNECTORS.get()
    assert row.auth_config is not None
    assert row.auth_config.open() == headers


def test_the_same_credentials_entered_again_are_tested(
    alice: User, with_token: UserMCPConnection, hostile: Hostile
) -> None:
    CONNECTORS.update(status=Status.SIGN_IN_AGAIN, is_verified=False)
    row = verbs.update(alice, with_token.pk, auth_config={"token": RIGHT_TOKEN})
    assert (row.status, row.is_verified) == (Status.READY, True)


def test_credentials_can_be_dropped(alice: User, hostile: Hostile) -> None:
    row = verbs.add(alice, hostile.url("good"), **verbs.token("unneeded"))
    verbs.update(alice, row.pk, auth_type="none")
    row = CONNECTORS.get()
    assert (row.auth_type, row.auth_config) == ("none", None)


def test_a_stored_secret_goes_along_to_another_path_of_its_origin(
    alice: User, with_token: UserMCPConnection, hostile: Hostile
) -> None:
    verbs.update(alice, with_token.pk, server_url=f"{hostile.url('token')}?team=2")
    assert hostile.seen("token").holds(RIGHT_TOKEN)


def test_a_stored_secret_is_not_sent_to_another_origin(
    alice: User, with_token: UserMCPConnection, notes_server: DemoServer
) -> None:
    before = fields(with_token)
    with gate("nothing") as elsewhere, pytest.raises(InvalidInput) as refused:
        verbs.update(alice, with_token.pk, server_url=elsewhere.url)
    assert refused.value.errors[0]["loc"] == ["body", "auth_config"]
    assert refused.value.errors[0]["type"] == "reentry_required"
    assert not elsewhere.requests
    assert fields(with_token) == before
    verbs.update(
        alice, with_token.pk, server_url=notes_server.url, **verbs.token("new")
    )


def test_an_unreadable_secret_can_be_entered_again_but_not_taken_along(
    alice: User, with_token: UserMCPConnection, hostile: Hostile, settings: Settings
) -> None:
    settings.ENCRYPTION_KEYS = OTHER_KEY
    with pytest.raises(SecretUnreadable):
        verbs.update(alice, with_token.pk, server_url=f"{hostile.url('token')}?a")
    row = verbs.update(alice, with_token.pk, **verbs.token(RIGHT_TOKEN))
    assert row.is_verified


# --- Tested again ------------------------------------------------------------


def test_a_retest_refreshes_the_tools(
    alice: User, added: UserMCPConnection, hostile: Hostile
) -> None:
    CONNECTORS.update(
        discovered_tools=[],
        tool_count=0,
        status=Status.UNREACHABLE,
        last_error_code="TIMEOUT",
        consecutive_failures=4,
        tools_listed_at=timezone.now() - timedelta(days=1),
    )
    with capture_logs() as logs:
        report = verbs.retest(alice, added.pk)
    row = CONNECTORS.get()
    assert report.result.success
    assert (row.status, row.last_error_code) == (Status.READY, "")
    assert (row.tool_count, row.consecutive_failures) == (2, 0)
    assert row.tools_listed_at is not None
    assert row.tools_listed_at > timezone.now() - timedelta(minutes=1)
    assert row.tests.count() == 2
    assert {log["event"] for log in logs} == {
        "connector.retested", "connector.status_changed"
    }  # fmt: skip


def test_a_retest_that_fails_keeps_the_tools(
    alice: User, added: UserMCPConnection, hostile: Hostile
) -> None:
    CONNECTORS.update(server_url=hostile.url("list-500"))
    assert verbs.retest(alice, added.pk).result.error_code == "SERVER_ERROR"
    row = CONNECTORS.get()
    assert (row.status, row.is_verified) == (Status.SERVER_ERROR, True)
    assert (row.tool_count, len(row.discovered_tools)) == (2, 2)
    assert row.tools_listed_at == added.tools_listed_at
    assert row.tests.filter(success=False, error_code="SERVER_ERROR").count() == 1


def test_a_retest_of_an_unreadable_secret_dials_nobody(
    alice: User, with_token: UserMCPConnection, hostile: Hostile, settings: Settings
) -> None:
    settings.ENCRYPTION_KEYS = OTHER_KEY
    hostile.clear()
    with pytest.raises(SecretUnreadable):
        verbs.retest(alice, with_token.pk)
    row = CONNECTORS.get()
    assert (row.status, row.is_verified) == (Status.SECRET_UNREADABLE, False)
    assert row.last_error_code == "SECRET_UNREADABLE"
    assert hostile.seen("token").requests == 0


# --- What changes during a dial ----------------------------------------------


def _retest(user: User, connector_id: int) -> Callable[[], Any]:
    return lambda: manager.retest(user_id=user.pk, connector_id=connector_id)


def test_a_deleted_connector_does_not_come_back_with_its_test(alice: User) -> None:
    with gate("tools/list") as server:
        row = gated(alice, server.url)
        with pytest.raises(ConnectorNotFound):
            server.meanwhile(
                _retest(alice, row.pk),
                lambda: saving.delete(user_id=alice.pk, connector_id=row.pk),
            )
    assert not CONNECTORS.exists()
    assert not ConnectionTest.objects.exists()


def gated(user: User, url: str) -> UserMCPConnection:
    """A connector that has been tested before."""
    return CONNECTORS.create(
        user=user,
        slot=1,
        name="Gated",
        server_url=url,
        auth_type="api_key",
        auth_config={"token": "old"},
        status=Status.UNREACHABLE,
        last_error_code="TIMEOUT",
        is_verified=True,
    )


def replace_secret(row: UserMCPConnection, secret: str = "new") -> None:
    fresh = CONNECTORS.get(pk=row.pk)
    fresh.auth_config = {"token": secret}
    fresh.save()


def change_once(change: Callable[[], None]) -> Callable[[], None]:
    """Make `change` do nothing but the first time."""
    left = [change]
    return lambda: left.pop()() if left else None


def test_a_result_is_not_applied_to_credentials_that_it_did_not_test(
    alice: User,
) -> None:
    with gate("tools/list") as server:
        row = gated(alice, server.url)
        report = server.meanwhile(_retest(alice, row.pk), lambda: replace_secret(row))
    assert report.result.success
    row.refresh_from_db()
    assert (row.status, row.tool_count) == (Status.UNREACHABLE, 0)
    assert row.tests.count() == 1


def test_a_new_key_or_switch_does_not_make_it_another_connector(
    alice: User, settings: Settings
) -> None:
    keys = settings.ENCRYPTION_KEYS

    def rotate_and_pause() -> None:
        settings.ENCRYPTION_KEYS = {**OTHER_KEY, **keys}
        fresh = CONNECTORS.get(pk=row.pk)
        fresh.is_active = False
        fresh.save()

    with gate("tools/list") as server:
        row = gated(alice, server.url)
        server.meanwhile(_retest(alice, row.pk), rotate_and_pause)
    row.refresh_from_db()
    assert (row.status, row.tool_count, row.is_active) == (Status.READY, 2, False)


def test_an_edit_starts_again_when_another_one_came_first(alice: User) -> None:
    with gate("tools/list") as server:
        row = gated(alice, server.url)
        changes = Changes(server_url=f"{server.url}?b")
        server.meanwhile(
            lambda: manager.update(
                user_id=alice.pk, connector_id=row.pk, changes=changes
            ),
            change_once(lambda: replace_secret(row)),
            times=2,
        )
    row.refresh_from_db()
    assert row.server_url == f"{server.url}?b"
    assert row.auth_config is not None
    # The URL and the new secret were tested together before they were kept.
    assert row.auth_config.open() == {"token": "new"}
    assert ConnectionTest.objects.count() == 2


def test_an_edit_gives_up_when_others_never_stop(alice: User) -> None:
    secrets = iter("abc")

    def edit() -> Awaitable[object]:
        changes = Changes(server_url=f"{server.url}?b")
        return manager.update(user_id=alice.pk, connector_id=row.pk, changes=changes)

    def edit_elsewhere() -> None:
        replace_secret(row, next(secrets))

    with gate("tools/list") as server:
        row = gated(alice, server.url)
        with pytest.raises(TooManyRequests):
            server.meanwhile(edit, edit_elsewhere, times=3)
    row.refresh_from_db()
    assert row.server_url == server.url


# --- Writers that lock nobody ------------------------------------------------


def _waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        # Within a transaction the view does not change by itself.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND datname = current_database()"
        )
        return bool(cursor.fetchone()[0])


def _insert_by_hand(user: User, inserted: Event, **changes: Any) -> None:
    """Insert a row without the lock, and commit when somebody waits for it."""
    fields: dict[str, Any] = {
        "user": user,
        "slot": 1,
        "name": "By hand",
        "server_url": "https://example.com/mcp",
        "status": Status.READY,
    }
    try:
        with transaction.atomic():
            CONNECTORS.create(**{**fields, **changes})
            inserted.set()
            for _ in range(500):
                if _waits_for_a_lock() or Event().wait(0.01):
                    break
    finally:
        connection.close()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("limit", "taken", "expected"),
    [
        (1, {}, LimitReached),
        (9, {"slot": 2, "name": "peer"}, DuplicateName),
        (9, {}, 2),
    ],
)
def test_a_place_that_is_taken_without_the_lock_is_noticed(
    alice: User,
    hostile: Hostile,
    settings: Settings,
    limit: int,
    taken: dict[str, Any],
    expected: Any,
) -> None:
    settings.CONNECTOR_LIMIT = limit
    inserted = Event()
    by_hand = Thread(target=_insert_by_hand, args=(alice, inserted), kwargs=taken)
    by_hand.start()
    assert inserted.wait(10)
    try:
        if isinstance(expected, int):
            assert verbs.add(alice, hostile.url("good")).slot == expected
        else:
            with pytest.raises(expected):
                verbs.add(alice, hostile.url("good"))
    finally:
        by_hand.join(10)
    assert CONNECTORS.filter(name="By hand").count() + len(taken) > 0
