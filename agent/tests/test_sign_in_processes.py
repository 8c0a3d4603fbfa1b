"""A sign-in that is begun, ended and waited for in different processes."""

from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from pytest_django import Settings

from accounts import tokens
from accounts.models import User
from agent.models import TurnState
from agent.tests.test_two_processes import has_ended, say, wait_for, web
from agent.tests.turning import again, part_of
from connectors.models import ToolCall
from connectors.tests import signing_in
from connectors.tests.processes import HOST, PATIENCE_S, Rest, WebProcess
from demo.authority.running import RunningAuthority

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("allow_loopback"),
]


def begin(process: WebProcess, token: str, connector_id: int) -> str:
    """Begin a sign-in; return where the person is sent."""
    wanted = {"connector_id": connector_id}
    client = Rest(process.port, token)
    status, begun = client.send("POST", "/api/oauth/initiate", wanted)
    assert status == 200, begun
    address: str = begun["authorization_url"]
    return address


def come_back(process: WebProcess, token: str, location: str) -> str:
    """Come back from the authority to this process; return where it leads on."""
    parts = urlsplit(location)
    there = HTTPConnection(HOST, process.port, timeout=PATIENCE_S)
    try:
        there.request(
            "GET",
            f"{parts.path}?{parts.query}",
            headers={"Authorization": f"Bearer {token}"},
        )
        response = there.getresponse()
        response.read()
        return response.headers["Location"]
    finally:
        there.close()


def test_an_answer_goes_on_wherever_the_sign_in_ends(
    alice: User, authority: RunningAuthority, settings: Settings
) -> None:
    settings.PUBLIC_URL = f"http://{HOST}"
    token = tokens.issue(user=alice, name="three")[1]
    row = signing_in.connected(alice, authority)
    authority.withdraw()
    with web() as first:
        wanted = {"connector_id": row.pk, "tool": "whoami"}
        turn = say(first, token, text="{}", pick=wanted)
        wait_for(turn, lambda now: now.state == TurnState.WAITING)
    # Whoever asked is gone: what waits is not, and neither is a sign-in half done.
    with web() as second:
        address = begin(second, token, row.pk)
    with web() as third, web():
        location = authority.sign_in(address)
        assert come_back(third, token, location).startswith("/connectors/oauth/done")
        wait_for(turn, has_ended)
        # The same answer of the authority a second time begins nothing again.
        assert "error=" in come_back(third, token, location)
    ended = again(turn)
    assert (ended.state, ended.enforcement, ended.attempts) == ("done", "used", 2)
    assert part_of(turn)["outcome"] == "ok"
    assert [call["tool"] for call in authority.mcp_calls] == ["whoami"]
    assert ToolCall.objects.filter(outcome="ok").count() == 1
