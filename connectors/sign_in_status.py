"""What there is of a sign-in, from stored rows alone: nobody is dialled."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from connectors import flows, server_url
from connectors.models import GrantState


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What becomes a connector when its person has signed in."""

    flow_id: int
    server_url: str
    name: str
    description: str
    auth_config: dict[str, Any] | None = field(repr=False)
    # Set when that has happened, or where it is one's client that was entered.
    connector_id: int | None
    # What a sign-in that was begun before is about.
    issuer: str = ""
    scope: str = ""


@dataclass(frozen=True, kw_only=True)
class GrantStatus:
    """What there is of a connector's sign-in; `state` is none without one."""

    connector_id: int
    state: str
    issuer: str = ""
    account_label: str = ""
    scopes: Sequence[str] = ()
    wanted_scopes: Sequence[str] = ()
    expires_at: datetime | None = None
    has_refresh: bool = False

    @property
    def warning(self) -> str:
        """What to know ahead of time; "" for nothing."""
        if self.state != GrantState.ACTIVE or self.has_refresh or not self.expires_at:
            return ""
        left_s = max(0, int((self.expires_at - timezone.now()).total_seconds()))
        return f"No refresh token: you will sign in again in {_duration(left_s)}."


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A sign-in that did not work, as its page tells it.

    `reason` is "" for one that is still under way; `test_code` the error code of the
    connection test that failed after it.
    """

    flow_id: int
    reason: str
    test_code: str
    host: str
    name: str
    connector_id: int | None
    resume: dict[str, Any] | None
    system_tool: str = ""


def draft_of(*, user_id: int, flow_id: int) -> Draft:
    """Return what was prepared.

    Raises:
        ConnectorNotFound: there is none, or it is somebody else's.
        SecretUnreadable: it cannot be opened.
    """
    flow = flows.find(user_id=user_id, flow_id=flow_id)
    wanted = flow.draft.open() if flow.draft else {}
    return Draft(
        flow_id=flow.pk,
        server_url=wanted.get("server_url", ""),
        name=wanted.get("name", ""),
        description=wanted.get("description", ""),
        auth_config=wanted.get("auth_config"),
        connector_id=flow.connector_id,
        issuer=flow.issuer,
        scope=flow.scope,
    )


def status(*, user_id: int, connector_id: int) -> GrantStatus:
    """Return the state of a connector's sign-in. Dials nobody.

    Raises:
        ConnectorNotFound: there is none, or it is somebody else's.
    """
    row = flows.connector(user_id=user_id, connector_id=connector_id)
    grant = flows.grant_of(row)
    if grant is None:
        return GrantStatus(connector_id=row.pk, state="none")
    renewing = grant.state == GrantState.REFRESHING
    return GrantStatus(
        connector_id=row.pk,
        state=str(GrantState.ACTIVE if renewing else grant.state),
        issuer=grant.issuer,
        account_label=grant.account_label,
        scopes=tuple(grant.scope.split()),
        wanted_scopes=tuple(grant.wanted_scope.split()),
        expires_at=grant.expires_at,
        has_refresh=grant.has_refresh,
    )


def failed_flow(*, user_id: int, flow_id: int) -> Failed:
    """Return how a sign-in of the person failed. Dials nobody.

    Raises:
        ConnectorNotFound: there is none, or it is somebody else's.
    """
    flow = flows.find(user_id=user_id, flow_id=flow_id)
    reason, _, test_code = flow.error.partition(" ")
    name = flow.connector.name if flow.connector else ""
    if flow.draft:
        wanted = flow.draft.open()
        name = wanted["name"] or server_url.host(wanted["server_url"])
    return Failed(
        flow_id=flow.pk,
        reason=reason,
        test_code=test_code,
        host=server_url.host(flow.issuer) if flow.issuer else "",
        name=name,
        connector_id=flow.connector_id,
        resume=flow.resume,
        system_tool=flow.system_tool,
    )


def _duration(seconds: int) -> str:
    """Write how long something lasts, in the largest unit that fits."""
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size or (unit == "min" and seconds >= size):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
