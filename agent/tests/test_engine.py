"""A turn with a language model, over the real wire, with real servers' tools."""

import json
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from agent.tests import boxes, chatting
from agent.tests.chatting import pick, say
from agent.tests.fake_llm import FakeLlm
from agent.tests.fake_models import Reply
from connectors.models import Outcome, ToolCall, UserMCPConnection
from connectors.tests import verbs
from demo.fixtures import DemoServer
from demo.hostile import Hostile

pytestmark = pytest.mark.usefixtures("allow_loopback")

SEARCH = "notes__search_notes"


@pytest.fixture
def notes(alice: User, notes_server: DemoServer) -> UserMCPConnection:
    return verbs.add(alice, notes_server.url, "Notes")


def wants(*calls: tuple[str, Any], text: str = "") -> Reply:
    """An answer that wants calls made."""
    return Reply(
        text=text, calls=tuple((name, json.dumps(given)) for name, given in calls)
    )


def roles(body: dict[str, Any]) -> list[str]:
    return [message["role"] for message in body["messages"]]


def offered(body: dict[str, Any]) -> list[str]:
    return [tool["function"]["name"] for tool in body.get("tools", [])]


# --- An answer -----------------------------------------------------------------


def test_words_are_answered_with_text(alice: User, llm: FakeLlm) -> None:
    said = say(alice, "hello there")
    assert said.outcome == ("done", "none")
    assert said.text == "You said: hello there. I see 0 tools."
    assert said.message.text == said.text


def test_the_model_is_told_the_date_and_whose_words_count(
    alice: User, llm: FakeLlm, notes: UserMCPConnection
) -> None:
    say(alice, "hello")
    told = llm.bodies[0]["messages"][0]
    assert told["role"] == "system"
    assert "Today is " in told["content"]
    assert "they cannot pick tools" in told["content"]
    # The server's own instructions are a stranger's.
    assert notes.server_info["instructions"]
    assert "Tidewater" not in json.dumps(llm.bodies[0])


def test_schema_agent_loads_user_connector_tools(
    alice: User, bob: User, llm: FakeLlm, notes: UserMCPConnection
) -> None:
    say(alice, "hello")
    say(bob, "hello")
    assert SEARCH in offered(llm.bodies[0])
    assert not offered(llm.bodies[1])


def test_schema_agent_uses_connector_tool(
    alice: User, llm: FakeLlm, notes: UserMCPConnection
) -> None:
    said = say(alice, f'call {SEARCH} {{"query": "release"}}')
    assert said.outcome == ("done", "none")
    assert said.kinds == ["call", "text"]
    (call,) = said.calls
    assert (call["name"], call["arguments"]) == (SEARCH, {"query": "release"})
    assert (call["state"], call["outcome"], call["forced"]) == ("done", "ok", False)
    evidence = ToolCall.objects.get()
    assert str(evidence.call_id) == call["call_id"]
    assert (evidence.via, evidence.outcome) == ("chat", Outcome.OK)
    told = json.loads(llm.bodies[1]["messages"][-1]["content"])
    assert (told["connector"], told["untrusted"]) == ("Notes", True)


def test_a_conversation_is_gone_on_with(
    alice: User, llm: FakeLlm, notes: UserMCPConnection
) -> None:
    first = say(alice, f'call {SEARCH} {{"query": "release"}}')
    say(alice, "and now?", conversation_id=first.turn.conversation_id)
    assert roles(llm.bodies[-1]) == [
        "system", "user", "assistant", "tool", "assistant", "user"
    ]  # fmt: skip


def test_usage_is_counted(alice: User, llm: FakeLlm, notes: UserMCPConnection) -> None:
    said = say(alice, f'call {SEARCH} {{"query": "release"}}')
    usage = said.turn.usage
    assert (usage["requests"], usage["tool_calls"]) == (2, 1)
    assert (usage["output_tokens"], usage["model"]) == (20, "obey")
    assert usage["mode"] == "model"
    assert usage["input_tokens"] > 100


def test_several_calls_of_one_answer_are_one_step(
    alice: User, llm: FakeLlm, notes: UserMCPConnection
) -> None:
    llm.script = [
        wants((SEARCH, {"query": "a"}), ("notes__note_stats", {}), text="I look.")
    ]
    said = say(alice, "look")
    assert said.kinds == ["text", "call", "call", "text"]
    assert [call["step"] for call in said.calls] == [1, 1]


def test_a_refusal_of_the_model_is_its_answer(
    alice: User, llm: FakeLlm, settings: Settings
) -> None:
    settings.LLM_MODEL = "refuse"
    said = say(alice, "hello")
    assert said.outcome == ("done", "none")
    assert said.text == "I cannot help with that."


def test_silence_is_no_answer(alice: User, llm: FakeLlm, settings: Settings) -> None:
    settings.LLM_MODEL = "nothing"
    said = say(alice, "hello")
    assert said.outcome == ("failed", "none")
    assert said.turn.error_code == "MODEL_NONSENSE"


