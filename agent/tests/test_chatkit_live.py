"""ChatKit's protocol over sockets, against the whole server."""

import pytest
from pytest_django import Settings

from accounts.models import User
from agent.models import Conversation, Turn
from agent.tests.chatkit_client import ChatKit, dumped, texts
from agent.tests.chatkit_fixtures import KitOf
from agent.tests.chatting import pick
from agent.tests.fake_llm import FakeLlm
from agent.tests.over_rest import DELETE, SEARCH
from connectors.models import ToolCall, UserMCPConnection
from connectors.tests import rows

ALLOW, ALWAYS, DECLINE = "Allow once", "Always allow this tool", "Decline"


def same_as_listed(kit: ChatKit) -> None:
    """What was streamed is what a list shows, item by item."""
    assert list(kit.screen.items.values()) == kit.listed()
    backwards = kit.listed(order="desc", limit=1)
    assert backwards[::-1] == kit.listed(limit=2)


# --- A conversation ----------------------------------------------------------------


def test_a_conversation_is_begun_and_gone_on_with(kit: ChatKit, llm: FakeLlm):
    events = kit.begin("Hello there")
    assert [event.type for event in events[:3]] == [
        "thread.created", "thread.item.done", "stream_options"
    ]  # fmt: skip
    assert events[2].stream_options.allow_cancel
    assert kit.screen.kinds == ["user_message", "assistant_message"]
    assert kit.screen.text
    kit.say("And now?")
    assert kit.screen.kinds == ["user_message", "assistant_message"] * 2
    same_as_listed(kit)
    (conversation,) = Conversation.objects.all()
    assert str(conversation.pk) == kit.screen.thread_id
    assert [turn.via for turn in Turn.objects.all()] == ["chatkit"] * 2


@pytest.mark.parametrize(
    "tool",
    [
        pytest.param(SEARCH, id="wire name"),
        pytest.param("Notes: Search notes", id="label"),
        pytest.param("", id="config"),
    ],
)
def test_the_tool_that_is_picked_is_used(
    kit: ChatKit, notes: UserMCPConnection, llm: FakeLlm, tool: str
):
    kit.begin("reminders", tool or str(pick(notes, "search_notes")))
    call = ToolCall.objects.get()
    assert (call.via, call.tool, call.outcome) == ("chatkit", "search_notes", "ok")
    assert call.token_id
    assert kit.screen.kinds == ["user_message", "workflow", "assistant_message"]
    (task,) = kit.screen.tasks
    assert task.status_indicator == "complete"
    assert str(call.call_id) in task.content
    asked, *_ = kit.screen.items.values()
    assert asked.inference_options.tool_choice.id == str(pick(notes, "search_notes"))
    same_as_listed(kit)
    # Of one message: the next is free.
    before = len(llm.bodies)
    kit.say("thanks")
    assert llm.bodies[before].get("tool_choice", "auto") == "auto"


def test_what_is_picked_by_the_prefix_is_used(kit: ChatKit, notes: UserMCPConnection):
    kit.begin(f"[TOOL:{SEARCH}] reminders")
    assert ToolCall.objects.get().tool == "search_notes"


def test_what_is_not_there_is_refused_and_said(kit: ChatKit, llm: FakeLlm):
    kit.begin("x", "ghost__tool")
    (told,) = kit.screen.told("notice")
    assert told.level == "danger"
    assert "ghost__tool" in told.title
    assert not llm.bodies
    assert kit.screen.kinds == ["user_message", "task"]
    same_as_listed(kit)


def test_a_dead_connector_is_named(
    kit: ChatKit, llm: FakeLlm, alice: User, closed_url: str, settings: Settings
):
    settings.RETRY_DELAY_S = 0.01
    mail = rows.connector(
        alice, name="Mail", server_url=closed_url, status="unreachable"
    )
    kit.begin("hello", str(pick(mail)))
    # It is tried beside the answer, too, and what came of that may be said in time.
    told = [one for one in kit.screen.told("notice") if one.level == "danger"]
    assert ["Mail" in one.title for one in told] == [True]
    assert told[0].message
    assert not llm.bodies
    # Without it, there is an answer, and what was left out is said.
    kit.say("hello")
    assert kit.screen.text
    assert all("Mail" in task.task.title for task in kit.screen.of("task"))


# --- The person's word ---------------------------------------------------------------


@pytest.fixture
def asked(kit: ChatKit, notes: UserMCPConnection, llm: FakeLlm) -> ChatKit:
    """A front end in which a call waits for the person's word."""
    kit.begin('delete_note {"note_id": "n1"}', DELETE)
    (card,) = kit.screen.of("widget")
    assert "note_id" in texts(dumped(card.widget))
    assert not ToolCall.objects.exists()
    same_as_listed(kit)
    return kit


