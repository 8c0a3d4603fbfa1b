"""Conversations and the Apps menu over REST, in Direct mode."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from agent.models import Approval, Conversation, Message, Turn, TurnState
from agent.tests.over_rest import (
    ADD,
    CONVERSATIONS,
    DELETE,
    SEARCH,
    at,
    begin,
    connect,
    say,
)
from config.tests.rest import ApiClient
from connectors.models import Status, ToolCall, UserMCPConnection
from connectors.tests import rows
from demo.fixtures import DemoServer


@pytest.fixture
def notes(
    alice: User, notes_server: DemoServer, allow_loopback: None
) -> UserMCPConnection:
    return connect(alice, notes_server)


@pytest.fixture
def conversation(api: ApiClient) -> Any:
    return begin(api, title="Notes of the week")


# --- The Apps menu -----------------------------------------------------------


@pytest.mark.usefixtures("no_system_tools")
def test_who_has_nothing_has_an_empty_menu(api: ApiClient):
    empty: dict[str, Any] = {"system_tools": [], "user_connectors": []}
    assert api.get("/api/apps").json() == empty


def test_the_menu_shows_every_connector_with_its_tools(
    api: ApiClient, alice: User, bob: User, settings: Settings
):
    settings.PUBLIC_URL = "https://patchbay.example"
    mine = rows.connector(alice, slug="notes", name="Notes")
    rows.connector(bob, name="His")
    (app,) = api.get("/api/apps").json()["user_connectors"]
    assert (app["id"], app["name"], app["slug"]) == (mine.pk, "Notes", "notes")
    assert (app["status"], app["reason"]) == ("connected", "")
    assert app["tool_count"] == 2
    assert app["manage_url"] == f"https://patchbay.example/connectors/{mine.pk}"
    first, second = app["tools"]
    assert first == {
        "name": "search_notes",
        "title": "Search notes",
        "wire_name": "notes__search_notes",
        "reads_only": True,
    }
    assert (second["wire_name"], second["reads_only"]) == ("notes__delete_note", False)


def test_a_connector_that_cannot_be_used_says_why(api: ApiClient, alice: User):
    rows.connector(alice, is_verified=False, status=Status.SIGN_IN)
    (app,) = api.get("/api/apps").json()["user_connectors"]
    assert app["status"] == "disconnected"
    assert app["reason"]


def test_the_menu_costs_the_same_queries_for_one_connector_and_for_ten(
    api: ApiClient, alice: User
):
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert api.get("/api/apps").status_code == 200
        return len(seen)

    rows.connector(alice, slot=1, slug="one")
    queries()
    before = queries()
    for slot in range(2, 11):
        rows.connector(alice, slot=slot, slug=f"number-{slot}")
    queries()
    assert queries() == before


def test_the_menu_wants_the_scope_of_connectors(
    api_client: Callable[..., ApiClient], alice: User
):
    assert api_client(alice, ["connectors:read"]).get("/api/apps").status_code == 200
    refused = api_client(alice, ["chat"]).get("/api/apps")
    assert (refused.status_code, refused.json()["error"]) == (403, "SCOPE_MISSING")


# --- Conversations -----------------------------------------------------------


def test_a_conversation_is_begun_read_renamed_and_deleted(
    api: ApiClient, settings: Settings
):
    settings.PUBLIC_URL = "https://patchbay.example"
    response = api.post(CONVERSATIONS, {"title": "  Notes \n of the week "})
    begun = response.json()
    assert begun["title"] == "Notes of the week"
    assert begun["url"] == f"https://patchbay.example/chat/{begun['id']}"
    assert response["Location"] == at(begun)
    assert api.get(at(begun)).json() == begun
    renamed = api.patch(at(begun), {"title": "Another"})
    assert renamed.json()["title"] == api.get(at(begun)).json()["title"] == "Another"
    assert api.delete(at(begun)).json()["success"] is True
    assert api.get(at(begun)).status_code == 404
    assert not Conversation.objects.exists()


@pytest.mark.parametrize("title", ["", " ", "x" * 201, 7, None])
def test_a_title_has_to_be_one(api: ApiClient, conversation: Any, title: Any):
    response = api.patch(at(conversation), {"title": title})
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"][:2] == ["body", "title"]


def test_the_list_has_the_newest_first_in_parts(api: ApiClient, bob: User):
    begun = [begin(api, title=str(number)) for number in range(3)]
    Conversation.objects.create(user=bob, title="His")
    listed = api.get(CONVERSATIONS).json()
    assert [row["title"] for row in listed["conversations"]] == ["2", "1", "0"]
    assert listed["total"] == len(begun)
    part = api.get(f"{CONVERSATIONS}?limit=1&offset=1").json()
    assert [row["title"] for row in part["conversations"]] == ["1"]
    assert part["total"] == len(begun)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=all", "limit"),
        ("offset=-1", "offset"),
        (f"offset={10**30}", "offset"),
    ],
)
@pytest.mark.parametrize("rest", ["", "/messages"])
def test_a_part_of_a_list_that_cannot_be(
    api: ApiClient, conversation: Any, rest: str, query: str, name: str
):
    address = at(conversation, rest) if rest else CONVERSATIONS
    response = api.get(f"{address}?{query}")
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"][:2] == ["query", name]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", CONVERSATIONS),
        ("POST", CONVERSATIONS),
        ("GET", "{at}"),
        ("PATCH", "{at}"),
        ("DELETE", "{at}"),
        ("GET", "{at}/messages"),
        ("POST", "{at}/messages"),
        ("GET", "{at}/turn"),
        ("POST", "{at}/turn/stop"),
        ("POST", "{at}/turn/retry"),
    ],
)
def test_conversations_want_the_scope_chat(
    api_client: Callable[..., ApiClient],
    alice: User,
    conversation: Any,
    method: str,
    path: str,
):
    others = ["connectors:read", "connectors:write", "tools:call", "mcp"]
    client = api_client(alice, others)
    body = {"text": "hello", "title": "x"}
    response = client.send(method, path.format(at=at(conversation)), body)
    assert (response.status_code, response.json()["error"]) == (403, "SCOPE_MISSING")


# --- Messages ----------------------------------------------------------------


def test_a_message_is_stored_and_its_turn_is_answered(
    api: ApiClient, conversation: Any
):
    sent = say(api, conversation, "hello")
    assert sent["message"]["role"] == "user"
    assert (sent["message"]["text"], sent["message"]["pick"]) == ("hello", None)
    assert sent["turn"]["message_id"] == sent["message"]["id"]
    assert sent["turn"]["state"] == "done"
    listed = api.get(at(conversation, "/messages")).json()
    assert [row["role"] for row in listed["messages"]] == ["user", "assistant"]
    assert listed["total"] == 2
    assert listed["messages"][1]["parts"] == sent["turn"]["parts"]
    assert Turn.objects.get().via == "rest"


@pytest.mark.parametrize("by", ["wire name", "connector", "tool", "prefix"])
def test_a_tool_that_is_picked_is_used(
    api: ApiClient, conversation: Any, notes: UserMCPConnection, by: str
):
    text, pick = (
        "reminders",
        {
            "wire name": SEARCH,
            "connector": {"connector_id": notes.pk},
            "tool": {"connector_id": notes.pk, "tool": "search_notes"},
            "prefix": None,
        }[by],
    )
    if by == "prefix":
        text = f"[TOOL:{SEARCH}] reminders"
    sent = say(api, conversation, text, pick=pick)
    kind = "connector" if by == "connector" else "connector_tool"
    assert sent["message"]["pick"]["kind"] == kind
    assert sent["message"]["text"] == "reminders"
    if by == "connector":
        return
    assert (sent["turn"]["state"], sent["turn"]["enforcement"]) == ("done", "used")
    (call,) = [part for part in sent["turn"]["parts"] if part["kind"] == "call"]
    assert call["name"] == SEARCH
    assert "reminder" in call["result"].lower()
    row = ToolCall.objects.get()
    assert (row.via, row.outcome, row.tool) == ("rest", "ok", "search_notes")
    assert row.token_id
    assert row.conversation_id == conversation["id"]


@pytest.mark.parametrize(
    "pick",
    ["nothing__here", {"connector_id": 987654}, {"connector_id": 1, "tool": "x"}],
)
def test_a_pick_that_is_not_there_is_refused_by_the_turn(
    api: ApiClient, conversation: Any, pick: Any
):
    sent = say(api, conversation, "hello", pick=pick)
    assert (sent["turn"]["state"], sent["turn"]["enforcement"]) == ("done", "refused")
    assert not ToolCall.objects.exists()


def test_the_connector_of_somebody_else_is_not_there(
    api: ApiClient, conversation: Any, bob: User
):
    his = rows.connector(bob, name="Hidden name")
    sent = say(api, conversation, "hello", pick={"connector_id": his.pk})
    assert sent["turn"]["enforcement"] == "refused"
    assert "Hidden name" not in str(sent)


WRONG: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["text", "required"]),
    ({"text": None}, ["text", "null"]),
    ({"text": 7}, ["text", "string"]),
    ({"text": ""}, ["text"]),
    ({"text": " \n"}, ["text"]),
    ({"text": "x" * 200_000}, ["text"]),
    ({"text": "x", "pick": 7}, ["pick", "pick"]),
    ({"text": "x", "pick": ""}, ["pick", "pick"]),
    ({"text": "x", "pick": []}, ["pick", "pick"]),
    ({"text": "x", "pick": {}}, ["pick", "connector_id", "required"]),
    ({"text": "x", "pick": {"tool": "a"}}, ["pick", "connector_id", "required"]),
    ({"text": "x", "pick": {"connector_id": "1"}}, ["pick", "connector_id", "integer"]),
    (
        {"text": "x", "pick": {"connector_id": True}},
        ["pick", "connector_id", "integer"],
    ),
    (
        {"text": "x", "pick": {"connector_id": 1, "tool": ""}},
        ["pick", "tool", "string"],
    ),
    ({"text": "x", "pick": {"connector_id": 1, "tool": 2}}, ["pick", "tool", "string"]),
    ({"text": "x", "pick": {"connector_id": 1, "tool": "t" * 300}}, ["pick", "pick"]),
    ({"text": "x", "pick": {"connector_id": 10**250}}, ["pick", "pick"]),
    ({"text": "x", "nonce": 1}, ["nonce", "string"]),
    ({"text": "x", "nonce": "n" * 37}, ["nonce", "max_length"]),
]


@pytest.mark.parametrize(
    ("body", "loc"), WRONG, ids=[str(row[0])[:50] for row in WRONG]
)
def test_a_message_that_is_none(
    api: ApiClient, conversation: Any, body: dict[str, Any], loc: list[str]
):
    response = api.post(at(conversation, "/messages"), body)
    assert response.status_code == 422
    found = response.json()["detail"][0]["loc"]
    assert found[: len(loc) + 1] == ["body", *loc]
    assert not Message.objects.exists()


def test_what_is_sent_twice_is_one_message(api: ApiClient, conversation: Any):
    first = say(api, conversation, "hello", nonce="once")
    again = say(api, conversation, "hello", nonce="once")
    assert again["message"]["id"] == first["message"]["id"]
    assert Message.objects.count() == 2


def test_one_answer_at_a_time(api: ApiClient, conversation: Any):
    sent = say(api, conversation, "hello")
    Turn.objects.filter(pk=sent["turn"]["id"]).update(state=TurnState.RUNNING)
    response = api.post(at(conversation, "/messages"), {"text": "again"})
    assert (response.status_code, response.json()["error"]) == (409, "TURN_RUNNING")


# --- Turns, and what waits in them -------------------------------------------


def test_a_conversation_without_a_message_has_no_turn(
    api: ApiClient, conversation: Any
):
    for method, rest in (("GET", ""), ("POST", "/stop"), ("POST", "/retry")):
        response = api.send(method, at(conversation, f"/turn{rest}"))
        assert (response.status_code, response.json()["error"]) == (404, "NOT_FOUND")


def test_a_turn_that_ended_well_is_neither_stopped_nor_tried_again(
    api: ApiClient, conversation: Any
):
    sent = say(api, conversation, "hello")
    assert api.get(at(conversation, "/turn")).json() == sent["turn"]
    assert api.post(at(conversation, "/turn/stop")).json() == sent["turn"]
    response = api.post(at(conversation, "/turn/retry"))
    assert (response.status_code, response.json()["error"]) == (409, "NOTHING_TO_RETRY")


def test_a_turn_that_was_stopped_can_be_tried_again(
    api: ApiClient, conversation: Any, notes: UserMCPConnection
):
    say(api, conversation, "N-105", pick=DELETE)
    stopped = api.post(at(conversation, "/turn/stop")).json()
    assert (stopped["state"], stopped["pending"]) == ("stopped", [])
    assert stopped["error_message"]
    again = api.post(at(conversation, "/turn/retry")).json()
    # What was picked is still to be used, so the question is asked once more.
    assert (again["state"], again["error_message"]) == ("waiting", "")
    assert len(again["pending"]) == 1
    assert not ToolCall.objects.exists()


def test_what_waits_for_the_person_leads_to_their_page(
    api: ApiClient, conversation: Any, notes: UserMCPConnection, settings: Settings
):
    settings.PUBLIC_URL = "https://patchbay.example"
    sent = say(api, conversation, "N-105", pick=DELETE)
    assert (sent["turn"]["state"], sent["turn"]["enforcement"]) == (
        "waiting",
        "approval",
    )
    (pending,) = sent["turn"]["pending"]
    assert pending == {
        "kind": "approval",
        "tool": DELETE,
        "label": "Notes: Delete a note",
        "arguments": {"note_id": "N-105"},
        "approval_url": f"https://patchbay.example/chat/{conversation['id']}",
    }
    assert api.get(at(conversation, "/turn")).json()["pending"] == [pending]
    assert not ToolCall.objects.exists()


def test_a_form_waits_too(api: ApiClient, conversation: Any, notes: UserMCPConnection):
    sent = say(api, conversation, "one and two", pick=ADD)
    assert (sent["turn"]["state"], sent["turn"]["enforcement"]) == ("waiting", "form")
    (pending,) = sent["turn"]["pending"]
    assert (pending["kind"], pending["tool"]) == ("input", ADD)


def test_no_token_can_approve(
    api: ApiClient, conversation: Any, notes: UserMCPConnection
):
    sent = say(api, conversation, "N-105", pick=DELETE)
    approval = Approval.objects.get()
    assert "approval_id" not in str(sent)
    guesses = (
        f"/api/approvals/{approval.pk}",
        at(conversation, f"/approvals/{approval.pk}"),
        at(conversation, "/turn/approve"),
    )
    for path in guesses:
        assert api.post(path, {"decision": "allow"}).status_code == 404
    page = api.post(f"/chat/approvals/{approval.pk}", {"decision": "once"})
    assert page.status_code in {302, 403}
    approval.refresh_from_db()
    assert approval.state == "pending"
    assert not ToolCall.objects.exists()


def test_a_session_reads_its_conversations_too(
    alice: User, api: ApiClient, conversation: Any
):
    client = Client()
    client.force_login(alice)
    assert client.get(at(conversation)).json()["id"] == conversation["id"]