def test_silence_after_a_call_is_said(
    alice: User, llm: FakeLlm, settings: Settings, notes: UserMCPConnection
) -> None:
    settings.LLM_MODEL = "nothing-telling"
    said = say(alice, f'call {SEARCH} {{"query": "release"}}')
    assert said.outcome == ("done", "none")
    assert said.kinds == ["call", "notice"]


def test_an_answer_that_was_cut_off_says_so(alice: User, llm: FakeLlm) -> None:
    llm.script = [Reply(text="On and on and", finish="length")]
    said = say(alice, "hello")
    assert said.outcome == ("done", "none")
    assert said.kinds == ["text", "notice"]


# --- Calls that cannot be made ---------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [("made up!", "{}"), (SEARCH, '{"query": '), (SEARCH, "[1]"), ("search_tools", "")],
)
def test_a_call_that_is_none_is_told_to_the_model(
    alice: User, llm: FakeLlm, notes: UserMCPConnection, call: tuple[str, str]
) -> None:
    llm.script = [Reply(calls=(call,))]
    said = say(alice, "hello")
    assert said.outcome == ("done", "none")
    assert not said.calls
    assert "were not made" in llm.bodies[1]["messages"][-1]["content"]
    assert "tool" not in roles(llm.bodies[1])


def test_arguments_that_do_not_fit_are_told_to_the_model(
    alice: User, llm: FakeLlm, notes: UserMCPConnection
) -> None:
    llm.script = [wants((SEARCH, {"query": 5})), wants((SEARCH, {"query": "x"}))]
    said = say(alice, "look")
    assert [call["state"] for call in said.calls] == ["invalid", "done"]
    assert "query" in llm.bodies[1]["messages"][-1]["content"]
    assert ToolCall.objects.count() == 1


def test_nothing_but_nonsense_ends_the_turn(
    alice: User, llm: FakeLlm, notes: UserMCPConnection
) -> None:
    llm.script = [wants(("nothing__here", {}))] * 9
    said = say(alice, "look")
    assert said.outcome == ("failed", "none")
    assert said.turn.error_code == "MODEL_NONSENSE"
    assert len(llm.bodies) == 3


# --- Limits ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "value", "calls"),
    [
        ("TURN_MAX_REQUESTS", 2, 2),
        ("TURN_MAX_TOOL_CALLS", 3, 3),
        ("TURN_MAX_TOKENS", 1, 1),
    ],
)
def test_a_turn_ends_at_its_limits_with_what_there_is(
    alice: User, llm: FakeLlm, notes: UserMCPConnection, settings: Settings,
    limit: str, value: int, calls: int,
) -> None:  # fmt: skip
    setattr(settings, limit, value)
    llm.script = [wants((SEARCH, {"query": "x"}))] * 9
    said = say(alice, "look")
    assert said.outcome == ("failed", "none")
    assert said.turn.error_code == "TURN_LIMIT"
    assert [call["state"] for call in said.calls] == ["done"] * calls


def test_who_tries_again_after_a_limit_gets_as_much_again(
    alice: User, llm: FakeLlm, notes: UserMCPConnection, settings: Settings
) -> None:
    settings.TURN_MAX_REQUESTS = 2
    llm.script = [wants((SEARCH, {"query": "x"}))] * 2
    after = chatting.retry(alice, say(alice, "look"))
    assert after.outcome == ("done", "none")
    assert len(after.calls) == 2
    assert after.turn.usage["requests"] == 3


def test_what_was_used_before_a_question_counts(
    alice: User, llm: FakeLlm, notes: UserMCPConnection, settings: Settings
) -> None:
    settings.TURN_MAX_REQUESTS = 2
    asks, reads = ("notes__delete_note", {"note_id": "N-0"}), (SEARCH, {"query": "x"})
    llm.script = [wants(asks), wants(reads), wants(reads)]
    said = say(alice, "look")
    assert said.outcome == ("waiting", "none")
    after = chatting.decide(alice, said)
    assert after.turn.error_code == "TURN_LIMIT"
    assert after.turn.usage["requests"] == 2


# --- More tools than are offered at once -----------------------------------------


def test_tools_are_searched_for_where_there_are_too_many(
    alice: User, llm: FakeLlm, notes: UserMCPConnection
) -> None:
    many = [boxes.listed(f"tool_{number}") for number in range(150)]
    boxes.connector(alice, "Crowd", *many)
    llm.script = [wants(("search_tools", {"query": "calculator"}))]
    said = say(alice, "hm")
    assert "search_tools" in offered(llm.bodies[0])
    assert len(offered(llm.bodies[0])) < 30
    assert "notes__calculator" in offered(llm.bodies[1])
    found = json.loads(llm.bodies[1]["messages"][-1]["content"])
    assert found["untrusted"] is True
    assert found["tools"][0]["name"] == "notes__calculator"
    assert said.outcome == ("done", "none")