@pytest.mark.parametrize("word", [ALLOW, ALWAYS])
def test_what_is_allowed_runs(asked: ChatKit, word: str):
    asked.press(word)
    assert ToolCall.objects.get().tool == "delete_note"
    assert asked.screen.kinds == [
        "user_message", "widget", "workflow", "assistant_message"
    ]  # fmt: skip
    same_as_listed(asked)


def test_what_is_declined_does_not(asked: ChatKit):
    asked.press(DECLINE)
    assert not ToolCall.objects.exists()
    assert "declined" in texts(dumped(asked.screen.of("widget")[0].widget))
    same_as_listed(asked)


def test_a_button_that_is_pressed_twice_runs_nothing_twice(asked: ChatKit):
    (card,) = asked.screen.of("widget")
    asked.press(ALLOW)
    again = asked.act(
        card.id, {"type": "patchbay.decide", "payload": {"decision": "once"}}
    )
    assert [event.type for event in again] == ["thread.item.replaced", "error"]
    assert not again[-1].allow_retry
    assert ToolCall.objects.count() == 1


def test_nothing_in_an_action_changes_the_call(asked: ChatKit):
    (card,) = asked.screen.of("widget")
    payload = {
        "decision": "once",
        "approval_id": 999,
        "arguments": {"note_id": "n2"},
        "tool": "add",
    }
    asked.act(card.id, {"type": "patchbay.decide", "payload": payload})
    assert '"n1"' in asked.screen.tasks[0].content
    assert '"n2"' not in asked.screen.tasks[0].content


@pytest.mark.parametrize(
    ("scopes", "word", "runs"),
    [
        (["chat"], ALLOW, False),
        (["chat", "tools:call"], ALLOW, True),
        (["chat", "tools:call"], ALWAYS, False),
        (["chat"], DECLINE, False),
    ],
)
def test_a_token_decides_nothing_that_it_could_not_do_by_rest(
    asked: ChatKit,
    kit_of: KitOf,
    alice: User,
    scopes: list[str],
    word: str,
    runs: bool,
):
    other = kit_of(alice, scopes)
    other.reopen(asked.screen.thread_id)
    events = other.press(word)
    assert ToolCall.objects.exists() == runs
    if word != DECLINE and not runs:
        *_, error = events
        assert f"/chat/{other.screen.thread_id}" in error.message
        assert Turn.objects.get().state == "waiting"


def test_writing_on_overtakes_the_question(asked: ChatKit):
    asked.say("Never mind")
    assert not ToolCall.objects.exists()
    assert "wrote on" in texts(dumped(asked.listed()[1].widget))


# --- What only the person can give --------------------------------------------------


@pytest.fixture
def form(kit_with_form: ChatKit) -> ChatKit:
    kit = kit_with_form
    (shown,) = kit.screen.of("structured_input")
    assert [one.id for one in shown.inputs] == ["a", "b"]
    assert [one.description for one in shown.inputs] == ["A number. Required."] * 2
    same_as_listed(kit)
    return kit


def test_what_is_filled_in_is_sent(form: ChatKit):
    form.answer(a=["2"], b=["3.5"])
    (task,) = form.screen.tasks
    assert "5.5" in task.content
    (shown,) = form.screen.of("structured_input")
    assert shown.status == "answered"
    assert [one.answer.values for one in shown.inputs] == [["2"], ["3.5"]]
    same_as_listed(form)


def test_what_does_not_fit_is_asked_again(form: ChatKit):
    form.answer(a=["two"], b=["3"])
    assert not ToolCall.objects.exists()
    assert form.screen.told("notice")[-1].level == "warning"
    (shown,) = form.screen.of("structured_input")
    assert shown.status == "pending"
    form.answer(a=["2"], b=["3"])
    assert ToolCall.objects.get().outcome == "ok"


def test_a_form_is_the_persons_word_as_well(form: ChatKit, kit_of: KitOf, alice: User):
    other = kit_of(alice, ["chat"])
    other.reopen(form.screen.thread_id)
    *_, error = other.answer(a=["2"], b=["3"])
    assert "tools:call" in error.message
    assert not ToolCall.objects.exists()


def test_a_form_can_be_left(form: ChatKit):
    (shown,) = form.screen.of("structured_input")
    form.stream(
        "threads.add_structured_input",
        thread_id=form.screen.thread_id,
        item_id=shown.id,
        input={"status": "skipped", "answers": {}},
    )
    (shown,) = form.screen.of("structured_input")
    assert shown.status == "skipped"
    assert not ToolCall.objects.exists()
    same_as_listed(form)
