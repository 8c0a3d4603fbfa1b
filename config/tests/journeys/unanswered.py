"""A server that never lists its tools, and sees who gives up waiting."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from demo.hostile import Exchange, Fault, Hostile, running
from demo.hostile.replies import hold, instead

PATIENCE_S = 10


class Unanswered:
    """What the server saw of whoever waits for its list."""

    def __init__(self) -> None:
        self.url = ""
        self._asked = threading.Event()
        self._server: Hostile | None = None

    @property
    def methods(self) -> dict[str, int]:
        """How often each method was asked for."""
        assert self._server is not None
        return dict(self._server.seen("mcp").methods)

    async def asked(self) -> None:
        """Wait until somebody waits."""
        assert await asyncio.to_thread(self._asked.wait, PATIENCE_S)

    async def left(self) -> None:
        """Wait until nobody is connected any longer."""
        assert self._server is not None
        assert await asyncio.to_thread(self._server.wait_until_idle, PATIENCE_S)

    async def _hold(self, exchange: Exchange) -> None:
        self._asked.set()
        await hold(exchange)

    @contextmanager
    def serving(self) -> Iterator["Unanswered"]:
        """Serve until the block ends."""
        never = Fault(about="never lists", reply=instead("tools/list", self._hold))
        with running(faults={"mcp": never}) as server:
            self._server, self.url = server, server.url("mcp")
            yield self
