"""System tools as sources of tools, from what a person has of them."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from agent import listings
from agent.absent import Absent, Remedy
from agent.tool_types import Caller, Progress, ToolAnswer, ToolSpec
from connectors.elicitation import OnInput
from connectors.errors import SignInRequired
from connectors.models import Source
from systemtools import calls
from systemtools.errors import ToolNotConnected, ToolUnavailable
from systemtools.statuses import Status


@dataclass(kw_only=True)
class SystemSource:
    """A system tool that the person has connected, and those tools of it they may use.

    Its id begins the wire names of its tools: no connector is given it as a slug.
    """

    ref: str
    slug: str
    label: str
    listing: list[dict[str, Any]] = field(repr=False)
    source: str = str(Source.SYSTEM)

    def list(self) -> "list[ToolSpec]":
        """Return the tools as they are defined. Dials nobody."""
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

        No system tool asks anything in the middle of a call.

        Raises:
            ConnectorError: by code; the same as `systemtools.calls.call_tool`.
        """
        return await calls.call_tool(
            user_id=caller.user_id,
            username=caller.username,
            tool_id=self.ref,
            name=name,
            arguments=arguments,
            via=caller.via,
            token_id=caller.token_id,
            conversation_id=caller.conversation_id,
            call_id=call_id,
            definition_hash=definition_hash,
            on_progress=on_progress,
        )


def usable(found: list[Status]) -> list[SystemSource]:
    """Return those that can be used."""
    return [
        SystemSource(
            ref=status.tool.id,
            slug=status.tool.id,
            label=status.tool.name,
            listing=status.definitions,
        )
        for status in found
        if status.is_connected
    ]


def absent(found: list[Status]) -> list[Absent]:
    """Return the others, with what keeps each from being used."""
    return [_absent(status) for status in found if not status.is_connected]


def _absent(status: Status) -> Absent:
    tool = status.tool
    code, message, remedy = _reason(status)
    return Absent(
        source=Source.SYSTEM,
        ref=tool.id,
        slug=tool.id,
        label=tool.name,
        code=code,
        message=message,
        is_chosen=not status.signs_in_again,
        is_offer=not status.signs_in_again,
        remedy=remedy,
    )


def _reason(status: Status) -> tuple[str, str, Remedy]:
    """Return the code, the sentence, and what the person can do about it."""
    tool = status.tool
    if status.why_not:
        return ToolUnavailable.code, status.why_not, Remedy.NONE
    if status.signs_in_again:
        message = f"{tool.name} needs you to sign in again."
        return SignInRequired.code, message, Remedy.SIGN_IN
    if tool.auth_type == "oauth":
        message = f"{tool.name} needs you to sign in."
        return SignInRequired.code, message, Remedy.SIGN_IN
    return ToolNotConnected.code, ToolNotConnected(tool.name).message, Remedy.CONNECT
