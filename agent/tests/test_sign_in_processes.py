"""Sign-ins and questions that are asked, answered and waited for by processes."""

from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

import pytest
from pytest_django import Settings

from accounts import tokens
from accounts.models import User
from agent.models import Approval, InputRequest, Turn, TurnState
from agent.tests.test_two_processes import has_ended, say, signed_in, wait_for, web
from agent.tests.turning import again, answer_of, part_of
from config.tests.live import serve
from connectors.models import ToolCall
from connectors.tests import curious, signing_in, verbs
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


def test_a_question_in_mid_call_is_answered_in_another_process(alice: User) -> None:
    session = signed_in(alice)
    with serve(curious.build().streamable_http_app()) as server:
        row = verbs.add(alice, f"{server.url}/mcp", "Curious")
        with web() as first, web() as second:
            wanted = {"text": "{}", "pick": f"connector_tool:{row.pk}:book"}
            assert post(first, session, "/chat", wanted) == 303
            turn = Turn.objects.get()
            wait_for(turn, lambda now: now.state == TurnState.WAITING)
            approval = Approval.objects.get()
            allowed = {"decision": "once"}
            assert post(second, session, f"/chat/approvals/{approval.pk}", allowed)
            wait_for(turn, lambda now: now.inputs.exists())
            # Whoever has the call is not who is told the answer.
            request = InputRequest.objects.get()
            assert again(turn).state == TurnState.RUNNING
            answer = {"arg.row": "3"}
            assert post(first, session, f"/chat/inputs/{request.pk}", answer) == 303
            wait_for(turn, has_ended)
    calls = [part for part in answer_of(turn).parts if part["kind"] == "call"]
    assert [call["summary"] for call in calls] == ["row 3, window True"]


def post(process: WebProcess, session: str, path: str, body: dict[str, str]) -> int:
    """Send a form as a browser without a script does; return the status."""
    csrf = "a" * 32
    there = HTTPConnection(HOST, process.port, timeout=PATIENCE_S)
    headers = {
        "Cookie": f"sessionid={session}; csrftoken={csrf}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    try:
        form = urlencode({**body, "csrfmiddlewaretoken": csrf})
        there.request("POST", path, form, headers)
        return there.getresponse().status
    finally:
        there.close()
