"""ChatKit's threads are the conversations of the chat page, and of one person."""

import json
from typing import Any

import httpx2
import pytest
from asgiref.sync import async_to_sync
from django.test import Client
from pytest_django import Settings

from accounts import tokens
from accounts.models import User
from agent import conversations
from agent.models import Conversation, Turn
from agent.tests.chatkit_client import ChatKit, dumped, message, read, texts
from agent.tests.chatkit_fixtures import KitOf
from agent.tests.chatting import as_it_is, decide, say
from agent.tests.fake_llm import FakeLlm
from agent.tests.over_rest import DELETE, PATIENCE_S, SEARCH, eventually
from config.tests.live import LiveServer
from connectors.models import ToolCall, UserMCPConnection

JSON = "application/json"

# --- The list ------------------------------------------------------------------------


def test_threads_are_listed_page_by_page(kit: ChatKit, alice: User):
    made = [
        conversations.create(user_id=alice.pk, title=f"Talk {number}")
        for number in range(5)
    ]
    newest = [str(one.pk) for one in reversed(made)]
    first = kit.threads(limit=2)
    assert [one.id for one in first.data] == newest[:2]
    assert (first.has_more, first.after) == (True, newest[1])
    rest = kit.threads(limit=9, after=first.after)
    assert [one.id for one in rest.data] == newest[2:]
    assert not rest.has_more
    upwards = kit.threads(order="asc", limit=9)
    assert [one.id for one in upwards.data] == newest[::-1]
    assert kit.threads(order="asc", after=newest[1]).data[0].id == newest[0]


def test_a_thread_is_opened_renamed_and_deleted(kit: ChatKit, alice: User):
    kit.begin("Hello")
    thread = kit.reopen(kit.screen.thread_id)
    assert thread.title == "Hello"
    assert [item.type for item in thread.items.data] == kit.screen.kinds
    # An image in an answer would tell a stranger that it was read.
    assert thread.allowed_image_domains == []
    renamed = kit.ask("threads.update", thread_id=thread.id, title="Greetings")
    assert renamed["title"] == "Greetings"
    assert Conversation.objects.get().title == "Greetings"
    kit.ask("threads.delete", thread_id=thread.id)
    assert not Conversation.objects.exists()
    assert kit.post("threads.get_by_id", thread_id=thread.id).status_code == 404


def test_a_name_is_needed(kit: ChatKit):
    kit.begin("Hello")
    refused = kit.post("threads.update", thread_id=kit.screen.thread_id, title=" ")
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"] == ["body", "title", "required"]


# --- One store, two faces ------------------------------------------------------------


def test_what_was_begun_on_the_page_goes_on_in_chatkit_and_back(
    kit: ChatKit, alice: User, notes: UserMCPConnection, llm: FakeLlm
):
    on_page = say(alice, "reminders")
    kit.reopen(str(on_page.turn.conversation_id))
    assert kit.screen.kinds == ["user_message", "assistant_message"]
    kit.say('delete_note {"note_id": "n1"}', DELETE)
    (card,) = kit.screen.of("widget")
    # The same question, answered on the page.
    waiting = as_it_is(Turn.objects.get(state="waiting"))
    assert decide(alice, waiting).turn.state == "done"
    kit.reopen(kit.screen.thread_id)
    assert kit.screen.tasks[0].status_indicator == "complete"
    assert "allowed" in texts(dumped(kit.screen.items[card.id].widget))
    again = say(alice, "thanks", conversation_id=on_page.turn.conversation_id)
    assert [item.id for item in kit.listed()][-2:] == [
        f"msg_{again.turn.user_message.seq}",
        f"text_{again.message.seq}_0",
    ]
    vias = ToolCall.objects.values_list("via", flat=True)
    assert list(vias) == ["chatkit"]


# --- Other people's ------------------------------------------------------------------


def on(thread_id: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        ("threads.get_by_id", {"thread_id": thread_id}),
        ("threads.update", {"thread_id": thread_id, "title": "Mine"}),
        ("threads.delete", {"thread_id": thread_id}),
        ("items.list", {"thread_id": thread_id}),
        ("threads.list", {"after": thread_id}),
        ("threads.add_user_message", {"thread_id": thread_id, "input": message("x")}),
        ("threads.retry_after_item", {"thread_id": thread_id, "item_id": "msg_1"}),
        (
            "threads.custom_action",
            {
                "thread_id": thread_id,
                "item_id": "card_2_0",
                "action": {"type": "patchbay.decide", "payload": {"decision": "once"}},
            },
        ),
        (
            "threads.add_structured_input",
            {"thread_id": thread_id, "item_id": "form_2_0", "input": {"answers": {}}},
        ),
    ]


