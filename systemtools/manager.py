"""What a person can do with a system tool: connect it, set it up, disconnect it."""

from dataclasses import dataclass
from typing import Any

import structlog
from asgiref.sync import sync_to_async
from django.db import transaction
from django.utils import timezone
from pydantic import BaseModel

from connectors import pools
from connectors.errors import InvalidInput
from systemtools import schema, statuses
from systemtools.base import Ended, SystemTool
from systemtools.errors import ToolUnavailable
from systemtools.models import UserToolStatus

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Connected:
    """What came of connecting a tool: where `requires_oauth`, the person goes on."""

    success: bool
    message: str
    requires_oauth: bool = False
    oauth_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Disconnected:
    """`revoked`: a sign-in has ended at its provider, who confirmed it."""

    success: bool
    message: str
    revoked: bool = False


async def connect(
    *,
    user_id: int,
    tool_id: str,
    config: dict[str, Any] | None = None,
    session_key: str = "",
) -> Connected:
    """Connect a system tool; connecting it again does no harm, and says so.

    `config` is what the tool's own form asks for; what is missing of its secrets
    stays as it was. `session_key` is "" for a caller with an API token.

    Raises:
        SystemToolNotFound: there is none of that id.
        ToolUnavailable: it is coming soon, or this installation is not set up for it.
        InvalidInput: `config` does not suit the tool.
    """
    status = await sync_to_async(statuses.one_of)(user_id=user_id, tool_id=tool_id)
    tool = status.tool
    if status.why_not:
        raise ToolUnavailable(status.why_not)
    if status.is_connected and not config:
        message = f"{tool.name} is already connected."
        return Connected(success=True, message=message)
    if tool.auth_type == "oauth" and not status.is_connected:
        await save_config(user_id=user_id, tool_id=tool_id, config=config or {})
        return await _to_provider(tool, user_id=user_id, session_key=session_key)
    await sync_to_async(_connect)(user_id, tool, config or {})
    told = f"{tool.name} is connected."
    if status.is_connected:
        told = f"{tool.name} is connected, and what you entered is saved."
    return Connected(success=True, message=told)


async def save_config(*, user_id: int, tool_id: str, config: dict[str, Any]) -> None:
    """Keep what a person entered for a tool; connects nothing.

    Raises:
        SystemToolNotFound, ToolUnavailable, InvalidInput: as `connect`.
    """
    status = await sync_to_async(statuses.one_of)(user_id=user_id, tool_id=tool_id)
    if status.why_not:
        raise ToolUnavailable(status.why_not)
    await sync_to_async(_save)(user_id, status.tool, config)


def mark_connected(*, user_id: int, tool_id: str) -> None:
    """Note that a sign-in to a tool has come to its end."""
    row, _ = UserToolStatus.objects.get_or_create(user_id=user_id, tool_id=tool_id)
    row.is_connected, row.connected_at = True, timezone.now()
    row.save(update_fields=["is_connected", "connected_at", "updated_at"])
    _tell_connected(user_id, tool_id)


async def disconnect(*, user_id: int, tool_id: str) -> Disconnected:
    """Forget all that a person has of a tool; a sign-in ends at its provider, too.

    What cannot be taken back there now is forgotten here all the same.

    Raises:
        SystemToolNotFound: there is none of that id.
    """
    status = await sync_to_async(statuses.one_of)(user_id=user_id, tool_id=tool_id)
    tool = status.tool
    was_signed_in = status.granted is not None
    had_row = await sync_to_async(_forget)(user_id, tool_id)
    if tool.provider and was_signed_in:
        await pools.release_db()
        ended = await tool.provider.end(user_id=user_id, tool_id=tool_id)
    elif had_row:
        ended = Ended(revoked=False, message=f"{tool.name} is disconnected.")
    else:
        message = f"{tool.name} was not connected, so there was nothing to end."
        return Disconnected(success=True, message=message)
    log.info("system_tool.disconnected", user_id=user_id, tool_id=tool_id)
    return Disconnected(success=True, message=ended.message, revoked=ended.revoked)


async def _to_provider(
    tool: type[SystemTool], *, user_id: int, session_key: str
) -> Connected:
    if tool.provider is None:
        raise ToolUnavailable(f"{tool.name} has nobody to sign in with.")
    await pools.release_db()
    url = await tool.provider.begin(
        user_id=user_id, tool_id=tool.id, session_key=session_key
    )
    return Connected(
        success=True,
        message=f"Open the address to connect {tool.name}.",
        requires_oauth=True,
        oauth_url=url,
    )


@transaction.atomic
def _connect(user_id: int, tool: type[SystemTool], config: dict[str, Any]) -> None:
    row = _save(user_id, tool, config)
    if not row.is_connected:
        row.is_connected, row.connected_at = True, timezone.now()
        row.save(update_fields=["is_connected", "connected_at", "updated_at"])
        _tell_connected(user_id, tool.id)


@transaction.atomic
def _save(
    user_id: int, tool: type[SystemTool], config: dict[str, Any]
) -> UserToolStatus:
    """Store what was entered, each value where it belongs."""
    rows = UserToolStatus.objects
    row, _ = rows.get_or_create(user_id=user_id, tool_id=tool.id)
    row = rows.select_for_update().get(pk=row.pk)
    if tool.Config is None:
        if config:
            msg = f"{tool.name} has nothing to set up."
            raise InvalidInput.at(
                "config", "additionalProperties", msg=msg, type_="json_schema"
            )
        return row
    kept = schema.read(tool.Config, {**_kept(row, tool, config), **config}, at="config")
    values = kept.model_dump(mode="json")
    secret = secret_fields(tool.Config)
    row.config = {name: v for name, v in values.items() if name not in secret}
    sealed = {name: v for name, v in values.items() if name in secret}
    row.credentials = sealed or None
    row.save(update_fields=["config", "credentials", "updated_at"])
    return row


def _kept(
    row: UserToolStatus, tool: type[SystemTool], config: dict[str, Any]
) -> dict[str, Any]:
    """Return what stays of what was entered before: the secrets not sent again.

    And with nothing sent at all, everything.
    """
    if not config:
        return statuses.entered(row)
    secret = secret_fields(tool.Config)
    if secret <= set(config) or row.credentials is None:
        return {}
    return {name: v for name, v in row.credentials.open().items() if name in secret}


def secret_fields(config: type[BaseModel] | None) -> set[str]:
    """Return the names of those fields of a Config that are marked secret."""
    fields = config.model_fields if config else {}
    return {
        name
        for name, field in fields.items()
        if isinstance(field.json_schema_extra, dict)
        and field.json_schema_extra.get("secret")
    }


@transaction.atomic
def _forget(user_id: int, tool_id: str) -> bool:
    """Delete the person's row; return whether it was connected."""
    rows = UserToolStatus.objects.owned_by(user_id).filter(tool_id=tool_id)
    row = rows.select_for_update().first()
    if row is None:
        return False
    row.delete()
    return row.is_connected


def _tell_connected(user_id: int, tool_id: str) -> None:
    facts = {"user_id": user_id, "tool_id": tool_id}
    transaction.on_commit(lambda: log.info("system_tool.connected", **facts))
