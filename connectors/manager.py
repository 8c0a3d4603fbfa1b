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

from connectors import (
    auth,
    health,
    proof,
    retesting,
    revocations,
    saving,
    targets,
)
from connectors.editing import (
    DESCRIPTION_CHARS,
    Changes,
    checked_description,
    checked_name,
    get,
    update,
)
from connectors.errors import SecretUnreadable
from connectors.models import AuthType, ConnectorQuerySet, UserMCPConnection
from connectors.revocations import Receipt
from connectors.steps import Step
from connectors.targets import Target
from connectors.validator import ValidationResult

__all__ = [
    "DESCRIPTION_CHARS",
    "Changes",
    "TestReport",
    "add",
    "get",
    "list_for",
    "remove",
    "retest",
    "test",
    "testing",
    "toggle",
    "update",
]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class TestReport:
    """A finished test; `ticket` saves the same URL and credentials without another.

    It is "" if the test did not succeed.
    """

    result: ValidationResult
    ticket: str = field(repr=False)


def list_for(*, user_id: int) -> ConnectorQuerySet:
    """Return the person's connectors by slot, without their listings. Dials nobody."""
    owned = UserMCPConnection.objects.owned_by(user_id).select_related("grant")
    return owned.defer(*proof.LISTING_FIELDS, "grant__tokens")


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
    name = None if name is None else checked_name(name)
    await sync_to_async(saving.check_room)(
        user_id=user_id,
        url=target.server_url,
        name=name,
        allow_duplicate=allow_duplicate,
    )
    connector = await sync_to_async(saving.insert)(
        user_id=user_id,
        name=name,
        description=checked_description(description),
        target=target,
        test=await proof.prove(user_id=user_id, target=target, ticket=test_ticket),
        allow_duplicate=allow_duplicate,
    )
    log.info("connector.added", user_id=user_id, connector_id=connector.pk)
    return connector


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
        target = await sync_to_async(targets.stored)(seen)
        result = await retesting.dial(seen=seen, target=target)
    except SecretUnreadable as error:
        await sync_to_async(health.settle)(seen, error_code=error.code)
        raise
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


async def remove(*, user_id: int, connector_id: int) -> Receipt | None:
    """Delete a connector; the evidence of its calls stays.

    Returns what became of its sign-in at the service, None if there was none: it is
    deleted, whatever that says.

    Raises:
        ConnectorNotFound: there is none, or it is somebody else's.
    """
    delete = sync_to_async(saving.delete)
    forgotten = await delete(user_id=user_id, connector_id=connector_id)
    log.info("connector.removed", user_id=user_id, connector_id=connector_id)
    return await revocations.take_back(forgotten) if forgotten else None
