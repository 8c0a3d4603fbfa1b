"""Renew the tokens of a grant: by one process, and once.

Whoever takes the lease asks the authorization server; the others wait for what it
stores. No transaction is open meanwhile, and nothing that came is given up easily.
"""

import asyncio
import time
from collections.abc import Iterator
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import structlog
from asgiref.sync import SyncToAsync, sync_to_async
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from connectors import client_identity, grant_rows, pools, revocations
from connectors.auth import oauth
from connectors.auth.oauth import AuthorizationServer, Client, Tokens
from connectors.client_identity import Identity
from connectors.errors import (
    ClientRefused,
    ConnectorError,
    GrantWithdrawn,
    ServerError,
    ServerFailure,
    SignInFailed,
)
from connectors.models import ClientKind, GrantState, OAuthGrant

log = structlog.get_logger(__name__)

# How often who waits looks whether there is a newer token.
FIRST_LOOK_S, LONGEST_LOOK_S = 0.02, 0.5
# Between two attempts to store a token that cannot be had again.
KEEP_AGAIN_S = 0.2

type _Renewals = dict[tuple[int, int], asyncio.Task[Bearer]]

# What each loop renews now, by grant and version: one look for all who wait there.
_renewals: WeakKeyDictionary[asyncio.AbstractEventLoop, _Renewals] = WeakKeyDictionary()


@dataclass(frozen=True, kw_only=True)
class Bearer:
    """An access token, and of which grant and version it is.

    `is_fresh` tells that it was renewed just now: if it is refused, so is the grant.
    """

    grant_id: int
    version: int
    access_token: str = field(repr=False)
    is_fresh: bool = False


async def renew(seen: OAuthGrant) -> Bearer:
    """Return a newer token than `seen` has: from who renews it, or renewed here.

    It goes on when who asked has left: the refresh token is spent. So not in their
    context, which names the thread that a request has for its database, and that
    thread ends with the request.

    Raises:
        GrantWithdrawn: only the person can go on.
        SecretUnreadable: the stored tokens cannot be opened.
        ServerFailure: it could not be renewed now.
    """
    loop = asyncio.get_running_loop()
    renewals, key = _renewals.setdefault(loop, {}), (seen.pk, seen.version)
    if key not in renewals:
        renewals[key] = loop.create_task(_renewal(seen), context=_context())
        renewals[key].add_done_callback(lambda task: _ended(task, renewals, key))
    task = renewals[key]
    await pools.release_db()
    return await asyncio.shield(task)


def _context() -> Context:
    """Return what a renewal runs in: not what ends with the request, see `renew`.

    Who waits outside of a request, in a thread of their own, serves the database in
    that thread meanwhile; from an empty context it would be asked for in vain.
    """
    in_request = SyncToAsync.thread_sensitive_context.get(None) is not None
    return Context() if in_request else copy_context()


def _ended(
    task: asyncio.Task[Bearer], renewals: _Renewals, key: tuple[int, int]
) -> None:
    del renewals[key]
    # Looked at here: who asked may have left.
    if not task.cancelled():
        task.exception()


async def _renewal(seen: OAuthGrant) -> Bearer:
    """Renew, or wait for who does; leave no database connection behind."""
    try:
        if seen.has_refresh:
            return await _lead_or_wait(seen)
        await sync_to_async(grant_rows.end)(seen)
        raise GrantWithdrawn
    finally:
        await pools.release_db()


async def _lead_or_wait(seen: OAuthGrant) -> Bearer:
    waited = False
    for pause_s in _pauses():
        row = await usable(seen.pk)
        if row.version != seen.version:
            return bearer_of(row, is_fresh=True)
        if not grant_rows.is_held(row):
            if waited and not row.lease_owner:
                # Who had the lease gave it back: asking again would not help them.
                problem = "Its sign-in service did not renew the sign-in."
                raise ServerError(problem).seen_at_sign_in()
            taken = await sync_to_async(grant_rows.take)(
                grant_id=row.pk, version=row.version
            )
            if taken is not None:
                return await _lead(taken)
        waited = True
        await pools.release_db()
        await asyncio.sleep(pause_s)
    raise AssertionError  # pragma: no cover — the pauses have no end