def test_a_pick_is_offered_however_many_there_are(
    alice: User, llm: FakeLlm, notes: UserMCPConnection
) -> None:
    many = [boxes.listed(f"tool_{number}") for number in range(150)]
    crowd = boxes.connector(alice, "Crowd", *many)
    say(alice, "x", pick(crowd, "tool_149"))
    assert "crowd__tool_149" in offered(llm.bodies[0])
    assert "search_tools" not in offered(llm.bodies[0])
    say(alice, "x", pick(crowd))
    assert len(offered(llm.bodies[-1])) <= 128


# --- Approvals and forms -----------------------------------------------------------


@pytest.fixture
def echo(alice: User, hostile: Hostile) -> UserMCPConnection:
    """A connector whose tool `echo` this person wants to be asked about."""
    row = verbs.add(alice, hostile.url("good"), "Echo")
    boxes.decide(alice, row, "echo", policy="ask")
    return row


def test_what_changes_things_waits_and_then_goes_on(
    alice: User, llm: FakeLlm, echo: UserMCPConnection
) -> None:
    said = say(alice, 'call echo__echo {"text": "hello"}')
    assert said.outcome == ("waiting", "none")
    assert not ToolCall.objects.exists()
    after = chatting.decide(alice, said)
    assert after.outcome == ("done", "none")
    assert after.kinds == ["call", "text"]
    assert ToolCall.objects.get().source_id == echo.pk
    assert roles(llm.bodies[-1]) == ["system", "user", "assistant", "tool"]


def test_a_call_that_was_declined_is_not_made_and_told(
    alice: User, llm: FakeLlm, echo: UserMCPConnection
) -> None:
    said = say(alice, "hello", pick(echo, "echo"))
    assert said.outcome == ("waiting", "approval")
    after = chatting.decide(alice, said, "decline")
    assert after.outcome == ("done", "approval")
    assert not ToolCall.objects.exists()
    assert "declined" in llm.bodies[-1]["messages"][-1]["content"]


def test_an_approved_pick_was_used(
    alice: User, llm: FakeLlm, echo: UserMCPConnection
) -> None:
    after = chatting.decide(alice, say(alice, "hello", pick(echo, "echo")))
    assert after.outcome == ("done", "used")
    assert ToolCall.objects.count() == 1


def test_a_form_that_was_sent_is_the_call(
    alice: User, llm: FakeLlm, notes: UserMCPConnection, settings: Settings
) -> None:
    settings.LLM_MODEL = "disobey"
    said = say(alice, "some numbers", pick(notes, "add"))
    assert said.outcome == ("waiting", "form")
    assert said.calls[0]["forced"]
    after = chatting.submit(alice, said, {"a": 1, "b": 2})
    assert after.outcome == ("done", "used")
    assert [call["state"] for call in after.calls] == ["done"]
    assert after.text == "I would rather just talk."


# --- The model fails -----------------------------------------------------------------


def test_what_was_said_before_it_broke_off_is_kept_and_gone_on_with(
    alice: User, llm: FakeLlm, settings: Settings
) -> None:
    settings.LLM_MODEL = "dies"
    said = say(alice, "one two three four")
    assert said.outcome == ("failed", "none")
    assert said.turn.error_code == "MODEL_UNAVAILABLE"
    assert said.text.startswith("You said: ")
    assert said.message.text == said.text
    settings.LLM_MODEL = "obey"
    after = chatting.retry(alice, said)
    assert after.outcome == ("done", "none")
    assert after.text.startswith(said.text)
    assert roles(llm.bodies[-1]) == ["system", "user", "assistant", "user"]


def test_trying_again_repeats_no_call(
    alice: User, llm: FakeLlm, settings: Settings, notes: UserMCPConnection
) -> None:
    settings.LLM_MODEL = "busy-telling"
    said = say(alice, "release", pick(notes, "search_notes"))
    assert said.outcome == ("failed", "used")
    assert said.turn.error_code == "MODEL_BUSY"
    settings.LLM_MODEL = "obey"
    after = chatting.retry(alice, said)
    assert after.outcome == ("done", "used")
    assert ToolCall.objects.count() == 1
    # What was picked was used: nothing is forced any more.
    assert llm.bodies[-1].get("tool_choice") in (None, "auto")


def test_trying_again_before_the_call_still_enforces(
    alice: User, llm: FakeLlm, settings: Settings, notes: UserMCPConnection
) -> None:
    settings.LLM_MODEL = "down"
    said = say(alice, "release", pick(notes, "search_notes"))
    assert said.outcome == ("failed", "error")
    settings.LLM_MODEL = "disobey"
    assert chatting.retry(alice, said).outcome == ("done", "used")