def test_threads_of_others_are_not_there(
    kit: ChatKit,
    kit_of: KitOf,
    alice: User,
    bob: User,
    notes: UserMCPConnection,
    llm: FakeLlm,
):
    kit.begin('delete_note {"note_id": "n1"}', DELETE)
    other = kit_of(bob)
    for type_, params in on(kit.screen.thread_id):
        refused = other.post(type_, **params)
        assert refused.status_code == 404, type_
        assert refused.json()["error"] == "NOT_FOUND"
    assert other.threads().data == []
    assert Turn.objects.get().state == "waiting"
    assert not ToolCall.objects.exists()


@pytest.mark.parametrize("thread_id", ["0", "999999", "thr_1", "-1", "١", "9" * 40, ""])
def test_threads_that_cannot_be_are_not_there(kit: ChatKit, thread_id: str):
    for type_, params in on(thread_id):
        if type_ != "threads.list":
            assert kit.post(type_, **params).status_code == 404, type_


@pytest.mark.parametrize(
    "item_id", ["msg_1", "card_9_0", "card_2_99", "card_2", "note", "", "card_x_y", "_"]
)
def test_items_that_are_not_there_are_404(kit: ChatKit, item_id: str):
    kit.begin("Hello")
    action = {"type": "patchbay.decide", "payload": {"decision": "once"}}
    refused = kit.post(
        "threads.custom_action",
        thread_id=kit.screen.thread_id,
        item_id=item_id,
        action=action,
    )
    assert refused.status_code in (404, 200)
    if refused.status_code == 200:
        (event,) = read(refused.text.splitlines())
        assert event.type == "error"


# --- Who is let in -------------------------------------------------------------------


def test_nobody_is_let_in_without_a_session_or_a_token(
    kit: ChatKit, live_server_asgi: LiveServer, alice: User
):
    body = {"type": "threads.list", "params": {}}
    url = f"{live_server_asgi.url}/chatkit"
    assert httpx2.post(url, json=body).status_code == 401
    wrong = {"Authorization": "Bearer pb_wrong"}
    assert httpx2.post(url, json=body, headers=wrong).status_code == 401
    _, token = tokens.issue(user=alice, name="other", scopes=["connectors:read"])
    scope = {"Authorization": f"Bearer {token}"}
    refused = httpx2.post(url, json=body, headers=scope)
    assert (refused.status_code, refused.json()["error"]) == (403, "SCOPE_MISSING")


def test_a_session_needs_its_csrf_token(alice: User):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    body = json.dumps({"type": "threads.list", "params": {}})
    refused = client.post("/chatkit", body, content_type="application/json")
    assert (refused.status_code, refused.json()["error"]) == (403, "CSRF_FAILED")
    client.get("/chat")
    token = {"X-CSRFToken": client.cookies["csrftoken"].value}
    let_in = client.post(
        "/chatkit", body, content_type="application/json", headers=token
    )
    assert let_in.status_code == 200
    assert let_in["Cache-Control"] == "no-store"


def asking(type_: str, **params: Any) -> bytes:
    return json.dumps({"type": type_, "params": params}).encode()


@pytest.mark.parametrize(
    ("content", "type_", "status"),
    [
        (b'{"type": "nonsense"}', JSON, 400),
        (b'{"params": {}}', JSON, 400),
        (asking("threads.list", order="up"), JSON, 400),
        (b"[]", JSON, 422),
        (b"{", JSON, 422),
        (asking("threads.list"), "text/plain", 415),
        # What the protocol knows and this face does not offer.
        (asking("input.transcribe", audio_base64="", mime_type="a/b"), JSON, 400),
        (asking("threads.add_client_tool_output", thread_id="1", result=1), JSON, 400),
        (asking("attachments.create", name="a", size=1, mime_type="a/b"), JSON, 400),
    ],
)  # fmt: skip
def test_what_nobody_can_mean_is_refused(
    kit: ChatKit, content: bytes, type_: str, status: int
):
    headers = {"Content-Type": type_}
    refused = kit.http.post("/chatkit", content=content, headers=headers)
    assert refused.status_code == status
    assert refused.json().keys() & {"error", "detail"}


def test_only_a_post_is_answered(kit: ChatKit):
    refused = kit.http.get("/chatkit")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


# --- What ends early -----------------------------------------------------------------


