"""The demo and hostile servers as pytest fixtures, for every app's tests.

Servers start once for a test run; `hostile`, `authority` and `google` forget between
tests what they saw. A test that lets connectors reach them asks for `allow_loopback`
as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from pytest_django import Settings

from config.tests.live import serve
from demo import notes, releases, rota
from demo.authority.running import RunningAuthority
from demo.authority.running import running as running_authority
from demo.google.records import CLIENT_ID, CLIENT_SECRET
from demo.google.running import RunningGoogle
from demo.google.running import running as running_google
from demo.hostile import Hostile, running, sockets
from demo.hostile.sockets import HOST
from demo.ports import DEMO_TOKEN

LOOPBACK = ["127.0.0.1/32"]


@dataclass(frozen=True, kw_only=True)
class DemoServer:
    """A real server of the SDK, listening; `url` is what a person would paste."""

    url: str
    origin: str
    token: str = ""


@pytest.fixture
def allow_loopback(settings: Settings) -> None:
    """Let connectors reach 127.0.0.1, and no other address inside."""
    settings.EGRESS_ALLOW = list(LOOPBACK)


@pytest.fixture(scope="session")
def notes_server() -> Iterator[DemoServer]:
    """Tools of every kind; speaks 2026-07-28 and the versions with sessions."""
    with serve(notes.build().streamable_http_app()) as server:
        yield DemoServer(url=f"{server.url}/mcp", origin=server.url)


@pytest.fixture(scope="session")
def sse_server() -> Iterator[DemoServer]:
    """Speaks HTTP+SSE only."""
    with serve(rota.build().sse_app()) as server:
        yield DemoServer(url=f"{server.url}/sse", origin=server.url)


@pytest.fixture(scope="session")
def token_server() -> Iterator[DemoServer]:
    """Answers 401 without its `token`."""
    with serve(releases.application()) as server:
        yield DemoServer(url=f"{server.url}/mcp", origin=server.url, token=DEMO_TOKEN)


@pytest.fixture(scope="session")
def authority_server() -> Iterator[RunningAuthority]:
    """The authorization server and the journal behind it; what they saw adds up."""
    with running_authority() as authority:
        yield authority


@pytest.fixture
def authority(authority_server: RunningAuthority) -> RunningAuthority:
    """The authorization server: knows nobody, saw nothing, nothing is broken.

    `authority.mcp_url` is the MCP server that wants the sign-in.
    """
    authority_server.clear()
    return authority_server


@pytest.fixture(scope="session")
def google_server() -> Iterator[RunningGoogle]:
    """Google's sign-in and the Gmail API; what they saw adds up."""
    with running_google() as google:
        yield google


@pytest.fixture
def google(
    google_server: RunningGoogle, settings: Settings, allow_loopback: None
) -> RunningGoogle:
    """A Google that knows nobody, with an installation that is registered there."""
    google_server.clear()
    settings.GOOGLE_BASE_URLS = google_server.base_urls
    settings.OAUTH_CLIENTS = {
        "google": {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    }
    return google_server


@pytest.fixture(scope="session")
def hostile_server() -> Iterator[Hostile]:
    """The hostile server as it is; what it saw adds up over tests."""
    with running() as server:
        yield server


@pytest.fixture
def hostile(hostile_server: Hostile) -> Iterator[Hostile]:
    """The hostile server, which has seen nothing yet."""
    pace_s = hostile_server.pace_s
    hostile_server.clear()
    yield hostile_server
    hostile_server.pace_s = pace_s


@pytest.fixture
def closed_url() -> Iterator[str]:
    """An address where nobody listens: connecting is refused."""
    with sockets.closed() as port:
        yield _url(port)


@pytest.fixture
def unaccepting_url() -> Iterator[str]:
    """An address where connecting is not answered at all."""
    with sockets.unaccepting() as port:
        yield _url(port)


@pytest.fixture
def silent_url() -> Iterator[str]:
    """An address that accepts the connection and never answers."""
    with sockets.silent() as port:
        yield _url(port)


@pytest.fixture
def resetting_url() -> Iterator[str]:
    """An address that accepts the connection and resets it."""
    with sockets.resetting() as port:
        yield _url(port)


@pytest.fixture
def closing_url() -> Iterator[str]:
    """An address that accepts the connection and hangs up."""
    with sockets.closing() as port:
        yield _url(port)


@pytest.fixture
def garbled_url() -> Iterator[str]:
    """An address that answers bytes which are no protocol."""
    with sockets.garbled() as port:
        yield _url(port)


@pytest.fixture
def dripping_url() -> Iterator[str]:
    """An address that sends a byte now and then, before anybody asked."""
    with sockets.dripping() as port:
        yield _url(port)


def _url(port: int) -> str:
    return f"http://{HOST}:{port}/mcp"
