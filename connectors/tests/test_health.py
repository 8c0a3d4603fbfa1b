"""What a test or a call says about a connector."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from structlog.testing import capture_logs

from accounts.models import User
from connectors import health
from connectors.models import Status, UserMCPConnection

CONNECTORS = UserMCPConnection.objects


def connector(user: User, **changes: Any) -> UserMCPConnection:
    """A connector with credentials that once worked, as it is read for a call."""
    fields: dict[str, Any] = {
        "user": user,
        "slot": 1,
        "name": "Notes",
        "server_url": "https://notes.example/mcp",
        "auth_type": "api_key",
        "auth_config": {"token": "t"},
        "status": Status.READY,
        "is_verified": True,
        "last_verified_at": "2026-01-01T00:00Z",
    }
    row = CONNECTORS.create(**{**fields, **changes})
    return CONNECTORS.get(pk=row.pk)


@pytest.mark.parametrize(
    ("error_code", "status", "is_verified"),
    [
        ("AUTH_REQUIRED", Status.SIGN_IN_AGAIN, False),
        ("AUTH_FAILED", Status.SIGN_IN_AGAIN, False),
        ("INVALID_MCP_SERVER", Status.NOT_MCP, False),
        ("SECRET_UNREADABLE", Status.SECRET_UNREADABLE, False),
        ("CONNECTION_FAILED", Status.UNREACHABLE, True),
        ("TIMEOUT", Status.UNREACHABLE, True),
        ("INVALID_URL", Status.UNREACHABLE, True),
        ("SERVER_ERROR", Status.SERVER_ERROR, True),
        ("RESPONSE_TOO_LARGE", Status.SERVER_ERROR, True),
    ],
)
def test_each_failure_has_its_status(
    alice: User, error_code: str, status: Status, is_verified: bool
) -> None:
    health.settle(connector(alice), error_code=error_code)
    row = CONNECTORS.get()
    assert (row.status, row.is_verified) == (status, is_verified)
    assert (row.last_error_code, row.consecutive_failures) == (error_code, 1)


def test_a_call_with_an_unknown_outcome_is_a_failure_and_proves_nothing(
    alice: User,
) -> None:
    health.settle(connector(alice), error_code="OUTCOME_UNKNOWN", used=True)
    row = CONNECTORS.get()
    assert (row.status, row.is_verified) == (Status.READY, True)
    assert (row.last_error_code, row.consecutive_failures) == ("", 1)
    assert row.last_used_at is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"auth_type": "none", "auth_config": None},
        {"auth_type": "oauth", "auth_config": None, "last_verified_at": None},
    ],
)
def test_who_never_signed_in_is_asked_to_sign_in(
    alice: User, changes: dict[str, Any]
) -> None:
    health.settle(connector(alice, **changes), error_code="AUTH_REQUIRED")
    assert CONNECTORS.get().status == Status.SIGN_IN


def test_what_was_disproved_stays_so_while_the_server_is_away(alice: User) -> None:
    row = connector(alice, status=Status.SIGN_IN_AGAIN, is_verified=False)
    health.settle(row, error_code="TIMEOUT")
    assert not CONNECTORS.get().is_verified


def test_the_third_failure_in_a_row_is_said_once(alice: User) -> None:
    row = connector(alice)
    with capture_logs() as logs:
        for _ in range(4):
            health.settle(row, error_code="TIMEOUT")
    assert [log["event"] for log in logs] == [
        "connector.status_changed", "connector.failing"
    ]  # fmt: skip
    assert logs[1]["connector_id"] == row.pk
    assert CONNECTORS.get().consecutive_failures == 4


@pytest.mark.parametrize(
    ("before", "after"), [(Status.UNREACHABLE, Status.READY), (Status.REVIEW,) * 2]
)
def test_a_success_ends_the_failures_but_not_a_review(
    alice: User, before: Status, after: Status
) -> None:
    row = connector(
        alice, status=before, last_error_code="TIMEOUT", consecutive_failures=5
    )
    health.settle(row, used=True)
    fresh = CONNECTORS.get()
    assert (fresh.status, fresh.last_error_code) == (after, "")
    assert (fresh.consecutive_failures, fresh.is_verified) == (0, True)
    assert fresh.last_used_at is not None


def test_the_success_of_a_connector_that_is_well_is_one_statement(alice: User) -> None:
    row = connector(alice)
    with CaptureQueriesContext(connection) as queries:
        health.settle(row, used=True)
    assert len(queries) == 1
    fresh = CONNECTORS.get()
    assert fresh.last_used_at is not None
    assert fresh.last_verified_at == fresh.last_used_at
    assert fresh.updated_at == row.updated_at


def edit(row: UserMCPConnection, **changes: Any) -> None:
    fresh = CONNECTORS.get(pk=row.pk)
    for name, value in changes.items():
        setattr(fresh, name, value)
    fresh.save()


@pytest.mark.parametrize(
    "changes",
    [
        {"server_url": "https://notes.example/other"},
        {"auth_config": {"token": "new"}},
        {"auth_type": "none", "auth_config": None},
        {"slot": None, "status": Status.REMOVED_BY_ADMIN},
    ],
)
@pytest.mark.parametrize("error_code", ["", "AUTH_FAILED"])
def test_a_result_counts_only_for_what_was_dialled(
    alice: User, changes: dict[str, Any], error_code: str
) -> None:
    seen = connector(alice)
    edit(seen, **changes)
    before = CONNECTORS.filter(pk=seen.pk).values().get()
    health.settle(seen, error_code=error_code, used=True)
    after = CONNECTORS.filter(pk=seen.pk).values().get()
    assert {**before, "auth_config": None} == {**after, "auth_config": None}


@pytest.mark.parametrize("changes", [{"name": "New"}, {"is_active": False}])
def test_another_name_or_the_switch_does_not_matter(
    alice: User, changes: dict[str, Any]
) -> None:
    seen = connector(alice)
    edit(seen, **changes)
    health.settle(seen, error_code="AUTH_FAILED")
    row = CONNECTORS.get()
    assert row.status == Status.SIGN_IN_AGAIN
    assert {name: getattr(row, name) for name in changes} == changes


def test_a_deleted_connector_does_not_come_back(alice: User) -> None:
    seen = connector(alice)
    CONNECTORS.get().delete()
    for error_code in ("", "TIMEOUT"):
        health.settle(seen, error_code=error_code, used=True)
    assert not CONNECTORS.exists()


def test_a_secret_that_became_unreadable_is_still_the_same(
    alice: User, settings: Settings
) -> None:
    seen = connector(alice)
    settings.ENCRYPTION_KEYS = {"k2": b"2" * 32}
    health.settle(seen, error_code="SECRET_UNREADABLE")
    assert CONNECTORS.get().status == Status.SECRET_UNREADABLE
