"""The life of what a person granted: a token that is good now, whenever one is asked.

Several processes share a grant. One renews it, by a lease (`grant_rows`); the others
wait for what it stores: a refresh token that is presented twice can end the grant.
Only the word of the authorization server ends one; that it is away does not.
Source: OAuth 2.1 section 4.3, RFC 9700 section 4.14.
"""

import asyncio
import time
from collections.abc import Iterator
from contextvars import Context
from dataclasses import dataclass, field

import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from connectors import grant_rows, pools, revocations
from connectors.auth import oauth
from connectors.auth.oauth import AuthorizationServer, Tokens
from connectors.client_identity import client_of
from connectors.errors import (
    ConnectorError,
    GrantWithdrawn,
    ServerError,
    ServerFailure,
    SignInFailed,
)
from connectors.grant_rows import store
from connectors.models import GrantState, OAuthGrant

__all__ = ["Bearer", "bearer", "refresh", "refused", "renewed", "store"]

log = structlog.get_logger(__name__)

# How often who waits looks whether there is a newer token.
FIRST_LOOK_S, LONGEST_LOOK_S = 0.02, 0.5
# Between two attempts to store a token that cannot be had again.
KEEP_AGAIN_S = 0.2

# A renewal goes on when who asked for it has left: its refresh token is spent.
_under_way: set[asyncio.Task["Bearer"]] = set()


@dataclass(frozen=True, kw_only=True)
class Bearer:
    """An access token, and of which grant and version it is.

    `is_fresh` tells that it was renewed just now: if it is refused, so is the grant.
    """

    grant_id: int
    version: int
    access_token: str = field(repr=False)
    is_fresh: bool = False


async def bearer(grant_id: int) -> Bearer:
    """Return a token that is good now, renewed first if the stored one has ended.

    Raises:
        GrantWithdrawn: only the person can go on.
        SecretUnreadable: the stored tokens cannot be opened.
        ServerFailure: it has ended, and could not be renewed now.
    """
    row = await _usable(grant_id)
    if not grant_rows.has_ended(row):
        return _bearer(row)
    try:
        return await _renew(row)
    except GrantWithdrawn:
        raise
    except ServerFailure:
        # Only nearly: better tried than given up.
        if row.expires_at and timezone.now() < row.expires_at:
            return _bearer(row)
        raise


async def renewed(bearer: Bearer) -> Bearer:
    """Return a newer token than one that the server did not accept.

    That is what somebody else got meanwhile, or else what one renewal gives.

    Raises:
        GrantWithdrawn, SecretUnreadable, ServerFailure: as `bearer`.
    """
    row = await _usable(bearer.grant_id)
    if row.version == bearer.version or grant_rows.has_ended(row):
        return await _renew(row)
    return _bearer(row, is_fresh=True)


async def refused(bearer: Bearer) -> None:
    """Say that a token which was just renewed was refused too: the grant is over."""
    row = await _read(bearer.grant_id)
    if row is not None and row.version == bearer.version:
        await sync_to_async(grant_rows.end)(row, fresh_rejected=True)


async def refresh(*, grant_id: int, version: int) -> None:
    """Renew a grant ahead of its end, unless somebody else did.

    Raises:
        GrantWithdrawn, SecretUnreadable, ServerFailure: as `bearer`.
    """
    row = await _usable(grant_id)
    if row.version == version:
        await _renew(row)


async def _renew(seen: OAuthGrant) -> Bearer:
    """Return a newer token than `seen` has: from who renews it, or renewed here."""
    if not seen.has_refresh:
        await sync_to_async(grant_rows.end)(seen)
        raise GrantWithdrawn
    waited = False
    for pause_s in _pauses():
        row = await _usable(seen.pk)
        if row.version != seen.version:
            return _bearer(row, is_fresh=True)
        if not grant_rows.is_held(row):
            if waited and not row.lease_owner:
                # Who had the lease gave it back: asking again would not help them.
                raise ServerError("Its sign-in service did not renew the sign-in.")
            taken = await sync_to_async(grant_rows.take)(
                grant_id=row.pk, version=row.version
            )
            if taken is not None:
                return await _finished(taken)
        waited = True
        await pools.release_db()
        await asyncio.sleep(pause_s)
    raise AssertionError  # pragma: no cover — the pauses have no end


def _pauses() -> Iterator[float]:
    pause_s = FIRST_LOOK_S
    while True:
        yield pause_s
        pause_s = min(1.5 * pause_s, LONGEST_LOOK_S)


