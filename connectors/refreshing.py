"""List a connector's tools again, in the background: what is stored grows old.

Nobody waits for it. One server that is away costs the others nothing: each is tried
by itself, once more after RETRY_DELAY_S if it could not be reached, and then left.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from connectors import admission, credentials, health, masking, mcp_client, pools
from connectors.credentials import Credential
from connectors.egress import Operation
from connectors.errors import (
    AuthFailed,
    ConnectionFailed,
    ConnectorError,
    SecretUnreadable,
    ServerFailure,
    TimedOut,
)
from connectors.listing import Listing
from connectors.models import Status, UserMCPConnection
from connectors.text import clean_json

log = structlog.get_logger(__name__)

NO_TOOLS = "NO_TOOLS"
# Not well, but maybe back.
AWAY = (Status.UNREACHABLE, Status.SERVER_ERROR)
_FIELDS = (*health.HEALTH_FIELDS, "dropped_tools", "tools_listed_at")

_TOOL_FIELDS = ("discovered_tools", "tool_count")


@dataclass(frozen=True, kw_only=True)
class Refreshed:
    """What became of one listing; `failure` is None if it is stored now."""

    connector: UserMCPConnection
    failure: ConnectorError | None
    attempts: int
    ended_at: datetime


def due(*, user_id: int) -> list[UserMCPConnection]:
    """Return the person's connectors whose listing is stale, or that were away.

    Those that wait for the person are left: they would only fail again.
    """
    stale = timezone.now() - timedelta(seconds=settings.LISTING_STALE_S)
    old = Q(tools_listed_at=None) | Q(tools_listed_at__lt=stale)
    well = Q(status__in=(Status.READY, Status.REVIEW))
    owned = UserMCPConnection.objects.owned_by(user_id)
    found = owned.filter(
        well & old | Q(status__in=AWAY), is_active=True, is_verified=True
    )
    return list(found.defer("discovered_tools", "dropped_tools"))


async def refresh_listing(connector: UserMCPConnection) -> Refreshed:
    """List the tools of `connector` and store them; a failure is a result.

    What is found is stored only if the connector still dials the same with the same,
    and nobody stored a newer listing meanwhile.
    """
    began = time.monotonic()
    reading = _Reading(connector)
    failure: ConnectorError | None = None
    try:
        await sync_to_async(_store)(connector, await reading.read())
    except (ServerFailure, SecretUnreadable) as error:
        failure = error
        if not credentials.is_told(connector, error):
            await sync_to_async(health.settle)(connector, error_code=error.code)
    except ConnectorError as error:
        # Too much at once: that says nothing about the server.
        failure = error
    log.info(
        "listing.failed" if failure else "listing.refreshed",
        user_id=connector.user_id,
        connector_id=connector.pk,
        error_code=failure.code if failure else None,
        duration_ms=round((time.monotonic() - began) * 1000),
    )
    return Refreshed(
        connector=connector,
        failure=failure,
        attempts=reading.attempts,
        ended_at=timezone.now(),
    )


class _Reading:
    """The listing of one connector, and how often it was tried."""

    def __init__(self, connector: UserMCPConnection) -> None:
        self._connector = connector
        self.attempts = 0

    async def read(self) -> Listing:
        """Return the tools, without any secret of ours that is repeated in them.

        Raises:
            ServerFailure: it failed, also the second time if there was one.
            SecretUnreadable, TooManyRequests: it was not dialled.
        """
        credential = await credentials.of(self._connector)
        await pools.release_db()
        try:
            listing = await self._try(credential)
        except _Again:
            await asyncio.sleep(settings.RETRY_DELAY_S)
            listing = await self._try(credential)
        listing.require_usable()
        listing.tools = masking.hide(listing.tools, credential.secrets)
        listing.dropped = masking.hide(listing.dropped, credential.secrets)
        return listing

    async def _try(self, credential: Credential) -> Listing:
        """Try once.

        Raises:
            _Again: it could not be reached in time, and it is the first time.
            ServerFailure, TooManyRequests: as `read`.
        """
        operation = Operation(
            max_bytes=settings.MAX_LISTING_BYTES, deadline_s=settings.TEST_TIMEOUT_S
        )
        async with admission.admit(
            user_id=self._connector.user_id,
            origin=credential.target.origin,
            in_background=True,
        ):
            self.attempts += 1
            try:
                async with asyncio.timeout(settings.TEST_TIMEOUT_S):
                    return await self._renewing(credential, operation)
            except (ConnectionFailed, TimedOut, TimeoutError) as failure:
                # An address that this installation does not allow stays so.
                if self.attempts == 1 and not operation.blocked:
                    raise _Again from None
                if isinstance(failure, ConnectionFailed):
                    raise
                late = TimedOut(after_s=settings.TEST_TIMEOUT_S)
                raise (
                    late.seen_at_sign_in() if credential.is_renewing else late
                ) from None

    async def _renewing(self, credential: Credential, operation: Operation) -> Listing:
        """Ask; once more with a newer token, if the one sent was refused."""
        while True:
            endpoint = credential.endpoint(self._connector)
            try:
                async with mcp_client.connect(endpoint, operation) as session:
                    return await session.list_tools()
            except AuthFailed as refusal:
                if await credential.after(refusal) is None:
                    raise


class _Again(Exception):
    """The server could not be reached; it may be a moment later."""


def _store(seen: UserMCPConnection, listing: Listing) -> None:
    """Store what was listed of a connector that is as it was `seen`."""
    with transaction.atomic():
        row = health.lock_if_same(seen)
        if row is None or row.tools_listed_at != seen.tools_listed_at:
            return
        before = row.status
        tools = clean_json(listing.tools)
        # Mostly nothing changed, and a listing can be large.
        is_new = tools != row.discovered_tools
        row.discovered_tools, row.tool_count = tools, len(tools)
        row.dropped_tools = clean_json(listing.dropped)
        row.tools_listed_at = timezone.now()
        health.succeeded(row, warning="" if tools else NO_TOOLS)
        row.save(update_fields=[*_FIELDS, *(_TOOL_FIELDS if is_new else ())])
    health.announce(row, before=before)
