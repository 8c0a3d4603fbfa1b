"""Where the demo servers listen; known without importing the servers.

`./dev run` chooses the ports, tells the demo process in `DEMO_PORTS`, and allows
connectors to reach exactly these.
"""

import os
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

HOST = "127.0.0.1"
DEMO_TOKEN = "demo-token"
# The one program that may ask at the demo Google; no secret, it is known to all.
GOOGLE_CLIENT_ID = "patchbay-demo.apps.googleusercontent.example"
GOOGLE_CLIENT_SECRET = "patchbay-demo-secret"
# How long the servers of a run that ends may hold their ports: `serving.GRACE_S`.
ENDING_S = 3.0
POLL_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Place:
    """One demo server, or the site that signs in to one: where it is, what it shows."""

    name: str
    port: int
    path: str
    about: str
    token: str = ""
    # What the first page says to whoever has no server; "" keeps it from there.
    invitation: str = ""
    # What whoever starts a run is told beside the address.
    note: str = ""

    def url(self, port: int) -> str:
        return f"http://{HOST}:{port}{self.path}"


PLACES = (
    Place(
        name="Notes",
        port=8101,
        path="/mcp",
        about="Search a product team's notes, calculate, draw, wait, fail.",
        invitation="Works: tools that search, count, draw and wait.",
    ),
    Place(
        name="On-call rota",
        port=8102,
        path="/sse",
        about="Speaks the older HTTP+SSE transport.",
    ),
    Place(
        name="Releases",
        port=8103,
        path="/mcp",
        about="Needs a bearer token.",
        token=DEMO_TOKEN,
        note=f"token: {DEMO_TOKEN}",
        invitation=f"Wants a token: {DEMO_TOKEN}.",
    ),
    Place(
        name="Broken on purpose",
        port=8104,
        path="/mcp",
        about="Fails in many ways; / lists them.",
        invitation="Fails on purpose, to show what a failed test tells you.",
    ),
    Place(
        name="Journal",
        port=8105,
        path="/mcp",
        about="Wants you to sign in, at the demo sign-in.",
        invitation="Wants you to sign in, at a demo sign-in service.",
    ),
    Place(
        name="Demo sign-in",
        port=8106,
        path="/",
        about="Signs people in to Journal; its page makes it fail.",
        note="a page for a browser, where it can be made to fail",
    ),
    Place(
        name="Demo Google",
        port=8107,
        path="/",
        about="Stands in for Google: Gmail without an account.",
        note="a page for a browser, with the mail that Gmail sent",
    ),
)


USUAL = [place.port for place in PLACES]


class PortTaken(OSError):
    """A port that was asked for by number belongs to somebody else."""

    def __init__(self, port: int) -> None:
        super().__init__(f"Port {port} is already in use.")


def wanted_ports(environ: Mapping[str, str] = os.environ) -> list[int]:
    """Read `DEMO_PORTS`, one number per place; empty when nobody chose.

    Raises:
        ValueError: it is not one port number for each place.
    """
    text = environ.get("DEMO_PORTS", "").strip()
    if not text:
        return []
    try:
        ports = [int(part) for part in text.split(",")]
    except ValueError:
        ports = []
    if len(set(ports)) != len(PLACES) or not all(0 < port < 65536 for port in ports):
        raise ValueError(
            f"DEMO_PORTS must name {len(PLACES)} different ports, such as "
            + ",".join(str(place.port) for place in PLACES)
        )
    return ports


def bind(ports: Sequence[int] = ()) -> list[socket.socket]:
    """Bind a socket for each place, in their order.

    Args:
        ports: exactly these; without them the usual ones, or the next free.

    Raises:
        PortTaken: one of `ports` is in use.
    """
    bound: list[socket.socket] = []
    try:
        for number in range(len(PLACES)):
            bound.append(_bind_exactly(ports[number]) if ports else _bind_next(bound))
    except BaseException:
        for listener in bound:
            listener.close()
        raise
    return bound


def free_ports() -> list[int]:
    """Find a port for each place: the usual one, or the next that is free."""
    return _released(bind())


def choose(
    environ: Mapping[str, str] = os.environ, *, patience_s: float = ENDING_S
) -> list[int]:
    """Choose where a run has its demo servers: `DEMO_PORTS`, or the usual ports.

    They are waited for up to `patience_s`, as a run before this one may be ending.
    The usual ones are replaced by the next that are free; connectors that were saved
    know only one address, so what somebody chose is not.

    Raises:
        ValueError: DEMO_PORTS is not one port number for each place.
        PortTaken: one of DEMO_PORTS is in use.
    """
    wanted = wanted_ports(environ)
    until = time.monotonic() + patience_s
    while True:
        try:
            return _released(bind(wanted or USUAL))
        except PortTaken:
            if time.monotonic() > until:
                break
        # Nothing tells that a port is free again.
        threading.Event().wait(POLL_S)
    return _released(bind(wanted))


def _released(listeners: Sequence[socket.socket]) -> list[int]:
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def _bind_exactly(port: int) -> socket.socket:
    try:
        listener = socket.create_server((HOST, port), backlog=512)
    except OSError as error:
        raise PortTaken(port) from error
    # Inherited by what is accepted; without it each answer waits for a delayed ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _bind_next(bound: Sequence[socket.socket]) -> socket.socket:
    # Upwards from the place before, so that places keep their order.
    start = PLACES[len(bound)].port
    if bound:
        start = max(start, bound[-1].getsockname()[1] + 1)
    for port in range(start, 65536):
        with suppress(PortTaken):
            return _bind_exactly(port)
    raise PortTaken(start)
