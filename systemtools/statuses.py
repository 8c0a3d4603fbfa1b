"""What of the system tools a person has connected, from what is stored."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ValidationError

from connectors.errors import SecretUnreadable
from connectors.models import GrantState, OAuthGrant
from systemtools import registry
from systemtools.base import Method, SystemTool
from systemtools.models import UserToolStatus

_SIGNED_IN = (GrantState.ACTIVE, GrantState.REFRESHING)


class State(StrEnum):
    CONNECTED = "connected"
    AVAILABLE = "available"
    COMING_SOON = "coming_soon"


@dataclass(frozen=True, kw_only=True)
class Status:
    """One system tool, as a person has it.

    `why_not` says why it cannot be connected or used now, "" if it can.
    `signs_in_again`: a sign-in is all that is missing. `granted` are the scopes of
    a sign-in, None for a tool without one.
    """

    tool: type[SystemTool]
    state: State
    connected_at: datetime | None = None
    signs_in_again: bool = False
    account_label: str = ""
    why_not: str = ""
    granted: frozenset[str] | None = None
    row: UserToolStatus | None = field(default=None, repr=False)

    @property
    def is_connected(self) -> bool:
        return self.state == State.CONNECTED

    @property
    def is_enabled(self) -> bool:
        """Whether people can connect it at this installation."""
        return not self.why_not

    @property
    def methods(self) -> dict[str, Method]:
        """Its tools by name: all that there are, or those that were granted."""
        return registry.methods(self.tool, granted=self.granted)

    @property
    def definitions(self) -> list[dict[str, Any]]:
        """Its tools in the shape of a connector's stored tools."""
        return [method.definition for method in self.methods.values()]

    def config(self) -> BaseModel | None:
        """Return what the person entered, secrets included.

        Raises:
            SecretUnreadable: it cannot be read, or not any more.
        """
        if self.tool.Config is None:
            return None
        try:
            return self.tool.Config.model_validate(entered(self.row))
        except ValidationError:
            raise SecretUnreadable(
                f"What you entered for {self.tool.name} does not suit it any more. "
                "Enter it again."
            ) from None


def all_of(*, user_id: int) -> list[Status]:
    """Return every system tool as the person has it; asks the database twice."""
    rows = {row.tool_id: row for row in UserToolStatus.objects.owned_by(user_id)}
    grants = OAuthGrant.objects.filter(user=user_id).exclude(system_tool="")
    signed_in = {grant.system_tool: grant for grant in grants.defer("tokens")}
    return [
        _status(kind, rows.get(kind.id), signed_in.get(kind.id))
        for kind in registry.all()
    ]


def one_of(*, user_id: int, tool_id: str) -> Status:
    """Return one system tool as the person has it.

    Raises:
        SystemToolNotFound: there is none of that id.
    """
    kind = registry.get(tool_id)
    row = UserToolStatus.objects.owned_by(user_id).filter(tool_id=tool_id).first()
    grants = OAuthGrant.objects.filter(user=user_id, system_tool=tool_id)
    return _status(kind, row, grants.defer("tokens").first())


def status_of(*, user_id: int) -> dict[str, State]:
    """Return the state of every system tool by its id."""
    return {status.tool.id: status.state for status in all_of(user_id=user_id)}


def usable(*, user_id: int) -> list[Status]:
    """Return the system tools that the person can use now."""
    return [status for status in all_of(user_id=user_id) if status.is_connected]


def entered(row: UserToolStatus | None) -> dict[str, Any]:
    """Return what a person entered for a tool, secrets included.

    Raises:
        SecretUnreadable: the secrets cannot be read.
    """
    if row is None:
        return {}
    secrets = row.credentials.open() if row.credentials else {}
    return {**row.config, **secrets}


def _status(
    kind: type[SystemTool], row: UserToolStatus | None, grant: OAuthGrant | None
) -> Status:
    if kind.is_coming_soon:
        why_not = f"{kind.name} is coming soon. It cannot be connected yet."
        return Status(tool=kind, state=State.COMING_SOON, why_not=why_not)
    why_not = registry.why_not(kind)
    since = _connected_at(kind, row, grant)
    is_connected = since is not None and not why_not
    return Status(
        tool=kind,
        state=State.CONNECTED if is_connected else State.AVAILABLE,
        connected_at=since if is_connected else None,
        signs_in_again=bool(grant and grant.state == GrantState.SIGN_IN_AGAIN),
        account_label=grant.account_label if grant else "",
        why_not=why_not,
        granted=frozenset(grant.scope.split()) if grant else None,
        row=row,
    )


def _connected_at(
    kind: type[SystemTool], row: UserToolStatus | None, grant: OAuthGrant | None
) -> datetime | None:
    """Return since when the person has it; None if they do not."""
    since = row.connected_at if row and row.is_connected else None
    if kind.auth_type != "oauth":
        return since
    # What was granted is what counts; the row may be late.
    if grant is None or grant.state not in _SIGNED_IN:
        return None
    return since or grant.created_at
