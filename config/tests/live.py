"""A real uvicorn in a thread: what the tests talk to, over real sockets.

`serve` is used by every app's tests and by `demo/tests`. The loop is asyncio's:
pytest-socket does not see what uvloop opens.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import uvicorn

START_S = 20
# Longer than uvicorn's own grace for open streams, see `serve`.
STOP_S = 15
GRACE_S = 2


class LiveServer(uvicorn.Server):
    """A uvicorn that says when it listens; `url` has no slash at its end."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket) -> None:
        super().__init__(config)
        self.listener = listener
        host, self.port = listener.getsockname()[:2]
        self.host = f"[{host}]" if ":" in host else host
        scheme = "https" if config.ssl_certfile else "http"
        self.url = f"{scheme}://{self.host}:{self.port}"
        self.settled = threading.Event()
        self.failure: BaseException | None = None
        self.thread = threading.Thread(
            target=self._serve_thread, name=f"live-{self.port}", daemon=True
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.settled.set()

    def _serve_thread(self) -> None:
        try:
            self.run(sockets=[self.listener])
        except BaseException as failure:  # noqa: BLE001 — shown to the test, below
            self.failure = failure
        finally:
            self.settled.set()

    def begin(self) -> None:
        """Start and wait until it listens; raise if its lifespan failed."""
        self.thread.start()
        if not self.settled.wait(START_S) or not self.started:
            self.should_exit = True
            self.thread.join(STOP_S)
            self.listener.close()
            raise RuntimeError(f"{self.url} did not start") from self.failure

    def stop(self) -> None:
        """Stop and wait; open streams get `GRACE_S` seconds to end."""
        self.should_exit = True
        self.thread.join(STOP_S)
        self.listener.close()
        if self.thread.is_alive():
            raise RuntimeError(f"{self.url} did not stop")
        if self.failure:
            raise RuntimeError(f"{self.url} failed") from self.failure


@contextmanager
def serve(
    app: Any,  # any ASGI application; their types differ between frameworks
    *,
    lifespan: Literal["auto", "on", "off"] = "on",
    host: str = "127.0.0.1",
    port: int = 0,
    **uvicorn_kwargs: Any,
) -> Iterator[LiveServer]:
    """Serve `app` on a loopback address until the block ends.

    The port is bound before the server starts, so that nobody else gets it. With
    `ssl_certfile` and `ssl_keyfile` the server speaks TLS.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=512)
    # Inherited by what is accepted. asyncio sets it only for sockets that it bound
    # itself, and without it every answer waits 40 ms for a delayed ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    options: dict[str, Any] = {
        "loop": "asyncio",
        "ws": "websockets-sansio",
        "log_config": None,
        "log_level": "warning",
        "timeout_graceful_shutdown": GRACE_S,
        **uvicorn_kwargs,
    }
    server = LiveServer(uvicorn.Config(app, lifespan=lifespan, **options), listener)
    server.begin()
    try:
        yield server
    finally:
        server.stop()
