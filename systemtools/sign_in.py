"""The sign-in to a tool, as its pages tell of it; and what it leads to here."""

from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async

from connectors import flows, permissions, server_url, sign_in_status, tool_grants
from connectors.auth.oauth import Client
from connectors.errors import ConnectorNotFound
from connectors.permissions import Permission
from connectors.sign_in import Failed, Started
from systemtools import manager, registry
from systemtools.base import Method, SystemTool
from systemtools.errors import ToolUnavailable
from systemtools.provider import WHO, OAuthProvider


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Who signs people in to a tool, and what they are asked for."""

    provider: str
    host: str
    permissions: list[Permission]
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Signed:
    """What a sign-in led to; `missing` are tools whose permission was not given."""

    account: str
    missing: list[Method]
    resume: dict[str, Any] | None


def asked(tool: type[SystemTool]) -> Asked:
    """Return what the page says that asks for permission.

    Raises:
        ToolUnavailable: nobody signs in to it here.
    """
    provider = provider_of(tool)
    scope = " ".join((*WHO, *provider.asked()))
    server = provider.service(Client(client_id=""), scope).server
    return Asked(
        provider=provider.name,
        host=server_url.host(server.issuer),
        permissions=permissions.of(scope),
        sentence=permissions.sentence(scope),
    )


async def start(
    *,
    user_id: int,
    tool_id: str,
    session_key: str,
    resume: dict[str, Any] | None = None,
) -> Started:
    """Begin the sign-in to a tool.

    Raises:
        SystemToolNotFound, ToolUnavailable: it cannot be connected here.
        SignInFailed: as `OAuthProvider.start`.
    """
    tool = registry.get(tool_id)
    if why_not := tool.why_not():
        raise ToolUnavailable(why_not)
    return await provider_of(tool).start(
        user_id=user_id, tool_id=tool_id, session_key=session_key, resume=resume
    )


def signed(*, user_id: int, tool_id: str, flow_id: int) -> Signed | None:
    """Return what the person's sign-in led to; None if that is nothing.

    Raises:
        SystemToolNotFound, ConnectorNotFound: there is no such tool, or sign-in.
    """
    tool = registry.get(tool_id)
    flow = flows.find(user_id=user_id, flow_id=flow_id)
    if flow.system_tool != tool_id:
        raise ConnectorNotFound("There is no such sign-in. Begin another one.")
    grant = tool_grants.of(user_id=user_id, system_tool=tool_id)
    if grant is None or flow.used_at is None or flow.error:
        return None
    granted = registry.methods(tool, granted=frozenset(grant.scope.split()))
    possible = registry.methods(tool, granted=frozenset(provider_of(tool).asked()))
    missing = [one for name, one in possible.items() if name not in granted]
    return Signed(account=grant.account_label, missing=missing, resume=flow.resume)


def failed(*, user_id: int, tool_id: str, flow_id: int) -> Failed | None:
    """Return how a sign-in of the person to this tool failed; None if none did."""
    try:
        found = sign_in_status.failed_flow(user_id=user_id, flow_id=flow_id)
    except ConnectorNotFound:
        return None
    return found if found.system_tool == tool_id else None


def provider_of(tool: type[SystemTool]) -> OAuthProvider:
    """Return who signs people in to a tool.

    Raises:
        ToolUnavailable: nobody does.
    """
    if not isinstance(tool.provider, OAuthProvider):
        raise ToolUnavailable(f"{tool.name} needs no sign-in.")
    return tool.provider


async def note(
    *, user_id: int, connector_id: int | None = None, system_tool: str = ""
) -> None:
    """Note that a person has signed in to a tool; a connector is none of ours."""
    if system_tool:
        await sync_to_async(manager.mark_connected)(
            user_id=user_id, tool_id=system_tool
        )
