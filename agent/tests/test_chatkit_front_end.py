"""What a front end that follows OpenAI's SDK takes for granted of our streams."""

import json
from functools import partial
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from pytest_django import Settings

from accounts.models import User
from agent import conversations
from agent.chatkit import streams, threads
from agent.models import Conversation, Turn
from agent.tests.chatkit_client import ChatKit, buttons, dumped, message, read
from agent.tests.chatkit_fixtures import KitOf
from agent.tests.chatting import as_it_is, decide, say
from agent.tests.fake_llm import FakeLlm
from agent.tests.over_rest import DELETE, SEARCH
from agent.tool_types import Pick
from connectors.models import ToolCall, UserMCPConnection

ASKS = 'delete_note {"note_id": "n1"}'


def same_as_listed(kit: ChatKit) -> None:
    assert list(kit.screen.items.values()) == kit.listed()


def labels(kit: ChatKit) -> list[str]:
    """All buttons that are on the screen."""
    cards = kit.screen.of("widget")
    return [button["label"] for one in cards for button in buttons(dumped(one.widget))]


# --- Retry: the front end takes away all that came after the message -----------------


@pytest.fixture
def failed(
    kit: ChatKit, llm: FakeLlm, settings: Settings, notes: UserMCPConnection
) -> ChatKit:
    """A front end with an answer that broke off after a call."""
    settings.LLM_MODEL = "dies-telling"
    kit.begin("reminders", SEARCH)
    assert kit.screen.told("error")[0].allow_retry
    settings.LLM_MODEL = "obey"
    return kit


@pytest.mark.parametrize("is_reopened", [True, False])
def test_what_a_retry_keeps_is_told_again(failed: ChatKit, *, is_reopened: bool):
    if is_reopened:
        failed.reopen(failed.screen.thread_id)
    forget_answer(failed)
    failed.retry()
    assert failed.screen.kinds[:2] == ["user_message", "workflow"]
    assert failed.screen.kinds[-1] == "assistant_message"
    assert ToolCall.objects.count() == 1
    same_as_listed(failed)


def test_a_front_end_that_keeps_the_items_has_none_twice(failed: ChatKit):
    failed.reopen(failed.screen.thread_id)
    failed.retry()
    same_as_listed(failed)


async def told(events: streams.Events) -> list[Any]:
    return [event async for event in events]


@pytest.mark.django_db(transaction=True)
def test_what_is_told_anew_gives_no_notice_again(alice: User, llm: FakeLlm):
    ghost = Pick(kind="connector_tool", ref="ghost", label="ghost")
    turn = say(alice, "Hello", ghost).turn
    seen = threads.items_of(turn)
    stream = partial(streams.of_turn, turn, user_id=alice.pk)
    first = async_to_sync(told)(stream())
    again = async_to_sync(told)(stream(gone=seen))
    assert [event.type for event in first] == [
        "stream_options", "notice", "thread.item.done"
    ]  # fmt: skip
    assert [event.type for event in again] == [
        "stream_options", "thread.item.removed", "thread.item.done"
    ]  # fmt: skip


def test_a_retry_that_is_refused_gives_the_items_back(kit: ChatKit, llm: FakeLlm):
    kit.begin("Hello")
    kit.say("And now?")
    first = kit.screen.of("user_message")[0]
    before = dict(kit.screen.items)
    kit.screen.items = {first.id: first}
    events = kit.stream(
        "threads.retry_after_item", thread_id=kit.screen.thread_id, item_id=first.id
    )
    assert (events[-1].type, events[-1].allow_retry) == ("error", False)
    assert kit.screen.items == before
    same_as_listed(kit)


def forget_answer(kit: ChatKit) -> None:
    newest = kit.screen.of("user_message")[-1]
    kit.screen.items = {newest.id: newest}


# --- Cards that are over -------------------------------------------------------------


def test_a_card_that_is_overtaken_loses_its_buttons(
    kit: ChatKit, notes: UserMCPConnection, llm: FakeLlm
):
    kit.begin(ASKS, DELETE)
    assert "Allow once" in labels(kit)
    kit.say("Never mind")
    assert labels(kit) == []
    same_as_listed(kit)


def test_a_form_that_is_overtaken_is_closed(kit_with_form: ChatKit):
    kit_with_form.say("Never mind")
    assert [one.status for one in kit_with_form.screen.of("structured_input")] == [
        "skipped"
    ]
    same_as_listed(kit_with_form)


def test_a_card_that_was_answered_elsewhere_is_shown_so(
    kit: ChatKit, alice: User, notes: UserMCPConnection, llm: FakeLlm
):
    kit.begin(ASKS, DELETE)
    decide(alice, as_it_is(Turn.objects.get()), "decline")
    events = kit.press("Allow once")
    assert events[-1].type == "error"
    assert labels(kit) == []
    assert not ToolCall.objects.exists()


def test_a_form_that_was_answered_elsewhere_is_shown_so(
    kit_with_form: ChatKit,
    alice: User,
):
    (part,) = as_it_is(Turn.objects.get()).calls
    async_to_sync(conversations.decline)(user_id=alice.pk, input_id=part["input_id"])
    assert kit_with_form.answer(a=["1"], b=["2"])[-1].type == "error"
    assert [one.status for one in kit_with_form.screen.of("structured_input")] == [
        "skipped"
    ]


