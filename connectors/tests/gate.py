"""A good server that stops in the middle until the test lets it go on."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from asgiref.sync import async_to_sync, sync_to_async

from demo.hostile import Exchange, Fault, running
from demo.hostile.peer import polite

PATIENCE_S = 30
HELD_AT_MOST = 500


class Gate:
    """Holds each request of one method until it is let through."""

    def __init__(self, method: str) -> None:
        self.method = method
        self.url = ""
        self.requests = 0
        # Whom the requests were for, as the addresses of one server are told apart.
        self.targets: set[str] = set()
        self._arrived = threading.Semaphore(0)
        self._passes = threading.Semaphore(0)
        self._is_open = False

    async def reply(self, exchange: Exchange) -> None:
        self.requests += 1
        self.targets.add(exchange.request.target)
        if exchange.method == self.method and not self._is_open:
            self._arrived.release()
            await asyncio.to_thread(self._passes.acquire, timeout=PATIENCE_S)
        await polite(exchange)

    def wait(self) -> None:
        """Wait until a request is held."""
        assert self._arrived.acquire(timeout=PATIENCE_S)

    async def reached(self) -> None:
        """Wait until a request is held, without holding the loop."""
        await asyncio.to_thread(self.wait)

    def let_one_through(self) -> None:
        self._passes.release()

    def open(self) -> None:
        """Hold nobody any longer."""
        self._is_open = True
        self._passes.release(HELD_AT_MOST)

    def meanwhile[T](
        self,
        operation: Callable[[], Awaitable[T]],
        change: Callable[[], object],
        *,
        times: int = 1,
    ) -> T:
        """Run `operation`, and `change` while each of its requests is held."""

        async def run() -> T:
            task = asyncio.ensure_future(operation())
            for _ in range(times):
                await self.reached()
                await sync_to_async(change)()
                self.let_one_through()
            return await task

        return async_to_sync(run)()


@contextmanager
def gate(method: str) -> Iterator[Gate]:
    held = Gate(method)
    fault = Fault(about=f"waits before it answers {method}", reply=held.reply)
    with running(faults={"gate": fault}) as server:
        held.url = server.url("gate")
        try:
            yield held
        finally:
            held.open()
