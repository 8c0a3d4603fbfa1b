"""Prove that a connection works: test it, keep the evidence, take what it found."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import fields, replace

import structlog
from asgiref.sync import sync_to_async
from django.utils import timezone

from connectors import admission, evidence, health, masking, pools, validator
from connectors.errors import InvalidUrl, NotVerified
from connectors.models import ConnectionTest, UserMCPConnection
from connectors.steps import Step
from connectors.targets import Target
from connectors.text import clean_json
from connectors.validator import ValidationResult

log = structlog.get_logger(__name__)

LISTING_FIELDS = ("discovered_tools", "dropped_tools", "discover_cache", "server_info")
TARGET_FIELDS = ("server_url", "auth_type", "auth_config")
PROOF_FIELDS = (
    *health.HEALTH_FIELDS,
    *LISTING_FIELDS,
    "tool_count",
    "tools_listed_at",
    "transport",
    "protocol_version",
)


async def dial(
    *, user_id: int, target: Target
) -> AsyncGenerator[Step | ValidationResult]:
    """Test `target` when its turn has come; the result is the last item.

    Whatever the server says back of its credentials is hidden.

    Raises:
        TooManyRequests: too many tests a minute, or too much at once.
    """
    await pools.release_db()
    await admission.count_test(user_id=user_id)
    async with admission.admit(user_id=user_id, origin=target.origin):
        stages = validator.stages(
            server_url=target.server_url,
            auth_type=target.auth_type,
            auth_config=target.auth_config,
            access_token=target.access_token,
        )
        async with aclosing(stages) as items:
            async for item in items:
                yield _without(target.secrets, item)


async def prove(*, user_id: int, target: Target, ticket: str | None) -> ConnectionTest:
    """Return a successful test of `target`: the ticket's, or one made now.

    Raises:
        NotVerified: the test failed.
        TooManyRequests: as `dial`.
    """
    if ticket and (test := await sync_to_async(_find)(user_id, target, ticket)):
        return test
    result = await last(dial(user_id=user_id, target=target))
    test, _ = await keep(user_id=user_id, target=target, result=result)
    if not result.success:
        raise NotVerified(result)
    return test


async def keep(
    *, user_id: int, target: Target, result: ValidationResult
) -> tuple[ConnectionTest, str]:
    """Store the evidence of a test that belongs to no connector yet, and say so.

    Returns the row and its ticket, which is "" if the test failed.
    """
    kept = await sync_to_async(record)(user_id=user_id, target=target, result=result)
    log.info(
        "connector.tested",
        user_id=user_id,
        error_code=result.error_code,
        duration_ms=result.duration_ms,
    )
    return kept


def record(
    *,
    user_id: int,
    target: Target,
    result: ValidationResult,
    connector_id: int | None = None,
) -> tuple[ConnectionTest, str]:
    """Store the evidence of a test of `target`; return it with its ticket."""
    try:
        subject_mac = _subject(user_id, target)[0]
    except InvalidUrl:
        # Any text may be tested; of what is no URL there is nothing to prove.
        subject_mac = ""
    return evidence.record_test(
        user_id=user_id,
        connector_id=connector_id,
        result=result,
        subject_mac=subject_mac,
    )


def aim(row: UserMCPConnection, target: Target) -> None:
    """Set on `row` what it dials from now on; does not save."""
    row.server_url = target.server_url
    row.auth_type = target.auth_type
    row.auth_config = target.auth_config


def fill(row: UserMCPConnection, found: ConnectionTest | ValidationResult) -> None:
    """Set on `row` all that a successful test found; does not save."""
    row.transport = found.transport
    row.protocol_version = found.protocol_version
    row.server_info = clean_json(found.server_info)
    row.discover_cache = clean_json(found.discover_cache)
    row.discovered_tools = clean_json(found.tools)
    row.dropped_tools = clean_json(found.dropped_tools)
    row.tool_count = len(row.discovered_tools)
    row.tools_listed_at = timezone.now()
    health.succeeded(row, warning=found.error_code or "")


async def last[T](items: AsyncGenerator[Step | T]) -> T:
    """Run a test to its end; return what comes after the steps."""
    async with aclosing(items):
        *_, found = [item async for item in items if not isinstance(item, Step)]
    return found


def _without(
    secrets: set[str], item: Step | ValidationResult
) -> Step | ValidationResult:
    """Return a step or a result without the secrets in any of its texts."""
    if isinstance(item, Step):
        return replace(item, message=masking.hide(item.message, secrets))
    values = {one.name: getattr(item, one.name) for one in fields(item)}
    values = masking.hide(values, secrets)
    values["steps"] = [_without(secrets, step) for step in item.steps]
    return replace(item, **values)


def _find(user_id: int, target: Target, ticket: str) -> ConnectionTest | None:
    return evidence.find_ticket(
        user_id=user_id, ticket=ticket, subject=_subject(user_id, target)
    )


def _subject(user_id: int, target: Target) -> list[str]:
    return evidence.subject_macs(
        user_id=user_id,
        server_url=target.server_url,
        auth_type=target.auth_type,
        auth_config=target.auth_config,
    )
