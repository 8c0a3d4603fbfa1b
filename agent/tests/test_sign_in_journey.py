"""A permission that ends in mid-chat, with a real authority: the call goes on."""

import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from accounts.models import User
from agent import conversations
from agent import signing_in as signing_in_calls
from agent.models import InputRequest, TurnState
from agent.questions import Subject
from agent.tests import signed_out, threads, turning
from agent.tests.chatting import Said, as_it_is, decide, pick, say
from agent.tests.fake_llm import FakeLlm
from connectors.errors import SignInRequired
from connectors.models import OAuthGrant, Outcome, Status, ToolCall, UserMCPConnection
from connectors.tests import signing_in
from demo.authority.running import RunningAuthority

pytestmark = pytest.mark.usefixtures("allow_loopback")

ADD = 'call journal__add_entry {"title": "A plan"}'


@pytest.fixture
def journal(
    alice: User, authority: RunningAuthority, allow_loopback: None
) -> UserMCPConnection:
    return signing_in.connected(alice, authority)


def sign_in_again(
    user: User,
    authority: RunningAuthority,
    row: UserMCPConnection,
    account: str = "ada",
) -> None:
    signing_in.signed_in(user, authority, account, connector_id=row.pk)


def call_of(said: Said) -> dict[str, Any]:
    (call,) = said.calls
    return call


def tools_of(authority: RunningAuthority) -> list[str]:
    return [call["tool"] for call in authority.mcp_calls]


# --- A permission that was withdrawn ------------------------------------------


@pytest.fixture
def withdrawn(authority: RunningAuthority, journal: UserMCPConnection) -> None:
    authority.withdraw()


@pytest.mark.usefixtures("withdrawn")
def test_a_call_waits_for_the_sign_in_and_goes_on(
    alice: User, authority: RunningAuthority, journal: UserMCPConnection
) -> None:
    waiting = say(alice, '{"limit": 1}', pick(journal, "list_entries"))
    assert waiting.outcome == ("waiting", "approval")
    call = call_of(waiting)
    assert (call["state"], call["is_again"]) == ("sign_in", True)
    assert not call["needs_more"]
    journal.refresh_from_db()
    assert journal.status == Status.SIGN_IN_AGAIN
    assert not tools_of(authority)
    sign_in_again(alice, authority, journal)
    said = as_it_is(waiting.turn)
    assert said.outcome == ("done", "used")
    call = call_of(said)
    assert (call["state"], call["outcome"]) == ("done", "ok")
    assert call["arguments"] == {"limit": 1}
    assert call["decision"] == "signed_in"
    assert tools_of(authority) == ["list_entries"]
    # Both attempts are on record, and the second is the one of the receipt.
    first, second = ToolCall.objects.order_by("pk")
    assert (first.outcome, second.outcome) == (Outcome.FAILED, Outcome.OK)
    assert call["call_id"] == str(second.call_id)


@pytest.mark.usefixtures("withdrawn")
def test_what_a_model_chose_waits_and_goes_on(
    alice: User, authority: RunningAuthority, journal: UserMCPConnection, llm: FakeLlm
) -> None:
    waiting = say(alice, "call journal__whoami {}")
    assert waiting.turn.state == TurnState.WAITING
    assert not waiting.text
    asked = len(llm.bodies)
    sign_in_again(alice, authority, journal)
    said = as_it_is(waiting.turn)
    assert said.turn.state == TurnState.DONE
    assert said.text
    assert tools_of(authority) == ["whoami"]
    # The model is told the answer once, and nothing of the sign-in.
    told = [one for one in llm.bodies[asked]["messages"] if one["role"] == "tool"]
    assert len(told) == 1
    assert "ada" in json.dumps(told)


@pytest.mark.usefixtures("withdrawn")
def test_after_another_account_signed_in_it_is_that_one_s_call(
    alice: User, authority: RunningAuthority, journal: UserMCPConnection
) -> None:
    say(alice, "{}", pick(journal, "whoami"))
    sign_in_again(alice, authority, journal, "grace")
    assert authority.mcp_calls == [{"tool": "whoami", "account": "grace"}]


@pytest.mark.usefixtures("withdrawn")
def test_the_second_message_is_asked_before_anything_is_dialled(
    alice: User, authority: RunningAuthority, journal: UserMCPConnection
) -> None:
    first = say(alice, "{}", pick(journal, "whoami"))
    second = say(alice, "{}", pick(journal, "whoami"))
    assert [part["kind"] for part in second.parts if "input_id" in part] == ["sign_in"]
    sign_in_again(alice, authority, journal)
    for said in (first, second):
        assert as_it_is(said.turn).outcome == ("done", "used")
    assert tools_of(authority) == ["whoami", "whoami"]


