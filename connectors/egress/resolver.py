"""Name lookups that cannot clog anything else."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

# A lookup blocks its thread until the system gives up, which no timeout of ours
# can shorten. So they get threads of their own, and not more than these at once.
MAX_LOOKUPS = 64


class SystemResolver:
    """Ask the system for addresses, on daemon threads of its own.

    The loop's default executor is shared with the database and with files: a few
    names that hang would stop the whole process, and its exit.
    """

    def __init__(
        self,
        *,
        max_lookups: int = MAX_LOOKUPS,
        lookup: Callable[..., list[Any]] = socket.getaddrinfo,
    ) -> None:
        self._lookup = lookup
        self._free = asyncio.Semaphore(max_lookups)

    async def __call__(self, name: str) -> list[str]:
        """Look up `name`, which ends with a dot.

        Raises:
            OSError: there is no such name, or no answer.
        """
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[str]] = loop.create_future()
        thread = threading.Thread(
            target=self._ask, args=(name, loop, answer), name="lookup", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as failure:
            self._free.release()
            raise OSError("no thread is free to look up a name") from failure
        return await answer

    def _ask(
        self,
        name: str,
        loop: asyncio.AbstractEventLoop,
        answer: asyncio.Future[list[str]],
    ) -> None:
        found: list[str] = []
        failure: Exception | None = None
        try:
            infos = self._lookup(name, None, type=socket.SOCK_STREAM)
            found = list(dict.fromkeys(str(info[4][0]) for info in infos))
        except Exception as problem:  # noqa: BLE001  it belongs to who asked
            failure = problem
        # The loop may be gone by now; then nobody waits for the answer.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._deliver, answer, found, failure)

    def _deliver(
        self,
        answer: asyncio.Future[list[str]],
        found: list[str],
        failure: Exception | None,
    ) -> None:
        # Only here is the thread free again, however long ago the asker gave up.
        self._free.release()
        if answer.done():
            return
        if failure is None:
            answer.set_result(found)
        else:
            answer.set_exception(failure)
