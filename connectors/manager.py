"""What a person can do with connectors. Pages, REST and tasks all call these verbs.

What dials gives its database connection back first and passes admission; what is
stored afterwards is one transaction of `connectors.saving`.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import structlog
from asgiref.sync import sync_to_async

from connectors import auth, health, proof, saving, targets, text
from connectors.errors import (
    ConnectorNotFound,
    InvalidInput,
    SecretUnreadable,
    TooManyRequests,
)
from connectors.models import NAME_CHARS, AuthType, ConnectorQuerySet, UserMCPConnection
from connectors.steps import Step
from connectors.targets import Target
from connectors.validator import ValidationResult

log = structlog.get_logger(__name__)

DESCRIPTION_CHARS = 500
# How often an edit starts again because its connector changed during the test.
EDIT_ATTEMPTS = 3


@dataclass(frozen=True, kw_only=True)
class TestReport:
    """A finished test; `ticket` saves the same URL and credentials without another.

    It is "" if the test did not succeed.
    """

    result: ValidationResult
    ticket: str = field(repr=False)


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


def list_for(*, user_id: int) -> ConnectorQuerySet:
    """Return the person's connectors by slot, without their listings. Dials nobody."""
    return UserMCPConnection.objects.owned_by(user_id).defer(*proof.LISTING_FIELDS)


def get(*, user_id: int, connector_id: int) -> UserMCPConnection:
    """Return one connector of the person. Dials nobody.

    Raises:
        ConnectorNotFound: there is none, or it is somebody else's.
    """
    try:
        return UserMCPConnection.objects.owned_by(user_id).get(pk=connector_id)
    except UserMCPConnection.DoesNotExist:
        raise ConnectorNotFound from None


async def testing(
    *,
    user_id: int,
    server_url: str,
    auth_type: str,
    auth_config: dict[str, Any] | None,
) -> AsyncGenerator[Step | TestReport]:
    """Test a server: yield each step as it starts and ends, and the report at last.

    Stores evidence of the test and nothing else: a test never makes a connector.
    Close the generator (`contextlib.aclosing`) to give up early.

    Raises:
        InvalidInput: the credentials have the wrong shape.
        TooManyRequests: too many tests a minute, or too much at once.
    """
    config = auth.check_config(auth_type, auth_config)
    target = Target(server_url=server_url, auth_type=auth_type, auth_config=config)
    async with aclosing(proof.dial(user_id=user_id, target=target)) as items:
        async for item in items:
            if isinstance(item, Step):
                yield item
                continue
            _, ticket = await proof.keep(user_id=user_id, target=target, result=item)
            yield TestReport(result=item, ticket=ticket)


async def test(
    *,
    user_id: int,
    server_url: str,
    auth_type: str,
    auth_config: dict[str, Any] | None,
) -> TestReport:
    """Test a server within TEST_TIMEOUT_S seconds; a bad server is a result.

    Raises:
        InvalidInput, TooManyRequests: as `testing`.
    """
    items = testing(
        user_id=user_id,
        server_url=server_url,
        auth_type=auth_type,
        auth_config=auth_config,
    )
    return await proof.last(items)


async def add(
    *,
    user_id: int,
    name: str | None,
    server_url: str,
    description: str = "",
    auth_type: str = AuthType.NONE,
    auth_config: dict[str, Any] | None = None,
    test_ticket: str | None = None,
    allow_duplicate: bool = False,
) -> UserMCPConnection:
    """Save a connector whose connection works; without a name it is its host's.

    The proof is `test_ticket`, or a test made here if the ticket is not (or no
    longer) good for this URL and these credentials.

    Raises:
        InvalidInput: a field has the wrong shape.
        LimitReached, DuplicateUrl, DuplicateName: checked before the test, and
            again when the row is inserted.
        NotVerified: the test failed; nothing is saved.
        TooManyRequests: as `testing`.
    """
    target = targets.checked(
        url=server_url, auth_type=auth_type, auth_config=auth_config
    )
    name = None if name is None else _checked_name(name)
    await sync_to_async(saving.check_room)(
        user_id=user_id,
        url=target.server_url,
        name=name,
        allow_duplicate=allow_duplicate,
    )
    connector = await sync_to_async(saving.insert)(
        user_id=user_id,
        name=name,
        description=_checked_description(description),
        target=target,
        test=await proof.prove(user_id=user_id, target=target, ticket=test_ticket),
        allow_duplicate=allow_duplicate,
    )
    log.info("connector.added", user_id=user_id, connector_id=connector.pk)
    return connector


