"""All demo servers in one process, on one loop, until a signal."""

import contextlib
import logging
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from demo import authority, broken, google, journal, notes, releases, rota
from demo.ports import PLACES

# How long open streams may take to end.
GRACE_S = 2


class ByPort:
    """One application for each port, behind one uvicorn."""

    def __init__(self, apps: dict[int, Starlette]) -> None:
        self.apps = apps
        self.inside = Starlette(lifespan=self._lifespan)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.inside(scope, receive, send)
        else:
            await self.apps[scope["server"][1]](scope, receive, send)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            for app in self.apps.values():
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield


class Announcing(uvicorn.Server):
    """A uvicorn that prints something once it answers."""

    def __init__(self, config: uvicorn.Config, lines: Sequence[str]) -> None:
        super().__init__(config)
        self.lines = lines

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(*self.lines, sep="\n", flush=True)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # From here on event streams end, and the SDK answers each of them a second
        # time, which uvicorn would log with a traceback.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        super().handle_exit(sig, frame)


def applications(ports: Sequence[int]) -> dict[int, Starlette]:
    """Make what is served on each port, except what is broken on purpose."""
    notes_port, rota_port, releases_port, _, *others = ports
    journal_port, authority_port, google_port = others
    *_, journal_place, authority_place, _ = PLACES
    signing_in = authority.Authority(
        issuer=authority_place.url(authority_port).rstrip("/"),
        resource=journal_place.url(journal_port),
    )
    return {
        notes_port: notes.build().streamable_http_app(),
        rota_port: rota.build().sse_app(),
        releases_port: releases.application(),
        journal_port: journal.application(signing_in),
        authority_port: authority.application(signing_in),
        google_port: google.application(google.Google()),
    }


async def serve(listeners: Sequence[socket.socket], lines: Sequence[str]) -> None:
    """Serve the places of `demo.ports` on their sockets until INT or TERM.

    Args:
        listeners: one for each place, in its order.
        lines: printed once every server answers.
    """
    by_port = {listener.getsockname()[1]: listener for listener in listeners}
    apps = applications(list(by_port))
    config = uvicorn.Config(
        ByPort(apps),
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    troublemaker = broken.build()
    await troublemaker.start(
        [listener for port, listener in by_port.items() if port not in apps]
    )
    try:
        await Announcing(config, lines).serve([by_port[port] for port in apps])
    finally:
        await troublemaker.stop()


def leave_quietly() -> None:
    """End with exit code 0 on INT and TERM.

    uvicorn stops at either, and then sends itself the same signal again: without
    this that would end in a traceback, or in death by the signal.
    """

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)


def quiet_logs() -> None:
    """Log what is wrong, to stderr; before the SDK chooses a format of its own."""
    logging.basicConfig(level=logging.WARNING, format="demo: %(message)s")
