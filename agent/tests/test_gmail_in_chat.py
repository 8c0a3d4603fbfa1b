"""Gmail in the chat, with a Google on this machine: picked, approved, sent once."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from agent.models import InputRequest, ToolSetting, TurnState
from agent.tests import signed_out
from agent.tests.chatting import Said, as_it_is, decide, say, submit
from agent.tests.fake_llm import FakeLlm
from agent.tool_types import Pick
from config.tests.rest import ApiClient
from connectors.models import OAuthGrant, ToolCall
from demo.google.running import RunningGoogle
from systemtools.tests.mailing import connected

GMAIL = Pick(kind="system_tool", ref="gmail")
SEND = Pick(kind="system_tool", ref="gmail:send")
MAIL = {
    "to": ["john@example.com"],
    "subject": "The plan",
    "body": "Here it is.",
}
WORDS = f"Send this to john@example.com: call gmail__send {json.dumps(MAIL)}"


@pytest.fixture
def gmail(alice: User, google: RunningGoogle) -> RunningGoogle:
    connected(alice, google)
    return google


def card(said: Said) -> dict[str, Any]:
    (found,) = [part for part in said.parts if part.get("asks") == "sign_in"]
    return found


# --- The exact mail ---------------------------------------------------------------


def test_the_exact_mail_is_approved_and_sent(
    alice: User, gmail: RunningGoogle, llm: FakeLlm
) -> None:
    said = say(alice, WORDS, GMAIL)
    assert said.outcome == ("waiting", "approval")
    (call,) = said.calls
    assert (call["label"], call["question"]) == (
        "Gmail: Send a mail", "Send a mail with Gmail?"
    )  # fmt: skip
    assert call["arguments"] == MAIL
    assert not gmail.sent
    said = decide(alice, said)
    assert said.turn.state == TurnState.DONE
    assert said.turn.enforcement in {"used", "approval"}
    (sent,) = gmail.sent
    assert sent.header("To") == "john@example.com"
    assert sent.header("Subject") == "The plan"
    assert sent.text.strip() == "Here it is."
    evidence = ToolCall.objects.get()
    assert (evidence.source, evidence.source_label, evidence.tool) == (
        "system", "Gmail", "send"
    )  # fmt: skip
    assert evidence.outcome == "ok"


def test_who_declines_sends_nothing(
    alice: User, gmail: RunningGoogle, llm: FakeLlm
) -> None:
    said = decide(alice, say(alice, WORDS, GMAIL), "decline")
    assert said.turn.state == TurnState.DONE
    assert not gmail.sent
    assert not ToolCall.objects.exists()


def test_without_a_model_the_words_become_a_form(
    alice: User, gmail: RunningGoogle
) -> None:
    said = say(alice, "Send this to john@example.com", SEND)
    assert said.outcome == ("waiting", "form")
    said = submit(alice, said, MAIL)
    assert said.turn.state == TurnState.DONE
    assert [one.header("To") for one in gmail.sent] == ["john@example.com"]


def test_a_search_reads_and_asks_nobody(alice: User, gmail: RunningGoogle) -> None:
    said = say(alice, "in:inbox", Pick(kind="system_tool", ref="gmail:search"))
    assert said.outcome == ("done", "used")


def test_what_may_have_been_sent_is_not_sent_again(
    alice: User, gmail: RunningGoogle, llm: FakeLlm
) -> None:
    gmail.switches.gmail = "lost"
    said = decide(alice, say(alice, WORDS, GMAIL))
    assert said.calls[0]["state"] == "unknown"
    assert ToolCall.objects.get().outcome == "unknown"
    assert len([one for one in gmail.gmail_requests if one["what"] == "send"]) == 1


# --- A sign-in that is missing -----------------------------------------------------


def test_what_was_picked_waits_until_google_allowed_it(
    alice: User, google: RunningGoogle, llm: FakeLlm
) -> None:
    said = say(alice, WORDS, GMAIL)
    assert said.outcome == ("waiting", "approval")
    shown = card(said)
    assert (shown["kind"], shown["connector"]) == ("sign_in", "Gmail")
    assert not shown["is_again"]
    assert not llm.bodies
    connected(alice, google)
    said = as_it_is(said.turn)
    assert said.turn.state == TurnState.WAITING
    assert [call["state"] for call in said.calls] == ["waiting"]
    decide(alice, said)
    assert len(google.sent) == 1


def test_a_permission_that_was_withdrawn_is_asked_for_and_the_call_goes_on_once(
    alice: User, gmail: RunningGoogle, llm: FakeLlm
) -> None:
    said = say(alice, WORDS, GMAIL)
    gmail.withdraw()
    said = decide(alice, said)
    assert said.turn.state == TurnState.WAITING
    (call,) = said.calls
    assert call["state"] == "sign_in"
    assert call["is_again"]
    assert call["arguments"] == MAIL
    assert not gmail.sent
    connected(alice, gmail)
    said = as_it_is(said.turn)
    assert said.turn.state == TurnState.DONE
    assert len(gmail.sent) == 1


def test_who_does_not_sign_in_is_told_that_it_was_not_used(
    alice: User, google: RunningGoogle
) -> None:
    said = signed_out.decline(alice, say(alice, "Hello", GMAIL))
    assert said.outcome == ("done", "refused")
    text = said.notices[-1]["text"]
    assert text == "You did not sign in to Gmail, so it was not used."


def test_a_sign_in_of_somebody_else_is_no_answer(
    alice: User, bob: User, google: RunningGoogle
) -> None:
    said = say(alice, "Hello", GMAIL)
    connected(bob, google)
    assert as_it_is(said.turn).turn.state == TurnState.WAITING
    assert InputRequest.objects.get().system_tool == "gmail"


def test_the_card_leads_to_the_page_that_asks(
    alice: User, google: RunningGoogle, client: Client
) -> None:
    said = say(alice, "Hello", GMAIL)
    client.force_login(alice)
    html = client.get(f"/chat/{said.turn.conversation_id}").text
    assert 'href="/system-tools/gmail/sign-in?from=chat"' in html
    assert "Gmail needs you to sign in" in html


def test_what_ended_is_said_where_it_is_left_out(
    alice: User, gmail: RunningGoogle
) -> None:
    OAuthGrant.objects.update(state="sign_in_again")
    said = say(alice, "Hello")
    notice = next(one for one in said.notices if one.get("system_tool") == "gmail")
    assert notice["text"] == "Gmail was left out of this answer."
    assert notice["link"] == "/system-tools/gmail/sign-in"
    again = say(alice, "Hello", conversation_id=said.turn.conversation_id)
    assert not [one for one in again.notices if one.get("system_tool")]


def test_only_what_was_allowed_is_offered(alice: User, google: RunningGoogle) -> None:
    connected(alice, google, without=["https://www.googleapis.com/auth/gmail.send"])
    said = say(alice, "Hello", SEND)
    assert said.outcome == ("done", "refused")
    assert "Gmail has no tool called “send”" in said.notices[-1]["text"]


# --- Programs ----------------------------------------------------------------------


def test_a_program_picks_it_and_only_the_person_approves(
    alice: User, api: ApiClient, gmail: RunningGoogle, llm: FakeLlm
) -> None:
    begun = api.post("/api/conversations", {}).json()
    pick = {"system_tool": "gmail", "tool": "send"}
    sent = api.post(
        f"/api/conversations/{begun['id']}/messages", {"text": WORDS, "pick": pick}
    ).json()
    assert sent["message"]["pick"]["label"] == "Gmail: Send a mail"
    (pending,) = sent["turn"]["pending"]
    assert (pending["kind"], pending["tool"]) == ("approval", "gmail__send")
    assert not gmail.sent


@pytest.mark.parametrize(
    "pick", [{"system_tool": 7}, {"system_tool": ""}, {"system_tool": "a", "tool": 7}]
)
def test_a_pick_that_is_none_is_refused(
    alice: User, api: ApiClient, pick: dict[str, Any]
) -> None:
    begun = api.post("/api/conversations", {}).json()
    answer = api.post(
        f"/api/conversations/{begun['id']}/messages", {"text": "x", "pick": pick}
    )
    assert answer.status_code == 422


def test_the_menu_over_rest_tells_whose_it_is(
    api: ApiClient, gmail: RunningGoogle
) -> None:
    shown = api.get("/api/apps").json()["system_tools"]
    (found,) = [one for one in shown if one["id"] == "gmail"]
    assert (found["status"], found["is_connected"]) == ("connected", True)
    assert "send" in [tool["name"] for tool in found["tools"]]


def test_a_model_of_its_own_uses_it_alone(
    alice: User,
    gmail: RunningGoogle,
    llm: FakeLlm,
    api_client: Callable[..., ApiClient],
) -> None:
    api = api_client(alice, ["chat"])
    listed = [one["id"] for one in api.get("/v1/models").json()["data"]]
    assert "agent:gmail" in listed
    ToolSetting.objects.create(
        user=alice, source="system", ref="gmail", tool="send", policy="allow"
    )
    body = {"model": "agent:gmail", "messages": [{"role": "user", "content": WORDS}]}
    answer = api.post("/v1/chat/completions", body)
    assert answer.status_code == 200
    assert len(gmail.sent) == 1
    assert ToolCall.objects.get().via == "v1"
