"""A development installation whose four demo servers run, as `./dev run` makes it."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from config.tests.journeys.unanswered import Unanswered
from demo import broken
from demo.authority.running import RunningAuthority
from demo.fixtures import DemoServer
from demo.hostile import FAULTS, Hostile, running
from demo.ports import PLACES


@pytest.fixture(scope="session")
def broken_server() -> Iterator[Hostile]:
    """The demo server that is broken on purpose."""
    with running(faults=broken.faults()) as server:
        yield server


@pytest.fixture(autouse=True)
def installation(
    notes_server: DemoServer,
    token_server: DemoServer,
    broken_server: Hostile,
    authority: RunningAuthority,
    allow_loopback: None,
    settings: Settings,
) -> None:
    """Let people try the demo, and offer them its servers."""
    urls = {
        "Notes": notes_server.url,
        "Releases": token_server.url,
        "Broken on purpose": broken_server.url("mcp"),
        "Journal": authority.mcp_url,
    }
    settings.DEVELOPMENT = True
    settings.DEMO_SERVERS = [
        {"name": place.name, "url": urls[place.name], "about": place.invitation}
        for place in PLACES
        if place.invitation
    ]


@pytest.fixture(scope="session")
def company_site() -> Iterator[Hostile]:
    """A web page at the root of a host that has an MCP server at /mcp."""
    with running(faults={"": FAULTS["html"], "mcp": FAULTS["good"]}) as server:
        yield server


@pytest.fixture
def unanswered() -> Iterator[Unanswered]:
    """A server that never lists its tools."""
    with Unanswered().serving() as server:
        yield server
