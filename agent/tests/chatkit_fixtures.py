"""ChatKit's front end as a fixture: of alice, of somebody else, with her connector."""

from collections.abc import Callable, Iterable, Iterator

import pytest
from pytest_django import Settings

from accounts import tokens
from accounts.models import User
from agent.tests.chatkit_client import ChatKit
from agent.tests.fake_llm import FakeLlm
from agent.tests.over_rest import ADD, connect
from config.tests.live import LiveServer
from connectors.models import UserMCPConnection
from demo.fixtures import DemoServer

type KitOf = Callable[..., ChatKit]

# With which a token may do here what a session may.
SCOPES = ("chat", "tools:call", "connectors:write")


@pytest.fixture
def inside(allow_loopback: None, settings: Settings) -> None:
    """Let the server reach the demo servers; it asks for a second word of it."""
    settings.EGRESS_ALLOW_IN_PRODUCTION = True


@pytest.fixture
def kit_of(inside: None, live_server_asgi: LiveServer) -> Iterator[KitOf]:
    """Make the front end of a person, who has a token."""
    made: list[ChatKit] = []

    def make(user: User, scopes: Iterable[str] = SCOPES) -> ChatKit:
        name = f"chatkit {len(made)}"
        _, token = tokens.issue(user=user, name=name, scopes=list(scopes))
        kit = ChatKit(live_server_asgi.url, Authorization=f"Bearer {token}")
        made.append(kit)
        return kit

    yield make
    for kit in made:
        kit.http.close()


@pytest.fixture
def kit(kit_of: KitOf, alice: User) -> ChatKit:
    return kit_of(alice)


@pytest.fixture
def kit_with_form(
    kit: ChatKit, notes: UserMCPConnection, llm: FakeLlm, settings: Settings
) -> ChatKit:
    """A front end in which a call waits for its arguments."""
    settings.LLM_MODEL = "disobey"
    kit.begin("release", ADD)
    return kit


@pytest.fixture
def notes(kit: ChatKit, alice: User, notes_server: DemoServer) -> UserMCPConnection:
    return connect(alice, notes_server)
