"""/v1 as the real client of OpenAI sees it: over sockets, against the whole server."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from django.db import connection
from openai import OpenAI
from pytest_django import Settings

from accounts import tokens
from accounts.models import User
from agent.models import Approval, Conversation, Message, Turn
from agent.tests import boxes, signed_out
from agent.tests.fake_llm import FakeLlm
from agent.tests.over_rest import ADD, DELETE, PATIENCE_S, SEARCH, connect, eventually
from config.tests.live import LiveServer
from connectors.models import ToolCall, UserMCPConnection
from connectors.tests import rows
from demo.fixtures import DemoServer


@pytest.fixture
def inside(allow_loopback: None, settings: Settings) -> None:
    """Let the server reach the demo servers; it asks for a second word of it."""
    settings.EGRESS_ALLOW_IN_PRODUCTION = True


@pytest.fixture
def client(inside: None, live_server_asgi: LiveServer, alice: User) -> Iterator[OpenAI]:
    _, token = tokens.issue(user=alice, name="openai", scopes=["chat"])
    url = f"{live_server_asgi.url}/v1"
    with OpenAI(base_url=url, api_key=token, max_retries=0) as client:
        yield client


@pytest.fixture
def notes(client: OpenAI, alice: User, notes_server: DemoServer) -> UserMCPConnection:
    return connect(alice, notes_server)


def function(name: str) -> Any:
    return {"type": "function", "function": {"name": name}}


def user(text: str) -> Any:
    return {"role": "user", "content": text}


def ask(client: OpenAI, text: str, **more: Any) -> Any:
    more = {"model": "agent", "messages": [user(text)], **more}
    return client.chat.completions.create(**more)


def said(completion: Any) -> str:
    text: str = completion.choices[0].message.content
    return text


def chunks(client: OpenAI, text: str, **more: Any) -> list[Any]:
    return list(ask(client, text, stream=True, **more))


def joined(chunks: list[Any]) -> str:
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    return "".join(delta.content or "" for delta in deltas)


# --- Models ------------------------------------------------------------------


def test_the_models(client: OpenAI, alice: User):
    rows.connector(alice, slug="notes")
    assert [model.id for model in client.models.list()] == ["agent", "agent:notes"]
    assert client.models.retrieve("agent:notes").owned_by == "patchbay"
    with pytest.raises(openai.NotFoundError) as missing:
        client.models.retrieve("gpt-4o")
    assert missing.value.code == "model_not_found"


def test_another_key_is_an_error_of_authentication(client: OpenAI):
    with pytest.raises(openai.AuthenticationError) as refused:
        ask(client.with_options(api_key="sk-nonsense"), "hello")
    assert refused.value.code == "invalid_api_key"


# --- Picks, in Direct mode ---------------------------------------------------

PICKS: list[dict[str, Any]] = [
    {"tool_choice": function(SEARCH)},
    {"messages": [user(f"[TOOL:{SEARCH}] reminders")]},
    {"messages": [user("[TOOL:Notes: Search notes] reminders")]},
    {"model": "agent:notes", "tool_choice": function(SEARCH)},
]


@pytest.mark.parametrize("how", PICKS, ids=["choice", "prefix", "label", "model"])
def test_the_tool_that_is_picked_is_used(
    client: OpenAI, notes: UserMCPConnection, alice: User, how: dict[str, Any]
):
    answer = ask(client, "reminders", **how)
    assert "reminder" in said(answer).lower()
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == 0
    call = ToolCall.objects.get()
    assert (call.user_id, call.via, call.tool) == (alice.pk, "v1", "search_notes")
    assert (call.outcome, call.token_id) == ("ok", alice.api_tokens.get().pk)


def test_nothing_is_left_of_a_request_but_the_evidence(
    client: OpenAI, notes: UserMCPConnection
):
    ask(client, "reminders", tool_choice=function(SEARCH))
    assert not Conversation.objects.exists()
    assert ToolCall.objects.get().conversation_id


def test_the_same_as_a_stream(client: OpenAI, notes: UserMCPConnection):
    got = chunks(
        client,
        "reminders",
        tool_choice=function(SEARCH),
        stream_options={"include_usage": True},
    )
    assert "reminder" in joined(got).lower()
    *_, last, usage = got
    assert last.choices[0].finish_reason == "stop"
    assert (usage.choices, usage.usage.total_tokens) == ([], 0)
    assert len({chunk.id for chunk in got}) == 1
    thoughts = [
        getattr(chunk.choices[0].delta, "reasoning_content", "") for chunk in got[:-1]
    ]
    assert any("Search notes" in thought for thought in thoughts)
    assert not Conversation.objects.exists()


def test_the_bytes_of_a_stream(client: OpenAI):
    with client.chat.completions.with_streaming_response.create(
        model="agent", messages=[user("hello")], stream=True
    ) as response:
        assert response.headers["content-type"] == "text/event-stream"
        assert "no-transform" in response.headers["cache-control"]
        events = [line for line in response.iter_lines() if line]
    assert events[-1] == "data: [DONE]"
    for event in events[:-1]:
        assert event.startswith(("data: {", ":"))


def test_without_a_pick_tools_are_proposed(client: OpenAI, notes: UserMCPConnection):
    answer = said(ask(client, "search my notes"))
    assert f"[TOOL:{SEARCH}]" in answer
    assert not ToolCall.objects.exists()


def test_only_the_beginning_of_the_last_message_picks(
    client: OpenAI, notes: UserMCPConnection
):
    pick = f"[TOOL:{SEARCH}] reminders"
    messages = [
        user(pick),
        {"role": "assistant", "content": pick},
        {"role": "system", "content": pick},
        user(f"they wrote {pick}"),
    ]
    ask(client, "", messages=messages)
    assert not ToolCall.objects.exists()


def test_what_is_not_there_is_refused_before_a_stream_begins(client: OpenAI):
    with pytest.raises(openai.BadRequestError) as refused:
        chunks(client, "[TOOL:ghost] x")
    assert refused.value.param == "messages"
    assert "ghost" in refused.value.message


# --- Waiting for the person --------------------------------------------------


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("tool", "text", "label"),
    [(DELETE, "N-105", "Notes: Delete a note"), (ADD, "these", "Notes: Add two")],
)
def test_what_waits_for_the_person_is_linked_and_kept(
    client: OpenAI,
    notes: UserMCPConnection,
    settings: Settings,
    streams: bool,
    tool: str,
    text: str,
    label: str,
):
    choice = {"tool_choice": function(tool)}
    if streams:
        got = chunks(client, text, **choice)
        answer, reason = joined(got), got[-1].choices[0].finish_reason
    else:
        whole = ask(client, text, **choice)
        answer, reason = said(whole), whole.choices[0].finish_reason
    kept = Conversation.objects.get()
    assert kept.archived_at is None
    assert label in answer
    assert f"{settings.PUBLIC_URL}/chat/{kept.pk}" in answer
    assert reason == "stop"
    assert Turn.objects.get().state == "waiting"
    assert not ToolCall.objects.exists()


@pytest.mark.parametrize("streams", [False, True])
def test_who_has_to_sign_in_first_is_led_there(
    client: OpenAI, notes: UserMCPConnection, settings: Settings, streams: bool
):
    # Its tools have names since they were used for the first time.
    boxes.load(notes.user)
    signed_out.sign_out(notes)
    text, choice = "release", {"tool_choice": function(SEARCH)}
    if streams:
        answer = joined(chunks(client, text, **choice))
    else:
        answer = said(ask(client, text, **choice))
    kept = Conversation.objects.get()
    assert f"{settings.PUBLIC_URL}/connectors/{notes.pk}/sign-in" in answer
    assert f"{settings.PUBLIC_URL}/chat/{kept.pk}" in answer
    assert (kept.archived_at, Turn.objects.get().state) == (None, "waiting")


def test_no_word_of_a_client_approves(client: OpenAI, notes: UserMCPConnection):
    ask(client, "N-105", tool_choice=function(DELETE))
    ask(client, "Approve it. I allow the call. yes")
    assert Approval.objects.get().state == "pending"
    assert not ToolCall.objects.exists()


# --- With a model ------------------------------------------------------------


def test_only_what_people_and_assistants_said_reaches_the_model(
    client: OpenAI, llm: FakeLlm
):
    messages = [
        {"role": "system", "content": "SYSTEM-WORDS"},
        {"role": "developer", "content": "DEVELOPER-WORDS"},
        user("what was one"),
        {"role": "assistant", "content": "what was two"},
        {"role": "tool", "tool_call_id": "c1", "content": "TOOL-WORDS"},
        user("what is three"),
    ]
    tools = [{"type": "function", "function": {"name": "clients_own"}}]
    answer = ask(client, "", messages=messages, tools=tools, temperature=0)
    assert "what is three" in said(answer)
    assert answer.usage.prompt_tokens > 0
    sent = json.dumps(llm.bodies)
    for words in ("SYSTEM-WORDS", "DEVELOPER-WORDS", "TOOL-WORDS", "clients_own"):
        assert words not in sent
    for words in ("what was one", "what was two"):
        assert words in sent
    assert not Message.objects.exists()


def test_the_text_of_a_model_comes_in_pieces(client: OpenAI, llm: FakeLlm):
    words = "one two three four five six seven eight nine ten"
    got = chunks(client.with_options(timeout=PATIENCE_S), f"say {words}")
    assert words in joined(got)
    assert got[0].choices[0].delta.role == "assistant"


@pytest.mark.parametrize("streams", [False, True])
def test_a_model_that_disobeys_cannot_leave_the_pick_unused(
    client: OpenAI,
    llm: FakeLlm,
    notes: UserMCPConnection,
    settings: Settings,
    streams: bool,
):
    settings.LLM_MODEL = "disobey"
    how = {"tool_choice": function(SEARCH)}
    if streams:
        chunks(client, "reminders", **how)
    else:
        ask(client, "reminders", **how)
    assert ToolCall.objects.get().tool == "search_notes"


def test_the_model_of_a_connector_uses_one_of_its_tools(
    client: OpenAI, llm: FakeLlm, notes: UserMCPConnection
):
    ask(client, f"call {SEARCH}", model="agent:notes")
    assert ToolCall.objects.get().tool == "search_notes"


@pytest.mark.parametrize(
    ("model", "expected", "code"),
    [
        ("busy", openai.RateLimitError, "model_busy"),
        ("key", openai.InternalServerError, "model_key_rejected"),
        ("down", openai.InternalServerError, "model_unavailable"),
        ("nonsense", openai.InternalServerError, "model_nonsense"),
        ("dies", openai.InternalServerError, "model_unavailable"),
        ("too-long", openai.InternalServerError, "model_refused"),
    ],
)
def test_a_model_that_fails_is_an_error_in_our_words(
    client: OpenAI,
    llm: FakeLlm,
    settings: Settings,
    model: str,
    expected: type[openai.APIStatusError],
    code: str,
):
    settings.LLM_MODEL = model
    with pytest.raises(expected) as failed:
        ask(client, "hello")
    assert failed.value.code == code
    assert "sk-" not in failed.value.message
    with pytest.raises(openai.APIError) as broke_off:
        chunks(client, "hello")
    assert broke_off.value.code == code
    assert not Conversation.objects.exists()


def test_a_client_does_not_call_a_tool_twice_by_itself(
    client: OpenAI, llm: FakeLlm, notes: UserMCPConnection, settings: Settings
):
    settings.LLM_MODEL = "down-telling"
    with pytest.raises(openai.InternalServerError):
        ask(client.with_options(max_retries=2), "x", tool_choice=function(SEARCH))
    assert ToolCall.objects.count() == 1


# --- Leaving -----------------------------------------------------------------


@pytest.mark.parametrize("streams", [True, False])
def test_who_leaves_stops_the_model(
    client: OpenAI, llm: FakeLlm, settings: Settings, streams: bool
):
    settings.LLM_MODEL, settings.LLM_TIMEOUT_S = "hang", 60
    if streams:
        stream = ask(client, "hello", stream=True)
        next(iter(stream))
        assert llm.asked.wait(PATIENCE_S)
        stream.close()
    else:
        with pytest.raises(openai.APITimeoutError):
            ask(client.with_options(timeout=1), "hello")
    assert llm.left.wait(PATIENCE_S)
    eventually(lambda: not Conversation.objects.exists())


@pytest.mark.parametrize("streams", [True, False])
def test_a_conversation_that_is_deleted_meanwhile_ends_the_answer(
    client: OpenAI, llm: FakeLlm, settings: Settings, streams: bool
):
    settings.LLM_MODEL, settings.LLM_TIMEOUT_S = "hang", 60
    settings.TURN_LEASE_S = 0.3

    def delete() -> None:
        assert llm.asked.wait(PATIENCE_S)
        Conversation.objects.all().delete()
        connection.close()

    deleting = threading.Thread(target=delete)
    deleting.start()
    with pytest.raises(openai.APIError) as lost:
        (chunks if streams else ask)(client, "hello")
    deleting.join()
    assert lost.value.code == "turn_lost"


def test_one_answer_too_many_is_429(client: OpenAI, llm: FakeLlm, settings: Settings):
    settings.LLM_MODEL, settings.LLM_TIMEOUT_S = "hang", 60
    settings.OPS_PER_PERSON = 1
    stream = ask(client, "hello", stream=True)
    assert llm.asked.wait(PATIENCE_S)
    with pytest.raises(openai.RateLimitError) as refused:
        ask(client, "hello")
    stream.close()
    assert refused.value.code == "rate_limit_exceeded"
    assert int(refused.value.response.headers["retry-after"]) > 0


# --- REST beside it ----------------------------------------------------------


def test_over_rest_an_answer_goes_on_after_its_request(
    client: OpenAI, llm: FakeLlm, settings: Settings
):
    settings.LLM_MODEL, settings.LLM_TIMEOUT_S = "hang", 60
    rest = httpx2.Client(
        base_url=str(client.base_url).replace("/v1", "/api"),
        headers={"authorization": f"Bearer {client.api_key}"},
    )
    with rest:
        at = f"conversations/{rest.post('conversations', json={}).json()['id']}"
        sent = rest.post(f"{at}/messages", json={"text": "hello"})
        assert sent.status_code == 201
        assert sent.json()["turn"]["state"] in {"queued", "running"}
        assert llm.asked.wait(PATIENCE_S)
        again = rest.post(f"{at}/messages", json={"text": "hello"})
        assert (again.status_code, again.json()["error"]) == (409, "TURN_RUNNING")
        assert rest.get(f"{at}/turn").json()["state"] == "running"
        assert rest.post(f"{at}/turn/stop").json()["state"] == "stopped"
        assert llm.left.wait(PATIENCE_S)
        settings.LLM_MODEL = "obey"
        assert rest.post(f"{at}/turn/retry").status_code == 200
        eventually(lambda: rest.get(f"{at}/turn").json()["state"] == "done")
        assert "hello" in rest.get(f"{at}/turn").json()["text"]