async def update(
    *, user_id: int, connector_id: int, changes: Changes
) -> UserMCPConnection:
    """Edit a connector; a new URL or new credentials are tested before they count.

    Stored credentials go along to another path of the same origin and nowhere
    else: for another origin they have to be entered again.

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
            row, before = await _edit(user_id, connector_id, changes)
        except saving.Superseded:
            continue
        log.info("connector.updated", user_id=user_id, connector_id=row.pk)
        health.announce(row, before=before)
        return row
    raise TooManyRequests(1)


async def _edit(
    user_id: int, connector_id: int, changes: Changes
) -> tuple[UserMCPConnection, str]:
    """Try an edit from its beginning; return the connector and its status before."""
    name = None if changes.name is None else _checked_name(changes.name)
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
        test = await proof.prove(
            user_id=user_id, target=target, ticket=changes.test_ticket
        )
    return await sync_to_async(saving.change)(
        seen=seen,
        name=name,
        description=changes.description and _checked_description(changes.description),
        target=target,
        test=test,
        allow_duplicate=changes.allow_duplicate,
    )


async def toggle(
    *, user_id: int, connector_id: int, is_active: bool
) -> UserMCPConnection:
    """Pause or enable a connector.

    Raises:
        ConnectorNotFound, ConnectorDisabled: gone, or removed by an administrator.
    """
    row = await sync_to_async(saving.switch)(
        user_id=user_id, connector_id=connector_id, is_active=is_active
    )
    log.info(
        "connector.toggled",
        user_id=user_id,
        connector_id=connector_id,
        is_active=is_active,
    )
    return row


async def retest(*, user_id: int, connector_id: int) -> TestReport:
    """Test a connector again; store what that says about it, and its tools.

    Raises:
        ConnectorNotFound, ConnectorDisabled: gone, or removed by an administrator.
        SecretUnreadable: there is nothing to sign in with.
        TooManyRequests: as `testing`.
    """
    seen = await sync_to_async(get)(user_id=user_id, connector_id=connector_id)
    saving.refuse_removed(seen)
    try:
        target = targets.stored(seen)
    except SecretUnreadable as error:
        await sync_to_async(health.settle)(seen, error_code=error.code)
        raise
    result = await proof.last(proof.dial(user_id=user_id, target=target))
    ticket = await sync_to_async(saving.apply_retest)(
        seen=seen, target=target, result=result
    )
    log.info(
        "connector.retested",
        user_id=user_id,
        connector_id=connector_id,
        error_code=result.error_code,
        duration_ms=result.duration_ms,
    )
    return TestReport(result=result, ticket=ticket)


async def remove(*, user_id: int, connector_id: int) -> None:
    """Delete a connector; the evidence of its calls stays.

    Raises:
        ConnectorNotFound: there is none, or it is somebody else's.
    """
    await sync_to_async(saving.delete)(user_id=user_id, connector_id=connector_id)
    log.info("connector.removed", user_id=user_id, connector_id=connector_id)


def _checked_name(name: str) -> str:
    cleaned = text.clean(name, limit=NAME_CHARS)
    if not cleaned:
        raise InvalidInput.at("name", "blank", msg="Enter a name.", type_="blank")
    return cleaned


def _checked_description(description: str) -> str:
    return text.clean(description, limit=DESCRIPTION_CHARS, multiline=True)