def _pauses() -> Iterator[float]:
    pause_s = FIRST_LOOK_S
    while True:
        yield pause_s
        pause_s = min(1.5 * pause_s, LONGEST_LOOK_S)


async def _lead(taken: OAuthGrant) -> Bearer:
    """Renew a grant whose lease is ours."""
    began = time.monotonic()
    ids = grant_rows.ids_of(taken)
    try:
        tokens = await _ask(taken)
    except GrantWithdrawn:
        await sync_to_async(grant_rows.end)(taken)
        raise
    except ConnectorError as failure:
        await sync_to_async(grant_rows.give_back)(taken)
        log.warning("oauth.failed", **ids, error_code=failure.code)
        if isinstance(failure, ServerFailure):
            failure.seen_at_sign_in()
        raise
    row = await _keep(taken, tokens)
    duration_ms = round((time.monotonic() - began) * 1000)
    log.info("oauth.refreshed", **ids, duration_ms=duration_ms)
    return bearer_of(row, is_fresh=True)


async def _ask(taken: OAuthGrant) -> Tokens:
    """Ask the authorization server for new tokens.

    Raises:
        GrantWithdrawn: it says that there are none any more.
        SecretUnreadable, ServerFailure: anything else.
    """
    client = grant_rows.client_of(taken)
    if taken.state == GrantState.SIGN_IN_AGAIN or client is None:
        raise GrantWithdrawn
    held = grant_rows.opened(taken.tokens)
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
    except ClientRefused:
        raise await sync_to_async(_after_refusal)(taken, client) from None
    except SignInFailed as failure:
        raise ServerError(failure.detail) from None


def _after_refusal(taken: OAuthGrant, client: Client) -> ServerFailure:
    """Return what it means that a client is not known where its grant is from.

    Ours is registered anew by the next sign-in. One that the operator has to put right
    ends nobody's sign-in, and another sign-in would not help.
    """
    kind = taken.client.kind if taken.client else ClientKind.PREREGISTERED
    if kind in (ClientKind.PREREGISTERED, ClientKind.CIMD):
        return ServerError(
            "Its sign-in service does not accept the client of this installation.",
            suggestion="Ask the operator of this installation.",
        )
    identity = Identity(client=client, kind=kind)
    client_identity.forget(identity, issuer=taken.issuer)
    return GrantWithdrawn()


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
    if row is None and (row := await read(taken.pk)) is None:
        await _take_back(taken, tokens)
    return _alive(row)


async def _take_back(taken: OAuthGrant, tokens: Tokens) -> None:
    """Revoke tokens of a grant that was forgotten while they came."""
    client = grant_rows.client_of(taken)
    if client is None:
        return
    held = grant_rows.opened(taken.tokens)
    revocation = await sync_to_async(revocations.forget_unkept)(
        user_id=taken.user_id,
        server=AuthorizationServer.of(held["server"]),
        client=client,
        tokens=tokens,
    )
    if revocation is not None:
        await revocations.carry_out(revocation.pk)


async def usable(grant_id: int) -> OAuthGrant:
    """Return a grant whose tokens can be used.

    Raises:
        GrantWithdrawn: there is none, or it has ended.
    """
    return _alive(await read(grant_id))


async def read(grant_id: int) -> OAuthGrant | None:
    """Return a grant as it is now."""
    return await OAuthGrant.objects.filter(pk=grant_id).afirst()


def _alive(row: OAuthGrant | None) -> OAuthGrant:
    if row is not None and row.state in grant_rows.ALIVE:
        return row
    raise GrantWithdrawn.anew() if row and row.fresh_rejected else GrantWithdrawn


def bearer_of(row: OAuthGrant, *, is_fresh: bool = False) -> Bearer:
    """Return the token of a grant.

    Raises:
        SecretUnreadable: it cannot be opened.
    """
    return Bearer(
        grant_id=row.pk,
        version=row.version,
        access_token=grant_rows.opened(row.tokens)["access_token"],
        is_fresh=is_fresh,
    )
