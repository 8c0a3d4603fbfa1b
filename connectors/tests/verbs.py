"""The domain's verbs as a test calls them: plain, with what most tests mean."""

from typing import Any

from asgiref.sync import async_to_sync

from accounts.models import User
from connectors import calls, manager
from connectors.calls import CallResult
from connectors.manager import Changes, TestReport
from connectors.models import UserMCPConnection, Via


def token(value: str) -> dict[str, Any]:
    """The fields of a connector that signs in with a bearer token."""
    return {"auth_type": "api_key", "auth_config": {"token": value}}


def try_out(user: User, url: str, **changes: Any) -> TestReport:
    fields: dict[str, Any] = {"auth_type": "none", "auth_config": None, **changes}
    return async_to_sync(manager.test)(user_id=user.pk, server_url=url, **fields)


def add(
    user: User, url: str, name: str | None = "Peer", **changes: Any
) -> UserMCPConnection:
    return async_to_sync(manager.add)(
        user_id=user.pk, name=name, server_url=url, **changes
    )


def update(user: User, connector_id: int, **changes: Any) -> UserMCPConnection:
    return async_to_sync(manager.update)(
        user_id=user.pk, connector_id=connector_id, changes=Changes(**changes)
    )


def retest(user: User, connector_id: int) -> TestReport:
    return async_to_sync(manager.retest)(user_id=user.pk, connector_id=connector_id)


def toggle(user: User, connector_id: int, *, is_active: bool) -> UserMCPConnection:
    return async_to_sync(manager.toggle)(
        user_id=user.pk, connector_id=connector_id, is_active=is_active
    )


def remove(user: User, connector_id: int) -> None:
    async_to_sync(manager.remove)(user_id=user.pk, connector_id=connector_id)


def call(
    user: User,
    connector_id: int,
    tool: str = "echo",
    arguments: dict[str, Any] | None = None,
    **changes: Any,
) -> CallResult:
    return async_to_sync(calls.call_tool)(
        user_id=user.pk,
        username=user.username,
        connector_id=connector_id,
        tool=tool,
        arguments={"text": "hello"} if arguments is None else arguments,
        **{"via": Via.TEST, **changes},
    )
