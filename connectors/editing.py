"""Change a connector: what is new is tested before it counts."""

from dataclasses import dataclass, field
from typing import Any

import structlog
from asgiref.sync import sync_to_async

from connectors import health, retesting, revocations, saving, targets, text
from connectors.errors import ConnectorNotFound, InvalidInput, TooManyRequests
from connectors.models import NAME_CHARS, UserMCPConnection
from connectors.revocations import Forgotten

log = structlog.get_logger(__name__)

DESCRIPTION_CHARS = 500
# How often an edit starts again because its connector changed during the test.
EDIT_ATTEMPTS = 3


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What to change of a connector; None leaves a field as it is."""

    name: str | None = None
    description: str | None = None
    server_url: str | None = None
    auth_type: str | None = None
    auth_config: dict[str, Any] | None = field(default=None, repr=False)
    test_ticket: str | None = field(default=None, repr=False)
    allow_duplicate: bool = False


def get(*, user_id: int, connector_id: int) -> UserMCPConnection:
    """Return one connector of the person. Dials nobody.

    Raises:
        ConnectorNotFound: there is none, or it is somebody else's.
    """
    try:
        owned = UserMCPConnection.objects.owned_by(user_id)
        return owned.select_related("grant").get(pk=connector_id)
    except UserMCPConnection.DoesNotExist:
        raise ConnectorNotFound from None


async def update(
    *, user_id: int, connector_id: int, changes: Changes
) -> UserMCPConnection:
    """Edit a connector; a new URL or new credentials are tested before they count.

    Stored credentials go along to another path of the same origin and nowhere
    else: for another origin they have to be entered again. A sign-in by OAuth that
    is replaced by something else is taken back.

    Raises:
        InvalidInput: a field has the wrong shape, or `reentry_required`.
        ConnectorNotFound, ConnectorDisabled: gone, or removed by an administrator.
        DuplicateUrl, DuplicateName: another one has them.
        NotVerified: the test failed; nothing is changed.
        SecretUnreadable: the stored credentials are needed and cannot be read.
        TooManyRequests: as `testing`, or others keep editing it.
    """
    for _ in range(EDIT_ATTEMPTS):
        try:
            row, before, forgotten = await _edit(user_id, connector_id, changes)
        except saving.Superseded:
            continue
        log.info("connector.updated", user_id=user_id, connector_id=row.pk)
        health.announce(row, before=before)
        if forgotten:
            await revocations.take_back(forgotten)
        return row
    raise TooManyRequests(1)


async def _edit(
    user_id: int, connector_id: int, changes: Changes
) -> tuple[UserMCPConnection, str, Forgotten | None]:
    """Try an edit from its beginning; return what `saving.change` does."""
    name = None if changes.name is None else checked_name(changes.name)
    seen = await sync_to_async(get)(user_id=user_id, connector_id=connector_id)
    saving.refuse_removed(seen)
    target = targets.edited(
        seen,
        url=changes.server_url,
        auth_type=changes.auth_type,
        auth_config=changes.auth_config,
    )
    await sync_to_async(saving.check_room)(
        user_id=user_id,
        url=(target or seen).server_url,
        name=name,
        allow_duplicate=changes.allow_duplicate,
        editing=seen,
    )
    test = None
    if target is not None:
        test = await retesting.prove(
            seen=seen, target=target, ticket=changes.test_ticket
        )
    return await sync_to_async(saving.change)(
        seen=seen,
        name=name,
        description=changes.description and checked_description(changes.description),
        target=target,
        test=test,
        allow_duplicate=changes.allow_duplicate,
    )


def checked_name(name: str) -> str:
    """Return a name as it is stored.

    Raises:
        InvalidInput: nothing is left of it.
    """
    cleaned = text.clean(name, limit=NAME_CHARS)
    if not cleaned:
        raise InvalidInput.at("name", "blank", msg="Enter a name.", type_="blank")
    return cleaned


def checked_description(description: str) -> str:
    """Return a description as it is stored."""
    return text.clean(description, limit=DESCRIPTION_CHARS, multiline=True)
