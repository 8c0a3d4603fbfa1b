"""Refresh a person's old listings beside a turn, and say what could not be reached.

The turn itself uses what is stored; what is found here, the next one has.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import structlog
from asgiref.sync import sync_to_async

from connectors import pools, refreshing
from connectors.cards import HAPPENED
from connectors.errors import TooManyRequests
from connectors.models import UserMCPConnection
from connectors.refreshing import AWAY, Refreshed

log = structlog.get_logger(__name__)


async def refresh(user_id: int) -> AsyncGenerator[dict[str, Any]]:
    """List again what is stale or was away, all side by side.

    Yields a notice, as the payload of its event, for each connector that failed, as
    soon as it did. Close the generator (`contextlib.aclosing`) to give up early.
    """
    due = await sync_to_async(refreshing.due)(user_id=user_id)
    listings = [asyncio.ensure_future(_refreshed(connector)) for connector in due]
    try:
        for next_one in asyncio.as_completed(listings):
            if notice := _notice(await next_one):
                yield notice
    finally:
        for listing in listings:
            listing.cancel()
        await asyncio.gather(*listings, return_exceptions=True)


async def _refreshed(connector: UserMCPConnection) -> Refreshed | None:
    try:
        return await refreshing.refresh_listing(connector)
    except Exception:
        # A defect of ours with one of them is no reason to leave the others.
        log.exception("listing.failed", connector_id=connector.pk)
        return None
    finally:
        # The others may take long yet.
        await pools.release_db()


def _notice(done: Refreshed | None) -> dict[str, Any] | None:
    """Return what to say of a listing that failed; nothing if it was not tried."""
    if done is None or done.failure is None:
        return None
    if isinstance(done.failure, TooManyRequests):
        return None
    connector = done.connector
    tried = "Two tries failed, the last at" if done.attempts > 1 else "It was tried at"
    if connector.status in AWAY:
        text, rest = f"{connector.name} was left out of this answer.", ""
    else:
        text = f"The tools of {connector.name} could not be looked up again."
        rest = "This answer used what was known of them."
    said = (
        f"{tried} {done.ended_at:%H:%M} UTC.",
        HAPPENED.get(done.failure.code, ""),
        rest,
    )
    return {
        "level": "review",
        "text": text,
        "detail": " ".join(filter(None, said)),
        "code": done.failure.code,
        "connector_id": connector.pk,
    }
