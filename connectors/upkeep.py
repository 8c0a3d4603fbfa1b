"""What the worker does for sign-ins, so that nobody has to wait for it.

Tokens are renewed ahead of their end, whether a connector is paused or not: a grant
that nobody uses would else be forgotten by its service.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from asgiref.sync import sync_to_async

from connectors import (
    client_identity,
    flows,
    grant_rows,
    grants,
    pools,
    revocations,
)
from connectors.errors import ConnectorError

AT_ONCE = 50
# Of those, how many are under way in one moment.
ABREAST = 8


async def refresh_grants() -> None:
    """Renew the grants that are due; one that fails is tried again in a minute.

    One that cannot be renewed ends when its token does.
    """
    due = await sync_to_async(grant_rows.due)(limit=AT_ONCE)
    await pools.release_db()
    await _each(due, lambda one: grants.refresh(grant_id=one[0], version=one[1]))


async def carry_out_revocations() -> None:
    """Take back what could not be taken back before."""
    due = await sync_to_async(revocations.due)(limit=AT_ONCE)
    await pools.release_db()
    await _each(due, revocations.carry_out)


async def prune_flows() -> None:
    """Delete the sign-ins that ended, or that nobody finished, and clients of none."""
    await sync_to_async(flows.prune)()
    await sync_to_async(client_identity.prune)()


async def _each[T](items: Iterable[T], work: Callable[[T], Awaitable[object]]) -> None:
    """Do `work` with each item, some at once; one that fails costs the others nothing.

    What is anticipated was logged where it happened.
    """
    places = asyncio.Semaphore(ABREAST)

    async def attempt(item: T) -> None:
        async with places:
            await work(item)

    ended = await asyncio.gather(*map(attempt, items), return_exceptions=True)
    for problem in ended:
        if problem is not None and not isinstance(problem, ConnectorError):
            raise problem
