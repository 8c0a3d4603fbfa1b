"""Test a connector with the credentials that are stored of it.

A token that ended unnoticed is renewed and the test made again: what a person sees is
whether the connector works, not whether its token was young.
"""

import asyncio
from dataclasses import replace

from asgiref.sync import sync_to_async
from django.conf import settings

from connectors import credentials, grant_rows, proof
from connectors.credentials import Credential
from connectors.errors import (
    AuthFailed,
    GrantWithdrawn,
    NotVerified,
    ServerFailure,
    TimedOut,
)
from connectors.models import AuthType, ConnectionTest, UserMCPConnection
from connectors.steps import Track
from connectors.targets import Target
from connectors.validator import ValidationResult

UNAUTHORIZED = 401
# A test has a clock of its own, and more to tell when that has run out.
GRACE_S = 0.5


async def dial(*, seen: UserMCPConnection, target: Target) -> ValidationResult:
    """Test `target` with the sign-in of the connector that was `seen`.

    Raises:
        SecretUnreadable: there is nothing to sign in with.
        TooManyRequests: as `proof.dial`.
    """
    # Only renewals are waited for beside the test itself.
    may_renew = seen.auth_type == AuthType.OAUTH
    credential: Credential | None = None
    limit_s = settings.TEST_TIMEOUT_S + GRACE_S if may_renew else None
    try:
        async with asyncio.timeout(limit_s):
            credential = await credentials.of(seen)
            result = await _try(seen, target, credential)
            while _refused_token(result) and await credential.renew():
                result = await _try(seen, target, credential)
    except ServerFailure as failure:
        return _not_made(failure)
    except TimeoutError:
        late = TimedOut(after_s=settings.TEST_TIMEOUT_S)
        if credential is None or credential.is_renewing:
            late.seen_at_sign_in()
        return _not_made(late)
    if credential.bearer and result.wanted_scope:
        await sync_to_async(grant_rows.want_more)(
            grant_id=credential.bearer.grant_id, scope=result.wanted_scope
        )
    return result


async def prove(
    *, seen: UserMCPConnection, target: Target, ticket: str | None
) -> ConnectionTest:
    """Return a successful test of what `seen` is to dial from now on, as `proof.prove`.

    Raises:
        NotVerified: the test failed.
        SecretUnreadable, TooManyRequests: as `dial`.
    """
    user_id = seen.user_id
    if not seen.auth_type == target.auth_type == AuthType.OAUTH:
        return await proof.prove(user_id=user_id, target=target, ticket=ticket)
    result = await dial(seen=seen, target=target)
    test, _ = await proof.keep(user_id=user_id, target=target, result=result)
    if not result.success:
        raise NotVerified(result)
    return test


async def _try(
    seen: UserMCPConnection, target: Target, credential: Credential
) -> ValidationResult:
    target = replace(target, access_token=credential.access_token)
    return await proof.last(proof.dial(user_id=seen.user_id, target=target))


def _refused_token(result: ValidationResult) -> bool:
    """Tell whether it was the token that was refused, and not what it is good for."""
    if result.error_code != AuthFailed.code or result.wanted_scope:
        return False
    statuses = [exchange["status"] for exchange in result.transcript]
    return UNAUTHORIZED in statuses[-1:]


def _not_made(failure: ServerFailure) -> ValidationResult:
    """Return the result of a test that had no token to begin with."""
    is_over = isinstance(failure, GrantWithdrawn)
    track = Track(lambda _: None)
    track.start("sign_in")
    track.fail("sign_in", failure.message)
    return ValidationResult(
        success=False,
        error_code=AuthFailed.code if is_over else failure.code,
        error_message=failure.message,
        suggestion=failure.suggestion,
        steps=track.finished,
        duration_ms=track.total_ms,
        at_sign_in=failure.at_sign_in,
    )