@pytest.mark.usefixtures("withdrawn")
def test_a_call_that_was_declined_is_not_made(
    alice: User, authority: RunningAuthority, journal: UserMCPConnection
) -> None:
    waiting = say(alice, "{}", pick(journal, "whoami"))
    said = signed_out.decline(alice, waiting)
    assert said.outcome == ("done", "approval")
    assert call_of(said)["state"] == "declined"
    sign_in_again(alice, authority, journal)
    assert not tools_of(authority)


@pytest.mark.usefixtures("withdrawn")
def test_a_tool_that_changed_meanwhile_is_refused(
    alice: User, authority: RunningAuthority, journal: UserMCPConnection
) -> None:
    waiting = say(alice, "{}", pick(journal, "whoami"))
    request = InputRequest.objects.get()
    sealed = request.request_state.open()
    sealed["subject"]["definition_hash"] = "f" * 64
    request.request_state = sealed
    request.save()
    sign_in_again(alice, authority, journal)
    said = as_it_is(waiting.turn)
    assert said.outcome == ("done", "refused")
    assert call_of(said)["error_code"] == "TOOL_PENDING_REVIEW"
    assert not tools_of(authority)


def test_who_signs_in_while_the_refusal_is_on_its_way_is_not_asked_again(
    alice: User, authority: RunningAuthority, journal: UserMCPConnection
) -> None:
    turn = turning.ask(alice, "{}", pick=pick(journal, "whoami"))
    work = turning.begin(turn)
    (tool,) = [one for one in work.toolbox.tools.values() if one.spec.name == "whoami"]
    subject = Subject(
        source="connector",
        ref=str(journal.pk),
        tool="whoami",
        definition_hash=tool.spec.definition_hash,
    )
    about = {**threads.call(), "name": tool.wire_name, "ref": str(journal.pk)}
    about |= {"tool": "whoami", "arguments": {}}
    # The refusal is of before: the sign-in is there by now.
    refusal = SignInRequired(connector_id=journal.pk)
    for state in ("signed_in", "sign_in"):
        async_to_sync(signing_in_calls.for_call)(
            work, subject=subject, about=about, error=refusal
        )
        assert call_of(as_it_is(turn))["state"] == state
        async_to_sync(work.journal.catch_up)()


# --- A permission that is missing ---------------------------------------------


@pytest.fixture
def reading(alice: User, authority: RunningAuthority) -> UserMCPConnection:
    """A connector that was allowed to read, and no more."""
    return signing_in.connected(
        alice, authority, auth_config={"scope": "journal:read offline_access"}
    )


def test_what_was_allowed_waits_for_the_permission_and_runs_once(
    alice: User, authority: RunningAuthority, reading: UserMCPConnection, llm: FakeLlm
) -> None:
    said = say(alice, ADD)
    assert call_of(said)["state"] == "waiting"
    said = decide(alice, said)
    call = call_of(said)
    assert (said.turn.state, call["state"]) == (TurnState.WAITING, "sign_in")
    assert "journal:write" in call["reason"]
    assert (call["needs_more"], call["permissions"]) == (
        1,
        ["Create and change journal"],
    )
    assert not tools_of(authority)
    sign_in_again(alice, authority, reading)
    said = as_it_is(said.turn)
    assert (said.turn.state, call_of(said)["outcome"]) == (TurnState.DONE, "ok")
    assert tools_of(authority) == ["add_entry"]


# --- What does not wait -------------------------------------------------------


def test_a_token_that_ended_is_renewed_and_nobody_is_asked(
    alice: User, authority: RunningAuthority, journal: UserMCPConnection
) -> None:
    authority.expire_all()
    said = say(alice, "{}", pick(journal, "whoami"))
    assert said.outcome == ("done", "used")
    assert tools_of(authority) == ["whoami"]
    assert not InputRequest.objects.exists()


def test_a_sign_in_service_that_is_down_is_a_failure_and_no_card(
    alice: User, authority: RunningAuthority, journal: UserMCPConnection
) -> None:
    authority.expire_all()
    authority.switches.token_endpoint = "503"
    said = say(alice, "{}", pick(journal, "whoami"))
    assert said.turn.state == TurnState.DONE
    assert not InputRequest.objects.exists()
    assert OAuthGrant.objects.get().state == "active"


# --- Programs -----------------------------------------------------------------


@pytest.mark.usefixtures("withdrawn")
def test_a_call_over_rest_waits_for_the_person_too(
    alice: User,
    authority: RunningAuthority,
    journal: UserMCPConnection,
) -> None:
    turn = async_to_sync(conversations.send)(
        user_id=alice.pk, text="{}", pick=pick(journal, "whoami"), via="rest"
    )
    assert as_it_is(turn).outcome == ("waiting", "approval")
    sign_in_again(alice, authority, journal)
    assert as_it_is(turn).outcome == ("done", "used")
    assert ToolCall.objects.get(outcome="ok").via == "rest"
