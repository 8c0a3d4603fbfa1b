"""/v1 without a socket: who is let in, which models there are, what is refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts import tokens
from accounts.models import User
from agent.models import Conversation
from agent.tests import turning
from agent.tests.over_rest import DELETE, SEARCH
from connectors.models import Status, UserMCPConnection
from connectors.tests import rows

COMPLETIONS = "/v1/chat/completions"
HELLO = {"role": "user", "content": "hello"}
ROUTES = [
    ("GET", "/v1/models"),
    ("GET", "/v1/models/agent"),
    ("POST", COMPLETIONS),
    ("POST", "/v1/embeddings"),
]

type Send = Callable[..., Any]


def client_of(user: User, scopes: list[str] | None = None) -> Client:
    _, token = tokens.issue(
        user=user, name=f"t{user.api_tokens.count()}", scopes=scopes
    )
    return _client(token)


def _client(token: str) -> Client:
    return Client(
        headers={"authorization": f"Bearer {token}"}, raise_request_exception=False
    )


@pytest.fixture
def v1(alice: User) -> Client:
    return client_of(alice)


def ask(client: Client, **body: Any) -> Any:
    body = {"model": "agent", "messages": [HELLO], **body}
    return client.post(COMPLETIONS, json.dumps(body), content_type="application/json")


def pick(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


def error_of(response: Any) -> dict[str, Any]:
    assert response["Content-Type"] == "application/json"
    error: dict[str, Any] = response.json()["error"]
    assert error.keys() >= {"message", "type", "param", "code"}
    return error


# --- Who is let in -----------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("token", ["", "nonsense", "pb_aaaaaaaa_" + "b" * 43])
@pytest.mark.django_db
def test_without_a_good_token_it_is_401(method: str, path: str, token: str):
    client = _client(token) if token else Client()
    response = client.generic(method, path)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert error_of(response)["code"] == "invalid_api_key"


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_session_is_not_enough(alice: User, method: str, path: str):
    client = Client()
    client.force_login(alice)
    assert client.generic(method, path).status_code == 401


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_the_scope_is_chat(alice: User, method: str, path: str):
    others = ["connectors:read", "connectors:write", "tools:call", "mcp"]
    response = client_of(alice, others).generic(method, path)
    assert response.status_code == 403
    assert error_of(response)["code"] == "scope_missing"
    assert client_of(alice, ["chat"]).get("/v1/models").status_code == 200


def test_a_token_that_was_revoked_is_401(alice: User):
    token, text = tokens.issue(user=alice, name="old")
    tokens.revoke(token=token)
    assert _client(text).get("/v1/models").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/v1/models", "GET"),
        ("DELETE", "/v1/models/agent", "GET"),
        ("GET", COMPLETIONS, "POST"),
        ("OPTIONS", COMPLETIONS, "POST"),
    ],
)
def test_another_method_is_405(v1: Client, method: str, path: str, allowed: str):
    response = v1.generic(method, path)
    assert (response.status_code, response["Allow"]) == (405, allowed)
    assert error_of(response)["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/files/a/b", "/v1/completions"])
def test_the_rest_of_openai_is_not_here(v1: Client, path: str):
    for method in ("GET", "POST"):
        response = v1.generic(method, path)
        assert response.status_code == 404
        assert error_of(response)["code"] == "not_found"


# --- Models ------------------------------------------------------------------


def test_the_agent_is_a_model_and_so_is_each_connector_that_can_be_used(
    v1: Client, alice: User, bob: User
):
    rows.connector(alice, slot=1, slug="notes", name="Notes")
    rows.connector(alice, slot=2, slug="paused", is_active=False)
    rows.connector(
        alice, slot=3, slug="signed-out", is_verified=False, status=Status.SIGN_IN
    )
    rows.connector(bob, slug="his")
    listed = v1.get("/v1/models").json()
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["agent", "agent:notes"]
    for model in listed["data"]:
        assert model["object"] == "model"
        assert isinstance(model["created"], int)
        assert v1.get(f"/v1/models/{model['id']}").json() == model


@pytest.mark.parametrize("model", ["agent:his", "gpt-4o", "agent:", "agent:a/b"])
def test_a_model_of_somebody_else_is_404(v1: Client, bob: User, model: str):
    rows.connector(bob, slug="his")
    response = v1.get(f"/v1/models/{model}")
    assert response.status_code == 404
    assert error_of(response)["code"] == "model_not_found"
    response = ask(v1, model=model)
    assert response.status_code == 404
    assert error_of(response)["code"] == "model_not_found"


# --- Bodies that are none ----------------------------------------------------

NONSENSE: list[tuple[str, bytes, str | None]] = [
    ("no JSON", b"{", None),
    ("words", b"hello", None),
    ("a list", b"[]", None),
    ("a number", b"7", None),
    ("null", b"null", None),
    ("no text", b"\xff\xfe{}", None),
    ("NaN", b'{"model": NaN}', None),
    ("a number without an end", b'{"n": 1e999}', None),
    ("a key twice", b'{"model": "agent", "model": "agent"}', None),
    ("NUL", b'{"model": "agent\\u0000"}', None),
    ("half a character", b'{"model": "\\ud800"}', None),
    ("too deep", b'{"a":' * 100 + b"1" + b"}" * 100, None),
    ("far too deep", b"[" * 100_000, None),
    ("an empty object", b"{}", "model"),
    ("no messages", b'{"model": "agent"}', "messages"),
    ("text for messages", b'{"model": "agent", "messages": "x"}', "messages"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "param"), [row[1:] for row in NONSENSE], ids=[row[0] for row in NONSENSE]
)
def test_nonsense_is_400(v1: Client, body: bytes, param: str | None):
    response = v1.post(COMPLETIONS, body, content_type="application/json")
    assert response.status_code == 400
    error = error_of(response)
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert not Conversation.objects.exists()


def test_too_much_is_413(v1: Client, settings: Settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    response = ask(v1, messages=[{"role": "user", "content": "x" * 1000}])
    assert response.status_code == 413
    assert error_of(response)["code"] == "payload_too_large"


def test_what_is_not_declared_as_json_is_415(v1: Client):
    response = v1.post(COMPLETIONS, b"{}", content_type="text/plain")
    assert response.status_code == 415
    assert error_of(response)["code"] == "unsupported_media_type"


def test_a_question_that_is_too_long_is_400(v1: Client):
    response = ask(v1, messages=[{"role": "user", "content": "x" * 40_000}])
    assert response.status_code == 400
    assert error_of(response)["param"] == "messages"


# --- Picks that cannot be used -----------------------------------------------


@pytest.fixture
def notes(alice: User) -> UserMCPConnection:
    return rows.connector(alice, slug="notes", name="Notes")


@pytest.mark.parametrize(
    ("changes", "param", "said"),
    [
        ({"tool_choice": pick("notes__nothing")}, "tool_choice", "notes__nothing"),
        ({"tool_choice": pick("his__search_notes")}, "tool_choice", "his__"),
        (
            {"messages": [{"role": "user", "content": "[TOOL:ghost] x"}]},
            "messages",
            "ghost",
        ),
        (
            {
                "messages": [{"role": "user", "content": f"[TOOL:{SEARCH}] x"}],
                "tool_choice": pick(DELETE),
            },
            "tool_choice",
            "Pick one",
        ),
        ({"tool_choice": "required"}, "tool_choice", "Name the tool"),
        ({"tool_choice": "none"}, "tool_choice", "decides itself"),
    ],
)
def test_a_pick_that_is_not_there_is_refused(
    v1: Client,
    notes: UserMCPConnection,
    bob: User,
    changes: dict[str, Any],
    param: str,
    said: str,
):
    rows.connector(bob, slug="his")
    for stream in (False, True):
        response = ask(v1, stream=stream, **changes)
        assert response.status_code == 400
        error = error_of(response)
        assert error["param"] == param
        assert said in error["message"]
    assert not Conversation.objects.exists()


@pytest.mark.parametrize("by", ["model", "tool_choice"])
def test_a_connector_that_is_paused_is_refused_by_its_name(
    v1: Client, notes: UserMCPConnection, by: str
):
    UserMCPConnection.objects.update(is_active=False)
    changes: dict[str, Any] = {"model": "agent:notes"}
    if by == "tool_choice":
        changes = {"tool_choice": pick("notes")}
    response = ask(v1, **changes)
    assert response.status_code == 400
    error = error_of(response)
    assert error["param"] == by
    assert "Notes" in error["message"]


def test_answers_whose_process_is_gone_take_no_place(
    v1: Client, alice: User, settings: Settings
):
    settings.LLM_MODEL, settings.OPS_PER_PERSON = "", 1
    left = turning.ask(alice)
    assert ask(v1).status_code == 429
    turning.leave_for_dead(left)
    assert ask(v1).status_code == 200
