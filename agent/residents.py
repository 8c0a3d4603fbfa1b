"""What this process's loop does without being waited for: turns, and work beside them.

A loop that lives on, as the web server's does, takes such work (`resident`). Any
other does it at once, by who asks for it.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import Context
from weakref import WeakKeyDictionary

import structlog
from asgiref.sync import ThreadSensitiveContext

from connectors import pools

Work = Callable[[], Awaitable[None]]

# The key of work that is not cancelled with a turn.
NO_TURN = 0

log = structlog.get_logger(__name__)
_residents: WeakKeyDictionary[
    asyncio.AbstractEventLoop, dict[asyncio.Task[None], int]
] = WeakKeyDictionary()


@asynccontextmanager
async def resident() -> AsyncGenerator[None]:
    """Let turns run on this loop while the block lasts.

    Those that still run at its end are interrupted, and what they have said is kept.
    """
    loop = asyncio.get_running_loop()
    tasks = _residents.setdefault(loop, {})
    try:
        yield
    finally:
        del _residents[loop]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def leave(work: Work, turn_id: int) -> bool:
    """Leave `work` on a turn to the loop; False if the loop does not live on."""
    tasks = _residents.get(asyncio.get_running_loop())
    if tasks is None:
        return False
    # Not in the context of a request: its threads end with it.
    context = Context()
    bound = structlog.contextvars.get_contextvars()
    context.run(lambda: structlog.contextvars.bind_contextvars(**bound))
    task = asyncio.create_task(_alone(work, turn_id), context=context)
    tasks[task] = turn_id
    task.add_done_callback(lambda done: tasks.pop(done, None))
    return True


def cancel(turn_id: int) -> None:
    """End the work on a turn that was stopped, if it is this loop that does it."""
    tasks = _residents.get(asyncio.get_running_loop(), {})
    for task, key in tasks.items():
        if key == turn_id:
            task.cancel()


async def _alone(work: Work, turn_id: int) -> None:
    """Do `work` with a thread of its own for the database."""
    async with ThreadSensitiveContext():
        try:
            await work()
        except Exception:
            # Its lease ends, and whoever comes past interrupts it.
            log.exception("turn.lost", turn_id=turn_id)
        finally:
            await pools.release_db()