async def _finished(taken: OAuthGrant) -> Bearer:
    """Renew to the end, also if the caller goes away meanwhile.

    Not in the caller's context: it names the thread that a request has for its
    database, and that thread ends with the request.
    """
    task = asyncio.get_running_loop().create_task(_lead(taken), context=Context())
    _under_way.add(task)
    task.add_done_callback(_forget)
    return await asyncio.shield(task)


def _forget(task: asyncio.Task[Bearer]) -> None:
    _under_way.discard(task)
    # Looked at here: who asked may have left.
    if not task.cancelled():
        task.exception()


async def _lead(taken: OAuthGrant) -> Bearer:
    """Renew a grant whose lease is ours, and leave no database connection behind."""
    try:
        return await _lead_on(taken)
    finally:
        await pools.release_db()


async def _lead_on(taken: OAuthGrant) -> Bearer:
    began = time.monotonic()
    ids = {"user_id": taken.user_id, "connector_id": taken.connector_id}
    try:
        tokens = await _ask(taken)
    except GrantWithdrawn:
        await sync_to_async(grant_rows.end)(taken)
        raise
    except ConnectorError as failure:
        await sync_to_async(grant_rows.give_back)(taken)
        log.warning("oauth.failed", **ids, error_code=failure.code)
        raise
    row = await _keep(taken, tokens)
    duration_ms = round((time.monotonic() - began) * 1000)
    log.info("oauth.refreshed", **ids, duration_ms=duration_ms)
    return _bearer(row, is_fresh=True)


async def _ask(taken: OAuthGrant) -> Tokens:
    """Ask the authorization server for new tokens.

    Raises:
        GrantWithdrawn: it says that there are none any more.
        SecretUnreadable, ServerFailure: anything else.
    """
    if taken.state == GrantState.SIGN_IN_AGAIN or taken.client is None:
        raise GrantWithdrawn
    held, client = grant_rows.opened(taken.tokens), client_of(taken.client)
    await pools.release_db()
    # What comes has to be stored before the lease ends.
    deadline_s = min(settings.TEST_TIMEOUT_S, settings.REFRESH_LEASE_S / 2)
    try:
        async with oauth.leg(deadline_s=deadline_s) as leg:
            return await oauth.refresh(
                leg,
                server=AuthorizationServer.of(held["server"]),
                client=client,
                refresh_token=held["refresh_token"],
                scope=taken.scope,
                resource=taken.resource,
            )
    except GrantWithdrawn:
        raise
    except SignInFailed as failure:
        raise ServerError(failure.detail) from None


async def _keep(taken: OAuthGrant, tokens: Tokens) -> OAuthGrant:
    """Store new tokens, as often as it takes while the lease is ours.

    Raises:
        GrantWithdrawn: the grant was forgotten meanwhile, and the tokens are taken
            back.
    """
    issued_at, row = timezone.now(), None
    while True:
        try:
            row = await sync_to_async(grant_rows.keep)(
                taken, tokens, issued_at=issued_at
            )
            break
        except (OperationalError, InterfaceError):
            # The refresh token may be spent, and this is the only other one.
            if not grant_rows.is_held(taken):
                raise
            await pools.release_db()
            await asyncio.sleep(KEEP_AGAIN_S)
    if row is None and (row := await _read(taken.pk)) is None:
        await _take_back(taken, tokens)
    return _alive(row)


async def _take_back(taken: OAuthGrant, tokens: Tokens) -> None:
    """Revoke tokens of a grant that was forgotten while they came."""
    if taken.client is None:
        return
    held = grant_rows.opened(taken.tokens)
    revocation = await sync_to_async(revocations.forget_unkept)(
        user_id=taken.user_id,
        server=AuthorizationServer.of(held["server"]),
        client=client_of(taken.client),
        tokens=tokens,
    )
    if revocation is not None:
        await revocations.carry_out(revocation.pk)


async def _usable(grant_id: int) -> OAuthGrant:
    return _alive(await _read(grant_id))


async def _read(grant_id: int) -> OAuthGrant | None:
    return await OAuthGrant.objects.filter(pk=grant_id).afirst()


def _alive(row: OAuthGrant | None) -> OAuthGrant:
    """Return a grant whose tokens can be used.

    Raises:
        GrantWithdrawn: there is none, or it has ended.
    """
    if row is None or row.state not in grant_rows.ALIVE:
        raise GrantWithdrawn
    return row


def _bearer(row: OAuthGrant, *, is_fresh: bool = False) -> Bearer:
    return Bearer(
        grant_id=row.pk,
        version=row.version,
        access_token=grant_rows.opened(row.tokens)["access_token"],
        is_fresh=is_fresh,
    )
