"""The hostile server in a thread of its own, for tests."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from demo.hostile.exchange import Era, Fault, Seen
from demo.hostile.faults import FAULTS
from demo.hostile.http_faults import PRIVATE_HOST
from demo.hostile.server import HOST, HostileServer

PATIENCE_S = 20


class Hostile:
    """A running hostile server: where its paths are and what they received."""

    def __init__(self, server: HostileServer) -> None:
        self.server = server

    @property
    def origin(self) -> str:
        return self.server.origin

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def pace_s(self) -> float:
        """Seconds between two parts of whatever drips or takes a while."""
        return self.server.pace_s

    @pace_s.setter
    def pace_s(self, seconds: float) -> None:
        self.server.pace_s = seconds

    @property
    def connections(self) -> int:
        """How many connections were ever opened."""
        return self.server.ledger.connections

    @property
    def open_connections(self) -> int:
        return self.server.ledger.open_connections

    def url(self, name: str, era: Era | None = None) -> str:
        """Return the address of a path; `era` other than its own is a prefix.

        Raises:
            KeyError: there is no such fault.
        """
        return self.server.url(name, era)

    def seen(self, name: str) -> Seen:
        """Return what a path received since the test began."""
        return self.server.ledger.of(name)

    def wait_until_idle(self, within_s: float = 5) -> bool:
        """Wait for every connection to be closed; tell whether they were."""
        return self.server.ledger.wait_until_idle(within_s)

    def clear(self) -> None:
        """Forget what was received, sessions too."""
        self.server.ledger.clear()
        self.server.sessions.clear()


@contextmanager
def running(
    *, tls: ssl.SSLContext | None = None, faults: Mapping[str, Fault] = FAULTS
) -> Iterator[Hostile]:
    """Serve on 127.0.0.1 until the block ends.

    A second port is "another origin" for redirects. The address 127.0.0.66 stands
    for a service inside that nobody may reach; where it cannot be bound, nobody can.
    """
    server = HostileServer(faults, tls=tls)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=_run, args=(loop,), name="hostile", daemon=True)
    thread.start()

    def finish(work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result(PATIENCE_S)

    try:
        finish(server.start(_listeners()))
        try:
            yield Hostile(server)
        finally:
            finish(server.stop())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE_S)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.get_loop().run_forever()


def _listeners() -> list[socket.socket]:
    main = socket.create_server((HOST, 0), backlog=512)
    # Inherited by what is accepted; without it each answer waits for a delayed ACK.
    main.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    port = main.getsockname()[1]
    private: list[socket.socket] = []
    with suppress(OSError):
        private = [socket.create_server((PRIVATE_HOST, port))]
    return [main, *private, socket.create_server((HOST, 0))]
