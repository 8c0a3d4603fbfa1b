"""Connectors as sources of tools, from what is stored of them."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from agent import listings
from agent.absent import Absent, Remedy
from agent.tool_types import Caller, Progress, ToolAnswer, ToolSpec
from connectors import calls
from connectors.cards import HAPPENED
from connectors.elicitation import OnInput
from connectors.models import (
    AuthType,
    ConnectorQuerySet,
    Source,
    Status,
    UserMCPConnection,
)

# Columns that neither a tool nor a state is read from; some of them are large.
_UNREAD = ("auth_config", "dropped_tools", "discover_cache", "server_info")


# What a state means for whoever wants to use a tool: a code of connectors.errors,
# and what happened and what to do.
_FAILING = {
    Status.UNREACHABLE: "CONNECTION_FAILED",
    Status.SERVER_ERROR: "SERVER_ERROR",
}
_SIGNED_OUT = (Status.SIGN_IN, Status.SIGN_IN_AGAIN)
_SIGN_IN = ("SIGN_IN_REQUIRED", "{name} needs you to sign in.")
_REMEDIES = {
    AuthType.OAUTH: Remedy.SIGN_IN,
    AuthType.NONE: Remedy.OFFER,
    AuthType.API_KEY: Remedy.CREDENTIALS,
}
_UNPROVED = ("SIGN_IN_REQUIRED", "{name} has to be tested again before it is used.")
_REASONS = {
    Status.SIGN_IN: _SIGN_IN,
    Status.SIGN_IN_AGAIN: ("SIGN_IN_REQUIRED", "{name} needs you to sign in again."),
    Status.SECRET_UNREADABLE: (
        "SECRET_UNREADABLE",
        "The stored credentials of {name} cannot be read. Enter them again.",
    ),
    Status.PAUSED_AUTO: (
        "CONNECTOR_DISABLED",
        "{name} was paused automatically. Test it to use its tools.",
    ),
    Status.NOT_MCP: (
        "INVALID_MCP_SERVER",
        "{name} answered, but not as an MCP server. Test it again.",
    ),
}


@dataclass(kw_only=True)
class ConnectorSource:
    """A connector that can be used, and the tools of its stored listing."""

    ref: str
    slug: str
    label: str
    listing: list[Any] = field(repr=False)
    source: str = str(Source.CONNECTOR)

    @property
    def connector_id(self) -> int:
        return int(self.ref)

    def list(self) -> "list[ToolSpec]":
        """Return the tools from what is stored. Dials nobody."""
        return [*listings.specs(self.listing)]

    async def call(
        self,
        name: str,
        arguments: dict[str, Any],
        *,
        caller: Caller,
        call_id: UUID,
        definition_hash: str = "",
        on_progress: Progress | None = None,
        on_input: OnInput | None = None,
    ) -> ToolAnswer:
        """Call a tool at most once, with evidence.

        Raises:
            ConnectorError: by code; the same as `connectors.calls.call_tool`.
        """
        return await calls.call_tool(
            user_id=caller.user_id,
            username=caller.username,
            connector_id=self.connector_id,
            tool=name,
            arguments=arguments,
            via=caller.via,
            token_id=caller.token_id,
            conversation_id=caller.conversation_id,
            call_id=call_id,
            definition_hash=definition_hash,
            on_progress=on_progress,
            on_input=on_input,
        )


def usable(*, user_id: int) -> list[ConnectorSource]:
    """Return the person's connectors that can be used, in their order."""
    rows = _owned(user_id).usable()
    return [
        ConnectorSource(
            ref=str(row.pk),
            slug=row.slug,
            label=row.name,
            listing=row.discovered_tools,
        )
        for row in rows
    ]


def absent(*, user_id: int, besides: list[ConnectorSource]) -> list[Absent]:
    """Return the person's other connectors, with what keeps each from being used."""
    known = [source.connector_id for source in besides]
    others = _owned(user_id).exclude(pk__in=known).defer(*_UNREAD, "discovered_tools")
    return [_absent(row) for row in others]


def _owned(user_id: int) -> ConnectorQuerySet:
    return UserMCPConnection.objects.owned_by(user_id).defer(*_UNREAD)


def _absent(row: UserMCPConnection) -> Absent:
    code, message = _reason(row)
    is_off = not row.is_active or row.status == Status.REMOVED_BY_ADMIN
    # Whoever disconnected it, or never signed in, knows.
    is_signed_out = row.status == Status.SIGN_IN and row.auth_type == AuthType.OAUTH
    return Absent(
        source=Source.CONNECTOR,
        ref=str(row.pk),
        slug=row.slug,
        label=row.name,
        code=code,
        message=message,
        is_chosen=is_off or is_signed_out,
        is_tried=row.status in _FAILING and not is_off,
        remedy=Remedy.NONE if is_off else _remedy(row),
    )


def _remedy(row: UserMCPConnection) -> Remedy:
    if row.status not in _SIGNED_OUT:
        return Remedy.NONE
    return _REMEDIES[AuthType(row.auth_type)]


def _reason(row: UserMCPConnection) -> tuple[str, str]:
    """Return the code and the sentence of what keeps a connector from being used."""
    name = row.name
    if row.status == Status.REMOVED_BY_ADMIN:
        return "CONNECTOR_DISABLED", f"Your administrator removed {name}."
    if not row.is_active:
        return "CONNECTOR_DISABLED", f"{name} is paused. Resume it to use its tools."
    if row.status in _FAILING:
        code = row.last_error_code or _FAILING[Status(row.status)]
        return code, f"{name} is not available. {HAPPENED.get(code, '')}".strip()
    code, sentence = _REASONS.get(Status(row.status), _UNPROVED)
    return code, sentence.format(name=name)