def test_who_leaves_stops_the_model_and_keeps_the_text(
    kit: ChatKit, llm: FakeLlm, settings: Settings
):
    settings.LLM_MODEL = "slow"
    words = " ".join(["word"] * 400)
    with kit.opened("threads.create", input=message(words)) as response:
        for event in read(response.iter_lines()):
            kit.screen.apply(event)
            if kit.screen.text:
                break
    assert llm.left.wait(PATIENCE_S)
    eventually(lambda: Turn.objects.get().state == "stopped")
    kept = kit.listed()
    assert [item.type for item in kept] == ["user_message", "assistant_message", "task"]
    assert kept[1].content[0].text.startswith(kit.screen.text)
    assert "stopped" in kept[2].task.title


def test_who_leaves_before_the_first_word_stops_it_as_well(
    kit: ChatKit, llm: FakeLlm, settings: Settings
):
    settings.LLM_MODEL, settings.LLM_TIMEOUT_S = "hang", 60
    with kit.opened("threads.create", input=message("Hello")) as response:
        # Kept: a reader that is forgotten closes the connection.
        events = read(response.iter_lines())
        assert next(events).type == "thread.created"
        assert llm.asked.wait(PATIENCE_S)
    assert llm.left.wait(PATIENCE_S)
    eventually(lambda: Turn.objects.get().state == "stopped")


def test_an_answer_that_failed_can_be_tried_again(
    kit: ChatKit, llm: FakeLlm, settings: Settings, notes: UserMCPConnection
):
    settings.LLM_MODEL = "dies-telling"
    kit.begin("reminders", SEARCH)
    (error,) = kit.screen.told("error")
    assert error.allow_retry
    assert error.message
    kit.reopen(kit.screen.thread_id)
    assert kit.screen.kinds[-1] == "task"
    settings.LLM_MODEL = "obey"
    kit.retry()
    assert kit.screen.kinds[-1] == "assistant_message"
    # What was done is not done twice.
    assert ToolCall.objects.count() == 1
    assert list(kit.screen.items.values()) == kit.listed()


def test_what_did_not_fail_is_not_tried_again(kit: ChatKit):
    kit.begin("Hello")
    (*_, told) = kit.retry()
    assert (told.type, told.allow_retry) == ("error", False)


def test_one_answer_at_a_time(
    kit: ChatKit, kit_of: KitOf, alice: User, llm: FakeLlm, settings: Settings
):
    settings.LLM_MODEL, settings.LLM_TIMEOUT_S = "hang", 60
    with kit.opened("threads.create", input=message("Hello")) as response:
        events = read(response.iter_lines())
        kit.screen.apply(next(events))
        other = kit_of(alice)
        other.screen.thread_id = kit.screen.thread_id
        (told,) = other.say("Me too")
        assert told.type == "error"
        assert "being written" in told.message
        other.screen.items = {"msg_1": kit.listed()[0]}
        *_, told = other.retry()
        assert told.type == "error"
        assert "being written" in told.message


def test_files_and_long_texts_are_refused_in_words(kit: ChatKit):
    (told,) = kit.stream("threads.create", input=message("x", attachments=["atc_1"]))
    assert "Files" in told.message
    (told,) = kit.stream("threads.create", input=message("x" * 32_001))
    assert "32,000" in told.message
    assert not Conversation.objects.exists()


def test_what_is_quoted_comes_with_the_words(kit: ChatKit):
    quoted = message("What is this?", quoted_text="A line\nand another")
    kit.stream("threads.create", input=quoted)
    shown = kit.listed()[0].content[0].text
    assert shown == "> A line\n> and another\n\nWhat is this?"


def test_manage_connectors_leads_to_the_page_and_sends_nothing(
    kit: ChatKit, llm: FakeLlm
):
    effect, notice = kit.begin("Hello", "manage-connectors")
    assert effect.type == "client_effect"
    assert effect.data["url"].endswith("/connectors")
    assert effect.data["url"] in notice.message
    assert not Conversation.objects.exists()
    assert not llm.bodies


def test_a_conversation_that_is_deleted_meanwhile_ends_the_stream(
    kit: ChatKit, llm: FakeLlm, settings: Settings, alice: User
):
    settings.LLM_MODEL, settings.LLM_TIMEOUT_S = "hang", 60
    with kit.opened("threads.create", input=message("Hello")) as response:
        events = read(response.iter_lines())
        kit.screen.apply(next(events))
        async_to_sync(conversations.delete)(
            user_id=alice.pk, conversation_id=int(kit.screen.thread_id)
        )
        for event in events:
            kit.screen.apply(event)
    assert kit.screen.events
