"""The life of a web process: what its loop shares is opened and closed here."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import structlog
from asgiref.sync import sync_to_async
from django.core.management.base import SystemCheckError

from agent import preloading, residents
from config import checks
from connectors import pools

log = structlog.get_logger(__name__)


async def lifespan(
    scope: Any,
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Open the loop's resources at start-up, close them at shutdown.

    Both in this one task, because anyio's scopes may not change tasks. Unsafe
    settings fail the start with the sentences that `manage.py check` prints.

    Source: the ASGI specification, Lifespan Protocol 2.0.
    """
    await receive()  # lifespan.startup
    async with AsyncExitStack() as stack:
        try:
            checks.refuse_unsafe_settings()
            stack.push_async_callback(sync_to_async(pools.close_databases))
            await stack.enter_async_context(pools.resident())
            # Left first: turns that still run are interrupted, with what they said.
            await stack.enter_async_context(residents.resident())
            await preloading.preload()
        except Exception as failure:
            if not isinstance(failure, SystemCheckError):
                log.exception("web.start_failed")
            await send({"type": "lifespan.startup.failed", "message": str(failure)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()  # lifespan.shutdown
    await send({"type": "lifespan.shutdown.complete"})