def test_a_form_that_a_token_may_not_send_is_still_open(
    kit_with_form: ChatKit,
    kit_of: KitOf,
    alice: User,
):
    """A front end takes a form that was sent for answered, until it is told."""
    other = kit_of(alice, ["chat"])
    other.reopen(kit_with_form.screen.thread_id)
    replaced, error = other.answer(a=["1"], b=["2"])
    assert (replaced.item.status, error.type) == ("pending", "error")


# --- Hostile items -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["text", "work", "note", "end", "sign", "card"])
def test_a_form_is_sent_by_its_own_item_alone(
    kit_with_form: ChatKit,
    kind: str,
):
    (form,) = kit_with_form.screen.of("structured_input")
    refused = kit_with_form.post(
        "threads.add_structured_input",
        thread_id=kit_with_form.screen.thread_id,
        item_id=form.id.replace("form", kind),
        input={"status": "answered", "answers": {"a": {"values": ["not a number"]}}},
    )
    assert refused.status_code == 404
    assert Turn.objects.get().state == "waiting"


@pytest.mark.parametrize("kind", ["text", "work", "note", "end", "sign", "form"])
def test_a_call_is_allowed_by_its_own_card_alone(
    kit: ChatKit, notes: UserMCPConnection, llm: FakeLlm, kind: str
):
    kit.begin(ASKS, DELETE)
    (card,) = kit.screen.of("widget")
    refused = kit.post(
        "threads.custom_action",
        thread_id=kit.screen.thread_id,
        item_id=card.id.replace("card", kind),
        action={"type": "patchbay.decide", "payload": {"decision": "once"}},
    )
    assert refused.status_code == 404
    assert not ToolCall.objects.exists()


HOSTILE: dict[str, Any] = {
    "a list": ["once"],
    "a number": 1,
    "nothing": None,
    "a word": "once",
    "a list of words": {"decision": ["once"]},
    "an object": {"decision": {"once": "once"}},
    "unseen": {"decision": "once\u200b"},
    "half a character": {"decision": "\\ud800", "pick": "\\ud800"},
    "deep": {"decision": [[[[[[[[[[[[[[[["once"]]]]]]]]]]]]]]]]},
}


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("type_", ["decide", "answer", "go_on", "use", "x" * 10**6])
def test_what_is_no_decision_decides_nothing(
    asked: ChatKit, type_: str, payload: object
):
    (card,) = asked.screen.of("widget")
    action = {"type": f"patchbay.{type_}", "payload": payload}
    params = {
        "thread_id": asked.screen.thread_id, "item_id": card.id, "action": action
    }  # fmt: skip
    body = json.dumps({"type": "threads.custom_action", "params": params})
    headers = {"Content-Type": "application/json"}
    # As one sign of JSON, which no text can be.
    sent = body.replace("\\\\ud800", "\\ud800")
    answered = asked.http.post("/chatkit", content=sent, headers=headers)
    assert answered.status_code in (200, 400, 422)
    assert len(answered.content) < 10_000
    assert not ToolCall.objects.exists()
    assert Turn.objects.get().state == "waiting"


@pytest.fixture
def asked(kit: ChatKit, notes: UserMCPConnection, llm: FakeLlm) -> ChatKit:
    kit.begin(ASKS, DELETE)
    return kit


@pytest.mark.parametrize("type_", ["x" * 10**6, "\x00", "é"])
def test_a_refusal_does_not_say_a_hostile_request_back(kit: ChatKit, type_: str):
    refused = kit.post(type_)
    assert refused.status_code in (400, 422)
    assert len(refused.content) < 1_000


def test_bodies_that_are_too_large_or_too_deep_are_refused(
    kit: ChatKit, settings: Settings
):
    headers = {"Content-Type": "application/json"}
    deep = b'{"type": "threads.list", "params": ' + b"[" * 100_000
    large = b'{"type": "' + b"x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    statuses = [
        kit.http.post("/chatkit", content=content, headers=headers).status_code
        for content in (deep, deep + b"]" * 100_000 + b"}", large)
    ]
    assert statuses == [422, 422, 413]


# --- Threads -------------------------------------------------------------------------


def test_a_title_that_changes_is_told(kit: ChatKit, alice: User, llm: FakeLlm):
    """Begun empty on the page, a conversation is called by its first message."""
    empty = conversations.create(user_id=alice.pk)
    kit.reopen(str(empty.pk))
    kit.say("What is new?")
    (told,) = kit.screen.told("thread.updated")
    assert told.thread.title == Conversation.objects.get().title == "What is new?"
    kit.say("And now?")
    assert len(kit.screen.told("thread.updated")) == 1


def test_a_page_goes_on_after_an_item_that_is_gone(failed: ChatKit):
    """What said why an answer ended goes when it is tried again."""
    failed.say("Hello")
    failed.reopen(failed.screen.thread_id)
    (end,) = failed.screen.of("task")
    listed = failed.listed(order="desc")
    place = [item.id for item in listed].index(end.id)
    gone = f"{end.id[:-1]}{int(end.id[-1]) + 3}"
    after = failed.listed(order="desc", after=gone)
    assert after == listed[place:]
    assert failed.listed(after=gone) == listed[:place][::-1]


def test_a_conversation_that_is_gone_before_the_stream_is_said(
    kit: ChatKit, alice: User, llm: FakeLlm, settings: Settings
):
    settings.LLM_MODEL, settings.LLM_TIMEOUT_S = "hang", 60
    with kit.opened("threads.create", input=message("Hello")) as response:
        events = read(response.iter_lines())
        thread_id = next(events).thread.id
        kit.ask("threads.delete", thread_id=thread_id)
        assert [event.type for event in events][:1] == ["thread.item.done"]
    assert not Conversation.objects.exists()
