"""The REST surface of connectors, as its users have it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from config.tests.rest import ApiClient
from connectors.models import ConnectionTest, UserMCPConnection
from connectors.tests.over_rest import CONNECTORS, TEST, add, at
from demo.hostile import RIGHT_TOKEN, Hostile

CONNECTOR_KEYS = {
    "id", "name", "slug", "description", "server_url", "auth_type", "is_active",
    "is_verified", "status", "tool_count", "last_verified_at", "last_error_code",
    "created_at", "updated_at",
}  # fmt: skip
TEST_KEYS = {
    "success", "error_code", "error_message", "suggestion", "tools", "steps",
    "protocol_version", "transport", "test_ticket", "duration_ms",
}  # fmt: skip


# --- Who may -----------------------------------------------------------------


def test_create_connector_requires_auth(db: None) -> None:
    body = {"name": "Test", "server_url": "https://example.com/mcp"}
    response = Client().post(CONNECTORS, body, content_type="application/json")
    assert response.status_code == 401
    assert response.json()["error"] == "UNAUTHORIZED"
    assert response["WWW-Authenticate"] == "Bearer"


def test_delete_requires_auth(api: ApiClient, added: Any) -> None:
    assert ApiClient().delete(at(added)).status_code == 401
    assert api.get(at(added)).status_code == 200


def test_sign_in_is_checked_before_the_body(db: None) -> None:
    assert ApiClient().post(CONNECTORS, b"{nonsense").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", CONNECTORS, "connectors:read"),
        ("POST", CONNECTORS, "connectors:write"),
        ("POST", TEST, "connectors:write"),
        ("GET", f"{CONNECTORS}/1", "connectors:read"),
        ("PUT", f"{CONNECTORS}/1", "connectors:write"),
        ("PATCH", f"{CONNECTORS}/1", "connectors:write"),
        ("DELETE", f"{CONNECTORS}/1", "connectors:write"),
        ("POST", f"{CONNECTORS}/1/toggle", "connectors:write"),
        ("POST", f"{CONNECTORS}/1/retest", "connectors:write"),
        ("POST", f"{CONNECTORS}/1/tools/echo/call", "tools:call"),
    ],
)
def test_a_token_may_do_what_its_scopes_say(
    api_client: Callable[..., ApiClient],
    alice: User,
    method: str,
    path: str,
    scope: str,
) -> None:
    others = {"connectors:read", "connectors:write", "tools:call"} - {scope}
    # The scope is checked before the body: this one is not even JSON.
    refused = api_client(alice, sorted(others)).send(method, path, b"{")
    assert refused.status_code == 403
    assert refused.json()["error"] == "SCOPE_MISSING"
    assert scope in refused.json()["message"]
    allowed = api_client(alice, [scope]).send(method, path, b"{")
    assert allowed.status_code in {200, 404, 422}


def test_a_session_needs_its_csrf_token(alice: User) -> None:
    session = ApiClient(enforce_csrf_checks=True)
    session.force_login(alice)
    assert session.get(CONNECTORS).status_code == 200
    refused = session.post(TEST, {"server_url": ""})
    assert refused.status_code == 403
    assert refused.json()["error"] == "CSRF_FAILED"
    session.get("/accounts/login/")
    session.cookies["csrftoken"] = token = "a" * 32
    headers = {"x-csrftoken": token}
    allowed = session.post(TEST, {"server_url": ""}, headers=headers)
    assert allowed.status_code == 200


@pytest.mark.parametrize(
    ("method", "rest"),
    [
        ("GET", ""),
        ("PUT", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/toggle"),
        ("POST", "/retest"),
        ("POST", "/tools/echo/call"),
    ],
)
def test_a_stranger_gets_404_and_changes_nothing(
    api: ApiClient,
    api_client: Callable[..., ApiClient],
    bob: User,
    peer: Hostile,
    added: Any,
    method: str,
    rest: str,
) -> None:
    peer.clear()
    body = {"name": "Mine now", "is_active": False}
    stranger = api_client(bob).send(method, at(added, rest), body)
    missing = api_client(bob).send(method, f"{CONNECTORS}/{10**6}{rest}", body)
    assert stranger.status_code == missing.status_code == 404
    assert stranger.json() == missing.json()
    assert peer.seen("good").requests == 0
    assert api.get(at(added)).json()["updated_at"] == added["updated_at"]
    assert api_client(bob).get(CONNECTORS).json() == {"connectors": [], "total": 0}


# --- Test --------------------------------------------------------------------


def test_test_connection_endpoint(api: ApiClient, peer: Hostile) -> None:
    response = api.post(TEST, {"server_url": peer.url("good"), "name": "ignored"})
    assert response.status_code == 200
    result = response.json()
    assert result.keys() == TEST_KEYS
    assert result["success"] is True
    assert result["error_code"] is None
    assert [tool["name"] for tool in result["tools"]] == ["echo", "add"]
    assert {step["status"] for step in result["steps"]} <= {"passed", "warning"}
    assert result["test_ticket"]
    assert UserMCPConnection.objects.count() == 0


def test_an_unreachable_server_is_a_result(api: ApiClient) -> None:
    response = api.post(TEST, {"server_url": "http://127.0.0.1:9"})
    assert response.status_code == 200
    result = response.json()
    assert result["success"] is False
    assert result["error_code"] == "CONNECTION_FAILED"
    assert result["suggestion"]
    assert result["test_ticket"] is None


@pytest.mark.parametrize("url", ["not-a-url", "", "ftp://example.com", "x" * 5000])
def test_any_text_is_tested(api: ApiClient, url: str) -> None:
    response = api.post(TEST, {"server_url": url})
    assert response.status_code == 200
    assert response.json()["error_code"] == "INVALID_URL"


@pytest.mark.parametrize(
    ("fault", "given", "code"),
    [
        ("html", {}, "INVALID_MCP_SERVER"),
        ("500", {}, "SERVER_ERROR"),
        ("token", {}, "AUTH_REQUIRED"),
        (
            "token",
            {"auth_type": "api_key", "auth_config": {"token": "wrong"}},
            "AUTH_FAILED",
        ),
        ("big-list", {}, "RESPONSE_TOO_LARGE"),
        ("never-answers", {}, "TIMEOUT"),
    ],
)
def test_a_bad_server_is_a_result_with_its_code(
    api: ApiClient,
    peer: Hostile,
    settings: Settings,
    fault: str,
    given: Any,
    code: str,
) -> None:
    settings.TEST_TIMEOUT_S = 2
    response = api.post(TEST, {"server_url": peer.url(fault), **given})
    assert response.status_code == 200
    assert response.json()["error_code"] == code


def test_a_server_without_tools_is_a_success_with_a_warning(
    api: ApiClient, peer: Hostile
) -> None:
    result = api.post(TEST, {"server_url": peer.url("empty-list")}).json()
    assert result["success"] is True
    assert result["error_code"] == "NO_TOOLS"
    assert result["tools"] == []


# --- Add ---------------------------------------------------------------------


def test_create_connector_endpoint(api: ApiClient, peer: Hostile) -> None:
    url = peer.url("good")
    body = {"name": "  Good\n server ", "server_url": url, "description": "One\ntwo"}
    response = api.post(CONNECTORS, body)
    assert response.status_code == 201
    connector = response.json()
    assert connector.keys() == CONNECTOR_KEYS
    assert response["Location"] == at(connector)
    assert connector["name"] == "Good server"
    assert connector["description"] == "One\ntwo"
    assert connector["server_url"] == url
    assert connector["auth_type"] == "none"
    assert connector["is_active"] is True
    assert connector["is_verified"] is True
    assert connector["status"] == "ready"
    assert connector["tool_count"] == 2
    assert connector["last_verified_at"]
    assert connector["last_error_code"] == ""
    assert api.get(CONNECTORS).json() == {"connectors": [connector], "total": 1}


def test_create_connector_validates_url(api: ApiClient) -> None:
    response = api.post(CONNECTORS, {"name": "Test", "server_url": "invalid-url"})
    assert response.status_code == 422
    assert "url" in response.json()["detail"][0]["loc"]


def test_test_connection_before_save(api: ApiClient, peer: Hostile) -> None:
    response = api.post(CONNECTORS, {"name": "Web", "server_url": peer.url("html")})
    assert response.status_code == 400
    answer = response.json()
    assert answer["error"] == "CONNECTION_NOT_VERIFIED"
    assert answer["test"].keys() == TEST_KEYS
    assert answer["test"]["error_code"] == "INVALID_MCP_SERVER"
    assert UserMCPConnection.objects.count() == 0
    assert api.post(TEST, {"server_url": peer.url("html")}).json()["success"] is False


def test_a_ticket_spares_the_second_test(api: ApiClient, peer: Hostile) -> None:
    url = peer.url("good")
    ticket = api.post(TEST, {"server_url": url}).json()["test_ticket"]
    peer.clear()
    add(api, peer, test_ticket=ticket)
    assert peer.seen("good").requests == 0


@pytest.mark.parametrize("ticket", ["", None, "x" * 43, "é\n"])
def test_a_stale_ticket_is_no_error_but_a_test(
    api: ApiClient, peer: Hostile, ticket: str | None
) -> None:
    add(api, peer, test_ticket=ticket)
    assert peer.seen("good").requests > 0


def test_a_ticket_is_good_for_its_owner_its_url_and_its_credentials_only(
    api: ApiClient, api_client: Callable[..., ApiClient], bob: User, peer: Hostile
) -> None:
    ticket = api.post(TEST, {"server_url": peer.url("good")}).json()["test_ticket"]
    peer.clear()
    add(api_client(bob), peer, test_ticket=ticket)
    assert peer.seen("good").requests > 0
    other = {"name": "Web", "server_url": peer.url("html"), "test_ticket": ticket}
    assert api.post(CONNECTORS, other).status_code == 400


def test_the_limit_comes_before_the_duplicate_and_both_before_the_test(
    api: ApiClient, peer: Hostile, added: Any, settings: Settings
) -> None:
    peer.clear()
    body = {"name": "Again", "server_url": peer.url("good") + "/"}
    duplicate = api.post(CONNECTORS, body)
    assert duplicate.status_code == 409
    assert duplicate.json()["error"] == "DUPLICATE_URL"
    settings.CONNECTOR_LIMIT = 1
    limit = api.post(CONNECTORS, body)
    assert limit.status_code == 400
    assert limit.json()["error"] == "CONNECTOR_LIMIT_REACHED"
    assert api.post(CONNECTORS, {**body, "server_url": "x"}).status_code == 422
    assert peer.seen("good").requests == 0


def test_a_second_connector_with_the_same_url_is_allowed_on_request(
    api: ApiClient, peer: Hostile, added: Any
) -> None:
    second = add(api, peer, name="Second", allow_duplicate=True)
    assert second["id"] != added["id"]


def test_a_name_that_is_taken_is_409(api: ApiClient, peer: Hostile, added: Any) -> None:
    body = {"name": "GOOD", "server_url": peer.url("pages")}
    response = api.post(CONNECTORS, body)
    assert response.status_code == 409
    assert response.json()["error"] == "DUPLICATE_NAME"


# --- Read, change, delete ----------------------------------------------------


def test_response_schema_matches(api: ApiClient, peer: Hostile, added: Any) -> None:
    """Every client here holds each answer against the document; these are exact."""
    detail = api.get(at(added)).json()
    assert detail.keys() == CONNECTOR_KEYS | {"discovered_tools"}
    assert detail["discovered_tools"][0] == {
        "name": "echo",
        "title": "Echo",
        "description": "Says back what it is told.",
        "inputSchema": {
            "type": "object",
            "properties": {"text": {"type": "string"}},
            "required": ["text"],
        },
        "annotations": {"readOnlyHint": True},
    }
    listed = api.get(CONNECTORS).json()
    assert listed["connectors"][0].keys() == CONNECTOR_KEYS
    report = api.post(TEST, {"server_url": peer.url("html")}).json()
    assert report["steps"][0].keys() == {"step", "status", "message", "duration_ms"}


def test_reading_dials_nobody(api: ApiClient, peer: Hostile, added: Any) -> None:
    peer.clear()
    api.get(CONNECTORS)
    api.get(at(added))
    assert peer.seen("good").requests == 0


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_rename_needs_no_test(
    api: ApiClient, peer: Hostile, added: Any, method: str
) -> None:
    peer.clear()
    response = api.send(method, at(added), {"name": "Better", "description": "New"})
    assert response.status_code == 200
    changed = response.json()
    assert (changed["name"], changed["description"]) == ("Better", "New")
    assert changed["slug"] == added["slug"]
    assert changed["server_url"] == added["server_url"]
    assert peer.seen("good").requests == 0


def test_put_wants_the_name_and_patch_does_not(api: ApiClient, added: Any) -> None:
    assert api.patch(at(added), {"description": "New"}).status_code == 200
    response = api.put(at(added), {"description": "New"})
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", "name", "required"]


def test_a_new_url_is_tested_before_it_replaces_the_old(
    api: ApiClient, peer: Hostile, added: Any
) -> None:
    refused = api.patch(at(added), {"server_url": peer.url("html")})
    assert refused.status_code == 400
    assert refused.json()["test"]["error_code"] == "INVALID_MCP_SERVER"
    assert api.get(at(added)).json()["server_url"] == peer.url("good")
    accepted = api.patch(at(added), {"server_url": peer.url("some-tools")})
    assert accepted.status_code == 200
    assert accepted.json()["tool_count"] == 200


def test_new_credentials_are_tested_before_they_replace_the_old(
    api: ApiClient, peer: Hostile
) -> None:
    right: Any = {"auth_type": "api_key", "auth_config": {"token": RIGHT_TOKEN}}
    added = add(api, peer, server_url=peer.url("token"), **right)
    refused = api.patch(at(added), {"auth_config": {"token": "wrong"}})
    assert refused.status_code == 400
    assert refused.json()["test"]["error_code"] == "AUTH_FAILED"
    assert api.post(at(added, "/retest")).json()["success"] is True


def test_a_connector_is_deleted(api: ApiClient, added: Any) -> None:
    response = api.delete(at(added))
    assert response.status_code == 200
    assert response.json()["success"] is True
    assert isinstance(response.json()["message"], str)
    assert api.get(at(added)).status_code == 404
    assert api.delete(at(added)).json()["error"] == "CONNECTOR_NOT_FOUND"


def test_a_connector_is_paused_and_enabled(api: ApiClient, added: Any) -> None:
    paused = api.post(at(added, "/toggle"), {"is_active": False})
    assert paused.json()["is_active"] is False
    refused = api.post(at(added, "/tools/echo/call"), {"arguments": {"text": "a"}})
    assert refused.status_code == 409
    assert refused.json()["error"] == "CONNECTOR_DISABLED"
    enabled = api.post(at(added, "/toggle"), {"is_active": True})
    assert enabled.json()["is_active"] is True


def test_a_retest_refreshes_the_tools(api: ApiClient, peer: Hostile) -> None:
    added = add(api, peer, server_url=peer.url("changing"))
    before = api.get(at(added)).json()["discovered_tools"]
    response = api.post(at(added, "/retest"))
    assert response.status_code == 200
    assert response.json().keys() == TEST_KEYS
    assert api.get(at(added)).json()["discovered_tools"] != before


def test_head_is_get_without_the_body(api: ApiClient, added: Any) -> None:
    for path in (CONNECTORS, at(added)):
        response = api.head(path)
        assert response.status_code == 200
        assert response.content == b""


def test_a_wrong_method_is_405(api: ApiClient, added: Any) -> None:
    response = api.delete(CONNECTORS)
    assert response.status_code == 405
    assert response.json()["error"] == "METHOD_NOT_ALLOWED"
    assert set(response["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert api.options(CONNECTORS).json()["methods"] == sorted(
        response["Allow"].split(", ")
    )


# --- Secrets ------------------------------------------------------------------


def test_the_evidence_of_tests_names_no_secret(api: ApiClient, peer: Hostile) -> None:
    secret: Any = {"auth_type": "api_key", "auth_config": {"token": RIGHT_TOKEN}}
    added = add(api, peer, server_url=peer.url("token"), **secret)
    answers = [
        api.get(CONNECTORS).text,
        api.get(at(added)).text,
        api.post(at(added, "/retest")).text,
        api.patch(at(added), {"name": "Other"}).text,
    ]
    for answer in answers:
        assert RIGHT_TOKEN not in answer
        assert "auth_config" not in answer
    assert ConnectionTest.objects.exists()
